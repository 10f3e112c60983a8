import builtins
import struct
import zlib
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from doors.exit_code import ExitCode
from protocol.codes import Code
from protocol.errors import MalformedError, RefusedError, TallyError
from tests.wallet.holder import Holder
from tests.wallet.parties import Outside, signed
from tests.wallet.pictures import DARK, INK, LIGHT, PAPER, Window, encoded, printed
from wallet.door.link import LinkKind, kind_of_link
from wallet.door.qr_picture import MAX_BYTES, find_link, read_picture_file

REQUEST = "openid4vp://?client_id=x&request_uri=https%3A%2F%2Fverifier.example%2Fr%2FG-wqagNfgbCV13pSSUKung"
OFFER = "openid-credential-offer://?credential_offer_uri=https%3A%2F%2Fissuer.example%2Fo%2F1"
PLAIN = encoded(printed(REQUEST))


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is huge."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_link_is_read_from_every_format(kind: str) -> None:
    assert find_link(encoded(printed(REQUEST), kind)) == REQUEST


@pytest.mark.parametrize(
    "picture",
    [
        pytest.param(printed(REQUEST, border=1), id="a small border"),
        pytest.param(printed(REQUEST, ink=PAPER, paper=INK), id="inverted, as on a dark page"),
        pytest.param(printed(REQUEST, ink=(60, 60, 90), paper=(200, 210, 220)), id="pale"),
        pytest.param(printed(REQUEST).rotate(90), id="turned"),
        pytest.param(printed(REQUEST, size=9).rotate(8, expand=True, fillcolor=PAPER), id="tilted"),
        pytest.param(printed(REQUEST).convert("1"), id="black and white"),
        pytest.param(printed(REQUEST).convert("P"), id="with a palette"),
    ],
)
def test_link_is_read_from_a_code_as_pages_show_it(picture: Image.Image) -> None:
    assert find_link(encoded(picture)) == REQUEST


def test_link_is_read_from_a_code_on_nothing() -> None:
    picture = printed(REQUEST).convert("RGBA")
    picture.putalpha(printed(REQUEST).convert("L").point(lambda shade: 255 - shade))
    assert find_link(encoded(picture)) == REQUEST


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
@pytest.mark.parametrize("colored", [True, False], ids=["black-on-white", "in-the-theme"])
@pytest.mark.parametrize(
    "window",
    [
        {},
        {"gap": 1},
        {"gap": 2, "cell": (9, 20)},
        {"gap": 3, "cell": (10, 22)},
        {"cell": (7, 15)},
        {"scale": 2.0, "gap": 1},
        {"scale": 2.0, "gap": 3, "cell": (10, 22)},
        {"scale": 0.75},
        {"scale": 1.5, "gap": 1},
    ],
    ids=lambda window: ",".join(f"{name}={value}" for name, value in window.items()) or "plain",
)
def test_link_is_read_from_a_screenshot_of_half_blocks(
    theme: Any, colored: bool, window: dict[str, Any]
) -> None:
    picture = Window(theme=theme, colored=colored, **window).screenshot(REQUEST)
    assert find_link(encoded(picture)) == REQUEST


def side_by_side(*texts: str) -> bytes:
    pictures = [printed(text) for text in texts]
    sheet = Image.new(
        "RGB", (sum(each.width for each in pictures), max(each.height for each in pictures)), PAPER
    )
    left = 0
    for picture in pictures:
        sheet.paste(picture, (left, 0))
        left += picture.width
    return encoded(sheet)


def test_link_is_found_beside_codes_for_others_and_beside_itself() -> None:
    assert find_link(side_by_side("https://example.com", OFFER, "WIFI:S:guest;;")) == OFFER
    assert find_link(side_by_side(OFFER, OFFER)) == OFFER


@pytest.mark.parametrize(
    ("data", "code", "detail"),
    [
        (side_by_side(OFFER, REQUEST), Code.QR_CODE_MISSING, "several"),
        (encoded(printed("https://example.com")), Code.QR_CODE_MISSING, "something else"),
        (encoded(Image.new("RGB", (200, 200), PAPER)), Code.QR_CODE_MISSING, "no QR code"),
        (encoded(Image.new("RGB", (1, 1), PAPER)), Code.QR_CODE_MISSING, "no QR code"),
        (encoded(printed(REQUEST), "BMP"), Code.PICTURE_INVALID, ""),
        (b"", Code.PICTURE_INVALID, ""),
        (REQUEST.encode(), Code.PICTURE_INVALID, ""),
        (PLAIN[: len(PLAIN) // 2], Code.PICTURE_INVALID, ""),
        (bomb(8_000, 8_000), Code.SIZE_EXCEEDED, "50,000,000 pixels"),
        (bomb(10_000, 10_000), Code.SIZE_EXCEEDED, "50,000,000 pixels"),
        (bomb(1_000_000, 1_000_000), Code.SIZE_EXCEEDED, "50,000,000 pixels"),
        (bytes(MAX_BYTES + 1), Code.SIZE_EXCEEDED, "20 MiB"),
    ],
    ids=[
        "two links", "another code", "empty sheet", "one pixel", "another format", "nothing", "text", "half",
        "too large", "warned of", "bomb", "too long",
    ],
)  # fmt: skip
def test_picture_without_one_link_is_refused(data: bytes, code: Code, detail: str) -> None:
    with pytest.raises(MalformedError) as refusal:
        find_link(data)
    assert refusal.value.code is code
    assert detail in refusal.value.detail


def attempt(data: bytes) -> None:
    try:
        found: str | Code = find_link(data)
    except TallyError as error:
        found = error.code
    assert found in (REQUEST, Code.PICTURE_INVALID, Code.QR_CODE_MISSING, Code.SIZE_EXCEEDED)


SMALL = {kind: encoded(printed(REQUEST, size=2), kind) for kind in ("PNG", "JPEG", "WEBP", "GIF")}


def damage(whole: bytes, data: st.DataObject) -> bytes:
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(damaged))) if data.draw(st.booleans()) else len(damaged)
    return bytes(damaged[:end])


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(SMALL)), st.data())
def test_damaged_picture_gives_the_link_or_a_typed_error(kind: str, data: st.DataObject) -> None:
    attempt(damage(SMALL[kind], data))


