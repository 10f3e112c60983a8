from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.did.webvh.parameters import (
    DEFAULT_TTL,
    MAX_ITEMS,
    MAX_TTL,
    METHOD,
    Parameters,
    WitnessRule,
    authorized_keys,
    encode_witness_rule,
    governing_witness,
    key_hash,
    parse_first_parameters,
    parse_next_parameters,
)
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import TallyError
from protocol.keys import Ed25519PrivateKey, P256PrivateKey
from protocol.keys.multikey import encode_multikey

SCID = "QmdmPkUdYzbr9txmx8gM2rsHPgr5L6m3gHjJGAf4vUFoGE"
A, B, C = (encode_multikey(Ed25519PrivateKey(bytes([number]) * 32).public_key) for number in (1, 2, 3))
P256 = encode_multikey(P256PrivateKey(bytes(31) + b"\x07").public_key)
WITNESS: JsonObject = {"threshold": 1, "witnesses": [{"id": f"did:key:{A}"}, {"id": f"did:key:{B}"}]}
RULE = WitnessRule(1, (f"did:key:{A}", f"did:key:{B}"))
OTHER_RULE = WitnessRule(1, (f"did:key:{C}",))
FIRST: JsonObject = {"method": METHOD, "scid": SCID, "updateKeys": [A]}
PLAIN = Parameters(SCID, (A,))
ROTATING = Parameters(SCID, (A,), (key_hash(B), key_hash(C)))


def _read(source: JsonObject, previous: Parameters | None) -> Parameters:
    return parse_first_parameters(source) if previous is None else parse_next_parameters(source, previous)


def _code(source: JsonObject, previous: Parameters | None = None) -> Code:
    with pytest.raises(TallyError) as refusal:
        _read(source, previous)
    return refusal.value.code


def test_first_parameters_have_the_defaults_of_the_specification() -> None:
    assert parse_first_parameters(FIRST) == Parameters(
        scid=SCID,
        update_keys=(A,),
        next_key_hashes=(),
        witness=None,
        watchers=(),
        portable=False,
        deactivated=False,
        ttl=DEFAULT_TTL,
    )


def test_first_parameters_state_everything() -> None:
    source: JsonObject = FIRST | {
        "updateKeys": [A, B],
        "nextKeyHashes": [key_hash(C), "any text"],
        "witness": WITNESS,
        "watchers": ["https://watcher.example"],
        "portable": True,
        "deactivated": False,
        "ttl": 0,
    }
    assert parse_first_parameters(source) == Parameters(
        scid=SCID,
        update_keys=(A, B),
        next_key_hashes=(key_hash(C), "any text"),
        witness=RULE,
        watchers=("https://watcher.example",),
        portable=True,
        ttl=0,
    )
    assert encode_witness_rule(RULE) == WITNESS
    assert encode_witness_rule(None) == {}


def test_later_parameters_change_what_they_state_and_nothing_else() -> None:
    everything = Parameters(SCID, (A,), (), RULE, ("https://watcher.example",), portable=True, ttl=60)
    assert parse_next_parameters({}, everything) is everything
    assert parse_next_parameters({"method": METHOD}, everything) == everything
    assert parse_next_parameters({"ttl": MAX_TTL}, PLAIN) == Parameters(SCID, (A,), ttl=MAX_TTL)
    assert parse_next_parameters({"updateKeys": [B]}, PLAIN) == Parameters(SCID, (B,))
    assert parse_next_parameters(
        {"witness": {}, "watchers": [], "portable": False}, everything
    ) == Parameters(SCID, (A,), ttl=60)
    assert parse_next_parameters({"deactivated": True, "updateKeys": []}, PLAIN) == Parameters(
        SCID, deactivated=True
    )


def test_null_is_the_default_of_early_authors() -> None:
    everything = Parameters(SCID, (A,), (), RULE, ("https://watcher.example",), portable=True, ttl=60)
    names = ("updateKeys", "nextKeyHashes", "witness", "watchers", "portable", "deactivated", "ttl")
    assert parse_next_parameters(dict.fromkeys(names), everything) == Parameters(SCID)


