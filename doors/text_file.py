"""A file given to a command: read whole, once, and within bounds; or written, if it is new."""

import sys
from pathlib import Path

import click

from protocol.codes import Code
from protocol.encoding.strict_json import decode_utf8
from protocol.errors import MalformedError, RefusedError

MAX_BYTES = 1 << 20


class TextFile(click.ParamType[str]):
    """The type of an option whose argument is a file; its value is the text, at most 1 MiB of UTF-8.

    `-` stands for the standard input. A file that cannot be opened is wrong usage.
    """

    name = "file"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read the file `value`.

        Raises:
            MalformedError: too long, or not UTF-8; the detail names the file.
        """
        try:
            if value == "-":
                data = sys.stdin.buffer.read(MAX_BYTES + 1)
            else:
                with Path(value).open("rb") as file:
                    data = file.read(MAX_BYTES + 1)
        except OSError as error:
            self.fail(f"{value}: {error.strerror}", param, ctx)
        if len(data) > MAX_BYTES:
            raise MalformedError(Code.SIZE_EXCEEDED, value)
        try:
            return decode_utf8(data)
        except MalformedError as error:
            raise MalformedError(error.code, value) from error


def write_new_file(file: Path, text: str, *, option: str) -> None:
    """Write `text` to `file`, which must not be there yet. One that cannot be made is wrong use of `option`.

    Raises:
        RefusedError: there is something of that name.
    """
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError as error:
        raise RefusedError(Code.VAULT_EXISTS, str(file)) from error
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        raise click.BadParameter(f"{file}: {error.strerror}", param_hint=option) from error
