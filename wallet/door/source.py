"""What a person gives for a link: the link itself, or a file that has it as text or in a picture."""

from pathlib import Path

from protocol.codes import Code
from protocol.encoding.strict_json import decode_utf8
from protocol.errors import RefusedError
from wallet.door.qr_picture import MAX_BYTES as MAX_PICTURE_BYTES
from wallet.door.qr_picture import find_link

MAX_TEXT_BYTES = 256 * 1024
# What PNG, JPEG, GIF and WebP begin with.
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF")


def read_given(source: str) -> str:
    """The link or JSON that `source` is; else what the file at this path has, as text or as a QR code.

    Raises:
        RefusedError: too long, no link and no file that can be read, or what reads pictures is missing.
        MalformedError: not UTF-8, or no picture with one link in it.
    """
    text = source.strip()
    if "://" not in text and not text.startswith("{"):
        text = _read_file(Path(source))
    return require_length(text).strip()


def typed_path(typed: str) -> Path:
    """The path of a file as somebody typed it, with `~` for the home folder; there need not be such a file.

    Raises:
        RefusedError: PATH_INVALID, no file can be there.
    """
    try:
        path = Path(typed.strip()).expanduser()
        path.exists()  # raises where no file can be called that, or nobody may look
    except (OSError, RuntimeError) as error:
        raise RefusedError(Code.PATH_INVALID) from error
    if "\0" in typed:
        raise RefusedError(Code.PATH_INVALID)
    return path


def require_length(text: str) -> str:
    """`text`, unless it is longer than any link or offer.

    Raises:
        RefusedError: too long.
    """
    if len(text) > MAX_TEXT_BYTES:
        raise RefusedError(Code.SIZE_EXCEEDED, f"more than {MAX_TEXT_BYTES} bytes")
    return text


def _read_file(path: Path) -> str:
    try:
        with path.expanduser().open("rb") as stream:
            data = stream.read(MAX_PICTURE_BYTES + 1)
    except (OSError, ValueError, RuntimeError) as error:
        raise RefusedError(Code.LINK_INVALID) from error
    return find_link(data) if data.startswith(_PICTURES) else decode_utf8(data)
