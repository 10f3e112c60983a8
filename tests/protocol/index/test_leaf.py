from base64 import b64encode
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.errors import MalformedError
from protocol.index.leaf import IndexEntry, encode_index_entry, index_origin, parse_index_entry

ROOT, MAP_ROOT = (b64encode(bytes([number]) * 32).decode() for number in (1, 2))
EMPTY = b64encode(sha256(b"").digest()).decode()
LINES = ["tallystick/index@v1", "ledger.example.org", "7", "1795348800", ROOT, MAP_ROOT]
TEXT = "".join(f"{line}\n" for line in LINES)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ENTRY = IndexEntry("ledger.example.org", 7, NOW, bytes([1]) * 32, bytes([2]) * 32)


def test_entry_is_written_and_read_as_on_the_page() -> None:
    assert encode_index_entry(ENTRY) == TEXT.encode()
    assert parse_index_entry(TEXT.encode()) == ENTRY


def test_index_log_is_named_after_its_log() -> None:
    assert index_origin("ledger.example.org") == "ledger.example.org/index"


def test_entry_about_an_empty_log_is_read() -> None:
    text = f"tallystick/index@v1\nledger.example.org\n0\n0\n{EMPTY}\n{EMPTY}\n"
    assert parse_index_entry(text.encode()).tree_size == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT[:-1],
        f"{TEXT}\n",
        f"{TEXT}more",
        f"{TEXT}more\n",
        TEXT.replace("\n", "\r\n"),
        TEXT.replace("@v1", "@v2"),
        f" {TEXT}",
        TEXT.replace(LINES[1], ""),
        TEXT.replace(LINES[1], "ledger\texample"),
        TEXT.replace(LINES[1], "ledger\x85example"),
        TEXT.replace("1795348800", "01795348800"),
        TEXT.replace("1795348800", "-1"),
        TEXT.replace("1795348800", "253402300800"),
        TEXT.replace("1795348800", "2026-11-22T12:00:00Z"),
        TEXT.replace("1795348800\n", ""),
        TEXT.replace("\n7\n", "\n07\n"),
        TEXT.replace("\n7\n", "\n-7\n"),
        TEXT.replace("\n7\n", "\n+7\n"),
        TEXT.replace("\n7\n", "\n9223372036854775808\n"),
        TEXT.replace("\n7\n", "\n\n"),
        TEXT.replace("\n7\n", "\n0\n"),
        TEXT.replace("\n7\n", "\n0\n").replace(ROOT, EMPTY),
        TEXT.replace("\n7\n", "\n0\n").replace(MAP_ROOT, EMPTY),
        TEXT.replace(ROOT, ROOT[:-1]),
        TEXT.replace(ROOT, b64encode(bytes(31)).decode()),
        TEXT.replace(MAP_ROOT, b64encode(bytes(33)).decode()),
        TEXT.replace(f"{MAP_ROOT}\n", ""),
    ],
)
def test_entry_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_index_entry(text.encode())
    assert caught.value.code is Code.INDEX_ENTRY_INVALID


def test_oversized_entry_is_refused() -> None:
    with pytest.raises(MalformedError) as caught:
        parse_index_entry(TEXT.replace("ledger", "l" * 2048).encode())
    assert caught.value.code is Code.SIZE_EXCEEDED


def test_entry_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(MalformedError) as caught:
        parse_index_entry(TEXT.encode().replace(b"example", b"\xff"))
    assert caught.value.code is Code.TEXT_INVALID


@given(st.binary(max_size=200), st.sampled_from(LINES[1:]), st.text(max_size=60))
def test_any_bytes_are_an_entry_in_its_one_spelling_or_refused(data: bytes, old: str, new: str) -> None:
    for source in (data, TEXT.replace(old, new).encode("utf-8", "surrogatepass")):
        with suppress(MalformedError):
            assert encode_index_entry(parse_index_entry(source)) == source
