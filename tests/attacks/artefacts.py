"""Valid artefacts for attacks to start from, and what must hold whenever one is refused.

An issuer, a holder and a verifier that are all honest; every part can be signed again after a change, so
that a case fails for the one thing it changes and not for its signature.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import pytest

from protocol.checks import Outcome
from protocol.claim_path import ClaimPath
from protocol.codes import Code
from protocol.did.document import Relationship, create_did_document, parse_did_document
from protocol.did.verified import DatedKey, LogEvidence, VerifiedDid
from protocol.encoding.base64url import encode_base64url
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import TallyError
from protocol.keys import Ed25519PrivateKey, SigningKey
from protocol.keys.jwk import encode_jwk
from protocol.policy import VerificationPolicy
from protocol.presentation import (
    VerifiedCredential,
    VerifiedPresentation,
    verify_credential,
    verify_presentation,
)
from protocol.sdjwt.disclosure import HashAlgorithm, digest_of
from protocol.sdjwt.parse import SdJwt
from protocol.sdjwt.present import select_disclosures
from protocol.sdjwt_vc import issue_sd_jwt_vc

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
DID = "did:webvh:QmfGEUAcMpzo25kF2Rhn8L2FLZbLc3KqV2gyBWwCYhP9Kd:issuer.example"
KEY_ID = f"{DID}#key-1"
OTHER_DID = "did:webvh:QmcWnmjJxBmZsJCTtF1BQx9xZ1R5UjYv5Gb5CEJ9ZUMtrm:other.example"
VCT = "https://issuer.example/vct/identity/1"
NONCE = "n-0S6_WzA2MjTz9LwNfZpQ"
AUDIENCE = "x509_san_dns:verifier.example"
STATUS_URI = "https://issuer.example/status/1"

ISSUER_KEY = Ed25519PrivateKey(bytes(range(32)))
HOLDER_KEY = Ed25519PrivateKey(bytes(range(1, 33)))
OTHER_KEY = Ed25519PrivateKey(bytes(range(2, 34)))

CLAIMS: JsonObject = {
    "iss": DID,
    "vct": VCT,
    "iat": SECONDS - 3600,
    "exp": SECONDS + 86_400,
    "cnf": {"jwk": encode_jwk(HOLDER_KEY.public_key)},
    "given_name": "Adalovelace",
    "family_name": "Quixotemann",
    "address": {"street_address": "Zanzibarallee 77", "locality": "Xanadustadt"},
    "nationalities": ["Ruritanian", "Lilliputian"],
}
DISCLOSABLE: tuple[ClaimPath, ...] = (
    ("given_name",),
    ("family_name",),
    ("address",),
    ("address", "street_address"),
    ("address", "locality"),
    ("nationalities", None),
)
POLICY = VerificationPolicy(trusted_issuers={VCT: frozenset({DID})})

Json: TypeAlias = Mapping[str, JsonValue] | list[JsonValue] | str | bytes
"""Something to sign: a JSON value, or the text of one exactly as it shall stand there."""


def counted_salts(prefix: str = "salt") -> Callable[[], str]:
    numbers = iter(range(1_000_000))
    return lambda: f"{prefix}-{next(numbers):022d}"


FRESH = LogEvidence("ledger.example/log", 7, NOW - timedelta(minutes=5))


def verified_did(
    did: str = DID,
    key: SigningKey = ISSUER_KEY,
    *,
    relationship: Relationship = Relationship.ASSERTION,
    valid_until: datetime | None = None,
    evidence: LogEvidence | None = FRESH,
) -> VerifiedDid:
    """An issuer with one key, `key-1`; with `valid_until` it was rotated out then."""
    current = [] if valid_until else ["key-1"]
    source = create_did_document(
        did,
        {"key-1": key.public_key} if current else {},
        assertion=current if relationship is Relationship.ASSERTION else [],
        authentication=current if relationship is Relationship.AUTHENTICATION else [],
    )
    dated = DatedKey(f"{did}#key-1", key.public_key, relationship, NOW - timedelta(days=9), valid_until)
    return VerifiedDid(did, parse_did_document(source, expected_did=did), (dated,), evidence)


def credential(
    claims: JsonObject | None = None,
    *,
    disclosable: Collection[ClaimPath] = DISCLOSABLE,
    key_id: str = KEY_ID,
    salts: str = "salt",
) -> SdJwt:
    """An honest credential."""
    return issue_sd_jwt_vc(
        claims or CLAIMS, disclosable=disclosable, key=ISSUER_KEY, key_id=key_id, salts=counted_salts(salts)
    )


def without(source: JsonObject, *names: str) -> JsonObject:
    return {name: value for name, value in source.items() if name not in names}


def json_bytes(source: Json) -> bytes:
    if isinstance(source, bytes):
        return source
    text = source if isinstance(source, str) else json.dumps(source, ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def sign(header: Json, payload: Json, key: SigningKey) -> str:
    """A compact JWS over exactly these texts, whatever they are."""
    signing_input = f"{encode_base64url(json_bytes(header))}.{encode_base64url(json_bytes(payload))}"
    return f"{signing_input}.{encode_base64url(key.sign(signing_input.encode()))}"


HEADER: JsonObject = {"alg": "EdDSA", "typ": "dc+sd-jwt", "kid": KEY_ID}
KB_HEADER: JsonObject = {"alg": "EdDSA", "typ": "kb+jwt"}


def issuer_jwt(payload: Json, header: Json = HEADER, key: SigningKey = ISSUER_KEY) -> str:
    return sign(header, payload, key)


def disclosure(*content: JsonValue) -> str:
    """The disclosure with this content, of whatever shape."""
    return encode_base64url(json_bytes(list(content)))


def sha256(text: str) -> str:
    return digest_of(text, HashAlgorithm.SHA_256)


def compact(first: str, disclosures: Iterable[str] = ()) -> str:
    """The text of an SD-JWT without key binding."""
    return "~".join([first, *disclosures, ""])


def key_binding_payload(text: str, **changes: JsonValue) -> JsonObject:
    """The honest payload for the SD-JWT `text`, with `changes`; a member of None is taken away."""
    honest: JsonObject = {"iat": SECONDS - 5, "aud": AUDIENCE, "nonce": NONCE, "sd_hash": sha256(text)}
    return {name: value for name, value in (honest | changes).items() if value is not None}


def bind(
    text: str, payload: Json | None = None, header: Json = KB_HEADER, key: SigningKey = HOLDER_KEY
) -> str:
    """The SD-JWT `text` presented with a key binding, by default an honest one."""
    return text + sign(header, key_binding_payload(text) if payload is None else payload, key)


def presentation(source: SdJwt | None = None, *paths: ClaimPath) -> str:
    """An honest presentation of the claims at `paths`; without any, of everything."""
    source = source or credential()
    chosen = select_disclosures(source, paths) if paths else source
    return bind(chosen.encoded_without_key_binding)


BASIS = {name: value for name, value in CLAIMS.items() if name in ("iss", "vct", "iat", "exp", "cnf")}


def minimal(*disclosures: str, **changes: JsonValue) -> str:
    """A presentation of a credential whose signed payload is exactly BASIS with `changes`."""
    return bind(compact(issuer_jwt(BASIS | changes), disclosures))


def honest() -> str:
    """A presentation of some claims: one of each kind of disclosure."""
    return presentation(credential(), ("given_name",), ("address", "locality"), ("nationalities", 0))


@dataclass(slots=True)
class Verifier:
    """A verifier that notes whom it asks. `issuer` is what its resolver answers; there is no status list
    unless a token is given.
    """

    policy: VerificationPolicy = POLICY
    issuer: VerifiedDid = field(default_factory=verified_did)
    status_list_token: str | None = None
    now: datetime = NOW
    nonce: str = NONCE
    audience: str = AUDIENCE
    transaction_data: tuple[str, ...] = ()
    resolved: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)

    def resolve(self, did: str) -> VerifiedDid:
        self.resolved.append(did)
        assert did == self.issuer.did
        return self.issuer

    def fetch(self, uri: str) -> str:
        self.fetched.append(uri)
        assert self.status_list_token is not None
        return self.status_list_token

    def verify(self, text: str) -> VerifiedPresentation:
        return verify_presentation(
            text,
            expected_nonce=self.nonce,
            expected_audience=self.audience,
            expected_transaction_data=self.transaction_data,
            policy=self.policy,
            now=self.now,
            resolve_did=self.resolve,
            fetch_status_list=self.fetch,
        )

    def verify_unpresented(self, text: str) -> VerifiedCredential:
        return verify_credential(
            text, policy=self.policy, now=self.now, resolve_did=self.resolve, fetch_status_list=self.fetch
        )


def policy(**changes: object) -> VerificationPolicy:
    return replace(POLICY, **changes)  # type: ignore[arg-type]


def attack(name: str, code: Code, text: str, **verifier: object) -> object:
    """A row of the catalogue: `text` must be refused with `code` by a verifier that differs in `verifier`."""
    return pytest.param(code, text, verifier, id=f"NT-{name}")


def assert_attack_fails(code: Code, text: str, verifier: dict[str, object]) -> Verifier:
    """Check that honest presentations pass, and that `text` is refused with `code`."""
    Verifier().verify(honest())
    Verifier().verify(minimal())
    attacked = Verifier(**verifier)  # type: ignore[arg-type]
    assert_refused(code, attacked.verify, text, attacked)
    return attacked


def assert_refused(code: Code, verify: Callable[[str], object], text: str, verifier: Verifier) -> None:
    """Check that `text` is refused with `code`, that nothing was fetched or told, and the record of it."""
    with pytest.raises(TallyError) as caught:
        verify(text)
    error = caught.value
    assert error.code is code, f"{error.code}: {error.detail}"
    assert verifier.fetched == []
    assert_names_no_secret(error, text)
    outcomes = [check.outcome for check in error.checks]
    failed = outcomes.index(Outcome.FAILED)
    assert set(outcomes[:failed]) <= {Outcome.PASSED, Outcome.SKIPPED}
    assert set(outcomes[failed + 1 :]) <= {Outcome.NOT_REACHED}


def assert_names_no_secret(error: TallyError, text: str) -> None:
    told = " ".join([str(error), repr(error), *[check.detail for check in error.checks]])
    for secret in [*_texts(CLAIMS), *text.replace(".", "~").split("~"), NONCE, AUDIENCE]:
        assert len(secret) < 8 or secret not in told


def parts(text: str) -> tuple[str, list[str], str]:
    """The issuer-signed JWT, the disclosures and the key binding of a presentation."""
    first, *disclosures, last = text.split("~")
    return first, disclosures, last


def json_serialization(text: str, *, general: bool) -> str:
    """The presentation `text` in one of the JSON forms of RFC 9901 §8, which are not read here."""
    first, disclosures, binding = parts(text)
    protected, payload, signature = first.split(".")
    header: JsonObject = {"disclosures": list(disclosures), "kb_jwt": binding}
    signed: JsonObject = {"protected": protected, "signature": signature, "header": header}
    second: JsonObject = {"protected": protected, "signature": signature, "header": {"kb_jwt": binding}}
    return json.dumps({"payload": payload, **signed, **({"signatures": [signed, second]} if general else {})})


def _texts(value: JsonValue) -> list[str]:
    if isinstance(value, dict):
        return [text for member in value.values() for text in _texts(member)]
    if isinstance(value, list):
        return [text for element in value for text in _texts(element)]
    return [value] if isinstance(value, str) else []
