import errno
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from protocol.codes import Code
from storage.generation_mark import GenerationMark, load_mark
from storage.passphrase import TEST_ONLY, Passphrase
from storage.sealed_file import Freshness, SealedFile
from tests.storage.place import PASSPHRASE, Place, refusal_of, row

NEW_PASSPHRASE = Passphrase("another one")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "place")


# NT-W19, NT-W20: an older file in the place of the newest


@row("NT-W19")
def test_yesterdays_file_is_refused_until_it_is_accepted(place: Place) -> None:
    place.keep(b"one", b"two")
    yesterday = place.path.read_bytes()
    with place.open() as opened:
        opened.save(b"three")
    place.path.write_bytes(yesterday)
    assert refusal_of(place.open).code is Code.VAULT_ROLLBACK
    with place.open(accept_rollback=True) as opened:
        assert (opened.body, opened.freshness) == (b"two", Freshness.CONFIRMED)
    assert place.body() == b"two"


def test_another_file_of_the_same_generation_is_refused(place: Place, tmp_path: Path) -> None:
    place.keep(b"one")
    elsewhere = place.copy_to(tmp_path / "elsewhere")
    for somewhere, body in ((place, b"two here"), (elsewhere, b"two elsewhere")):
        with somewhere.open() as opened:
            opened.save(body)
    shutil.copy(elsewhere.path, place.path)
    assert refusal_of(place.open).code is Code.VAULT_ROLLBACK


@row("NT-W20")
def test_without_a_mark_the_age_is_unknown_until_something_is_saved(place: Place) -> None:
    place.keep(b"one")
    shutil.rmtree(place.marks)
    for _ in range(2):
        with place.open() as opened:
            assert opened.freshness is Freshness.UNKNOWN
    with place.open() as opened:
        opened.save(b"two")
        assert opened.freshness is Freshness.CONFIRMED
    with place.open() as opened:
        assert opened.freshness is Freshness.CONFIRMED


@pytest.mark.parametrize(
    "mark",
    [
        b"",
        b"{}",
        b'{"generation":1,"mac":"AAAA","save_id":"AAAA"}',
        b'{"generation":"1","mac":"AAAA","save_id":"AAAA"}',
        bytes(2000),
    ],
    ids=len,
)
def test_a_mark_that_the_owner_did_not_write_counts_as_none(place: Place, mark: bytes) -> None:
    place.keep(b"one", b"two")
    next(place.marks.iterdir()).write_bytes(mark)
    with place.open() as opened:
        assert opened.freshness is Freshness.UNKNOWN


def test_a_lowered_mark_counts_as_none(place: Place) -> None:
    place.keep(b"one", b"two")
    mark = next(place.marks.iterdir())
    mark.write_bytes(mark.read_bytes().replace(b'"generation":2', b'"generation":1'))
    with place.open() as opened:
        assert opened.freshness is Freshness.UNKNOWN


def test_a_mark_that_others_could_replace_is_refused(place: Place) -> None:
    place.keep(b"one")
    next(place.marks.iterdir()).chmod(0o644)
    assert refusal_of(place.open).code is Code.VAULT_PERMISSIONS


def test_a_file_newer_than_its_mark_moves_the_mark(place: Place) -> None:
    place.keep(b"one")
    stale = place.root / "stale"
    shutil.copytree(place.marks, stale)
    with place.open() as opened:
        opened.save(b"two")
        shutil.rmtree(place.marks)
        stale.rename(place.marks)
        with opened.hold(), place.open() as reader:
            # Whoever holds the file is about to move the mark itself.
            assert (reader.body, reader.freshness) == (b"two", Freshness.CONFIRMED)
    two = place.path.read_bytes()
    place.open().close()
    shutil.copy(place.previous, place.path)
    assert refusal_of(place.open).code is Code.VAULT_ROLLBACK
    place.path.write_bytes(two)
    assert place.body() == b"two"


