import stat
from pathlib import Path
from unittest import mock

import pytest

from protocol.codes import Code
from storage.passphrase import TEST_ONLY, WEAKEST_ACCEPTED, Passphrase
from storage.sealed_file import Freshness
from storage.sealed_header import RecoveryKey
from tests.storage.place import PASSPHRASE, Place, refusal_of
from tests.storage.sealing import Pieces, take_apart

RECOVERY = RecoveryKey(b"r" * 32)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_what_was_saved_is_there_after_a_restart(place: Place) -> None:
    with place.create(b"one") as created:
        assert (created.body, created.generation, created.freshness) == (b"one", 1, Freshness.CONFIRMED)
        created.save(b"two")
        created.save(b"three" * 100_000)
    with place.open() as opened:
        assert (opened.body, opened.generation) == (b"three" * 100_000, 3)
        assert (opened.freshness, opened.recovered) == (Freshness.CONFIRMED, False)


@pytest.mark.parametrize(
    "body", [b"", b"\x00", bytes(4048), bytes(4049), bytes(65_488), bytes(65_489)], ids=len
)
def test_a_body_of_any_length_comes_back_exactly(place: Place, body: bytes) -> None:
    place.keep(body)
    assert place.body() == body


def test_nothing_of_the_body_or_its_exact_length_shows(place: Place) -> None:
    place.keep(b"degree of Ada Lovelace")
    short = place.path.read_bytes()
    with place.open() as opened:
        opened.save(b"degree of Ada Lovelace, and a passport")
    assert b"Ada" not in short
    assert len(place.path.read_bytes()) == len(short)


def test_the_files_are_private(place: Place) -> None:
    place.keep(b"one", b"two")
    files = [path for folder in (place.path.parent, place.marks) for path in folder.iterdir()]
    assert {path.suffix for path in files} == {".sealed", ".previous", ".lock", ".mark"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_a_recovery_key_opens_it_like_the_passphrase_and_survives_a_new_passphrase(place: Place) -> None:
    with place.create(b"one", recovery_key=RECOVERY) as created:
        assert created.has_recovery_slot
    with place.open(RECOVERY) as opened:
        opened.change_passphrase(Passphrase("new"), kdf=TEST_ONLY)
    assert place.body(Passphrase("new")) == place.body(RECOVERY) == b"one"


def test_another_recovery_key_is_refused(place: Place) -> None:
    place.create(recovery_key=RECOVERY).close()
    error = refusal_of(lambda: place.open(RecoveryKey(b"s" * 32)))
    assert error.code is Code.RECOVERY_PHRASE_INVALID


def test_a_recovery_key_is_refused_where_there_is_no_slot_for_it(place: Place) -> None:
    place.keep(b"one")
    assert refusal_of(lambda: place.open(RECOVERY)).code is Code.RECOVERY_PHRASE_INVALID


def test_rekey_makes_every_older_secret_useless(place: Place) -> None:
    with place.create(b"one", recovery_key=RECOVERY) as created:
        before = place.path.read_bytes()
        created.rekey(passphrase=Passphrase("new"), kdf=TEST_ONLY, recovery_key=RecoveryKey(b"t" * 32))
        created.save(b"two")
    assert place.body(Passphrase("new")) == place.body(RecoveryKey(b"t" * 32)) == b"two"
    assert refusal_of(lambda: place.open()).code is Code.PASSPHRASE_WRONG
    assert refusal_of(lambda: place.open(RECOVERY)).code is Code.RECOVERY_PHRASE_INVALID
    # The old header in front of the new body: its master key no longer opens anything.
    old, new = take_apart(before), take_apart(place.path.read_bytes())
    place.path.write_bytes(Pieces(old.header, old.header_mac, new.stream).join())
    assert refusal_of(lambda: place.open()).code is Code.VAULT_DAMAGED


def test_rekey_does_not_drop_the_recovery_slot_silently(place: Place) -> None:
    with place.create(recovery_key=RECOVERY) as created, pytest.raises(ValueError, match="recovery"):
        created.rekey(passphrase=PASSPHRASE, kdf=TEST_ONLY)


def test_a_new_passphrase_leaves_no_file_that_the_old_one_opens(place: Place) -> None:
    place.keep(b"one", b"two")
    with place.open() as opened:
        opened.change_passphrase(Passphrase("new"), kdf=TEST_ONLY)
    assert not place.previous.exists()
    assert place.body(Passphrase("new")) == b"two"


def test_create_overwrites_nothing(place: Place) -> None:
    place.keep(b"one", b"two")
    assert refusal_of(place.create).code is Code.VAULT_EXISTS
    place.path.unlink()
    assert refusal_of(place.create).code is Code.VAULT_EXISTS


def test_a_missing_file_and_a_missing_folder_are_reported_as_missing(place: Place) -> None:
    assert refusal_of(place.open).code is Code.VAULT_MISSING
    place.path.parent.mkdir(0o700)
    assert refusal_of(place.open).code is Code.VAULT_MISSING


def test_a_closed_file_gives_nothing_away(place: Place) -> None:
    created = place.create()
    created.close()
    with pytest.raises(ValueError, match="closed"):
        _ = created.body
    with pytest.raises(ValueError, match="closed"):
        created.save(b"two")


def test_the_master_key_of_an_open_file_opens_it_without_a_derivation(place: Place) -> None:
    with place.create(b"one", kdf=WEAKEST_ACCEPTED) as created:
        master_key = created.master_key
        created.save(b"two")
    with mock.patch("storage.sealed_header.derive_key", side_effect=AssertionError):
        assert place.body(master_key) == b"two"
    with place.open() as opened:
        opened.change_passphrase(Passphrase("new"), kdf=TEST_ONLY)
    assert place.body(master_key) == b"two"


def test_the_master_key_before_a_rekey_is_refused(place: Place) -> None:
    with place.create(b"one") as created:
        master_key = created.master_key
        created.rekey(passphrase=PASSPHRASE, kdf=TEST_ONLY)
        created.save(b"two")
        assert place.body(created.master_key) == b"two"
    assert refusal_of(lambda: place.open(master_key)).code is Code.VAULT_DAMAGED


def test_the_master_key_of_another_file_is_refused(place: Place, tmp_path: Path) -> None:
    place.keep(b"one", b"two")
    with Place(tmp_path / "other").create(b"one") as other:
        assert refusal_of(lambda: place.open(other.master_key)).code is Code.VAULT_DAMAGED
