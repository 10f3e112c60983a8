from datetime import timedelta
from pathlib import Path
from shutil import copytree

import pytest

from issuer.credential_type import TypeShelf
from protocol.codes import Code
from protocol.errors import MalformedError, RefusedError, UnavailableError
from storage.atomic_file import Folder
from tests.issuer.university import SCHEMAS


@pytest.fixture
def shelf(tmp_path: Path) -> TypeShelf:
    return TypeShelf(tmp_path / "types")


def test_added_type_is_issued_under_the_name_of_its_folder(shelf: TypeShelf) -> None:
    added = shelf.add(SCHEMAS / "degree", valid_days=1825)
    assert (added.name, added.definition.vct) == ("degree", "urn:tallystick:degree:1")
    assert added.validity == timedelta(days=1825)
    assert [issued.name for issued in shelf.all()] == ["degree"]
    assert shelf.has("degree")
    assert shelf.metadata_document("degree") == (SCHEMAS / "degree" / "type_metadata.json").read_bytes()


def test_type_that_is_added_again_takes_the_place_of_the_old_one(shelf: TypeShelf) -> None:
    shelf.add(SCHEMAS / "degree", valid_days=1)
    shelf.add(SCHEMAS / "degree", valid_days=2)
    assert [issued.validity.days for issued in shelf.all()] == [2]


@pytest.mark.parametrize(
    "name", ["", "passport", "../types/degree", "Degree", ".", "degree/", "x" * 300, "\0"]
)
def test_type_that_is_not_issued_is_unknown(shelf: TypeShelf, name: str) -> None:
    shelf.add(SCHEMAS / "degree", valid_days=1)
    assert not shelf.has(name)
    for look in (shelf.load, shelf.metadata_document):
        with pytest.raises(RefusedError) as refusal:
            look(name)
        assert refusal.value.code is Code.CREDENTIAL_TYPE_UNKNOWN


@pytest.mark.parametrize("name", ["Degree", "de gree", "1degree", "\x1b[2J", "degree-1"])
def test_folder_whose_name_cannot_name_a_type_is_refused(shelf: TypeShelf, tmp_path: Path, name: str) -> None:
    copytree(SCHEMAS / "degree", tmp_path / name)
    with pytest.raises(RefusedError) as refusal:
        shelf.add(tmp_path / name, valid_days=1)
    assert refusal.value.code is Code.TYPE_METADATA_INVALID
    assert shelf.all() == []


def test_type_that_refuses_its_own_example_is_not_added(shelf: TypeShelf, tmp_path: Path) -> None:
    copytree(SCHEMAS / "degree", tmp_path / "degree")
    (tmp_path / "degree" / "example.json").write_text("{}")
    with pytest.raises(RefusedError) as refusal:
        shelf.add(tmp_path / "degree", valid_days=1)
    assert refusal.value.code is Code.CLAIMS_INVALID
    assert not shelf.has("degree")


def test_type_with_a_file_missing_is_not_added(shelf: TypeShelf, tmp_path: Path) -> None:
    copytree(SCHEMAS / "degree", tmp_path / "degree")
    (tmp_path / "degree" / "claims.schema.json").unlink()
    with pytest.raises(RefusedError):
        shelf.add(tmp_path / "degree", valid_days=1)
    assert not shelf.has("degree")


def test_type_that_was_replaced_by_half_is_not_issued(
    shelf: TypeShelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.add(SCHEMAS / "degree", valid_days=1)
    replace, written = Folder.replace, list[str]()

    def replace_two_files(folder: Folder, name: str, data: bytes) -> None:
        if len(written) == 2:
            raise UnavailableError(Code.DISK_FULL)
        written.append(name)
        replace(folder, name, data)

    monkeypatch.setattr(Folder, "replace", replace_two_files)
    with pytest.raises(UnavailableError):
        shelf.add(SCHEMAS / "degree", valid_days=2)
    assert not shelf.has("degree")


def test_type_whose_files_were_damaged_is_not_issued(shelf: TypeShelf, tmp_path: Path) -> None:
    shelf.add(SCHEMAS / "degree", valid_days=1)
    (tmp_path / "types" / "degree" / "type_metadata.json").write_text("{")
    with pytest.raises(MalformedError):
        shelf.load("degree")
