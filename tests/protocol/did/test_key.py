import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.did.document import Relationship
from protocol.did.key import (
    encode_did_key,
    encode_did_key_method,
    parse_did_key,
    parse_did_key_method,
    resolve_did_key,
)
from protocol.encoding.base58btc import decode_base58btc, encode_multibase
from protocol.errors import MalformedError
from protocol.keys import Ed25519PrivateKey, Ed25519PublicKey, P256PrivateKey
from protocol.keys.jwk import parse_jwk

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/did-key/ed25519-x25519.json").read_text())
P256 = P256PrivateKey(bytes(31) + b"\x07").public_key
DID = "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"


def test_five_keys_of_the_specification_have_their_did_and_their_bytes() -> None:
    assert len(VECTORS) == 5
    for did, vector in VECTORS.items():
        key = Ed25519PrivateKey(bytes.fromhex(vector["seed"])).public_key
        resolved = resolve_did_key(did)

        assert encode_did_key(key) == did
        assert parse_did_key(did) == key
        pair = vector["verificationKeyPair"]
        if "publicKeyBase58" in pair:
            assert key.raw == decode_base58btc(pair["publicKeyBase58"])
        else:
            assert key == parse_jwk(pair["publicKeyJwk"])
        method_id = vector["didDocument"]["assertionMethod"][0]
        assert encode_did_key_method(key) == method_id
        assert parse_did_key_method(method_id) == (did, key)
        for relationship in ("capabilityInvocation", "capabilityDelegation", "authentication"):
            assert resolved.document.source[relationship] == vector["didDocument"][relationship]


@pytest.mark.parametrize("key", [Ed25519PrivateKey(bytes(32)).public_key, P256])
def test_did_key_resolves_to_its_key_without_evidence(key: Ed25519PublicKey) -> None:
    did = encode_did_key(key)
    resolved = resolve_did_key(did)

    assert resolved.did == resolved.document.id == did
    assert resolved.evidence is None
    for relationship in Relationship:
        assert resolved.key_used_at(encode_did_key_method(key), relationship, None) == key


@pytest.mark.parametrize(
    ("did", "code"),
    [
        ("did:web:issuer.example", Code.DID_INVALID),
        ("z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp", Code.DID_INVALID),
        ("DID:KEY:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp", Code.DID_INVALID),
        ("did:key:1.1:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp", Code.ENCODING_INVALID),
        (f"{DID}#{DID.removeprefix('did:key:')}", Code.ENCODING_INVALID),
        (f"{DID}?versionId=1", Code.ENCODING_INVALID),
        (f"{DID} ", Code.ENCODING_INVALID),
        ("did:key:", Code.ENCODING_INVALID),
        ("did:key:u7QEA", Code.ENCODING_INVALID),
        ("did:key:z" + "2" * 129, Code.SIZE_EXCEEDED),
        ("did:key:z6LShs9GGnqk85isEBzzshkuVWrVKsRp24GnDuHk8QWkARMW", Code.KEY_INVALID),
        (f"did:key:{encode_multibase(bytes([0xED, 0x01]) + bytes(31))}", Code.KEY_INVALID),
        (f"did:key:{encode_multibase(bytes([0xED, 0x01]) + bytes(32))}", Code.KEY_INVALID),
    ],
)
def test_text_that_is_not_the_did_key_of_a_proper_key_is_refused(did: str, code: Code) -> None:
    with pytest.raises(MalformedError) as refusal:
        resolve_did_key(did)
    assert refusal.value.code is code


@pytest.mark.parametrize(
    "url",
    [
        DID,
        f"{DID}#",
        f"{DID}#key-1",
        f"{DID}#{DID.removeprefix('did:key:')}#",
        f"{DID}#{encode_did_key(P256).removeprefix('did:key:')}",
        "did:web:a#did:web:a",
        "a#a",
        "#",
    ],
)
def test_method_whose_fragment_is_not_its_body_is_refused(url: str) -> None:
    with pytest.raises(MalformedError) as refusal:
        parse_did_key_method(url)
    assert refusal.value.code is Code.DID_INVALID


@given(st.text() | st.text().map("did:key:z".__add__))
def test_garbage_is_refused_with_our_own_errors(text: str) -> None:
    for read in (resolve_did_key, parse_did_key_method):
        with pytest.raises(MalformedError):
            read(text)
