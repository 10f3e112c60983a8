"""What a person hands to a command: a link, a file with one, or the standard input."""

from pathlib import Path

from doors.terminal import Terminal
from protocol.codes import Code
from protocol.encoding.strict_json import decode_utf8
from protocol.errors import MalformedError, RefusedError
from protocol.openid4vci.offer import SCHEME as OFFER
from protocol.openid4vp.invocation import SCHEME as REQUEST

_MAX_BYTES = 256 * 1024
_ELSEWHERE = {
    OFFER: "this is an offer; take it with `tally add`",
    REQUEST: "this is a request; answer it with `tally present`",
}


def read_source(terminal: Terminal, source: str, *, scheme: str) -> str:
    """The text a person means: itself, when it is a link or JSON; what stdin gives for `-`; else of a file.

    `scheme` is that of the links the command takes.

    Raises:
        RefusedError: too long or cut, no link and no file that can be read, or a link for another command.
        MalformedError: not UTF-8.
    """
    if source == "-":
        try:
            text = terminal.stdin.read(_MAX_BYTES + 1)
        except UnicodeDecodeError as error:
            raise MalformedError(Code.TEXT_INVALID) from error
    elif "://" in source or source.lstrip().startswith("{"):
        text = source
    else:
        try:
            with Path(source).open("rb") as stream:
                text = decode_utf8(stream.read(_MAX_BYTES + 1))
        except (OSError, ValueError) as error:
            raise RefusedError(Code.USAGE_INVALID, "neither a link nor a file that can be read") from error
    if len(text) > _MAX_BYTES:
        raise RefusedError(Code.SIZE_EXCEEDED, f"more than {_MAX_BYTES} bytes")
    text = text.strip()
    found = text.partition(":")[0].lower()
    if found != scheme and found in _ELSEWHERE:
        raise RefusedError(Code.USAGE_INVALID, _ELSEWHERE[found])
    if found == REQUEST and "&" not in text:
        # A request has two parameters at least. A shell ends an argument without quotes at the &.
        raise RefusedError(Code.USAGE_INVALID, "the link is incomplete; put it in quotes")
    return text