@settings(max_examples=40, deadline=None)
@given(
    st.binary(max_size=300), st.sampled_from([b"IHDR", b"PLTE", b"tRNS", b"iCCP", b"zTXt", b"eXIf", b"acTL"])
)
def test_hostile_part_of_a_picture_gives_the_link_or_a_typed_error(content: bytes, kind: bytes) -> None:
    head = 8 + 12 + 13
    attempt(SMALL["PNG"][:head] + chunk(kind, content) + SMALL["PNG"][head:])


@pytest.mark.stress
@settings(max_examples=10_000, deadline=None)
@given(st.sampled_from(sorted(SMALL)), st.data())
def test_any_of_thousands_of_damaged_pictures_gives_the_link_or_a_typed_error(
    kind: str, data: st.DataObject
) -> None:
    attempt(damage(SMALL[kind], data))


@pytest.mark.parametrize("missing", ["PIL", "zxingcpp"])
def test_reader_that_is_not_installed_is_named_with_the_remedy(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported = builtins.__import__

    def without(name: str, *arguments: Any, **more: Any) -> Any:
        if name == missing:
            raise ModuleNotFoundError(name)
        return imported(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(RefusedError) as refusal:
        find_link(PLAIN)
    assert refusal.value.code is Code.QR_READER_MISSING
    assert "tallystick[scan]" in refusal.value.code.remedy


def test_picture_that_cannot_be_read_or_is_too_long_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.png", tmp_path, Path("nul\0.png")):
        with pytest.raises(RefusedError) as refusal:
            read_picture_file(path)
        assert refusal.value.code is Code.USAGE_INVALID
    (tmp_path / "long.png").write_bytes(bytes(MAX_BYTES + 1))
    with pytest.raises(MalformedError) as too_long:
        read_picture_file(tmp_path / "long.png")
    assert too_long.value.code is Code.SIZE_EXCEEDED


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (REQUEST, LinkKind.REQUEST),
        (f"  {OFFER}\n", LinkKind.OFFER),
        ("OPENID4VP://?x=y", LinkKind.REQUEST),
        ('{"credential_issuer": "https://issuer.example"}', LinkKind.OFFER),
        ("https://example.com", None),
        ("openid4vp", LinkKind.REQUEST),
        ("", None),
    ],
)
def test_kind_of_a_link_is_told_by_its_scheme(text: str, kind: LinkKind | None) -> None:
    assert kind_of_link(text) is kind


def test_offer_in_a_picture_is_taken_and_a_request_answered(holder: Holder, tmp_path: Path) -> None:
    offer, request = tmp_path / "offer.png", tmp_path / "request.png"
    offer.write_bytes(encoded(printed(holder.outside.offer(), size=3)))
    request.write_bytes(encoded(printed(signed(), size=3)))
    assert holder.run("add", "--image", str(offer), "--yes", "--json").json["added"]
    assert holder.run("present", "--image", str(request), "--yes", "--json").json["outcome"] == "presented"


def test_picture_comes_on_stdin(holder: Holder) -> None:
    data = encoded(printed(Outside().offer(), size=3))
    assert holder.run("add", "--image", "-", "--yes", stdin=data).status == 0


def test_picture_comes_from_the_clipboard(holder: Holder) -> None:
    data = encoded(printed(Outside().offer(), size=3))
    with mock.patch("wallet.cli.source.read_picture", return_value=data):
        assert holder.run("add", "--image", "clipboard", "--yes").status == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("add", "--image", "{request}"), "this is a request; answer it with `tally present`"),
        (("present", "--image", "{offer}"), "this is an offer; take it with `tally add`"),
        (("present", REQUEST, "--image", "{offer}"), "exclude each other"),
        (("present",), "a REQUEST is needed, or --image"),
        (("present", "--image", "nothing.png"), "no such picture"),
    ],
)
def test_wrong_use_of_a_picture_says_what_is_wrong(
    holder: Holder, tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    places = {}
    for name, link in (("offer", OFFER), ("request", REQUEST)):
        places[name] = tmp_path / f"{name}.png"
        places[name].write_bytes(encoded(printed(link)))
    ended = holder.run(*(argument.format(**places) for argument in arguments))
    assert ended.status == ExitCode.USAGE
    assert told in ended.stderr
