"""Attacks on the header, the signature and the issuer of a credential (NT-S16 to NT-S38)."""

import hashlib
import hmac
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from protocol.codes import Code
from protocol.did.document import Relationship, create_did_document, parse_did_document
from protocol.did.verified import VerifiedDid
from protocol.encoding.base58btc import encode_multibase
from protocol.encoding.base64url import decode_base64url, encode_base64url
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import MalformedError, VerificationError
from protocol.keys import Ed25519PrivateKey
from protocol.keys.jwk import encode_jwk, parse_jwk
from tests.attacks.artefacts import (
    BASIS,
    DID,
    HEADER,
    HOLDER_KEY,
    ISSUER_KEY,
    KEY_ID,
    NOW,
    OTHER_DID,
    OTHER_KEY,
    VCT,
    Verifier,
    assert_attack_fails,
    assert_refused,
    attack,
    bind,
    compact,
    honest,
    issuer_jwt,
    json_bytes,
    minimal,
    parts,
    policy,
    verified_did,
    without,
)

GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493
IDENTITY_POINT = b"\x01" + bytes(31)
BEYOND_THE_FIELD = b"\xff" * 31 + b"\x7f"
UNSAFE_KEYS = {"of-small-order": IDENTITY_POINT, "not-canonical": BEYOND_THE_FIELD}
KEY = ISSUER_KEY.public_key
OPENSSL_KEY = Ed25519PublicKey.from_public_bytes(KEY.raw)
X509 = PublicFormat.SubjectPublicKeyInfo


def with_header(key: Ed25519PrivateKey = ISSUER_KEY, **changes: JsonValue) -> str:
    """A credential with another header, signed again; a member of None is taken away."""
    header = {name: value for name, value in (HEADER | changes).items() if value is not None}
    return bind(compact(issuer_jwt(BASIS, header, key)))


def with_signature(change: Callable[[bytes], bytes]) -> str:
    first, disclosures, _ = parts(honest())
    signed, _, signature = first.rpartition(".")
    return bind(compact(f"{signed}.{encode_base64url(change(decode_base64url(signature)))}", disclosures))


def with_raw_signature(algorithm: str, make: Callable[[bytes], bytes]) -> str:
    """A credential that names `algorithm`, with whatever `make` makes of what is signed."""
    header = encode_base64url(json_bytes(HEADER | {"alg": algorithm}))
    signing_input = f"{header}.{encode_base64url(json_bytes(BASIS))}"
    return bind(compact(f"{signing_input}.{encode_base64url(make(signing_input.encode()))}"))


def with_mac(secret: bytes) -> str:
    return with_raw_signature("HS256", lambda message: hmac.digest(secret, message, hashlib.sha256))


def with_holder_jwk(**changes: JsonValue) -> str:
    return minimal(cnf={"jwk": encode_jwk(HOLDER_KEY.public_key) | changes})


def add_group_order(signature: bytes) -> bytes:
    scalar = int.from_bytes(signature[32:], "little") + GROUP_ORDER
    return signature[:32] + scalar.to_bytes(32, "little")


UNSUITABLE_JWKS: dict[str, JsonObject] = {
    "with-d": {"d": encode_base64url(bytes(32))},
    "x25519": {"crv": "X25519"},
    "31-bytes": {"x": encode_base64url(KEY.raw[:31])},
    "33-bytes": {"x": encode_base64url(KEY.raw + b"\0")},
    "for-encryption": {"use": "enc"},
    "not-for-verifying": {"key_ops": ["sign"]},
}
KEY_IDS: dict[str, JsonValue] = {
    "missing": None,
    "relative": "#key-1",
    "a-number": 1,
    "traversal": f"{DID}/../../etc/passwd#key-1",
    "traversal-in-fragment": f"{DID}#../key-1",
    "quote": f"{DID}#key-1' OR '1'='1",
    "nul": f"{KEY_ID}\0",
}
CRITICAL: dict[str, JsonValue] = {
    "exp": ["exp"],
    "b64": ["b64"],
    "x": ["x"],
    "empty": [],
    "twice": ["x", "x"],
}
TYPES = ("jwt", "JWT", "kb+jwt", "statuslist+jwt", "openid4vci-proof+jwt", "vc+sd-jwt", "DC+SD-JWT")

