import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.did.data_integrity import (
    MAX_PROOFS,
    create_proof,
    document_digest,
    parse_proof,
    sign_digest,
    verify_document,
    verify_proof,
)
from protocol.did.document import Relationship
from protocol.did.key import encode_did_key_method, parse_did_key_method
from protocol.encoding.base58btc import decode_multibase, encode_multibase
from protocol.encoding.jcs import canonicalize
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import MalformedError, TallyError
from protocol.keys import Ed25519PrivateKey, P256PrivateKey, PublicKey
from protocol.keys.multikey import encode_multikey

SHELF = Path(__file__).parents[2] / "vectors/data-integrity-eddsa-jcs/TestVectors"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEY, OTHER, THIRD, FOURTH = (Ed25519PrivateKey(bytes([number]) * 32) for number in range(1, 5))
DOCUMENT: JsonObject = {"type": "note", "text": "a notch"}
ISSUING = Relationship.ASSERTION


def _json(name: str) -> Any:
    return json.loads((SHELF / name).read_text())


def _text(name: str) -> str:
    return (SHELF / name).read_text().strip()


def _find_key(method: str) -> PublicKey:
    return parse_did_key_method(method)[1]


def _sign(document: JsonObject, key: Ed25519PrivateKey = KEY, **options: Any) -> JsonObject:
    return create_proof(
        document,
        key=key,
        verification_method=encode_did_key_method(key.public_key),
        purpose=options.pop("purpose", ISSUING),
        created=NOW,
        **options,
    )


def _verify(secured: JsonObject, now: datetime = NOW) -> tuple[str, ...]:
    return verify_document(
        secured, expected_purpose=ISSUING, now=now, find_key=_find_key
    ).verification_methods


def _code(secured: JsonObject, now: datetime = NOW) -> Code:
    with pytest.raises(TallyError) as refusal:
        _verify(secured, now)
    return refusal.value.code


def _private_key(vector: dict[str, str]) -> Ed25519PrivateKey:
    # Multicodec of an Ed25519 seed: 0x80 0x26.
    secret = decode_multibase(vector["privateKeyMultibase"])
    assert secret[:2] == b"\x80\x26"
    key = Ed25519PrivateKey(secret[2:])
    assert encode_multikey(key.public_key) == vector["publicKeyMultibase"]
    return key


def test_vector_of_the_specification_has_every_intermediate_value() -> None:
    names = sorted(path.name for path in (SHELF / "eddsa-jcs-2022").iterdir())
    assert len(names) == 9
    key = _private_key(_json("keyPair.json"))
    unsigned, signed = _json("unsigned.json"), _json("eddsa-jcs-2022/signedJCS.json")
    config = _json("eddsa-jcs-2022/proofConfigJCS.json")

    assert canonicalize(unsigned).decode() == _text("eddsa-jcs-2022/canonDocJCS.txt")
    assert document_digest(unsigned).hex() == _text("eddsa-jcs-2022/docHashJCS.txt")
    assert canonicalize(config).decode() == _text("eddsa-jcs-2022/proofCanonJCS.txt")
    proof = parse_proof(signed["proof"])
    assert proof.config_digest.hex() == _text("eddsa-jcs-2022/proofHashJCS.txt")
    combined = proof.config_digest + document_digest(unsigned)
    assert combined.hex() == _text("eddsa-jcs-2022/combinedHashJCS.txt")
    assert proof.signature.hex() == _text("eddsa-jcs-2022/sigHexJCS.txt")
    assert key.sign(combined) == proof.signature
    assert encode_multibase(proof.signature) == _text("eddsa-jcs-2022/sigBTC58JCS.txt")

    assert _verify(signed) == (config["verificationMethod"],)
    created = create_proof(
        unsigned,
        key=key,
        verification_method=config["verificationMethod"],
        purpose=ISSUING,
        created=datetime(2023, 2, 24, 23, 36, 38, tzinfo=UTC),
    )
    assert created == signed["proof"]


