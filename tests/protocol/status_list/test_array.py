import json
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.encoding.base64url import encode_base64url
from protocol.errors import MalformedError, VerificationError
from protocol.status_list.array import (
    MAX_INFLATED_BYTES,
    MAX_LIST_CHARACTERS,
    StatusList,
    encode_status_list,
    parse_status_list,
)

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/status-list/tsl-vectors.json").read_text())


def test_small_lists_of_the_specification_are_read_and_packed_as_printed() -> None:
    assert len(VECTORS["small"]) == 2
    for vector in VECTORS["small"]:
        array = parse_status_list({"bits": vector["bits"], "lst": vector["lst"]})
        assert array.data.hex() == vector["byte_array_hex"]
        assert [array.get(index) for index in range(array.size)] == vector["statuses"]
        empty = StatusList.all_valid(vector["bits"], len(vector["statuses"]))
        assert empty.with_statuses(dict(enumerate(vector["statuses"]))) == array


def test_large_lists_of_the_specification_are_read_as_printed() -> None:
    assert len(VECTORS["large"]) == 4
    cases = 0
    for vector in VECTORS["large"]:
        array = parse_status_list(vector["status_list"])
        assert array.size == vector["size"] == 2**20
        listed = {int(index): value for index, value in vector["nonzero_or_listed"].items()}
        for index, value in listed.items():
            assert array.get(index) == value
            cases += 1
        assert array == StatusList.all_valid(array.bits, array.size).with_statuses(listed)
    assert cases == 11 + 11 + 15 + 256


@given(
    bits=st.sampled_from([1, 2, 4, 8]),
    size=st.integers(0, 300),
    changes=st.dictionaries(st.integers(0, 299), st.integers(0, 255), max_size=30),
)
def test_statuses_survive_encoding_and_parsing(bits: int, size: int, changes: dict[int, int]) -> None:
    fitting = {index: value & ((1 << bits) - 1) for index, value in changes.items() if index < size}
    array = StatusList.all_valid(bits, size).with_statuses(fitting)
    read = parse_status_list(encode_status_list(array))
    assert read == array
    assert [read.get(index) for index in range(size)] == [fitting.get(index, 0) for index in range(size)]


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_size_is_rounded_up_to_whole_bytes(bits: int) -> None:
    assert StatusList.all_valid(bits, 0).size == 0
    assert StatusList.all_valid(bits, 1).size == 8 // bits
    assert StatusList.all_valid(bits, 2**17).size == 2**17


def test_setting_a_status_leaves_its_neighbours_and_the_original_alone() -> None:
    array = StatusList.all_valid(2, 8).with_statuses({1: 3, 2: 3, 3: 3})
    changed = array.with_statuses({2: 1})
    assert [changed.get(index) for index in range(5)] == [0, 3, 1, 3, 0]
    assert array.get(2) == 3


@pytest.mark.parametrize("index", [-1, 16, 17, 2**53 - 1])
def test_index_outside_the_list_is_refused(index: int) -> None:
    with pytest.raises(VerificationError) as caught:
        StatusList(1, b"\xff\xff").get(index)
    assert caught.value.code is Code.STATUS_INDEX_OUT_OF_RANGE


@pytest.mark.parametrize(("index", "value"), [(-1, 0), (16, 0), (0, 2), (0, -1)])
def test_setting_what_does_not_fit_is_a_callers_mistake(index: int, value: int) -> None:
    with pytest.raises(ValueError, match="out of range"):
        StatusList.all_valid(1, 16).with_statuses({index: value})


@pytest.mark.parametrize("bits", [0, 3, 16, -1])
def test_list_with_other_bits_is_a_callers_mistake(bits: int) -> None:
    with pytest.raises(ValueError, match="bits"):
        StatusList(bits, b"")


def test_list_that_inflates_to_the_limit_is_read_and_one_byte_more_is_refused() -> None:
    def encoded(size: int) -> dict[str, bool | int | float | str | None]:
        return {"bits": 1, "lst": encode_base64url(zlib.compress(bytes(size), 9))}

    assert parse_status_list({**encoded(MAX_INFLATED_BYTES)}).size == MAX_INFLATED_BYTES * 8
    with pytest.raises(MalformedError) as caught:
        parse_status_list({**encoded(MAX_INFLATED_BYTES + 1)})
    assert caught.value.code is Code.STATUS_LIST_MALFORMED


def test_list_beyond_the_compressed_limit_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(MalformedError) as caught:
        parse_status_list({"bits": 1, "lst": "A" * (MAX_LIST_CHARACTERS + 1)})
    assert caught.value.code is Code.MEMBER_INVALID


@given(st.binary(max_size=200))
def test_garbage_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_status_list({"bits": 1, "lst": encode_base64url(data)})
