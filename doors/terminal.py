"""What a command says to a person, or with `--json` to a program.

Text from the other party is hostile until shown otherwise: an escape sequence can repaint the screen, a
bidirectional override can turn a name around, an invisible character can make two names look alike. So
everything a person sees goes through `safe_text`, and styles are added only behind it.
"""

import json
import os
import shutil
import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

from doors import plain_signs
from doors.folding import columns_of, cut, fold
from doors.qr_drawing import qr_rows
from protocol.codes import Code
from protocol.encoding.strict_json import JsonValue

MARK = "\N{REPLACEMENT CHARACTER}"
# Printable to Python, yet blank or invisible on a screen.
_INVISIBLE = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
    + "".join(map(chr, range(0xFE00, 0xFE10)))
    + "".join(map(chr, range(0xE0100, 0xE01F0)))
)

# More than any script in use puts on one letter; NFC has joined most of them with it already.
_MAX_PILED = 4


def safe_text(text: str, *, max_characters: int = 200) -> str:
    """`text` in one line that cannot act on a terminal, in NFC, cut with `…` after `max_characters`.

    Control characters (C0, C1, DEL, ESC), bidirectional controls, zero-width and other invisible
    characters, surrogates and unassigned code points become a visible mark (U+FFFD), and so do accents that
    have no letter to stand on, or too many of which are piled up on one; every kind of white space becomes a
    blank.
    """
    cut = len(text) > max_characters
    clean = _clean(text[:max_characters])
    return clean + "…" if cut else clean


