import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from doors import clipboard
from doors.clipboard import MAX_PICTURE_BYTES, Clipboard, Copied, read_picture
from protocol.codes import Code
from tests.storage.place import refusal_of

LIFETIME = timedelta(seconds=45)
SECRET = "a secret in “two” words"
PNG = b"\x89PNG\r\n\x1a\n the rest"

# Each keeps what it is given in the file `board`, and writes down how it was called.
FAKES = {
    "wl-copy": 'case "$1" in --clear) : > "$BOARD";; *) cat > "$BOARD";; esac',
    "wl-paste": 'case "$1" in --type) cat "$BOARD.png";; *) cat "$BOARD";; esac',
    "xclip": 'case "$*" in *image*) cat "$BOARD.png";; *-out) cat "$BOARD";; *) cat > "$BOARD"; esac',
    "xsel": 'case "$2" in --output) cat "$BOARD";; --clear) : > "$BOARD";; *) cat > "$BOARD"; esac',
    "pbcopy": 'cat > "$BOARD"',
    "pbpaste": 'cat "$BOARD"',
    "pngpaste": 'cat "$BOARD.png"',
}
FAIL = "exit 1"


@dataclass
class Later:
    """What was scheduled; nothing happens before it is told to."""

    pending: dict[int, tuple[timedelta, Callable[[], None]]] = field(default_factory=dict)
    count: int = 0

    def __call__(self, delay: timedelta, action: Callable[[], None]) -> Callable[[], None]:
        self.count += 1
        number = self.count
        self.pending[number] = (delay, action)
        return lambda: self.pending.pop(number, None) and None

    def pass_by(self) -> None:
        for number in list(self.pending):
            _, action = self.pending[number]
            action()


