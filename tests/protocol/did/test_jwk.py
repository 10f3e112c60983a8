import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.did.document import Relationship, parse_did_document
from protocol.did.jwk import encode_did_jwk, resolve_did_jwk
from protocol.encoding.base64url import encode_base64url
from protocol.errors import MalformedError
from protocol.keys import Ed25519PrivateKey, P256PrivateKey, PublicKey

EXAMPLES = {
    example["name"]: example
    for example in json.loads((Path(__file__).parents[2] / "vectors/did-jwk/spec-examples.json").read_text())[
        "examples"
    ]
}
ED25519 = Ed25519PrivateKey(bytes(32)).public_key
P256 = P256PrivateKey(bytes(31) + b"\x07").public_key


def _did(text: str) -> str:
    return "did:jwk:" + encode_base64url(text.encode())


def test_shelf_has_two_examples() -> None:
    assert set(EXAMPLES) == {"P-256", "X25519"}


def test_p256_example_of_the_specification_has_its_document() -> None:
    example = EXAMPLES["P-256"]
    # The published example has a stray `$` there.
    expected = json.loads(json.dumps(example["didDocument"]).replace("did:jwk:$", "did:jwk:"))
    assert resolve_did_jwk(example["did"]).document.source == expected


def test_x25519_example_of_the_specification_is_no_key_for_signatures() -> None:
    with pytest.raises(MalformedError) as refusal:
        resolve_did_jwk(EXAMPLES["X25519"]["did"])
    assert refusal.value.code is Code.KEY_INVALID


@pytest.mark.parametrize("key", [ED25519, P256])
def test_did_jwk_resolves_to_its_key_without_evidence(key: PublicKey) -> None:
    did = encode_did_jwk(key)
    resolved = resolve_did_jwk(did)

    assert resolved.did == resolved.document.id == did
    assert resolved.evidence is None
    for relationship in Relationship:
        assert resolved.key_used_at(f"{did}#0", relationship, None) == key
    assert parse_did_document(resolved.document.source, expected_did=did) == resolved.document


def test_written_jwk_is_canonical() -> None:
    assert encode_did_jwk(ED25519) == _did(
        '{"crv":"Ed25519","kty":"OKP","x":"O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik"}'
    )


def test_key_for_signatures_only_is_not_listed_for_key_agreement() -> None:
    did = _did('{"crv":"Ed25519","kty":"OKP","use":"sig","x":"O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik"}')
    assert "keyAgreement" not in resolve_did_jwk(did).document.source


def test_other_spelling_of_a_key_is_another_did_with_the_same_key() -> None:
    did = _did('{"kty": "OKP", "crv": "Ed25519", "x": "O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik"}')
    assert did != encode_did_jwk(ED25519)
    assert resolve_did_jwk(did).keys[0].public_key == ED25519


@pytest.mark.parametrize(
    ("did", "code"),
    [
        ("did:web:issuer.example", Code.DID_INVALID),
        (encode_did_jwk(ED25519) + "#0", Code.ENCODING_INVALID),
        (encode_did_jwk(ED25519) + "=", Code.ENCODING_INVALID),
        (_did("[]"), Code.FORMAT_INVALID),
        (_did("{"), Code.JSON_INVALID),
        (_did('{"kty":"OKP","kty":"OKP"}'), Code.JSON_DUPLICATE_MEMBER),
        (_did('{"kty":"OKP","crv":"Ed25519","x":"AA","d":"AA"}'), Code.KEY_INVALID),
        (_did('{"kty":"oct","k":"AA"}'), Code.KEY_INVALID),
        (_did('{"kty":"OKP","crv":"Ed25519","x":"AA"}'), Code.KEY_INVALID),
        (_did('{"kty":"OKP"}'), Code.MEMBER_MISSING),
        (_did('{"kty":"' + "a" * 2048 + '"}'), Code.SIZE_EXCEEDED),
    ],
)
def test_text_that_is_not_the_did_jwk_of_a_proper_key_is_refused(did: str, code: Code) -> None:
    with pytest.raises(MalformedError) as refusal:
        resolve_did_jwk(did)
    assert refusal.value.code is code


@given(st.text() | st.text().map("did:jwk:".__add__) | st.text().map(_did))
def test_garbage_is_refused_with_our_own_errors(text: str) -> None:
    with pytest.raises(MalformedError):
        resolve_did_jwk(text)
