"""Attacks on keys and bare signatures: one acceptance set for Ed25519, and no key that signs everything."""

import json
from pathlib import Path
from typing import Any

import pytest

from protocol.codes import Code
from protocol.did.document import create_did_document, parse_did_document
from protocol.encoding.base58btc import encode_multibase
from protocol.encoding.base64url import encode_base64url
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import MalformedError, TallyError, VerificationError
from protocol.keys import Ed25519PrivateKey, Ed25519PublicKey
from protocol.keys.jwk import encode_jwk, parse_jwk

SHELF = Path(__file__).parents[1] / "vectors/ed25519"
WYCHEPROOF: list[tuple[str, dict[str, Any]]] = [
    (group["publicKey"]["pk"], case)
    for group in json.loads((SHELF / "wycheproof_ed25519_test.json").read_text())["testGroups"]
    for case in group["tests"]
]
SPECCHECK: list[dict[str, str]] = json.loads((SHELF / "speccheck_cases.json").read_text())
SMALL_ORDER: list[str] = json.loads((SHELF / "small_order_keys.json").read_text())[
    "small_order_public_key_encodings_hex"
]
FIELD_PRIME = 2**255 - 19
NOT_CANONICAL = [
    (y | sign).to_bytes(32, "little").hex()
    for y in (FIELD_PRIME + 2, FIELD_PRIME + 3, FIELD_PRIME + 18)
    for sign in (0, 1 << 255)
]
KEY = Ed25519PrivateKey(bytes(range(32)))
DID = "did:webvh:QmfGEUAcMpzo25kF2Rhn8L2FLZbLc3KqV2gyBWwCYhP9Kd:issuer.example"


def test_shelf_holds_as_many_cases_as_its_sources_say() -> None:
    assert (len(WYCHEPROOF), len(SPECCHECK), len(SMALL_ORDER)) == (151, 15, 14)
    assert [case["result"] for _, case in WYCHEPROOF].count("valid") == 88


@pytest.mark.parametrize(
    ("public", "case"), WYCHEPROOF, ids=[f"NT-S29-wycheproof-{case['tcId']}" for _, case in WYCHEPROOF]
)
def test_wycheproof_signature_has_the_verdict_that_is_printed(public: str, case: dict[str, Any]) -> None:
    key = Ed25519PublicKey(bytes.fromhex(public))
    signature, message = bytes.fromhex(case["sig"]), bytes.fromhex(case["msg"])
    if case["result"] == "valid":
        key.verify(signature, message)
        return
    with pytest.raises(VerificationError) as caught:
        key.verify(signature, message)
    assert caught.value.code is Code.SIGNATURE_INVALID


@pytest.mark.parametrize(
    ("number", "case"),
    list(enumerate(SPECCHECK)),
    ids=[f"NT-S29-speccheck-{n}" for n in range(len(SPECCHECK))],
)
def test_signature_that_libraries_disagree_on_has_the_verdict_of_libsodium(
    number: int, case: dict[str, str]
) -> None:
    def verify() -> None:
        key = Ed25519PublicKey(bytes.fromhex(case["pub_key"]))
        key.verify(bytes.fromhex(case["signature"]), bytes.fromhex(case["message"]))

    if number == 6:  # A and R of mixed order, and canonical
        verify()
        return
    with pytest.raises(TallyError) as caught:
        verify()
    assert caught.value.code in (Code.SIGNATURE_INVALID, Code.KEY_INVALID)


def _document(method: JsonObject) -> JsonObject:
    honest = create_did_document(
        DID, {"key-1": KEY.public_key}, assertion=["key-1"], authentication=["key-1"]
    )
    methods: list[JsonValue] = [
        {"id": f"{DID}#key-1", "type": "Multikey", "controller": DID, **method},
    ]
    return honest | {"verificationMethod": methods}


@pytest.mark.parametrize(
    "encoding",
    [*SMALL_ORDER, *NOT_CANONICAL],
    ids=[
        *[f"NT-S30-small-order-{n}" for n in range(len(SMALL_ORDER))],
        *[f"NT-S30-not-canonical-{n}" for n in range(len(NOT_CANONICAL))],
    ],
)
def test_key_that_signs_everything_is_refused_wherever_it_is_read(encoding: str) -> None:
    raw = bytes.fromhex(encoding)
    jwk: JsonObject = {"kty": "OKP", "crv": "Ed25519", "x": encode_base64url(raw)}
    multikey = encode_multibase(b"\xed\x01" + raw)
    parse_did_document(_document({"publicKeyJwk": encode_jwk(KEY.public_key)}), expected_did=DID)
    for read in (
        lambda: Ed25519PublicKey(raw),
        lambda: parse_jwk(jwk),
        lambda: parse_did_document(_document({"publicKeyJwk": jwk}), expected_did=DID),
        lambda: parse_did_document(_document({"publicKeyMultibase": multikey}), expected_did=DID),
    ):
        with pytest.raises(MalformedError) as caught:
            read()
        assert caught.value.code is Code.KEY_INVALID


GOOD_JWK = encode_jwk(KEY.public_key)
BAD_JWKS: dict[str, JsonObject] = {
    "private": {"d": encode_base64url(KEY.seed)},
    "wrong-curve": {"crv": "X25519"},
    "curve-of-another-type": {"crv": "P-256"},
    "x-of-31-bytes": {"x": encode_base64url(KEY.public_key.raw[:31])},
    "x-of-33-bytes": {"x": encode_base64url(KEY.public_key.raw + b"\x00")},
    "for-encryption": {"use": "enc"},
    "not-for-verifying": {"key_ops": ["sign"]},
}


@pytest.mark.parametrize("changes", BAD_JWKS.values(), ids=[f"NT-S31-{name}" for name in BAD_JWKS])
def test_jwk_that_must_not_verify_is_refused(changes: JsonObject) -> None:
    assert parse_jwk(GOOD_JWK) == KEY.public_key
    with pytest.raises(MalformedError) as caught:
        parse_jwk(GOOD_JWK | changes)
    assert caught.value.code is Code.KEY_INVALID
    assert encode_base64url(KEY.seed) not in str(caught.value)
