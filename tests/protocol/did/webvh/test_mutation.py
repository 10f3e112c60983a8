"""Whatever is changed in a signed log, on the way or by whoever serves it, the log is refused."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.did.webvh.author import update_did
from protocol.encoding.strict_json import parse_json
from protocol.errors import TallyError
from tests.webvh_logs import HOUR, KEY, NEXT_KEY, START, THIRD_KEY, first, log, verify

_START = first(NEXT_KEY, parameters={"portable": True, "ttl": 60})
LOG = log(_START).then(
    update_did(_START.version, key=NEXT_KEY, time=START + HOUR, next_keys=[THIRD_KEY.public_key])
)
DID = LOG.version.did
HISTORY = verify(*LOG.lines)


def _assert_refused(lines: list[str | bytes]) -> None:
    try:
        history = verify(*lines, did=DID)
    except TallyError:
        return
    # JSON has several spellings of one value; a changed spelling is no changed entry.
    assert history == HISTORY
    assert [parse_json(line) for line in lines] == [parse_json(line) for line in LOG.lines]


@pytest.mark.parametrize("number", [0, 1])
def test_log_with_any_byte_changed_is_refused(number: int) -> None:
    original = LOG.lines[number].encode()
    for position in range(len(original)):
        for changed in (original[position] ^ 1, original[position] ^ 0x20, 0x20):
            if changed == original[position]:
                continue
            lines: list[str | bytes] = [*LOG.lines]
            lines[number] = original[:position] + bytes([changed]) + original[position + 1 :]
            _assert_refused(lines)


@pytest.mark.parametrize("number", [0, 1])
def test_log_with_any_byte_removed_or_doubled_is_refused(number: int) -> None:
    original = LOG.lines[number].encode()
    for position in range(len(original)):
        for replacement in (b"", original[position : position + 1] * 2):
            lines: list[str | bytes] = [*LOG.lines]
            lines[number] = original[:position] + replacement + original[position + 1 :]
            _assert_refused(lines)


def _changes(value: Any) -> Iterator[Any]:
    """Every value that differs from `value` in one member or item."""
    if isinstance(value, dict):
        for name in value:
            yield {member: item for member, item in value.items() if member != name}
            yield {member if member != name else name + "x": item for member, item in value.items()}
            for changed in _changes(value[name]):
                yield value | {name: changed}
        yield value | {"added": 1}
    elif isinstance(value, list):
        for position in range(len(value)):
            yield value[:position] + value[position + 1 :]
            yield value[: position + 1] + value[position:]
            for changed in _changes(value[position]):
                yield [*value[:position], changed, *value[position + 1 :]]
        yield [*value, "added"]
    else:
        yield from (None, not value, f"{value}x", 7, [value], {})


@pytest.mark.parametrize("number", [0, 1])
def test_log_with_any_member_changed_is_refused(number: int) -> None:
    changes = list(_changes(json.loads(LOG.lines[number])))
    assert len(changes) > 180
    for changed in changes:
        lines: list[str | bytes] = [*LOG.lines]
        lines[number] = json.dumps(changed)
        with pytest.raises(TallyError):
            verify(*lines, did=DID)


@given(st.lists(st.sampled_from(LOG.lines) | st.text() | st.binary(), max_size=4))
def test_any_other_sequence_of_lines_is_refused_or_is_the_beginning_of_the_log(
    lines: list[str | bytes],
) -> None:
    try:
        history = verify(*lines, did=DID)
    except TallyError:
        return
    assert history.versions == HISTORY.versions[: len(lines)]


def test_log_without_its_last_entry_cannot_be_told_from_a_shorter_one() -> None:
    """That nothing is missing is proven by the ledger, never by the log itself."""
    assert verify(LOG.lines[0], did=DID).versions == HISTORY.versions[:1]


def test_key_used_once_by_its_owner_is_not_the_next_one() -> None:
    with pytest.raises(TallyError):
        update_did(LOG.version, key=KEY, time=START + 2 * HOUR, next_keys=[])
