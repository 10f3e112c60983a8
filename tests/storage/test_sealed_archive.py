import errno
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from protocol.codes import Code
from storage.passphrase import TEST_ONLY, Passphrase
from storage.sealed_archive import read_archive, write_archive
from storage.sealed_header import RecoveryKey
from tests.storage import faults
from tests.storage.place import Place, code_of, refusal_of, row
from tests.storage.sealing import take_apart, with_header, without

KEY = RecoveryKey(b"r" * 32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "backup.tally"


def write(path: Path, body: bytes = b"body", *, replacing: bool = False) -> None:
    write_archive(path, body, recovery_key=KEY, replacing=replacing)


def test_what_was_written_is_read_with_the_recovery_key_alone(path: Path) -> None:
    write(path)
    assert read_archive(path, KEY) == b"body"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    other = RecoveryKey(b"s" * 32)
    assert refusal_of(lambda: read_archive(path, other)).code is Code.RECOVERY_PHRASE_INVALID


def test_no_passphrase_opens_it(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.path.parent.mkdir(0o700)
    write(place.path)
    assert refusal_of(place.open).code is Code.PASSPHRASE_WRONG
    assert place.body(KEY) == b"body"
    with place.open(KEY) as opened:
        opened.change_passphrase(Passphrase("new"), kdf=TEST_ONLY)
    assert place.body(Passphrase("new")) == b"body"


def test_a_file_of_that_name_is_replaced_only_when_that_was_said(path: Path) -> None:
    write(path)
    assert refusal_of(lambda: write(path, b"other")).code is Code.VAULT_EXISTS
    assert read_archive(path, KEY) == b"body"
    write(path, b"other", replacing=True)
    assert read_archive(path, KEY) == b"other"


def test_a_sealed_file_without_its_passphrase_slot_is_not_taken_for_one(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.create(recovery_key=KEY).close()
    data = with_header(place.path.read_bytes(), without("passphrase"))
    place.path.write_bytes(data)
    assert refusal_of(lambda: read_archive(place.path, KEY)).code is Code.VAULT_DAMAGED


@row("NT-W27")
def test_a_part_of_an_archive_is_reported_as_damaged(path: Path) -> None:
    write(path)
    data = path.read_bytes()
    for length in range(0, len(data), 31):
        path.write_bytes(data[:length])
        assert code_of(partial(read_archive, path, KEY)) is Code.VAULT_DAMAGED


@pytest.mark.parametrize("bits", [1, pytest.param(8, marks=pytest.mark.stress)], ids="NT-W18-{}-bits".format)
def test_a_flipped_bit_anywhere_in_an_archive_is_reported(
    path: Path, bits: int, record_property: Callable[[str, object], None]
) -> None:
    write(path)
    good = path.read_bytes()
    assert len(take_apart(good).stream) > 4096
    for position in range(len(good)):
        for bit in range(bits):
            data = bytearray(good)
            data[position] ^= 1 << (position % 8 if bits == 1 else bit)
            path.write_bytes(data)
            assert code_of(partial(read_archive, path, KEY)) is Code.VAULT_DAMAGED, position
    record_property("bits flipped in an archive", len(good) * bits)


def operate(path: Path, replacing: bool) -> None:
    write(path, b"new" * 30_000, replacing=replacing)


@pytest.mark.parametrize("replacing", [False, True], ids=["NT-W24-new", "NT-W24-replacing"])
def test_an_error_of_the_disk_at_any_call_leaves_no_archive_or_a_whole_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replacing: bool
) -> None:
    disk = faults.install(monkeypatch)
    before = b"old" if replacing else None
    calls = prepared_calls(tmp_path / "counted", disk, replacing=replacing)
    for code in faults.EVERY_ERRNO:
        expected = Code.DISK_FULL if code in (errno.ENOSPC, errno.EDQUOT) else Code.DISK_ERROR
        for position, name in enumerate(calls):
            path = prepare(tmp_path / f"{code}-{position}", replacing=replacing)
            with disk.failing(faults.error_at(position, code)):
                failure = code_of(partial(operate, path, replacing))
            assert failure in (None, expected), f"{name}, call {position}"
            found = read_archive(path, KEY) if path.exists() else None
            assert found in ([before] * (failure is not None) + [b"new" * 30_000]), f"{name}, call {position}"
            assert [entry for entry in path.parent.iterdir() if entry.suffix == ".new"] == []


@pytest.mark.parametrize("replacing", [False, True], ids=["NT-W25-new", "NT-W25-replacing"])
def test_a_machine_that_dies_at_any_call_leaves_no_archive_or_a_whole_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replacing: bool
) -> None:
    disk = faults.install(monkeypatch)
    calls = prepared_calls(tmp_path / "counted", disk, replacing=replacing)
    outcomes = []
    for position in range(len(calls)):
        path = prepare(tmp_path / f"{position}", replacing=replacing)
        with disk.failing(faults.power_cut_at(position)), pytest.raises(faults.PowerCut):
            operate(path, replacing)
        outcomes.append(read_archive(path, KEY) if path.exists() else None)
    moment = calls.index("rename" if replacing else "link") + 1
    before = b"old" if replacing else None
    assert outcomes == [before] * moment + [b"new" * 30_000] * (len(calls) - moment)


def prepare(folder: Path, *, replacing: bool) -> Path:
    folder.mkdir()
    path = folder / "backup.tally"
    if replacing:
        write(path, b"old")
    return path


def prepared_calls(folder: Path, disk: faults.FaultyDisk, *, replacing: bool) -> list[str]:
    path = prepare(folder, replacing=replacing)
    with disk.failing(faults.none):
        operate(path, replacing)
    return list(disk.calls)


def test_a_disk_that_reads_something_else_back_is_reported(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.sealed_archive.read_archive", lambda *_: b"something else")
    assert refusal_of(lambda: write(path)).code is Code.DISK_ERROR


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS], ids=errno.errorcode.get)
def test_an_archive_is_made_on_a_file_system_without_links_to_files(
    path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", refuse)
    write(path)
    assert read_archive(path, KEY) == b"body"
    assert refusal_of(lambda: write(path)).code is Code.VAULT_EXISTS
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
