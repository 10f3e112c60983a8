"""The link in a picture of a QR code: a photo, a file, a screenshot of one that a terminal drew.

The reader (zxing-cpp) and the decoder of pictures (Pillow) are an extra. They parse what strangers made, so
they get few formats, few bytes and few pixels, and whatever goes wrong in them is one typed error.
"""

import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from protocol.codes import Code
from protocol.errors import MalformedError, RefusedError
from wallet.door.link import kind_of_link

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
MAX_BYTES = 20 * 1024 * 1024
MAX_PIXELS = 50_000_000
"""What the camera of a telephone takes."""


def read_picture_file(path: Path) -> bytes:
    """The bytes of a picture, not looked at.

    Raises:
        RefusedError: it cannot be read.
        MalformedError: too large.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise RefusedError(Code.USAGE_INVALID, "there is no such picture that can be read") from error
    return require_picture_size(data)


def require_picture_size(data: bytes) -> bytes:
    """`data`, unless it has more bytes than a picture may have.

    Raises:
        MalformedError: too large.
    """
    if len(data) > MAX_BYTES:
        raise MalformedError(Code.SIZE_EXCEEDED, f"a picture of more than {MAX_BYTES // 2**20} MiB")
    return data


def find_link(data: bytes) -> str:
    """The one link for the wallet among the QR codes of a picture (PNG, JPEG, WebP, GIF: its first frame).

    What the link leads to is not looked at.

    Raises:
        RefusedError: what reads pictures is not installed.
        MalformedError: too many bytes or pixels, no such picture, or not exactly one such link in it.
    """
    require_picture_size(data)
    seen = False
    for texts in _read_codes(_decode(data)):
        links = {text.strip() for text in texts if kind_of_link(text) is not None}
        if len(links) > 1:
            raise MalformedError(Code.QR_CODE_MISSING, "there are several in it, and they differ")
        if links:
            return links.pop()
        seen = seen or bool(texts)
    if seen:
        raise MalformedError(Code.QR_CODE_MISSING, "the QR code in it is for something else")
    raise MalformedError(Code.QR_CODE_MISSING, "no QR code was found")


def _decode(data: bytes) -> "Image":
    """The picture in shades of grey; where it is transparent, it lies on white."""
    try:
        from PIL import Image
    except ImportError as error:
        raise RefusedError(Code.QR_READER_MISSING) from error
    try:
        with warnings.catch_warnings():
            # Pillow only warns of a picture that is small in bytes and huge in pixels.
            warnings.simplefilter("error")
            with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    raise MalformedError(Code.SIZE_EXCEEDED, f"more than {MAX_PIXELS:,} pixels")
                if not picture.has_transparency_data:
                    return picture.convert("L")
                layers = picture.convert("RGBA")
                paper = Image.new("L", picture.size, "white")
                paper.paste(layers.convert("L"), mask=layers.getchannel("A"))
                return paper
    except MalformedError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise MalformedError(Code.SIZE_EXCEEDED, f"more than {MAX_PIXELS:,} pixels") from error
    except Exception as error:  # its decoders raise whatever they stumble upon
        raise MalformedError(Code.PICTURE_INVALID) from error


def _read_codes(picture: "Image") -> Iterator[list[str]]:
    """The texts of all QR codes in the picture, once for each way to look at it.

    Many terminals leave a gap between lines, and what shows there cuts through a code that was drawn with
    blocks. Blurred it is whole again; how much blur is right depends on the size of the letters.
    """
    try:
        import zxingcpp
    except ImportError as error:
        raise RefusedError(Code.QR_READER_MISSING) from error
    from PIL.ImageFilter import BoxBlur, GaussianBlur

    kinds = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    local, whole = zxingcpp.Binarizer.LocalAverage, zxingcpp.Binarizer.GlobalHistogram
    for scale, blur, binarizer in (
        (1, None, local),
        (1, BoxBlur(2), whole),
        (1, GaussianBlur(3), whole),
        (1, BoxBlur(2), local),
        (2, BoxBlur(2), whole),
        (2, GaussianBlur(3), whole),
    ):
        smaller = picture.reduce(scale)
        look = smaller if blur is None else smaller.filter(blur)
        codes = zxingcpp.read_barcodes(look, formats=kinds, binarizer=binarizer)
        yield [code.text for code in codes]
