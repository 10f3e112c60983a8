from pathlib import Path

import pytest

from protocol.codes import Code
from protocol.errors import RefusedError, TallyError
from tests.wallet.pictures import encoded, printed
from wallet.door.source import MAX_TEXT_BYTES, read_given, typed_path

LINK = "openid-credential-offer://?credential_offer_uri=https%3A%2F%2Fissuer.example%2Fo"


@pytest.mark.parametrize("given", [LINK, f"  {LINK}\n", '{"credential_issuer": "https://issuer.example"}'])
def test_link_or_json_is_taken_as_it_is(given: str) -> None:
    assert read_given(given) == given.strip()


def test_file_gives_the_text_in_it(tmp_path: Path) -> None:
    file = tmp_path / "offer.txt"
    file.write_text(f"{LINK}\n")
    assert read_given(str(file)) == LINK


def test_file_of_the_home_is_found_by_its_short_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "offer.txt").write_text(LINK)
    assert read_given("~/offer.txt") == LINK


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_picture_gives_the_link_of_its_qr_code(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "picture"
    file.write_bytes(encoded(printed(LINK), kind))
    assert read_given(str(file)) == LINK


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (None, Code.LINK_INVALID),
        (b"\xfe\xfe", Code.TEXT_INVALID),
        (b"x" * (MAX_TEXT_BYTES + 1), Code.SIZE_EXCEEDED),
        (b"\x89PNG and no more", Code.PICTURE_INVALID),
    ],
)
def test_file_that_gives_no_text_is_refused(tmp_path: Path, data: bytes | None, code: Code) -> None:
    file = tmp_path / "offer"
    if data is not None:
        file.write_bytes(data)
    with pytest.raises(TallyError) as refused:
        read_given(str(file))
    assert refused.value.code is code


@pytest.mark.parametrize("given", ["garbage", "/", ".", "", "zero\0byte", "x" * 5000])
def test_what_is_neither_a_link_nor_a_file_is_refused(given: str) -> None:
    with pytest.raises(RefusedError) as refused:
        read_given(given)
    assert (refused.value.code, refused.value.detail) == (Code.LINK_INVALID, "")


def test_path_is_taken_as_it_was_typed_and_need_not_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert typed_path(" ~/a backup ") == tmp_path / "a backup"
    assert typed_path(f"{tmp_path}/x\udc80") == tmp_path / "x\udc80"


@pytest.mark.parametrize("typed", ["x" * 300, "~nobody-of-this-name/x", "x\0y"])
def test_path_where_no_file_can_be_is_refused(typed: str) -> None:
    with pytest.raises(RefusedError) as refused:
        typed_path(typed)
    assert refused.value.code is Code.PATH_INVALID