class Desk:
    """A desktop with a clipboard and the programs it is given."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._monkeypatch = monkeypatch
        for variable in ("WAYLAND_DISPLAY", "DISPLAY"):
            monkeypatch.delenv(variable, raising=False)
        monkeypatch.setenv("PATH", str(folder / "bin"))
        monkeypatch.setenv("BOARD", str(folder / "board"))
        (folder / "bin").mkdir()

    def has(self, *names: str, variable: str | None = None, script: str | None = None) -> None:
        for name in names:
            file = self.folder / "bin" / name
            calls = f'echo "$0 $*" >> "{self.folder}/calls"'
            file.write_text(
                f"#!/bin/sh\nPATH=/bin:/usr/bin\n{calls}\n{FAKES[name] if script is None else script}\n"
            )
            file.chmod(0o700)
        if variable is not None:
            self._monkeypatch.setenv(variable, ":0")

    @property
    def board(self) -> str:
        return (self.folder / "board").read_text()

    @board.setter
    def board(self, text: str) -> None:
        (self.folder / "board").write_text(text)

    @property
    def calls(self) -> list[str]:
        file = self.folder / "calls"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, monkeypatch)


@pytest.fixture
def later() -> Later:
    return Later()


@pytest.fixture
def board(later: Later) -> Clipboard:
    return Clipboard(lifetime=LIFETIME, schedule=later)


DESKTOPS = [
    pytest.param(["wl-copy", "wl-paste"], "WAYLAND_DISPLAY", id="wayland"),
    pytest.param(["xclip"], "DISPLAY", id="xclip"),
    pytest.param(["xsel"], "DISPLAY", id="xsel"),
    pytest.param(["pbcopy", "pbpaste"], None, id="mac"),
]


@pytest.mark.parametrize(("names", "variable"), DESKTOPS)
def test_secret_is_there_for_its_time_and_then_no_more(
    names: list[str], variable: str | None, desk: Desk, later: Later, board: Clipboard
) -> None:
    desk.has(*names, variable=variable)
    assert board.copy(SECRET, secret=True) is Copied.CLEARS
    assert desk.board == SECRET
    assert [delay for delay, _ in later.pending.values()] == [LIFETIME]
    later.pass_by()
    assert desk.board == ""
    assert later.pending == {}


@pytest.mark.parametrize(
    ("names", "variable"),
    [pytest.param(desktop.values[0], desktop.values[1], id=f"NT-W28-{desktop.id}") for desktop in DESKTOPS],
)
def test_secret_is_never_an_argument(
    names: list[str], variable: str | None, desk: Desk, later: Later, board: Clipboard
) -> None:
    desk.has(*names, variable=variable)
    board.copy(SECRET, secret=True)
    later.pass_by()
    assert len(desk.calls) == 3
    assert [call for call in desk.calls if "two" in call] == []


def test_text_of_somebody_else_stays(desk: Desk, later: Later, board: Clipboard) -> None:
    desk.has("xclip", variable="DISPLAY")
    board.copy(SECRET, secret=True)
    desk.board = "mine"
    later.pass_by()
    assert desk.board == "mine"


def test_public_text_stays(desk: Desk, later: Later, board: Clipboard) -> None:
    desk.has("xclip", variable="DISPLAY")
    assert board.copy("https://university.example", secret=False) is Copied.KEPT
    assert (desk.board, later.pending) == ("https://university.example", {})
    assert not board.clear()


def test_second_secret_has_its_whole_time(desk: Desk, later: Later, board: Clipboard) -> None:
    desk.has("xclip", variable="DISPLAY")
    board.copy("one", secret=True)
    ((_, first),) = later.pending.values()
    board.copy("two", secret=True)
    assert len(later.pending) == 1
    first()  # it was on its way already when it was called off
    assert desk.board == "two"
    later.pass_by()
    assert desk.board == ""


def test_public_text_after_a_secret_stays(desk: Desk, later: Later, board: Clipboard) -> None:
    desk.has("xclip", variable="DISPLAY")
    board.copy(SECRET, secret=True)
    ((_, first),) = later.pending.values()
    board.copy("public", secret=False)
    first()
    assert (desk.board, later.pending) == ("public", {})


def test_who_leaves_takes_the_secret_along(desk: Desk, later: Later, board: Clipboard) -> None:
    desk.has("xclip", variable="DISPLAY")
    board.copy(SECRET, secret=True)
    assert board.clear()
    assert (desk.board, later.pending) == ("", {})
    assert not board.clear()


def test_secret_does_not_lie_about_in_the_clipboard_object(desk: Desk, later: Later) -> None:
    desk.has("xclip", variable="DISPLAY")
    board = Clipboard(lifetime=LIFETIME, schedule=later)
    board.copy(SECRET, secret=True)
    assert SECRET not in repr(vars(board))


def test_terminal_is_sent_the_text_where_there_is_no_desktop(desk: Desk, later: Later) -> None:
    desk.has("wl-copy", "wl-paste", "xclip")  # their displays are elsewhere
    sent: list[str] = []
    board = Clipboard(lifetime=LIFETIME, terminal=sent.append, schedule=later)
    assert board.copy(SECRET, secret=True) is Copied.SENT
    assert (sent, later.pending, desk.calls) == ([SECRET], {}, [])
    assert not board.clear()


def test_without_desktop_and_terminal_there_is_no_clipboard(desk: Desk, board: Clipboard) -> None:
    assert board.copy(SECRET, secret=True) is Copied.UNAVAILABLE


def test_program_that_fails_leaves_it_to_the_next(desk: Desk, later: Later) -> None:
    desk.has("xclip", variable="DISPLAY", script=FAIL)
    sent: list[str] = []
    board = Clipboard(lifetime=LIFETIME, terminal=sent.append, schedule=later)
    assert board.copy(SECRET, secret=True) is Copied.SENT
    desk.has("xsel")
    assert board.copy(SECRET, secret=True) is Copied.CLEARS


def test_program_that_hangs_is_not_waited_for(
    desk: Desk, board: Clipboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clipboard, "_SECONDS", 0.05)
    desk.has("xclip", variable="DISPLAY", script="exec sleep 20")
    assert board.copy(SECRET, secret=True) is Copied.UNAVAILABLE
    assert refusal_of(read_picture).code is Code.NOT_FOUND


def test_secret_that_was_followed_by_one_to_the_terminal_keeps_its_time(desk: Desk, later: Later) -> None:
    desk.has("xclip", variable="DISPLAY")
    board = Clipboard(lifetime=LIFETIME, terminal=lambda _text: None, schedule=later)
    board.copy(SECRET, secret=True)
    desk.has("xclip", script=f'case "$*" in *-in) {FAIL};; esac; {FAKES["xclip"]}')
    assert board.copy("another", secret=True) is Copied.SENT
    desk.has("xclip")
    later.pass_by()
    assert desk.board == ""


def test_what_cannot_be_read_any_more_is_left_alone(desk: Desk, later: Later, board: Clipboard) -> None:
    desk.has("xclip", variable="DISPLAY")
    board.copy(SECRET, secret=True)
    desk.has("xclip", script=FAIL)
    later.pass_by()
    assert desk.board == SECRET
    (desk.folder / "bin" / "xclip").unlink()
    assert not board.clear()


def test_timer_of_its_own_clears_without_being_waited_for(desk: Desk) -> None:
    desk.has("xclip", variable="DISPLAY")
    before = set(threading.enumerate())
    board = Clipboard(lifetime=timedelta(seconds=0.01))
    assert board.copy(SECRET, secret=True) is Copied.CLEARS
    for timer in set(threading.enumerate()) - before:
        assert timer.daemon
        timer.join(10)
    assert desk.board == ""


@pytest.mark.parametrize(
    ("name", "variable"), [("wl-paste", "WAYLAND_DISPLAY"), ("xclip", "DISPLAY"), ("pngpaste", None)]
)
def test_picture_comes_from_the_desktop(name: str, variable: str | None, desk: Desk) -> None:
    desk.has(name, variable=variable)
    (desk.folder / "board.png").write_bytes(PNG)
    assert read_picture() == PNG


@pytest.mark.parametrize("found", [b"", b"text", b"GIF89a", PNG[:7]])
def test_anything_but_a_picture_is_none(found: bytes, desk: Desk) -> None:
    desk.has("xclip", variable="DISPLAY")
    (desk.folder / "board.png").write_bytes(found)
    assert refusal_of(read_picture).code is Code.NOT_FOUND


def test_program_that_says_there_is_no_picture_is_believed(desk: Desk) -> None:
    desk.has("wl-paste", variable="WAYLAND_DISPLAY", script=FAIL)
    assert refusal_of(read_picture).code is Code.NOT_FOUND


def test_picture_that_is_too_large_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clipboard, "MAX_PICTURE_BYTES", len(PNG) - 1)
    desk.has("xclip", variable="DISPLAY")
    (desk.folder / "board.png").write_bytes(PNG)
    assert refusal_of(read_picture).code is Code.SIZE_EXCEEDED


def test_endless_picture_is_refused_and_its_program_ends(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_PICTURE_BYTES > 1_000_000
    monkeypatch.setattr(clipboard, "MAX_PICTURE_BYTES", 100_000)
    (desk.folder / "board.png").write_bytes(PNG)
    desk.has("xclip", variable="DISPLAY", script='cat "$BOARD.png"; exec cat /dev/zero')
    assert refusal_of(read_picture).code is Code.SIZE_EXCEEDED


def test_without_a_program_no_picture_can_be_had(desk: Desk) -> None:
    desk.has("xclip")
    error = refusal_of(read_picture)
    assert (error.code, error.detail) == (
        Code.CLIPBOARD_UNAVAILABLE,
        "no wl-paste, xclip or pngpaste for this desktop",
    )