def test_proof_set_and_chain_of_the_specification_keep_their_structure_with_our_cryptosuite() -> None:
    assert len(list((SHELF / "proof-set-chain").iterdir())) == 16
    pairs = _json("proof-set-chain/multiKeyPairs.json")
    keys = [_private_key(pairs[f"keyPair{number}"]) for number in range(1, 5)]
    unsigned = _json("proof-set-chain/unsigned.json")
    configs = [
        _json(f"proof-set-chain/{name}.json")
        for name in ("proofSetConfig1", "proofSetConfig2", "proofChainConfig1", "proofChainConfig2")
    ]
    proofs: list[JsonObject] = []
    for key, config in zip(keys, configs, strict=True):
        named = config.get("previousProof", [])
        named = [named] if isinstance(named, str) else named
        previous = [proof for proof in proofs if proof["id"] in named]
        proof = _sign(unsigned, key, proof_id=config.get("id", "urn:uuid:last"), previous=previous)
        assert proof.get("previousProof", []) == named
        assert proof["verificationMethod"] == config["verificationMethod"]
        # What is signed is the document with the proofs before it, as in proofChainTempDoc1 and 2.
        signed = unsigned | ({"proof": previous} if previous else {})
        options = {name: value for name, value in proof.items() if name != "proofValue"}
        message = hashlib.sha256(canonicalize(options)).digest() + document_digest(signed)
        assert decode_multibase(str(proof["proofValue"])) == key.sign(message)
        proofs.append(proof)

    secured = unsigned | {"proof": proofs}
    assert _verify(secured) == tuple(config["verificationMethod"] for config in configs)
    for number in range(4):
        damaged = [*proofs]
        damaged[number] = proofs[number] | {"created": "2020-01-01T00:00:00Z"}
        assert _code(unsigned | {"proof": damaged}) is Code.SIGNATURE_INVALID


@pytest.mark.parametrize(
    "name", ["signedProofSet1", "signedProofSet2", "signedProofChain1", "signedProofChain2"]
)
def test_proofs_of_another_cryptosuite_are_refused(name: str) -> None:
    assert _code(_json(f"proof-set-chain/{name}.json")) is Code.ALGORITHM_NOT_ALLOWED


@pytest.mark.parametrize(("name", "count"), [("proofChainTempDoc1", 2), ("proofChainTempDoc2", 1)])
def test_document_under_a_chain_is_the_one_that_is_signed(name: str, count: int) -> None:
    """The published temporary documents, with their foreign proofs left as they are, get signed on top of."""
    temporary = _json(f"proof-set-chain/{name}.json")
    document = {member: value for member, value in temporary.items() if member != "proof"}
    previous = temporary["proof"]
    assert len(previous) == count
    proof = _sign(document, previous=previous)
    parsed = parse_proof(proof)
    verify_proof(parsed, document_digest(temporary), KEY.public_key, expected_purpose=ISSUING, now=NOW)


def test_document_is_returned_without_its_proofs() -> None:
    verified = verify_document(
        DOCUMENT | {"proof": _sign(DOCUMENT)}, expected_purpose=ISSUING, now=NOW, find_key=_find_key
    )
    assert verified.document == DOCUMENT


def test_proof_expires_at_its_time_and_not_before() -> None:
    secured = DOCUMENT | {"proof": _sign(DOCUMENT, expires=NOW + HOUR)}
    _verify(secured, NOW + HOUR - timedelta(seconds=1))
    assert _code(secured, NOW + HOUR) is Code.EXPIRED


def test_proof_for_another_purpose_is_refused() -> None:
    secured = DOCUMENT | {"proof": _sign(DOCUMENT, purpose=Relationship.AUTHENTICATION)}
    assert _code(secured) is Code.TYPE_MISMATCH


def test_changed_document_is_refused() -> None:
    assert _code(DOCUMENT | {"text": "two", "proof": _sign(DOCUMENT)}) is Code.SIGNATURE_INVALID


