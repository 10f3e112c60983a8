"""The 24 words on their way between the wallet and a person: never in an argument, never scrolled back."""

import os
from contextlib import suppress
from pathlib import Path

from doors.prompts import PassphraseSource, ask, require_person
from doors.terminal import Terminal, bold, warning
from protocol.codes import Code
from protocol.errors import MalformedError, RefusedError
from storage.atomic_file import Folder, typed_disk_errors
from wallet.cli.access import unrecorded
from wallet.door.recording import recording_warnings
from wallet.door.wording import quoted
from wallet.phrase_entry import PhraseEntry
from wallet.recovery_phrase import parse_recovery_phrase

_COLUMN_WIDTH = 16
_ROWS = 6


def show_words(terminal: Terminal, words: str) -> None:
    """Show the words on the terminal's other screen until Enter is pressed."""
    numbered = [f"{number:>2} {word}".ljust(_COLUMN_WIDTH) for number, word in enumerate(words.split(), 1)]
    with unrecorded(terminal):
        terminal.note(bold("The recovery words of your wallet"))
        for text in recording_warnings(os.environ):
            terminal.note(warning("! "), text)
        terminal.note()
        for row in range(_ROWS):
            terminal.note("  ", *(f"{word}  " for word in numbered[row::_ROWS]))
        terminal.note()
        terminal.note(warning("! "), "Write them down on paper. Whoever has them has all your keys.")
        terminal.note(
            "  Nobody can give them to you again; `tally key words` shows them while you can unlock."
        )
        with suppress(RefusedError):
            ask(terminal, "Press Enter when you have them.", option="--reveal")


def read_words(terminal: Terminal, file: Path | None) -> bytes:
    """The entropy behind the words that a person types, or that are the first line of `file`.

    Raises:
        RefusedError: nobody can be asked, or others could read the file.
        MalformedError: not the 24 words of a phrase, in the file.
    """
    if file is not None:
        return parse_recovery_phrase(PassphraseSource(file, None).read(terminal))
    require_person(terminal, "--words-file")
    with unrecorded(terminal):
        return _type_words(terminal)


def _type_words(terminal: Terminal) -> bytes:
    terminal.note(bold("The 24 recovery words"))
    terminal.note("Type one, several or all of them on a line; each is looked up at once.")
    terminal.note("A number says which word follows: 7 width. Ctrl-C stops.")
    entry = PhraseEntry()
    while True:
        try:
            entry = entry.with_line(ask(terminal, _wanted(entry), option="--words-file"))
            if not entry.missing:
                return entry.entropy()
        except MalformedError as error:
            terminal.note(warning("! "), error.detail)
            continue
        for unknown in entry.unknown:
            meant = f" Is it {' or '.join(unknown.suggestions)}?" if unknown.suggestions else ""
            terminal.note(
                warning("! "), f"Word {unknown.number}, {quoted(unknown.typed)}, is not in the list.{meant}"
            )


def _wanted(entry: PhraseEntry) -> str:
    match entry.missing:
        case ():
            return "The number and the word that is another one:"
        case (first,):
            return f"Word {first}:"
        case (first, *_, last) if last - first + 1 == len(entry.missing):
            return f"Words {first} to {last}:"
        case numbers:
            return f"Words {', '.join(map(str, numbers))}:"


def require_new_file(file: Path) -> None:
    """Check that `file` can be made, before anybody types a passphrase.

    Raises:
        RefusedError: there is such a file, or no folder for it.
        UnavailableError: the disk's fault, or no file can be called that.
    """
    with typed_disk_errors(file.name):
        if file.exists():
            raise RefusedError(Code.VAULT_EXISTS, str(file))
    if not file.absolute().parent.is_dir():
        raise RefusedError(Code.USAGE_INVALID, "--words-file: there is no such folder")


def write_words(file: Path, words: str) -> None:
    """Write the words to a new file, mode 0600.

    Raises:
        RefusedError: there is a file of this name.
        UnavailableError: the disk's fault.
    """
    with Folder(file.absolute().parent, private=False) as folder:
        folder.create(file.name, f"{words}\n".encode())
