"""One SD-JWT VC with 12 disclosable claims (10 flat, 2 nested), 3 shown, key binding: issue, present, verify.

The raw limit is what no SD-JWT library on libsodium can beat: the signatures, and a bare reading of the text
(split, base64, JSON, one digest per disclosure) that checks nothing.
"""

import base64
import hashlib
import json
import secrets
from datetime import UTC, datetime

import nacl.bindings

from benchmarks.measure import measure, rate_row, row
from protocol.did.document import Relationship, create_did_document, parse_did_document
from protocol.did.key import encode_did_key
from protocol.did.verified import DatedKey, VerifiedDid
from protocol.encoding.base64url import encode_base64url
from protocol.encoding.strict_json import JsonObject
from protocol.errors import UnavailableError
from protocol.keys import Ed25519PrivateKey
from protocol.keys.jwk import encode_jwk
from protocol.keys.multikey import encode_multikey
from protocol.policy import VerificationPolicy
from protocol.presentation import verify_presentation
from protocol.sdjwt.issue import issue_sd_jwt
from protocol.sdjwt.key_binding import create_key_binding
from protocol.sdjwt.parse import SdJwt
from protocol.sdjwt.present import select_disclosures

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
NONCE = "n-0S6_WzA2MjTz9LwNfZpQ"
AUDIENCE = "decentralized_identifier:did:web:verifier.example"
VCT = "urn:tallystick:degree:1"
FLAT = [
    "given_name",
    "family_name",
    "birth_date",
    "email",
    "phone_number",
    "nationality",
    "student_number",
    "title",
    "field",
    "grade",
]
NESTED = [("address", "locality"), ("address", "country")]
DISCLOSABLE = [(name,) for name in FLAT] + NESTED
SHOWN = [("given_name",), ("title",), ("address", "country")]

# The best figures of peers doing the same work, measured once on a machine of this kind: sd-jwt 0.10.4
# (PyPI) and @sd-jwt/sd-jwt-vc 0.19 and 0.20 (npm).
PEERS = {"issue": 4_320, "present": 4_671, "verify": 3_005}


class _Scene:
    def __init__(self) -> None:
        self.issuer = Ed25519PrivateKey(secrets.token_bytes(32))
        self.holder = Ed25519PrivateKey(secrets.token_bytes(32))
        self.did = encode_did_key(self.issuer.public_key)
        self.key_id = f"{self.did}#{encode_multikey(self.issuer.public_key)}"
        fragment = encode_multikey(self.issuer.public_key)
        document = create_did_document(
            self.did, {fragment: self.issuer.public_key}, assertion=[fragment], authentication=[fragment]
        )
        key = DatedKey(self.key_id, self.issuer.public_key, Relationship.ASSERTION, NOW, None)
        self.resolved = VerifiedDid(
            self.did, parse_did_document(document, expected_did=self.did), (key,), None
        )
        self.policy = VerificationPolicy(trusted_issuers={VCT: frozenset({self.did})})
        self.claims: JsonObject = {
            "iss": self.did,
            "vct": VCT,
            "iat": int(NOW.timestamp()),
            "exp": int(NOW.timestamp()) + 86_400,
            "cnf": {"jwk": encode_jwk(self.holder.public_key)},
            **{name: f"the value of {name}" for name in FLAT},
            "address": {"locality": "Maastricht", "country": "NL"},
        }
        self.credential = self.issue()
        self.presentation = self.present()
        self.token_parts = self._raw_parts()

    def issue(self) -> SdJwt:
        return issue_sd_jwt(
            self.claims,
            disclosable=DISCLOSABLE,
            key=self.issuer,
            salts=lambda: secrets.token_urlsafe(16),
            typ="dc+sd-jwt",
            header={"kid": self.key_id},
        )

    def present(self) -> str:
        selected = select_disclosures(self.credential, SHOWN)
        binding = create_key_binding(selected, key=self.holder, nonce=NONCE, audience=AUDIENCE, issued_at=NOW)
        return selected.encoded_without_key_binding + binding

    def verify(self) -> None:
        verify_presentation(
            self.presentation,
            expected_nonce=NONCE,
            expected_audience=AUDIENCE,
            policy=self.policy,
            now=NOW,
            resolve_did=lambda _did: self.resolved,
            fetch_status_list=_no_status_list,
        )

    def verify_signatures_only(self) -> None:
        for signed, key in self.token_parts:
            nacl.bindings.crypto_sign_open(signed, key)

    def read_only(self) -> None:
        parts = self.presentation.split("~")
        for token in (parts[0], parts[-1]):
            for part in token.split(".")[:2]:
                json.loads(base64.urlsafe_b64decode(part + "=="))
        for disclosure in parts[1:-1]:
            encode_base64url(hashlib.sha256(disclosure.encode()).digest())
            json.loads(base64.urlsafe_b64decode(disclosure + "=="))

    def verify_raw(self) -> None:
        self.verify_signatures_only()
        self.read_only()

    def sign_raw(self) -> None:
        self.issuer.sign(b"x" * 1500)

    def _raw_parts(self) -> list[tuple[bytes, bytes]]:
        parts = self.presentation.split("~")
        keys = [self.issuer.public_key.raw, self.holder.public_key.raw]
        signed = []
        for token, key in zip((parts[0], parts[-1]), keys, strict=True):
            message, _, signature = token.rpartition(".")
            signed.append((base64.urlsafe_b64decode(signature + "==") + message.encode(), key))
        return signed


def _no_status_list(_uri: str) -> str:
    raise UnavailableError  # type: ignore[call-arg]  # never called: the credential has no status


def run() -> None:
    scene = _Scene()
    scene.verify()
    rates = measure(
        {
            "raw verify": lambda: nacl.bindings.crypto_sign_open(*scene.token_parts[0]),
            "raw sign": scene.sign_raw,
            "raw limit": scene.verify_raw,
            "verify": scene.verify,
            "issue": scene.issue,
            "present": scene.present,
        }
    )
    print("\nOne SD-JWT VC, 12 disclosable claims, 3 shown, key binding, Ed25519")
    rate_row("raw Ed25519 verify (PyNaCl)", rates["raw verify"])
    rate_row("raw Ed25519 sign (PyNaCl)", rates["raw sign"])
    rate_row("raw limit of verify: two signatures and a bare read", rates["raw limit"])
    for what, raw in (("issue", "raw sign"), ("present", "raw sign"), ("verify", "raw limit")):
        share = rates[what].per_second / rates[raw].per_second
        peer = rates[what].per_second / PEERS[what]
        rate_row(what, rates[what], f"{share:.2f} of {raw}; {peer:.1f} x the best peer measured elsewhere")
    row("size of the presentation", f"{len(scene.presentation):,} B")