def test_one_false_proof_spoils_a_set() -> None:
    false = _sign(DOCUMENT | {"text": "two"}, OTHER)
    assert _code(DOCUMENT | {"proof": [_sign(DOCUMENT), false]}) is Code.SIGNATURE_INVALID


def test_key_that_may_not_be_used_is_refused_by_its_finder() -> None:
    def refuse(method: str) -> PublicKey:
        raise MalformedError(Code.DID_INVALID)

    with pytest.raises(MalformedError):
        verify_document(
            DOCUMENT | {"proof": _sign(DOCUMENT)}, expected_purpose=ISSUING, now=NOW, find_key=refuse
        )


def test_key_of_another_kind_is_refused() -> None:
    key = P256PrivateKey(bytes(31) + b"\x07")
    with pytest.raises(ValueError, match="Ed25519"):
        sign_digest(bytes(32), key=key, verification_method="x", purpose=ISSUING, created=NOW)
    proof = _sign(DOCUMENT) | {"verificationMethod": encode_did_key_method(key.public_key)}
    assert _code(DOCUMENT | {"proof": proof}) is Code.ALGORITHM_NOT_ALLOWED


CONTEXT: list[JsonValue] = ["https://www.w3.org/ns/credentials/v2", "https://context.example/1"]


def test_further_contexts_may_be_added_behind_those_of_the_proof() -> None:
    document: JsonObject = DOCUMENT | {"@context": CONTEXT}
    proof = _sign(document)
    assert proof["@context"] == CONTEXT
    _verify(document | {"proof": proof})
    _verify(document | {"@context": [*CONTEXT, "https://context.example/2"], "proof": proof})


def test_context_may_be_a_single_text() -> None:
    document: JsonObject = DOCUMENT | {"@context": "https://context.example/1"}
    proof = _sign(document)
    _verify(document | {"@context": ["https://context.example/1", "https://b.example"], "proof": proof})


@pytest.mark.parametrize(
    "context", [CONTEXT[:1], CONTEXT[::-1], ["https://a.example", *CONTEXT], [], "x", None]
)
def test_document_in_another_context_is_refused(context: JsonValue) -> None:
    proof = _sign(DOCUMENT | {"@context": CONTEXT})
    assert _code(DOCUMENT | {"@context": context, "proof": proof}) is Code.SIGNATURE_INVALID
    assert _code(DOCUMENT | {"proof": proof}) is Code.SIGNATURE_INVALID


def _chain() -> tuple[JsonObject, JsonObject, JsonObject]:
    first = _sign(DOCUMENT, KEY, proof_id="urn:1")
    second = _sign(DOCUMENT, OTHER, proof_id="urn:2")
    return first, second, _sign(DOCUMENT, THIRD, previous=[first, second])


def test_chain_in_which_a_proof_is_removed_is_refused() -> None:
    first, second, third = _chain()
    _verify(DOCUMENT | {"proof": [first, second, third]})
    _verify(DOCUMENT | {"proof": [third, second, first]})
    assert _code(DOCUMENT | {"proof": [first, third]}) is Code.SIGNATURE_INVALID


def test_chain_in_which_a_proof_is_replaced_is_refused() -> None:
    first, second, third = _chain()
    replaced = _sign(DOCUMENT, FOURTH, proof_id="urn:2")
    assert _code(DOCUMENT | {"proof": [first, replaced, third]}) is Code.SIGNATURE_INVALID
    assert _code(DOCUMENT | {"proof": [first, second, second, third]}) is Code.SIGNATURE_INVALID


