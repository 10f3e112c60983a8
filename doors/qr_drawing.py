"""A QR code in characters, to be shown black on white with its border: readers refuse an inverted one."""

MAX_BYTES = 2953
"""What the largest code holds (version 40, level L)."""

_BLOCKS = " ▀▄█"


def qr_rows(text: str) -> list[str]:
    """The QR code of `text` in half blocks, two modules per character, with a border of two modules.

    `text` has at most `MAX_BYTES`.
    """
    modules = qr_modules(text)
    if len(modules) % 2:
        modules.append([False] * len(modules[0]))
    return [
        "".join(_BLOCKS[upper + 2 * lower] for upper, lower in zip(*pair, strict=True))
        for pair in zip(modules[::2], modules[1::2], strict=True)
    ]


def qr_modules(text: str) -> list[list[bool]]:
    """Which modules of the QR code of `text` are dark, row by row, with a border of two modules.

    `text` has at most `MAX_BYTES`.
    """
    import segno  # seldom needed

    return [list(map(bool, row)) for row in segno.make_qr(text, error="l").matrix_iter(border=2)]
