"""What a person hands to a command: a link, a file or a picture with one, or the standard input."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from doors.clipboard import read_picture
from doors.terminal import Terminal
from protocol.codes import Code
from protocol.errors import MalformedError, RefusedError
from wallet.door.link import LinkKind, kind_of_link
from wallet.door.qr_picture import MAX_BYTES as MAX_PICTURE_BYTES
from wallet.door.qr_picture import find_link, read_picture_file
from wallet.door.source import MAX_TEXT_BYTES, read_given, require_length

_ELSEWHERE = {
    LinkKind.OFFER: "this is an offer; take it with `tally add`",
    LinkKind.REQUEST: "this is a request; answer it with `tally present`",
}

R = TypeVar("R")


def image_option(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command `--image`, as the argument `image`."""
    return click.option(
        "--image",
        metavar="FILE",
        help="Take the link from the QR code in this picture; - for stdin, clipboard for the copied one.",
    )(command)


def read_source(
    terminal: Terminal, source: str | None, *, image: str | None, kind: LinkKind | None
) -> str | None:
    """The text a person means: itself, when it is a link or JSON; what stdin gives for `-`; else what a file
    has. Or the link in the picture `image`. None when neither was given.

    `kind` is that of the links the command takes, None when it takes every one.

    Raises:
        RefusedError: both were given; too long or cut, no link and no file that can be read, a link for
            another command; no picture on the clipboard; or what reads pictures is not installed.
        MalformedError: not UTF-8, or no picture with one link in it.
    """
    if image is not None:
        if source is not None:
            raise RefusedError(Code.USAGE_INVALID, "a link and --image exclude each other")
        text = find_link(_read_picture(terminal, image))
    elif source is not None:
        text = _read_text(terminal, source)
    else:
        return None
    found = kind_of_link(text)
    if kind is not None and found is not None and found is not kind:
        raise RefusedError(Code.USAGE_INVALID, _ELSEWHERE[found])
    if found is LinkKind.REQUEST and "&" not in text:
        # A request has two parameters at least. A shell ends an argument without quotes at the &.
        raise RefusedError(Code.USAGE_INVALID, "the link is incomplete; put it in quotes")
    return text


def _read_text(terminal: Terminal, source: str) -> str:
    if source != "-":
        return read_given(source)
    try:
        return require_length(terminal.stdin.read(MAX_TEXT_BYTES + 1)).strip()
    except UnicodeDecodeError as error:
        raise MalformedError(Code.TEXT_INVALID) from error


def _read_picture(terminal: Terminal, image: str) -> bytes:
    if image == "-":
        return terminal.stdin.buffer.read(MAX_PICTURE_BYTES + 1)
    if image == "clipboard":
        return read_picture()
    return read_picture_file(Path(image))
