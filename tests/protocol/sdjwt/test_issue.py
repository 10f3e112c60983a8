from collections.abc import Callable

import pytest

from protocol.claim_path import ClaimPath
from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject
from protocol.errors import RefusedError
from protocol.jws import Algorithm, parse_jws, verify_jws
from protocol.keys import Ed25519PrivateKey
from protocol.sdjwt.disclosure import MAX_DISCLOSURE_CHARACTERS, HashAlgorithm, digest_of
from protocol.sdjwt.issue import issue_sd_jwt
from protocol.sdjwt.parse import SdJwt, parse_sd_jwt
from protocol.sdjwt.verify import verify_disclosures
from tests.attacks.artefacts import counted_salts

KEY = Ed25519PrivateKey(bytes(range(32)))
CLAIMS: JsonObject = {
    "iss": "did:example:1",
    "name": "Ada",
    "address": {"street": "Main Street 5", "country": {"code": "DE", "name": "Germany"}},
    "nationalities": ["DE", "FR"],
    "jobs": [{"title": "analyst", "since": 1842}, {"title": "poet", "since": 1830}],
}


def issue(
    *paths: ClaimPath,
    claims: JsonObject = CLAIMS,
    salts: Callable[[], str] | None = None,
    hash_algorithm: HashAlgorithm = HashAlgorithm.SHA_256,
    decoys: int = 0,
) -> SdJwt:
    return issue_sd_jwt(
        claims,
        disclosable=paths,
        key=KEY,
        salts=salts or counted_salts(),
        typ="example+sd-jwt",
        header={"kid": "did:example:1#a"},
        hash_algorithm=hash_algorithm,
        decoys=decoys,
    )


@pytest.mark.parametrize(
    ("paths", "count"),
    [
        ([], 0),
        ([("name",)], 1),
        ([("address",)], 1),
        ([("address", "country")], 1),
        ([("address",), ("address", "country"), ("address", "country", "code")], 3),
        ([("nationalities", 1)], 1),
        ([("nationalities", None)], 2),
        ([("nationalities",), ("nationalities", None)], 3),
        ([("jobs", None, "title")], 2),
        ([("jobs", None), ("jobs", 0, "since")], 3),
        ([("middle_name",), ("nationalities", 7), ("name", "first")], 0),
    ],
)
def test_issued_claims_are_all_there_when_all_is_disclosed(paths: list[ClaimPath], count: int) -> None:
    issued = issue(*paths)
    assert parse_sd_jwt(issued.encoded) == issued
    assert len(issued.disclosures) == count
    payload = issued.unverified_payload()
    assert verify_disclosures(payload, issued.disclosures).claims == CLAIMS
    assert ("_sd_alg" in payload) is (count > 0)


def test_issued_jwt_is_signed_with_its_header() -> None:
    jws = parse_jws(issue(("name",)).issuer_jwt, expected_typ="example+sd-jwt")
    verify_jws(jws, KEY.public_key)
    assert jws.header == {"alg": "EdDSA", "typ": "example+sd-jwt", "kid": "did:example:1#a"}


def test_newer_name_of_ed25519_can_be_written() -> None:
    issued = issue_sd_jwt(
        CLAIMS, disclosable=[], key=KEY, salts=counted_salts(), typ="a", ed25519_name=Algorithm.ED25519
    )
    assert parse_jws(issued.issuer_jwt, expected_typ="a").algorithm is Algorithm.ED25519


def test_hidden_claims_do_not_stand_in_the_payload() -> None:
    issued = issue(("name",), ("nationalities", 0), ("address", "country", "name"))
    payload = issued.unverified_payload()
    assert "name" not in payload
    assert payload["address"] == {
        "street": "Main Street 5",
        "country": {"code": "DE", "_sd": [digest_of(issued.disclosures[1].encoded, HashAlgorithm.SHA_256)]},
    }
    assert payload["nationalities"] == [
        {"...": digest_of(issued.disclosures[2].encoded, HashAlgorithm.SHA_256)},
        "FR",
    ]


@pytest.mark.parametrize("algorithm", HashAlgorithm)
def test_digests_are_of_the_hash_function_asked_for(algorithm: HashAlgorithm) -> None:
    issued = issue(("name",), hash_algorithm=algorithm)
    payload = issued.unverified_payload()
    assert payload["_sd_alg"] == algorithm.value
    assert payload["_sd"] == [digest_of(issued.disclosures[0].encoded, algorithm)]


def test_decoys_stand_beside_the_digests_in_every_object_and_array() -> None:
    issued = issue(("name",), ("address", "street"), ("nationalities", 0), decoys=3)
    payload = issued.unverified_payload()
    address = payload["address"]
    assert isinstance(address, dict)
    for digests in (payload["_sd"], address["_sd"]):
        assert isinstance(digests, list)
        assert len(set(map(str, digests))) == 4
    nationalities = payload["nationalities"]
    assert isinstance(nationalities, list)
    assert [isinstance(element, dict) for element in nationalities] == [True, False, True, True, True]
    assert payload["jobs"] == CLAIMS["jobs"]
    assert verify_disclosures(payload, issued.disclosures).claims == CLAIMS


@pytest.mark.parametrize("name", ["_sd", "_sd_alg", "..."])
def test_reserved_claim_names_are_refused(name: str) -> None:
    for claims in ({name: 1}, {"a": [{name: 1}]}):
        with pytest.raises(RefusedError) as caught:
            issue(claims=claims)  # type: ignore[arg-type]
        assert caught.value.code is Code.CLAIM_NAME_RESERVED


def test_salt_of_the_same_text_or_below_128_bit_is_refused() -> None:
    for salts in (lambda: "a" * 22, iter(["a" * 21, "b" * 21]).__next__):
        with pytest.raises(RefusedError) as caught:
            issue(("name",), ("address",), salts=salts)
        assert caught.value.code is Code.SALT_UNSAFE


def test_salts_of_128_bit_and_a_disclosure_of_16_kb_are_issued() -> None:
    room = MAX_DISCLOSURE_CHARACTERS * 3 // 4 - len(f'["{"a" * 22}","portrait",""]')
    claims: JsonObject = {"portrait": "x" * room, "name": "Ada"}
    issued = issue(("portrait",), ("name",), claims=claims, salts=iter(["a" * 22, "b" * 22]).__next__)
    assert len(issued.disclosures[0].encoded) == MAX_DISCLOSURE_CHARACTERS


@pytest.mark.parametrize(
    "claims",
    [
        {f"claim{number}": 1 for number in range(257)},
        {"portrait": "x" * 12_300},
        {f"claim{number}": "x" * 9_000 for number in range(12)},
    ],
)
def test_more_than_a_verifier_accepts_is_not_issued(claims: JsonObject) -> None:
    with pytest.raises(RefusedError) as caught:
        issue(*[(name,) for name in claims], claims=claims)
    assert caught.value.code is Code.DISCLOSURE_LIMIT_EXCEEDED


def test_claims_of_15_levels_are_issued_and_one_more_is_refused() -> None:
    def nested(levels: int) -> JsonObject:
        return {"a": nested(levels - 1), "b": [1]} if levels > 2 else {"a": {}, "b": [1]}

    places: list[ClaimPath] = [("a",) * length for length in range(1, 15)]
    issued = issue(*places, *[(*place[1:], "b", 0) for place in places], claims=nested(15))
    received = parse_sd_jwt(issued.encoded)
    assert verify_disclosures(received.unverified_payload(), received.disclosures).claims == nested(15)
    with pytest.raises(RefusedError) as caught:
        issue(claims=nested(16))
    assert caught.value.code is Code.JSON_DEPTH
