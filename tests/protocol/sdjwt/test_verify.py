import pytest

from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import MalformedError
from protocol.sdjwt.disclosure import Disclosure, HashAlgorithm, create_disclosure, digest_of
from protocol.sdjwt.verify import MAX_DIGESTS, verify_disclosures


def make(name: str | None, value: JsonValue) -> Disclosure:
    return create_disclosure("salt", name, value)


def digest(disclosure: Disclosure, algorithm: HashAlgorithm = HashAlgorithm.SHA_256) -> str:
    return digest_of(disclosure.encoded, algorithm)


def chain(length: int, end: JsonValue) -> tuple[JsonObject, list[Disclosure]]:
    disclosures = [make("end", end)]
    for _ in range(length - 1):
        disclosures.append(make("link", {"_sd": [digest(disclosures[-1])]}))
    return {"_sd": [digest(disclosures[-1])]}, disclosures


def test_flat_nested_array_and_recursive_claims_find_their_places() -> None:
    flat = make("flat", 1)
    nested = make("nested", 2)
    element = make(None, "FR")
    inner = make("inner", [3])
    outer = make("outer", {"_sd": [digest(inner)], "open": True})
    in_array = make("in_array", 4)
    object_element = make(None, {"_sd": [digest(in_array)]})
    payload: JsonObject = {
        "_sd": [digest(flat), digest(outer)],
        "object": {"_sd": [digest(nested)], "open": 0},
        "array": [{"...": digest(element)}, "DE", {"...": digest(object_element)}],
    }
    verified = verify_disclosures(payload, [flat, nested, element, inner, outer, in_array, object_element])
    assert verified.claims == {
        "object": {"open": 0, "nested": 2},
        "array": ["FR", "DE", {"in_array": 4}],
        "flat": 1,
        "outer": {"open": True, "inner": [3]},
    }
    assert verified.disclosed == {
        ("object", "nested"): nested,
        ("array", 0): element,
        ("array", 2): object_element,
        ("array", 2, "in_array"): in_array,
        ("flat",): flat,
        ("outer",): outer,
        ("outer", "inner"): inner,
    }


def test_withheld_claims_and_decoys_leave_no_trace() -> None:
    shown = make(None, "FR")
    payload: JsonObject = {
        "_sd_alg": "sha-256",
        "_sd": ["decoy"],
        "object": {"_sd": ["another decoy"]},
        "array": [{"...": "a third"}, {"...": digest(shown)}, {"...": "a fourth"}],
        "empty": [{"...": "a fifth"}],
    }
    verified = verify_disclosures(payload, [shown])
    assert verified.claims == {"object": {}, "array": ["FR"], "empty": []}
    assert verified.disclosed == {("array", 0): shown}


def test_payload_is_left_as_it_was() -> None:
    name = make("name", {"_sd": []})
    payload: JsonObject = {"_sd": [digest(name)], "a": [{"b": {"_sd": []}}]}
    verify_disclosures(payload, [name])
    assert payload == {"_sd": [digest(name)], "a": [{"b": {"_sd": []}}]}


@pytest.mark.parametrize("algorithm", HashAlgorithm)
def test_digests_of_each_hash_function_are_found(algorithm: HashAlgorithm) -> None:
    name = make("name", "Ada")
    payload: JsonObject = {"_sd_alg": algorithm.value, "_sd": [digest(name, algorithm)]}
    assert verify_disclosures(payload, [name]).claims == {"name": "Ada"}


def test_claims_of_16_levels_are_verified_and_one_more_is_refused() -> None:
    assert len(verify_disclosures(*chain(16, 1)).disclosed) == 16
    for length, end in ((17, 1), (16, {}), (16, [])):
        with pytest.raises(MalformedError) as caught:
            verify_disclosures(*chain(length, end))
        assert caught.value.code is Code.DISCLOSURE_LIMIT_EXCEEDED


def test_4096_digests_are_verified_and_one_more_is_refused() -> None:
    digests: list[JsonValue] = [str(number) for number in range(MAX_DIGESTS + 1)]
    verify_disclosures({"_sd": digests[:MAX_DIGESTS]}, [])
    with pytest.raises(MalformedError) as caught:
        verify_disclosures({"_sd": digests}, [])
    assert caught.value.code is Code.DISCLOSURE_LIMIT_EXCEEDED