def test_hash_of_a_key_is_the_one_of_the_public_suite() -> None:
    """The key of seed 02 there is committed to by this hash in the pre-rotation scenarios."""
    key = encode_multikey(Ed25519PrivateKey(bytes(31) + b"\x02").public_key)
    assert key_hash(key) == "Qmf2V5jB2UwPcFL5bvmKed7VvY3CSQ1RXyDdtip7ufpQ3R"


def test_keys_of_the_entry_before_may_sign_without_pre_rotation() -> None:
    current = Parameters(SCID, (B,))
    assert authorized_keys(None, current) == (B,)
    assert authorized_keys(PLAIN, current) == (A,)
    assert authorized_keys(PLAIN, ROTATING) == (A,)


def test_keys_of_the_entry_itself_may_sign_with_pre_rotation() -> None:
    ended = Parameters(SCID, (B,))
    assert authorized_keys(ROTATING, ended) == (B,)
    assert authorized_keys(ended, Parameters(SCID, (C,))) == (B,)


@pytest.mark.parametrize(
    ("before", "after", "governing"),
    [
        (None, None, None),
        (None, RULE, RULE),
        (PLAIN, None, None),
        (PLAIN, RULE, RULE),
        (Parameters(SCID, witness=RULE), RULE, RULE),
        (Parameters(SCID, witness=RULE), OTHER_RULE, RULE),
        (Parameters(SCID, witness=RULE), None, RULE),
    ],
)
def test_change_of_witnesses_is_approved_by_those_it_replaces(
    before: Parameters | None, after: WitnessRule | None, governing: WitnessRule | None
) -> None:
    assert governing_witness(before, Parameters(SCID, witness=after)) == governing


@pytest.mark.parametrize(
    ("source", "previous", "code"),
    [
        ({"updateKeys": [B], "nextKeyHashes": []}, ROTATING, None),
        ({"updateKeys": [B, C], "nextKeyHashes": [key_hash(A)]}, ROTATING, None),
        ({"updateKeys": [], "nextKeyHashes": []}, ROTATING, None),
        ({"updateKeys": None, "nextKeyHashes": None}, ROTATING, None),
        ({}, ROTATING, Code.DID_PREROTATION_VIOLATED),
        ({"updateKeys": [B]}, ROTATING, Code.DID_PREROTATION_VIOLATED),
        ({"nextKeyHashes": []}, ROTATING, Code.DID_PREROTATION_VIOLATED),
        ({"updateKeys": [A], "nextKeyHashes": []}, ROTATING, Code.DID_PREROTATION_VIOLATED),
        ({"updateKeys": [A, B], "nextKeyHashes": []}, ROTATING, Code.DID_PREROTATION_VIOLATED),
    ],
)
def test_pre_rotation_admits_stated_keys_that_were_committed_to(
    source: JsonObject, previous: Parameters, code: Code | None
) -> None:
    if code is None:
        parse_next_parameters(source, previous)
    else:
        assert _code(source, previous) is code


def _witness(*ids: str, threshold: JsonValue = 1) -> JsonObject:
    return {"witness": {"threshold": threshold, "witnesses": [{"id": witness} for witness in ids]}}


