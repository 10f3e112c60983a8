import io
import os
import unicodedata
from unittest import mock

import pytest
import segno
from hypothesis import example, given
from hypothesis import strategies as st

from doors.terminal import MARK, Styled, Terminal, bold, good, safe_text, verbatim
from tests.processes import converse, run_module

SAMPLE = "tests.doors.sample_command"
QR_TEXT = "openid4vp://?request_uri=https://verifier.localhost/r/1"


@pytest.mark.parametrize(
    "hostile",
    [
        *map(chr, [0x00, 0x07, 0x08, 0x1B, 0x7F, 0x80, 0x9B, 0x9D]),  # C0, DEL, C1
        *map(chr, [*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C]),  # bidirectional
        *map(chr, [0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x00AD, 0x180E]),  # zero-width
        *map(chr, [0x034F, 0x115F, 0x3164, 0xFFA0, 0x2800, 0xFE0F, 0xE0100]),  # blank though printable
        *map(chr, [0xD800, 0xE000, 0xFFFE, 0xE0041]),  # surrogate, private, no character, tag
    ],
)
def test_character_that_acts_or_hides_becomes_a_mark(hostile: str) -> None:
    assert safe_text(f"a{hostile}b") == f"a{MARK}b"


@pytest.mark.parametrize("space", ["\n", "\r", "\t", "\x0b", "\x85", "\xa0", "\u2028", "\u2029", "\u3000"])
def test_every_kind_of_white_space_becomes_a_blank(space: str) -> None:
    assert safe_text(f"a{space}b") == "a b"


@pytest.mark.parametrize("honest", ["Zoë", "李小龙", "Ωμέγα", "محمد", "שלום", "naïve [b]text[/]", "✓ 🎓"])
def test_honest_name_stays_as_it_is(honest: str) -> None:
    assert safe_text(honest) == honest


def test_accents_pile_up_on_a_letter_only_so_far() -> None:
    assert safe_text("x" + "\u0338" * 4 + "y") == "x" + "\u0338" * 4 + "y"
    assert safe_text("x" + "\u0338" * 6 + "y") == "x" + "\u0338" * 4 + MARK * 2 + "y"


@pytest.mark.parametrize("accent", ["\u0338", "\u20dd", "\u20e0"])
def test_accent_with_no_letter_to_stand_on_becomes_a_mark(accent: str) -> None:
    assert safe_text(f"{accent}a {accent}b") == f"{MARK}a {MARK}b"


def test_decomposed_text_is_composed() -> None:
    assert safe_text("e\u0301") == "é"


def test_long_text_is_cut_with_a_sign() -> None:
    assert safe_text("a" * 200) == "a" * 200
    assert safe_text("a" * 201) == "a" * 200 + "…"
    assert safe_text("abcdef", max_characters=3) == "abc…"


@given(st.text())
def test_safe_text_is_printable_composed_and_safe_again(text: str) -> None:
    clean = safe_text(text)
    assert clean.isprintable()
    assert unicodedata.is_normalized("NFC", clean)
    assert safe_text(clean, max_characters=len(clean)) == clean


class Screen(io.StringIO):
    """A window."""

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return 1


def said(*parts: str | Styled, columns: int, color: bool = False, ascii: bool = False) -> list[str]:
    """The lines of one `say` in a window."""
    screen = Screen()
    terminal = Terminal(
        json=False,
        interactive=True,
        color=color,
        ascii=ascii,
        stdin=io.StringIO(),
        stdout=screen,
        stderr=screen,
    )
    with mock.patch.object(os, "get_terminal_size", return_value=os.terminal_size((columns, 24))):
        terminal.say(*parts)
    assert screen.getvalue().endswith("\n")
    return screen.getvalue()[:-1].split("\n")


@pytest.mark.parametrize(
    ("line", "lines"),
    [
        pytest.param("just wide enough to fit", ["just wide enough to fit"], id="fits"),
        pytest.param(
            "a line that does not fit any more", ["a line that does not fit", "any more"], id="plain"
        ),
        pytest.param("", [""], id="empty"),
        pytest.param("exactly twenty-four cells", ["exactly twenty-four", "cells"], id="one too many"),
        pytest.param("✓ a line that does not fit", ["✓ a line that does not", "  fit"], id="behind a mark"),
        pytest.param("· a line that does not fit", ["· a line that does not", "  fit"], id="behind a bullet"),
        pytest.param("    a line that does not fit", ["    a line that does not", "    fit"], id="as far in"),
        pytest.param(
            "  Name    Ada Augusta Lovelace",
            ["  Name    Ada Augusta", "          Lovelace"],
            id="last column",
        ),
        pytest.param(
            "Who  “Acme Acme OK They signed”",
            ["Who  “Acme Acme OK They", "      signed”"],
            id="behind a quote",
        ),
        pytest.param(
            "a first column too wide  and more", ["a first column too wide", "and more"], id="wide column"
        ),
        pytest.param(
            "go to https://example.org/a/b/c?d", ["go to", "https://example.org/a/b/c?d"], id="link"
        ),
        pytest.param("https://example.org/a/b/c?d", ["https://example.org/a/b/c?d"], id="link alone"),
        pytest.param("  " + "x" * 30, ["  " + "x" * 22, "  " + "x" * 8], id="long word of a column"),
        pytest.param("  " + "長" * 12, ["  " + "長" * 11, "  長"], id="wide characters"),
        pytest.param("  " + "e\u0332" * 22, ["  " + "e\u0332" * 22], id="marks above and below"),
    ],
)
def test_line_goes_on_between_words_below_its_last_column(line: str, lines: list[str]) -> None:
    assert said(line, columns=24) == lines


