"""Asking a person, where there is one to ask.

Without a terminal, with `--json` and with `--no-input` nothing is ever asked: the command fails and names
the option that would have answered. A passphrase comes from a hidden prompt, a file or an open file
descriptor; never from an argument or the value of an environment variable, which other processes can read.
"""

import functools
import getpass
import os
import resource
import stat
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click

from doors.terminal import Terminal, warning
from protocol.codes import Code
from protocol.encoding.strict_json import decode_utf8
from protocol.errors import MalformedError, RefusedError

PASSPHRASE_FILE_VARIABLE = "TALLY_PASSPHRASE_FILE"  # noqa: S105 (the name of a variable)
"""Names the file that `--passphrase-file` would."""
MAX_PASSPHRASE_BYTES = 1024
MIN_NEW_CHARACTERS = 8
"""The least a new passphrase has (NIST SP 800-63B); what it is made of is nobody's business."""
_TRIES = 3
_MISTYPED = (Code.INPUT_REQUIRED, Code.PASSPHRASE_TOO_SHORT, Code.PASSPHRASE_UNREPEATED)

R = TypeVar("R")


def ask(terminal: Terminal, question: str, *, option: str) -> str:
    """The line a person answers `question` with, without blanks around it.

    `option` is what a script gives instead, for example `--tx-code`.

    Raises:
        RefusedError: nobody can be asked (INPUT_REQUIRED), or the input was closed (DECLINED).
    """
    require_person(terminal, option)
    terminal.question(question)
    line = terminal.stdin.readline()
    if not line:
        terminal.stderr.write("\n")
        raise RefusedError(Code.DECLINED)
    return line.strip()


def confirm(terminal: Terminal, question: str, *, option: str = "--yes") -> None:
    """Ask `question` and go on only after y or yes; everything else, and Enter alone, is a no.

    Raises:
        RefusedError: nobody can be asked (INPUT_REQUIRED), or the answer was not yes (DECLINED).
    """
    if ask(terminal, f"{question} [y/N]", option=option).lower() not in ("y", "yes"):
        raise RefusedError(Code.DECLINED)


def confirm_by_typing(terminal: Terminal, question: str, expected: str, *, option: str = "--yes") -> None:
    """Ask `question` about something that cannot be undone, and go on only after `expected` was typed.

    Raises:
        RefusedError: nobody can be asked (INPUT_REQUIRED), or something else was typed (DECLINED).
    """
    require_person(terminal, option)
    terminal.note(question)
    if ask(terminal, f"Type {expected} to go on:", option=option) != expected:
        raise RefusedError(Code.DECLINED)


def require_person(terminal: Terminal, option: str) -> None:
    """Check that a person can be asked; `option` is what a script gives instead.

    Raises:
        RefusedError: nobody can be asked (INPUT_REQUIRED).
    """
    if not terminal.interactive:
        raise RefusedError(Code.INPUT_REQUIRED, f"nobody can be asked here: give {option}")