def test_a_save_between_the_two_reads_of_an_opening_is_no_rollback(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.keep(b"one")

    def load_mark_after_a_save(folder: Path, *, file_id: bytes, mark_key: bytes) -> GenerationMark | None:
        monkeypatch.setattr("storage.sealed_file.load_mark", load_mark)
        with place.open() as other:
            other.save(b"two")
        return load_mark(folder, file_id=file_id, mark_key=mark_key)

    monkeypatch.setattr("storage.sealed_file.load_mark", load_mark_after_a_save)
    with place.open() as opened:
        assert (opened.body, opened.freshness) == (b"two", Freshness.CONFIRMED)


@pytest.fixture
def unfinished(place: Place) -> Place:
    """A file whose writer died before it could move the mark."""
    place.keep(b"one")
    stale = place.root / "stale"
    shutil.copytree(place.marks, stale)
    with place.open() as opened:
        opened.save(b"two")
    shutil.rmtree(place.marks)
    stale.rename(place.marks)
    return place


def test_the_mark_of_an_unfinished_save_is_left_to_whoever_saved_again_meanwhile(
    unfinished: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = SealedFile.hold

    def hold_after_a_save(opened: SealedFile) -> AbstractContextManager[None]:
        monkeypatch.setattr(SealedFile, "hold", hold)
        with unfinished.open() as other:
            other.save(b"three")
        return hold(opened)

    monkeypatch.setattr(SealedFile, "hold", hold_after_a_save)
    unfinished.open().close()
    shutil.copy(unfinished.previous, unfinished.path)
    assert refusal_of(unfinished.open).code is Code.VAULT_ROLLBACK


def test_an_unfinished_save_is_not_noted_under_a_lock_that_others_could_take(unfinished: Place) -> None:
    unfinished.path.with_name("wallet.sealed.lock").chmod(0o666)
    assert refusal_of(unfinished.open).code is Code.VAULT_PERMISSIONS


# The previous generation


def test_a_damaged_file_is_refused_but_the_one_before_it_can_be_accepted(place: Place) -> None:
    place.keep(b"one", b"two")
    place.path.write_bytes(place.path.read_bytes()[:-1])
    error = refusal_of(place.open)
    assert (error.code, "damaged" in error.detail) == (Code.VAULT_ROLLBACK, True)
    with place.open(accept_rollback=True) as opened:
        assert (opened.body, opened.recovered) == (b"one", True)
        opened.save(b"two again")
        assert not opened.recovered
    # The damaged file was not kept as "previous": that is still the last good one.
    assert place.body() == b"two again"
    shutil.copy(place.previous, place.path)
    with place.open(accept_rollback=True) as opened:
        assert opened.body == b"one"


@pytest.mark.parametrize("loss", ["damaged", "missing"])
def test_the_one_before_takes_its_place_when_nothing_newer_was_seen_and_it_is_reported(
    place: Place, loss: str
) -> None:
    place.keep(b"one", b"two")
    shutil.rmtree(place.marks)
    if loss == "damaged":
        place.path.write_bytes(b"")
    else:
        place.path.unlink()
    with place.open() as opened:
        assert (opened.body, opened.recovered, opened.freshness) == (b"one", True, Freshness.UNKNOWN)
        opened.save(b"two again")
    assert place.body() == b"two again"


def test_when_both_generations_are_damaged_the_newest_is_reported(place: Place) -> None:
    place.keep(b"one", b"two")
    place.path.write_bytes(b"")
    place.previous.write_bytes(b"")
    assert refusal_of(place.open).code is Code.VAULT_DAMAGED


def test_a_wrong_passphrase_does_not_try_the_one_before(place: Place) -> None:
    place.keep(b"one", b"two")
    with place.open() as opened:
        opened.change_passphrase(NEW_PASSPHRASE, kdf=TEST_ONLY)
        opened.save(b"three")
    assert refusal_of(place.open).code is Code.PASSPHRASE_WRONG


# NT-W21 to NT-W23: rights, locks, other processes


@pytest.mark.parametrize(
    ("relative", "mode"),
    [
        pytest.param("home/wallet.sealed", 0o644, id="NT-W21-file-0644"),
        pytest.param("home/wallet.sealed", 0o660, id="NT-W21-file-0660"),
        pytest.param("home", 0o777, id="NT-W21-folder-0777"),
        pytest.param("home", 0o750, id="NT-W21-folder-0750"),
        pytest.param("state", 0o755, id="NT-W21-state-0755"),
    ],
)
def test_what_others_could_read_or_replace_is_refused(place: Place, relative: str, mode: int) -> None:
    place.keep(b"one")
    (place.root / relative).chmod(mode)
    assert refusal_of(place.open).code is Code.VAULT_PERMISSIONS


@row("NT-W21")
def test_a_file_of_another_user_is_refused(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.keep(b"one")
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert refusal_of(place.open).code is Code.VAULT_PERMISSIONS


@row("NT-W22")
def test_a_second_writer_is_refused_and_a_reader_is_not(place: Place) -> None:
    place.keep(b"one")
    with place.open() as first, place.open() as second:
        with first.hold():
            assert refusal_of(lambda: second.save(b"two")).code is Code.VAULT_LOCKED
            assert place.body() == b"one"
            first.save(b"one and a half")
        assert refusal_of(lambda: second.save(b"two")).code is Code.VAULT_CHANGED
        assert second.reload() == b"one and a half"
        second.save(b"two")
        assert first.reload() == b"two"
    assert place.body() == b"two"


HOLDER = """
import sys
from pathlib import Path
from tests.storage.place import Place

with Place(Path(sys.argv[1])).open() as opened, opened.hold():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(place: Place) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that holds the file."""
    place.keep(b"one")
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(place.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


@row("NT-W22")
def test_the_lock_of_a_killed_process_is_gone_with_it(place: Place, holder: subprocess.Popen[bytes]) -> None:
    with place.open() as opened:
        assert refusal_of(lambda: opened.save(b"two")).code is Code.VAULT_LOCKED
        holder.kill()
        holder.wait()
        opened.save(b"two")
    assert place.body() == b"two"


COUNTER = """
import os, sys
from pathlib import Path
from protocol.codes import Code
from protocol.errors import RefusedError
from tests.storage.place import Place

with Place(Path(sys.argv[1])).open() as opened:
    done = 0
    while done < 25:
        try:
            with opened.hold():
                opened.save(b"%d" % (int(opened.reload()) + 1))
            done += 1
        except RefusedError as error:
            assert error.code is Code.VAULT_LOCKED, error
            os.sched_yield()
"""


def test_two_processes_lose_none_of_each_others_changes(place: Place) -> None:
    place.keep(b"0")
    processes = [subprocess.Popen([sys.executable, "-c", COUNTER, str(place.root)]) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    with place.open() as opened:
        assert (opened.body, opened.generation) == (b"50", 51)


@pytest.mark.parametrize(
    "code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP], ids=lambda code: f"NT-W23-{errno.errorcode[code]}"
)
def test_a_file_system_without_locks_is_refused_for_writing(
    place: Place, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:

    def flock(_descriptor: int, _operation: int) -> None:
        raise OSError(code, os.strerror(code))

    place.keep(b"one")
    monkeypatch.setattr(fcntl, "flock", flock)
    with place.open() as opened:
        assert refusal_of(lambda: opened.save(b"two")).code is Code.DISK_ERROR
    assert place.body() == b"one"


def test_a_file_given_another_key_meanwhile_must_be_opened_again(place: Place) -> None:
    place.keep(b"one")
    with place.open() as first, place.open() as second:
        first.rekey(passphrase=PASSPHRASE, kdf=TEST_ONLY)
        assert refusal_of(second.reload).code is Code.VAULT_CHANGED


def test_a_file_that_vanished_or_went_back_meanwhile_is_reported(place: Place) -> None:
    place.keep(b"one", b"two")
    with place.open() as opened:
        shutil.copy(place.previous, place.path)
        assert refusal_of(opened.reload).code is Code.VAULT_ROLLBACK
        place.path.unlink()
        assert refusal_of(opened.reload).code is Code.VAULT_CHANGED
        assert refusal_of(lambda: opened.save(b"three")).code is Code.VAULT_CHANGED
        assert opened.body == b"two"
