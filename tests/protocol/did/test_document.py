import pytest

from protocol.codes import Code
from protocol.did.document import Relationship, create_did_document, parse_did_document
from protocol.encoding.base58btc import encode_multibase
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import MalformedError, VerificationError
from protocol.keys import Ed25519PrivateKey, P256PrivateKey
from protocol.keys.jwk import encode_jwk
from protocol.keys.multikey import encode_multikey

DID = "did:webvh:QmdmPkUdYzbr9txmx8gM2rsHPgr5L6m3gHjJGAf4vUFoGE:issuer.example"
KEY = Ed25519PrivateKey(bytes(range(32))).public_key
P256 = P256PrivateKey(bytes(31) + b"\x07").public_key
X25519 = encode_multibase(bytes([0xEC, 0x01]) + bytes(range(32)))


def _document(*methods: JsonObject, **members: JsonValue) -> JsonObject:
    return {"id": DID, "verificationMethod": list(methods), **members}


def _method(**members: JsonValue) -> JsonObject:
    return {"id": "#key-1", "type": "Multikey", "controller": DID, **members}


def test_created_document_is_read_again_with_its_keys_and_their_uses() -> None:
    service: JsonValue = {"id": f"{DID}#files", "type": "relativeRef", "serviceEndpoint": "https://a.example"}
    source = create_did_document(
        DID,
        {"key-1": KEY, "key-2": P256},
        assertion=["key-1"],
        authentication=["key-1", "key-2"],
        services=[service],
    )
    document = parse_did_document(source, expected_did=DID)

    assert document.source["service"] == [service]
    assert document.key(f"{DID}#key-1", Relationship.ASSERTION) == KEY
    assert document.key(f"{DID}#key-2", Relationship.AUTHENTICATION) == P256
    assert "service" not in create_did_document(DID, {}, assertion=[], authentication=[])


@pytest.mark.parametrize(
    ("key_id", "relationship"),
    [
        (f"{DID}#key-2", Relationship.ASSERTION),
        (f"{DID}#key-3", Relationship.AUTHENTICATION),
        ("#key-1", Relationship.ASSERTION),
        ("did:web:other.example#key-1", Relationship.ASSERTION),
    ],
)
def test_key_that_is_not_listed_for_the_use_is_refused(key_id: str, relationship: Relationship) -> None:
    source = create_did_document(
        DID, {"key-1": KEY, "key-2": P256}, assertion=["key-1"], authentication=["key-2"]
    )
    with pytest.raises(VerificationError) as refusal:
        parse_did_document(source, expected_did=DID).key(key_id, relationship)
    assert refusal.value.code is Code.ISSUER_KEY_NOT_AUTHORIZED


def test_key_that_is_referenced_and_missing_is_refused() -> None:
    document = parse_did_document(_document(assertionMethod=["#key-1"]), expected_did=DID)
    with pytest.raises(VerificationError):
        document.key(f"{DID}#key-1", Relationship.ASSERTION)


def test_jwk_and_embedded_method_and_relative_ids_are_read() -> None:
    source = _document(
        _method(publicKeyJwk=encode_jwk(P256)),
        assertionMethod=["#key-1", _method(id="#key-2", publicKeyMultibase=encode_multikey(KEY))],
    )
    document = parse_did_document(source, expected_did=DID)

    assert document.key(f"{DID}#key-1", Relationship.ASSERTION) == P256
    assert document.key(f"{DID}#key-2", Relationship.ASSERTION) == KEY
    assert document.relationships[Relationship.AUTHENTICATION] == frozenset()


def test_document_without_keys_is_read() -> None:
    assert parse_did_document({"id": DID}, expected_did=DID).verification_methods == ()


def test_method_without_controller_is_the_dids_own() -> None:
    method: JsonObject = {"id": "#key-1", "publicKeyMultibase": encode_multikey(KEY)}
    document = parse_did_document(_document(method, assertionMethod=["#key-1"]), expected_did=DID)
    assert document.key(f"{DID}#key-1", Relationship.ASSERTION) == KEY


@pytest.mark.parametrize(
    "members",
    [
        {"publicKeyMultibase": X25519},
        {"publicKeyMultibase": "zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme"},
        {"publicKeyJwk": {"kty": "OKP", "crv": "X25519", "x": "3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08"}},
        {"publicKeyBase58": "4zvwRjXUKGfvwnParsHAS3HuSVzV5cA4McphgmoCtajS"},
        {},
    ],
)
def test_key_of_a_kind_that_is_not_used_here_is_left_out(members: JsonObject) -> None:
    document = parse_did_document(_document(_method(**members)), expected_did=DID)
    assert document.verification_methods == ()


SMALL_ORDER = encode_multibase(bytes([0xED, 0x01]) + bytes(32))
OFF_CURVE = encode_multibase(bytes([0x80, 0x24, 2]) + bytes([0xFF]) * 32)


@pytest.mark.parametrize(
    "members",
    [
        {"publicKeyMultibase": "z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooW"},
        {"publicKeyMultibase": encode_multibase(bytes([0xED, 0x01]) + bytes([0xFF]) * 32)},
        {"publicKeyMultibase": SMALL_ORDER},
        {"publicKeyMultibase": OFF_CURVE},
        {"publicKeyJwk": encode_jwk(KEY) | {"d": "secret"}},
        {"publicKeyJwk": {"kty": "OKP", "crv": "X25519", "x": "AA", "d": "secret"}},
        {"publicKeyJwk": {"kty": "oct", "k": "secret"}},
        {"publicKeyJwk": encode_jwk(KEY) | {"x": "AA"}},
    ],
)
def test_improper_key_or_a_secret_in_a_document_is_refused(members: JsonObject) -> None:
    with pytest.raises(MalformedError):
        parse_did_document(_document(_method(**members)), expected_did=DID)


@pytest.mark.parametrize(
    "source",
    [
        {},
        {"id": 1},
        {"id": DID, "verificationMethod": {}},
        {"id": DID, "verificationMethod": ["#key-1"]},
        {"id": DID, "verificationMethod": [{}]},
        {"id": DID, "verificationMethod": [{"id": "#a", "controller": [DID]}]},
        {"id": DID, "verificationMethod": [{"id": "#a", "publicKeyMultibase": 1}]},
        {"id": DID, "verificationMethod": [{"id": "#a", "publicKeyJwk": "x"}]},
        {"id": DID, "assertionMethod": "#key-1"},
        {"id": DID, "assertionMethod": [{}]},
    ],
)
def test_document_of_another_form_is_refused(source: JsonObject) -> None:
    with pytest.raises(MalformedError):
        parse_did_document(source, expected_did=DID)