ALGORITHMS = [
    *[
        attack(f"S16-{name or 'empty'}", Code.ALGORITHM_NOT_ALLOWED, with_raw_signature(name, lambda _: b""))
        for name in ("none", "None", "nOnE", "")
    ],
    attack("S17-raw-key", Code.ALGORITHM_NOT_ALLOWED, with_mac(KEY.raw)),
    attack("S17-jwk", Code.ALGORITHM_NOT_ALLOWED, with_mac(json_bytes(encode_jwk(KEY)))),
    attack("S17-pem", Code.ALGORITHM_NOT_ALLOWED, with_mac(OPENSSL_KEY.public_bytes(Encoding.PEM, X509))),
    attack("S17-der", Code.ALGORITHM_NOT_ALLOWED, with_mac(OPENSSL_KEY.public_bytes(Encoding.DER, X509))),
    attack("S19-missing", Code.ALGORITHM_NOT_ALLOWED, with_header(alg=None)),
    attack("S19-number", Code.ALGORITHM_NOT_ALLOWED, with_header(alg=-8)),
    attack("S19-list", Code.ALGORITHM_NOT_ALLOWED, with_header(alg=["EdDSA"])),
    attack("S19-lower-case", Code.ALGORITHM_NOT_ALLOWED, with_header(alg="eddsa")),
]
HEADERS = [
    attack("S20-typ-missing", Code.TYPE_MISMATCH, with_header(typ=None)),
    *[attack(f"S20-typ-{typ}", Code.TYPE_MISMATCH, with_header(typ=typ)) for typ in TYPES],
    attack("S20-typ-as-media-type", Code.TYPE_MISMATCH, with_header(typ="application/dc+sd-jwt")),
    *[
        attack(f"S21-crit-{name}", Code.CRITICAL_HEADER, with_header(crit=crit, x=1))
        for name, crit in CRITICAL.items()
    ],
    attack("S22-b64-false", Code.CRITICAL_HEADER, with_header(b64=False)),
    attack(
        "S23-own-key", Code.KEY_SOURCE_FORBIDDEN, with_header(OTHER_KEY, jwk=encode_jwk(OTHER_KEY.public_key))
    ),
    attack("S24-jku", Code.KEY_SOURCE_FORBIDDEN, with_header(jku="https://issuer.example/keys")),
    attack("S24-x5u", Code.KEY_SOURCE_FORBIDDEN, with_header(x5u="https://issuer.example/chain")),
    attack("S25-kid-of-10-kB", Code.SIZE_EXCEEDED, with_header(kid=f"{DID}#{'k' * 10_240}")),
    *[
        attack(f"S38-{typ}-as-credential", Code.TYPE_MISMATCH, with_header(typ=typ))
        for typ in ("at+jwt", "JWT", "kb+jwt", "openid4vci-proof+jwt", "oauth-authz-req+jwt")
    ],
    attack("S38-key-binding-as-credential", Code.TYPE_MISMATCH, bind(compact(parts(honest())[2]))),
]
TRUST = [
    attack(
        "S34-for-another-type",
        Code.ISSUER_NOT_TRUSTED,
        honest(),
        policy=policy(trusted_issuers={"urn:x": {DID}}),
    ),
    attack(
        "S34-another-issuer",
        Code.ISSUER_NOT_TRUSTED,
        honest(),
        policy=policy(trusted_issuers={VCT: {OTHER_DID}}),
    ),
    attack("S34-nobody", Code.ISSUER_NOT_TRUSTED, honest(), policy=policy(trusted_issuers={})),
    attack("S35-aka_vcts", Code.ISSUER_NOT_TRUSTED, minimal(vct="urn:x", aka_vcts=[VCT])),
    attack("S35-extends", Code.ISSUER_NOT_TRUSTED, minimal(vct="urn:x", extends=VCT)),
    attack("S36-x5c", Code.KEY_SOURCE_FORBIDDEN, with_header(x5c=["MIIB"])),
    attack("S36-https-issuer", Code.ISSUER_NOT_TRUSTED, minimal(iss="https://issuer.example")),
]
KEYS = [
    attack("S18-es256-with-ed25519-key", Code.ALGORITHM_NOT_ALLOWED, with_header(alg="ES256")),
    *[
        attack(f"S25-kid-{name}", Code.ISSUER_KEY_NOT_AUTHORIZED, with_header(kid=kid))
        for name, kid in KEY_IDS.items()
    ],
    *[
        attack(f"S26-{name}-did", Code.ISSUER_KEY_NOT_AUTHORIZED, with_header(OTHER_KEY, kid=f"{did}#key-1"))
        for name, did in {"another": OTHER_DID, "a-longer": f"{DID}.evil.example"}.items()
    ],
    attack("S28-63-bytes", Code.SIGNATURE_INVALID, with_signature(lambda signature: signature[:-1])),
    attack("S28-65-bytes", Code.SIGNATURE_INVALID, with_signature(lambda signature: signature + b"\0")),
    attack("S28-empty", Code.SIGNATURE_INVALID, with_signature(lambda _: b"")),
    attack(
        "S28-S-is-the-group-order",
        Code.SIGNATURE_INVALID,
        with_signature(lambda signature: signature[:32] + GROUP_ORDER.to_bytes(32, "little")),
    ),
    attack("S28-S-plus-the-group-order", Code.SIGNATURE_INVALID, with_signature(add_group_order)),
    # The tables of edge cases belong to the keys; this is what they are about.
    attack(
        "S29-identity-and-zero", Code.SIGNATURE_INVALID, with_signature(lambda _: IDENTITY_POINT + bytes(32))
    ),
    *[
        attack(f"S30-holder-key-{name}", Code.HOLDER_KEY_INVALID, with_holder_jwk(x=encode_base64url(raw)))
        for name, raw in UNSAFE_KEYS.items()
    ],
    *[
        attack(f"S31-holder-jwk-{name}", Code.HOLDER_KEY_INVALID, with_holder_jwk(**changes))
        for name, changes in UNSUITABLE_JWKS.items()
    ],
    attack(
        "S32-not-in-assertionMethod",
        Code.ISSUER_KEY_NOT_AUTHORIZED,
        honest(),
        issuer=verified_did(relationship=Relationship.AUTHENTICATION),
    ),
    attack(
        "S33-rotated-out-before-iat",
        Code.ISSUER_KEY_NOT_AUTHORIZED,
        honest(),
        issuer=verified_did(valid_until=NOW.replace(hour=10)),
    ),
    attack(
        "S33-rotated-out-and-no-iat",
        Code.ISSUER_KEY_NOT_AUTHORIZED,
        bind(compact(issuer_jwt(without(BASIS, "iat")))),
        issuer=verified_did(valid_until=NOW),
    ),
]