def _clean(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    shown, piled = [], _MAX_PILED
    for character in unicodedata.normalize("NFC", text):
        is_accent = unicodedata.category(character) in ("Mn", "Me")
        # Text that begins with an accent would put it on ours in front.
        piled = piled + 1 if is_accent else _MAX_PILED if character.isspace() else 0
        shown.append(MARK if piled > _MAX_PILED else harmless(character))
    return "".join(shown)


def harmless(character: str) -> str:
    """`character`, or what stands for it because it is not simply to be seen."""
    if character.isprintable() and character not in _INVISIBLE:
        return character
    return " " if character.isspace() else MARK


@dataclass(frozen=True, slots=True)
class Styled:
    """A piece of text with the SGR parameters it is shown with where the terminal has colours.

    Attributes:
        folds: Whether a line with it may be folded.
    """

    text: str
    sgr: str
    folds: bool = True


def bold(text: str) -> Styled:
    """For what the eye should find first."""
    return Styled(text, "1")


def dim(text: str) -> Styled:
    """For what only some readers need."""
    return Styled(text, "2")


def verbatim(text: str) -> Styled:
    """For what is copied as it is, a key or a command: its line is never folded."""
    return Styled(text, "", folds=False)


def good(text: str) -> Styled:
    """For a check that passed; always beside a mark or a word, never the colour alone."""
    return Styled(text, "32")


def warning(text: str) -> Styled:
    """For what needs attention; always beside a mark or a word."""
    return Styled(text, "33")


def bad(text: str) -> Styled:
    """For a check that failed; always beside a mark or a word."""
    return Styled(text, "31")


@dataclass(frozen=True, slots=True)
class Terminal:
    """The output of one command: data on `stdout`, everything else on `stderr`.

    Attributes:
        json: Print one JSON document for a program instead of text for a person.
        interactive: Whether a person can be asked: both ends are a terminal, and neither `--json` nor
            `--no-input` was given.
        color: Whether styles are shown where a stream is a terminal.
        ascii: Whether our marks and quotes are shown in plain letters.
    """

    json: bool
    interactive: bool
    color: bool
    ascii: bool
    stdin: TextIO
    stdout: TextIO
    stderr: TextIO

    @classmethod
    def of_process(cls, *, json: bool, no_input: bool, ascii: bool) -> "Terminal":
        """The terminal of this process."""
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                # An old locale must cost a character, never the answer.
                stream.reconfigure(errors=plain_signs.HANDLER)
        plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
        return cls(
            json=json,
            interactive=not json and not no_input and sys.stdin.isatty() and sys.stderr.isatty(),
            color=not plain,
            ascii=ascii,
            stdin=sys.stdin,
            stdout=sys.stdout,
            stderr=sys.stderr,
        )

    @property
    def shows_screens(self) -> bool:
        """Whether a whole screen can be drawn, and nobody asked for plain lines (TALLY_ACCESSIBLE)."""
        is_plain = os.environ.get("TALLY_ACCESSIBLE") or os.environ.get("TERM", "dumb") == "dumb"
        return self.interactive and self.stdout.isatty() and not is_plain

    def say(self, *parts: str | Styled) -> None:
        """Print one line of the answer for a person; nothing with `--json`.

        In a window that is too narrow it goes on below, as far in as its last column begins: a stranger's
        words never begin where ours do.
        """
        if not self.json:
            self.stdout.write(self._lines(parts, self.stdout))

    def note(self, *parts: str | Styled) -> None:
        """Print one line beside the answer (progress, advice) on `stderr`; nothing with `--json`."""
        if not self.json:
            self.stderr.write(self._lines(parts, self.stderr))
            self.stderr.flush()

    def question(self, text: str) -> None:
        """Print a question on `stderr`; what is typed stands behind it."""
        self.stderr.write(self._lines((text,), self.stderr).removesuffix("\n") + " ")
        self.stderr.flush()

    def document(self, value: Mapping[str, JsonValue] | list[JsonValue]) -> None:
        """Print the answer for a program, once per command; nothing without `--json`.

        It is one line of ASCII: what JSON lets through raw (DEL, C1, bidirectional controls) is escaped, so
        that it cannot act on a terminal either.
        """
        if self.json:
            self.stdout.write(_ascii_json(value) + "\n")
            self.stdout.flush()

    def error(self, code: Code, message: str, hint: str) -> None:
        """Print why the command failed: what happened, what to do, and the code."""
        if self.json:
            error: JsonValue = {"code": code.value, "message": message, "hint": hint}
            self.stderr.write(_ascii_json({"error": error}) + "\n")
        else:
            for line in (bad("✗ "), message), (hint,), (dim(code.value),):
                self.stderr.write(self._lines(line, self.stderr))
        self.stderr.flush()

    def qr_code(self, text: str) -> bool:
        """Draw `text`, a link, as a QR code; whether it was drawn. In a window too small for it, say so.

        Black on white with a border whatever the theme: many readers refuse an inverted code. The two
        colours are the message here, so NO_COLOR does not take them away.
        """
        if self.json or not self.stdout.isatty() or os.environ.get("TERM") == "dumb":
            return False
        if not self.stdout.encoding.lower().startswith("utf"):
            return False
        rows = qr_rows(text)
        window = shutil.get_terminal_size()
        # Below it there must be room for a line of text and the prompt.
        if len(rows[0]) > window.columns or len(rows) + 2 > window.lines:
            self.note("Make the window larger for a QR code, or use the link.")
            return False
        for row in rows:
            self.stdout.write(f"\x1b[38;5;16;48;5;231m{row}\x1b[0m\n")
        return True

    def _lines(self, parts: tuple[str | Styled, ...], stream: TextIO) -> str:
        texts = [_clean(part if isinstance(part, str) else part.text) for part in parts]
        if self.ascii:
            texts = [plain_signs.plainly(text) for text in texts]
        if not stream.isatty():
            return "".join(texts) + "\n"
        styles = [None if isinstance(part, str) or not self.color else part.sgr for part in parts]
        folds = all(isinstance(part, str) or part.folds for part in parts)
        return "".join(
            " " * margin + cut(texts, styles, begin, end) + "\n"
            for margin, begin, end in fold("".join(texts), columns_of(stream) if folds else 0)
        )


def _ascii_json(value: Mapping[str, JsonValue] | list[JsonValue]) -> str:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