def test_styles_are_shown_on_every_line_they_reach() -> None:
    assert said("a ", bold("bold and long line"), good(" end"), columns=20, color=True) == [
        "a \x1b[1mbold and long line\x1b[0m",
        "\x1b[32mend\x1b[0m",
    ]
    assert said(bold("a bold and long line on"), columns=20, color=True) == [
        "\x1b[1ma bold and long line\x1b[0m",
        "\x1b[1mon\x1b[0m",
    ]


def test_line_to_be_copied_stays_whole_in_a_narrow_window() -> None:
    line = "log ledger.example+1a4d0dfe+AQ0 https://ledger.example"
    assert said(verbatim(line), columns=20, color=True) == [line]
    assert said("  ", verbatim(line), columns=20) == [f"  {line}"]


@pytest.mark.parametrize("columns", [0, 1, 19])
def test_line_is_left_alone_where_the_window_is_unknown_or_too_narrow(columns: int) -> None:
    assert said("  " + "word " * 40, columns=columns) == ["  " + "word " * 40]


@given(st.text() | st.text("ab  ✓長"), st.integers(20, 120))
@example(" " * 300 + "長", 20)
def test_no_word_is_lost_and_no_line_begins_further_out(text: str, columns: int) -> None:
    lines = said("    ", text, columns=columns)
    assert "".join("".join(lines).split()) == "".join(safe_text(text, max_characters=len(text)).split())
    assert all(line[:4].strip() == "" for line in lines)
    if text.isascii():
        assert all(len(line.rstrip()) <= columns for line in lines)


def test_nothing_is_folded_but_in_a_terminal() -> None:
    assert max(map(len, run_module(SAMPLE, "plain", "advise").stdout.splitlines())) > 80
    plain = {"NO_COLOR": "1"}
    shown = converse(SAMPLE, "plain", "advise", columns=40, environment=plain).stdout
    assert max(map(len, shown.splitlines())) <= 40


def test_qr_code_is_drawn_black_on_white_with_a_border() -> None:
    finished = converse(SAMPLE, "plain", "qr", environment={"NO_COLOR": "1"}, columns=80, lines=24)
    *rows, verdict = finished.stdout.split("\r\n")[:-1]
    assert verdict == "drawn"
    style, reset = "\x1b[38;5;16;48;5;231m", "\x1b[0m"
    assert all(row.startswith(style) and row.endswith(reset) for row in rows)
    drawn: list[list[int]] = []
    for row in rows:
        halves = [divmod(" ▀▄█".index(block), 2) for block in row[len(style) : -len(reset)]]
        drawn += [[upper for _, upper in halves], [lower for lower, _ in halves]]
    expected = [list(map(int, row)) for row in segno.make_qr(QR_TEXT, error="l").matrix_iter(border=2)]
    assert drawn[: len(expected)] == expected
    assert not any(map(sum, drawn[len(expected) :]))


@pytest.mark.parametrize(("columns", "lines"), [(30, 40), (80, 18)])
def test_qr_code_is_not_drawn_where_it_does_not_fit(columns: int, lines: int) -> None:
    finished = converse(SAMPLE, "plain", "qr", columns=columns, lines=lines)
    said = "Make the window larger for a QR code, or use the link. not drawn"
    assert " ".join(finished.stdout.split()) == said


def test_qr_code_is_not_drawn_without_a_capable_terminal() -> None:
    assert run_module(SAMPLE, "plain", "qr").stdout == "not drawn\n"
    assert converse(SAMPLE, "plain", "qr", environment={"TERM": "dumb"}).stdout == "not drawn\r\n"
    assert run_module(SAMPLE, "plain", "qr", "--json").stdout == ""
    ascii_only = {"PYTHONIOENCODING": "ascii"}
    assert converse(SAMPLE, "plain", "qr", environment=ascii_only).stdout == "not drawn\r\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_marks_and_quotes_are_plain_where_the_encoding_lacks_them(encoding: str) -> None:
    finished = run_module(SAMPLE, "plain", "signs", environment={"PYTHONIOENCODING": encoding})
    assert finished.stdout == 'OK x ! ? "\\u674e"\n'


def test_ascii_shows_our_marks_in_plain_letters_and_names_as_they_are() -> None:
    assert said("✓ ", "“Zoë” …", columns=80, ascii=True) == ['OK "Zoë" ...']
