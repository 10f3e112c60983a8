from pathlib import Path

import click
import pytest

from doors.text_file import MAX_BYTES, TextFile
from protocol.codes import Code
from protocol.errors import MalformedError


def read(path: Path) -> str:
    return TextFile().convert(str(path), None, None)


def test_file_is_read_as_text(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("tally_ledger_…\n", encoding="utf-8")
    assert read(tmp_path / "token") == "tally_ledger_…\n"


def test_file_that_is_not_text_is_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(bytes(range(256)))
    with pytest.raises(MalformedError) as caught:
        read(tmp_path / "token")
    assert (caught.value.code, caught.value.detail) == (Code.TEXT_INVALID, str(tmp_path / "token"))


def test_endless_file_is_refused() -> None:
    with pytest.raises(MalformedError) as caught:
        read(Path("/dev/zero"))
    assert caught.value.code is Code.SIZE_EXCEEDED
    assert MAX_BYTES == 1 << 20


@pytest.mark.parametrize("name", ["missing", "."])
def test_file_that_cannot_be_opened_is_wrong_usage(tmp_path: Path, name: str) -> None:
    with pytest.raises(click.UsageError):
        read(tmp_path / name)