@dataclass(frozen=True, slots=True)
class PassphraseSource:
    """Where the passphrase of this command comes from: a file, a descriptor, or else a hidden prompt."""

    file: Path | None
    descriptor: int | None

    def read(self, terminal: Terminal) -> str:
        """The passphrase, never empty.

        Of a file or descriptor the first line counts, without its line end.

        Raises:
            RefusedError: nobody can be asked, the answer is empty, or others could read the file.
            MalformedError: longer than 1024 bytes, or not UTF-8.
        """
        return self._read(terminal, "Passphrase:")

    def read_new(self, terminal: Terminal) -> str:
        """A passphrase for something new, long enough; a person types it twice, and has three tries in all.

        Raises:
            RefusedError: as `read`; too short, or not repeated alike.
            MalformedError: as `read`.
        """
        if self.is_prompt:
            require_person(terminal, "--passphrase-file")
        for _ in range(_TRIES - 1 if self.is_prompt else 0):
            try:
                return self._read_new(terminal)
            except RefusedError as error:
                if error.code not in _MISTYPED:
                    raise
                terminal.note(warning("! "), str(error))
        return self._read_new(terminal)

    def _read_new(self, terminal: Terminal) -> str:
        passphrase = self._read(terminal, "New passphrase:")
        require_long_enough(passphrase)
        if self.is_prompt and _ask_hidden("The same again:") != passphrase:
            raise RefusedError(Code.PASSPHRASE_UNREPEATED)
        return passphrase

    def unlock(self, terminal: Terminal, open_with: Callable[[str], R]) -> R:
        """What `open_with` opens with the passphrase; a person who mistypes it is asked three times in all.

        Raises:
            RefusedError: as `read`; the passphrase is wrong; or what else `open_with` raises.
            MalformedError: as `read`.
        """
        for _ in range(_TRIES - 1 if self.is_prompt else 0):
            try:
                return open_with(self.read(terminal))
            except RefusedError as error:
                if error.code is not Code.PASSPHRASE_WRONG:
                    raise
                terminal.note(warning("! "), str(error))
        return open_with(self.read(terminal))

    @property
    def is_prompt(self) -> bool:
        """Whether a person is asked for it."""
        return self.file is None and self.descriptor is None

    def _read(self, terminal: Terminal, question: str) -> str:
        if self.file is not None:
            passphrase = _first_line(_read_private(self.file))
        elif self.descriptor is not None:
            passphrase = _first_line(_read_descriptor(self.descriptor))
        else:
            require_person(terminal, "--passphrase-file")
            passphrase = _ask_hidden(question)
        if not passphrase:
            raise RefusedError(Code.INPUT_REQUIRED, "the passphrase is empty")
        return passphrase


def require_long_enough(passphrase: str) -> None:
    """Check that a new passphrase has enough characters; nothing else about it is a rule.

    Raises:
        RefusedError: it has not.
    """
    # As it will be used: NFKC makes one character of several.
    if len(unicodedata.normalize("NFKC", passphrase)) < MIN_NEW_CHARACTERS:
        raise RefusedError(Code.PASSPHRASE_TOO_SHORT)


def passphrase_options(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command `--passphrase-file` and `--passphrase-fd`, as the argument `passphrase`.

    What has a passphrase comes to have keys: when it crashes, it leaves no image of its memory behind.
    """

    @click.option(
        "--passphrase-file",
        type=click.Path(path_type=Path),
        envvar=PASSPHRASE_FILE_VARIABLE,
        help="Read the passphrase from the first line of this file (yours alone: mode 0600).",
    )
    @click.option(
        "--passphrase-fd",
        type=click.IntRange(0, 65_535),
        help="Read the passphrase from this open file descriptor.",
    )
    @functools.wraps(command)
    def with_passphrase(
        *args: object, passphrase_file: Path | None, passphrase_fd: int | None, **kwargs: object
    ) -> R:
        leave_no_image()
        # A descriptor is given by hand for this one command; the file may come from the environment.
        file = passphrase_file if passphrase_fd is None else None
        return command(*args, passphrase=PassphraseSource(file, passphrase_fd), **kwargs)

    return with_passphrase


def leave_no_image() -> None:
    """Let this process leave no image of its memory behind when it crashes: it is about to have keys."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _ask_hidden(question: str) -> str:
    try:
        return getpass.getpass(f"{question} ")
    except EOFError as error:
        raise RefusedError(Code.DECLINED) from error


def _read_private(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            state = os.fstat(stream.fileno())
            # A pipe (`--passphrase-file <(…)`) has no readers but us; a file may have.
            if stat.S_ISREG(state.st_mode) and state.st_mode & 0o077:
                raise RefusedError(Code.VAULT_PERMISSIONS, "--passphrase-file")
            return stream.read(MAX_PASSPHRASE_BYTES + 2)
    except OSError as error:
        raise RefusedError(Code.INPUT_REQUIRED, "--passphrase-file cannot be read") from error


def _read_descriptor(descriptor: int) -> bytes:
    try:
        with os.fdopen(descriptor, "rb") as stream:
            return stream.read(MAX_PASSPHRASE_BYTES + 2)
    except OSError as error:
        raise RefusedError(Code.INPUT_REQUIRED, "--passphrase-fd is not open for reading") from error


def _first_line(data: bytes) -> str:
    line = data.split(b"\n", 1)[0].removesuffix(b"\r")
    if len(line) > MAX_PASSPHRASE_BYTES:
        raise MalformedError(Code.SIZE_EXCEEDED, f"a passphrase has at most {MAX_PASSPHRASE_BYTES} bytes")
    return decode_utf8(line)