MANY: list[JsonValue] = [
    encode_multikey(Ed25519PrivateKey(bytes([number]) * 32).public_key) for number in range(MAX_ITEMS + 1)
]
BAD_ANYWHERE: list[JsonObject] = [
    {"unknown": 1},
    {"updateKeys": A},
    {"updateKeys": [1]},
    {"updateKeys": [A, A]},
    {"updateKeys": [P256]},
    {"updateKeys": ["z6MkWrong"]},
    {"updateKeys": [f"did:key:{A}"]},
    {"updateKeys": MANY},
    {"nextKeyHashes": {}},
    {"nextKeyHashes": [None]},
    {"nextKeyHashes": ["a", "a"]},
    {"nextKeyHashes": [f"{number}" for number in range(MAX_ITEMS + 1)]},
    {"watchers": "https://watcher.example"},
    {"watchers": [{}]},
    {"portable": "true"},
    {"portable": 1},
    {"deactivated": 1},
    {"deactivated": "true"},
    {"ttl": -1},
    {"ttl": 1.5},
    {"ttl": "60"},
    {"ttl": True},
    {"ttl": MAX_TTL + 1},
    {"witness": []},
    {"witness": {"threshold": 1}},
    {"witness": {"witnesses": [{"id": f"did:key:{A}"}]}},
    {"witness": WITNESS | {"weight": 1}},
    {"witness": {"threshold": 1, "witnesses": [{"id": f"did:key:{A}", "weight": 1}]}},
    {"witness": {"threshold": 1, "witnesses": [f"did:key:{A}"]}},
    {"witness": {"threshold": 1, "witnesses": [{}]}},
    _witness(),
    _witness(A),
    _witness(f"did:key:{A}#{A}"),
    _witness(f"did:key:{P256}"),
    _witness("did:web:witness.example"),
    _witness(f"did:key:{A}", f"did:key:{A}"),
    _witness(f"did:key:{A}", threshold=2),
    _witness(f"did:key:{A}", threshold=0),
    _witness(f"did:key:{A}", threshold=True),
    _witness(*[f"did:key:{key}" for key in MANY]),
]


@pytest.mark.parametrize("members", BAD_ANYWHERE, ids=repr)
def test_parameter_that_breaks_its_rules_is_refused_in_every_entry(members: JsonObject) -> None:
    assert _code(FIRST | members) is Code.DID_PARAMETERS_INVALID
    assert _code(members, PLAIN) is Code.DID_PARAMETERS_INVALID


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ({}, Code.DID_METHOD_UNSUPPORTED),
        (FIRST | {"method": "did:webvh:0.5"}, Code.DID_METHOD_UNSUPPORTED),
        (FIRST | {"method": [METHOD]}, Code.DID_METHOD_UNSUPPORTED),
        ({"method": METHOD, "updateKeys": [A]}, Code.DID_PARAMETERS_INVALID),
        (FIRST | {"scid": None}, Code.DID_PARAMETERS_INVALID),
        ({"method": METHOD, "scid": SCID}, Code.DID_PARAMETERS_INVALID),
    ],
)
def test_first_parameters_that_lack_what_they_must_state_are_refused(source: JsonObject, code: Code) -> None:
    assert _code(source) is code


@pytest.mark.parametrize(
    ("source", "previous", "code"),
    [
        ({"method": "did:webvh:1.1"}, PLAIN, Code.DID_METHOD_UNSUPPORTED),
        ({"scid": SCID}, PLAIN, Code.DID_PARAMETERS_INVALID),
        ({"portable": True}, PLAIN, Code.DID_PARAMETERS_INVALID),
        ({"portable": True}, Parameters(SCID, (A,), portable=True), Code.DID_PARAMETERS_INVALID),
        ({}, Parameters(SCID, (A,), deactivated=True), Code.DID_DEACTIVATED),
        ({"deactivated": False}, Parameters(SCID, (A,), deactivated=True), Code.DID_DEACTIVATED),
    ],
)
def test_later_parameters_that_change_what_is_fixed_are_refused(
    source: JsonObject, previous: Parameters, code: Code
) -> None:
    assert _code(source, previous) is code


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*FIRST, "nextKeyHashes", "witness", "watchers", "ttl"]), JSON))
def test_garbage_is_refused_with_our_own_errors(source: Any) -> None:
    for previous in (PLAIN, ROTATING):
        try:
            parsed = parse_next_parameters(source, previous)
        except TallyError:
            continue
        assert parsed.scid == SCID
    with pytest.raises(TallyError):
        parse_first_parameters(source | {"scid": None})
