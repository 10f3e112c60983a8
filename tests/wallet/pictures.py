"""Pictures of QR codes, as files hold them and as terminals draw them."""

import io
from dataclasses import dataclass

import segno
from PIL import Image, ImageDraw

INK, PAPER = (0, 0, 0), (255, 255, 255)
DARK, LIGHT = (24, 24, 32), (252, 250, 240)
_INK_ON = {DARK: (230, 230, 230), LIGHT: (20, 20, 20)}

Color = tuple[int, int, int]


def encoded(picture: Image.Image, kind: str = "PNG") -> bytes:
    """The bytes of a picture in a file."""
    stream = io.BytesIO()
    picture.save(stream, kind)
    return stream.getvalue()


def modules(text: str, *, border: int) -> list[list[bool]]:
    return [
        [bool(module) for module in row] for row in segno.make_qr(text, error="l").matrix_iter(border=border)
    ]


def printed(
    text: str, *, border: int = 4, size: int = 4, ink: Color = INK, paper: Color = PAPER
) -> Image.Image:
    """A QR code as a web page shows it, on a larger white sheet."""
    rows = modules(text, border=border)
    side = len(rows) * size
    picture = Image.new("RGB", (side, side), paper)
    draw = ImageDraw.Draw(picture)
    for y, row in enumerate(rows):
        for x, dark in enumerate(row):
            if dark:
                draw.rectangle((x * size, y * size, (x + 1) * size - 1, (y + 1) * size - 1), ink)
    return picture


@dataclass(frozen=True)
class Window:
    """A terminal of `columns` by `lines` cells of `cell` pixels; the blocks leave out the last `gap` rows
    of each cell. `colored` is whether the program draws black on white, or in the colours of the theme.
    """

    theme: Color = DARK
    cell: tuple[int, int] = (8, 16)
    gap: int = 0
    colored: bool = True
    scale: float = 1.0
    columns: int = 80
    lines: int = 32

    def screenshot(self, text: str, *, border: int = 2) -> Image.Image:
        """A picture of the window with a QR code in half blocks."""
        width, height = self.cell
        picture = Image.new("RGB", (self.columns * width, self.lines * height), self.theme)
        draw = ImageDraw.Draw(picture)
        for y, row in enumerate(modules(text, border=border)):
            top = (y // 2 + 2) * height + (y % 2) * (height // 2)
            rows = height // 2 if y % 2 == 0 else height - height // 2 - self.gap
            for x, dark in enumerate(row):
                left = (x + 2) * width
                draw.rectangle((left, top, left + width - 1, top + rows - 1), self._color(dark))
        wide, high = round(picture.width * self.scale), round(picture.height * self.scale)
        return picture.resize((wide, high), Image.Resampling.LANCZOS)

    def _color(self, dark: bool) -> Color:
        if self.colored:
            return INK if dark else PAPER
        # A full block is written with the ink of the theme: on a dark one the code comes out inverted.
        return _INK_ON[self.theme] if dark else self.theme