@pytest.mark.parametrize(("code", "text", "verifier"), ALGORITHMS + HEADERS + TRUST)
def test_credential_that_names_how_to_check_it_is_refused_before_any_look_up(
    code: Code, text: str, verifier: dict[str, object]
) -> None:
    assert assert_attack_fails(code, text, verifier).resolved == []


@pytest.mark.parametrize(("code", "text", "verifier"), KEYS)
def test_credential_with_a_key_or_signature_that_is_not_the_issuers_is_refused(
    code: Code, text: str, verifier: dict[str, object]
) -> None:
    assert_attack_fails(code, text, verifier)


@pytest.mark.parametrize("half", [pytest.param(0, id="NT-S27-in-R"), pytest.param(1, id="NT-S27-in-S")])
def test_signature_with_any_bit_flipped_is_refused(half: int) -> None:
    verifier = Verifier()
    verifier.verify(honest())
    for bit in range(256 * half, 256 * (half + 1)):
        text = with_signature(lambda old, bit=bit: (int.from_bytes(old) ^ (1 << bit)).to_bytes(64))  # type: ignore[misc]
        assert_refused(Code.SIGNATURE_INVALID, verifier.verify, text, verifier)


@pytest.mark.parametrize(
    "raw", [pytest.param(raw, id=f"NT-S30-issuer-key-{name}") for name, raw in UNSAFE_KEYS.items()]
)
def test_did_document_with_an_unsafe_key_is_refused(raw: bytes) -> None:
    source = create_did_document(DID, {"key-1": KEY}, assertion=["key-1"], authentication=[])
    parse_did_document(source, expected_did=DID)
    source["verificationMethod"] = [
        {"id": KEY_ID, "type": "Multikey", "publicKeyMultibase": encode_multibase(b"\xed\x01" + raw)}
    ]
    with pytest.raises(MalformedError) as caught:
        parse_did_document(source | {"controller": DID}, expected_did=DID)
    assert caught.value.code is Code.KEY_INVALID


@pytest.mark.parametrize(
    "changes", [pytest.param(changes, id=f"NT-S31-{name}") for name, changes in UNSUITABLE_JWKS.items()]
)
def test_jwk_that_is_not_a_public_verification_key_is_refused(changes: JsonObject) -> None:
    parse_jwk(encode_jwk(KEY))
    with pytest.raises(MalformedError) as caught:
        parse_jwk(encode_jwk(KEY) | changes)
    assert caught.value.code is Code.KEY_INVALID


@pytest.mark.parametrize("code", [pytest.param(Code.DID_DEACTIVATED, id="NT-S33-deactivated-issuer")])
def test_credential_of_an_issuer_that_cannot_be_resolved_is_refused(code: Code) -> None:
    class Unresolved(Verifier):
        def resolve(self, did: str) -> VerifiedDid:
            raise VerificationError(code)

    Verifier().verify(honest())
    assert_refused(code, Unresolved().verify, honest(), Verifier())


@pytest.mark.parametrize("minute", [pytest.param(1, id="NT-S33-rotated-out-after-iat")])
def test_credential_signed_before_its_key_was_rotated_out_is_accepted(minute: int) -> None:
    assert (
        Verifier(issuer=verified_did(valid_until=NOW.replace(minute=minute))).verify(honest()).issuer == DID
    )