def test_previous_proof_may_be_a_single_text() -> None:
    first = _sign(DOCUMENT, KEY, proof_id="urn:1")
    digest = document_digest(DOCUMENT | {"proof": [first]})
    second = sign_digest(
        digest,
        key=OTHER,
        verification_method=encode_did_key_method(OTHER.public_key),
        purpose=ISSUING,
        created=NOW,
        options={"previousProof": "urn:1"},
    )
    _verify(DOCUMENT | {"proof": [first, second]})


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"type": "Ed25519Signature2020"}, Code.ALGORITHM_NOT_ALLOWED),
        ({"type": None}, Code.ALGORITHM_NOT_ALLOWED),
        ({"cryptosuite": "eddsa-rdfc-2022"}, Code.ALGORITHM_NOT_ALLOWED),
        ({"cryptosuite": None}, Code.ALGORITHM_NOT_ALLOWED),
        ({"verificationMethod": None}, Code.MEMBER_MISSING),
        ({"verificationMethod": {}}, Code.MEMBER_INVALID),
        ({"proofPurpose": None}, Code.MEMBER_MISSING),
        ({"proofValue": None}, Code.MEMBER_MISSING),
        ({"proofValue": "z" + "1" * 63}, Code.MEMBER_INVALID),
        ({"proofValue": "u" + "A" * 86}, Code.ENCODING_INVALID),
        ({"proofValue": "zO0"}, Code.ENCODING_INVALID),
        ({"created": "yesterday"}, Code.MEMBER_INVALID),
        ({"created": 1}, Code.MEMBER_INVALID),
        ({"created": "2026-11-22T12:00:00"}, Code.MEMBER_INVALID),
        ({"created": "2026-13-22T12:00:00Z"}, Code.MEMBER_INVALID),
        ({"created": "2026-11-22T12:00:60Z"}, Code.MEMBER_INVALID),
        ({"created": "2026-11-22T24:00:00Z"}, Code.MEMBER_INVALID),
        ({"created": "2026-11-22T12:00:00+24:00"}, Code.MEMBER_INVALID),
        ({"expires": "0001-01-01T00:00:00+01:00"}, Code.MEMBER_INVALID),
        ({"expires": "2026-W47-7T12:00:00Z"}, Code.MEMBER_INVALID),
        ({"previousProof": []}, Code.MEMBER_INVALID),
        ({"previousProof": [1]}, Code.MEMBER_INVALID),
        ({"previousProof": ""}, Code.MEMBER_INVALID),
        ({"id": ""}, Code.MEMBER_INVALID),
        ({"n": 1e20}, Code.JSON_NUMBER),
    ],
)
def test_proof_of_another_form_is_refused(members: JsonObject, code: Code) -> None:
    changed = _sign(DOCUMENT) | members
    proof: JsonObject = {name: value for name, value in changed.items() if value is not None}
    assert _code(DOCUMENT | {"proof": proof}) is code


@pytest.mark.parametrize("created", ["2026-11-22T13:00:00.123456789+01:00", "2026-11-22T00:00:00-12:00"])
def test_time_with_an_offset_and_a_fraction_is_read(created: str) -> None:
    parse_proof(_sign(DOCUMENT) | {"created": created})


@pytest.mark.parametrize(
    ("proof", "code"),
    [
        ([], Code.MEMBER_INVALID),
        (["x"], Code.MEMBER_INVALID),
        ("x", Code.MEMBER_INVALID),
        ([{}] * (MAX_PROOFS + 1), Code.SIZE_EXCEEDED),
    ],
)
def test_document_without_readable_proofs_is_refused(proof: JsonValue, code: Code) -> None:
    assert _code(DOCUMENT | {"proof": proof}) is code
    assert _code(DOCUMENT) is Code.MEMBER_MISSING


@given(
    st.dictionaries(
        st.sampled_from(
            ["id", "created", "expires", "previousProof", "proofValue", "@context", "proofPurpose"]
        ),
        st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text()) | st.just({}),
    )
)
def test_proof_with_garbage_in_it_is_refused_with_our_own_errors(garbage: dict[str, Any]) -> None:
    proof = _sign(DOCUMENT) | garbage
    if garbage:
        with pytest.raises(TallyError):
            _verify(DOCUMENT | {"proof": proof})
