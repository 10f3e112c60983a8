"""The clipboard of whoever sits there: text goes out to it, and a picture comes in.

A program of the desktop does it where there is one: it takes text on its stdin, never as an argument that the
list of processes shows. Over SSH there is only the terminal (OSC 52), which does not answer: nobody knows
whether it took the text, and what is there later cannot be read.
"""

import contextlib
import hmac
import os
import secrets
import shutil
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from protocol.codes import Code
from protocol.errors import MalformedError, RefusedError, UnavailableError

MAX_PICTURE_BYTES = 20 * 1024 * 1024

_PNG = b"\x89PNG\r\n\x1a\n"
_MAX_TEXT_BYTES = 1024 * 1024
_SECONDS = 3.0


class Copied(StrEnum):
    """What became of a text that was to be copied.

    KEPT: it is on the clipboard, and stays there.
    CLEARS: it is on the clipboard, and is taken off after its time unless something else is there by then.
    SENT: it was sent to the terminal. Nobody knows whether it took it; it is not taken off again.
    UNAVAILABLE: there is no clipboard to be reached from here.
    """

    KEPT = "kept"
    CLEARS = "clears"
    SENT = "sent"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class _Tools:
    """The command lines of one desktop.

    Attributes:
        variable: What is set in the environment where they work, or None for wherever they are.
        copy: Takes text on stdin.
        paste: Prints the text, as it was copied.
        clear: Leaves nothing, given nothing on stdin.
    """

    variable: str | None
    copy: Sequence[str]
    paste: Sequence[str]
    clear: Sequence[str]


_XCLIP = ("xclip", "-selection", "clipboard")
_DESKTOPS = (
    _Tools("WAYLAND_DISPLAY", ("wl-copy",), ("wl-paste", "--no-newline"), ("wl-copy", "--clear")),
    _Tools("DISPLAY", (*_XCLIP, "-in"), (*_XCLIP, "-out"), (*_XCLIP, "-in")),
    _Tools(
        "DISPLAY",
        ("xsel", "--clipboard", "--input"),
        ("xsel", "--clipboard", "--output"),
        ("xsel", "--clipboard", "--clear"),
    ),
    _Tools(None, ("pbcopy",), ("pbpaste",), ("pbcopy",)),
)
_PICTURES = (
    ("WAYLAND_DISPLAY", ("wl-paste", "--type", "image/png")),
    ("DISPLAY", (*_XCLIP, "-target", "image/png", "-out")),
    (None, ("pngpaste", "-")),
)


@dataclass(frozen=True, slots=True)
class _Secret:
    """What is to be taken off again: recognized by its MAC, so that it does not lie about here as well."""

    tools: _Tools
    key: bytes
    mac: bytes
    cancel: Callable[[], None]

    def is_there(self) -> bool:
        """Whether the clipboard still holds it."""
        held = _output(self.tools.paste, max_bytes=_MAX_TEXT_BYTES)
        return held is not None and hmac.compare_digest(_mac(self.key, held), self.mac)


class Clipboard:
    """The clipboard, and the one secret of ours that may be on it."""

    def __init__(
        self,
        *,
        lifetime: timedelta,
        terminal: Callable[[str], None] | None = None,
        schedule: Callable[[timedelta, Callable[[], None]], Callable[[], None]] | None = None,
    ) -> None:
        """A secret stays for `lifetime`; `terminal` sends a text by OSC 52.

        `schedule` calls something after a time, in whatever thread, and gives back what calls that off.
        """
        self._lifetime = lifetime
        self._terminal = terminal
        self._schedule = schedule or _start_timer
        self._turn = threading.Lock()
        self._secret: _Secret | None = None

    def copy(self, text: str, *, secret: bool) -> Copied:
        """Put `text` there; if `secret`, only for a while. The time of an earlier one ends."""
        data = text.encode()
        with self._turn:
            tools = next((tools for tools in _DESKTOPS if _is_there(tools) and _give(tools.copy, data)), None)
            if tools is None:
                # A secret that is still on the desktop's clipboard keeps its time.
                return self._send(text)
            self._forget()
            if not secret:
                return Copied.KEPT
            key = secrets.token_bytes(32)
            cancel = self._schedule(self._lifetime, lambda: self._expire(key))
            self._secret = _Secret(tools, key, _mac(key, data), cancel)
            return Copied.CLEARS

    def clear(self) -> bool:
        """Take the secret off now, for who locks or leaves; whether it was there."""
        with self._turn:
            return self._clear()

    def _send(self, text: str) -> Copied:
        if self._terminal is None:
            return Copied.UNAVAILABLE
        self._terminal(text)
        return Copied.SENT

    def _expire(self, key: bytes) -> None:
        with self._turn:
            # A timer that was called off too late is none of the secret that is there now.
            if self._secret is not None and self._secret.key == key:
                self._clear()

    def _clear(self) -> bool:
        secret = self._secret
        self._forget()
        return secret is not None and secret.is_there() and _give(secret.tools.clear, b"")

    def _forget(self) -> None:
        if self._secret is not None:
            self._secret.cancel()
        self._secret = None


def read_picture() -> bytes:
    """The picture on the clipboard, as PNG. Not checked here: anything behind its first bytes.

    Raises:
        UnavailableError: there is no program that could say.
        RefusedError: there is no picture.
        MalformedError: larger than `MAX_PICTURE_BYTES`.
    """
    commands = [command for variable, command in _PICTURES if _can_run(variable, command)]
    if not commands:
        raise UnavailableError(Code.CLIPBOARD_UNAVAILABLE, "no wl-paste, xclip or pngpaste for this desktop")
    found = [_output(command, max_bytes=MAX_PICTURE_BYTES) for command in commands]
    picture = next((data for data in found if data is not None and data.startswith(_PNG)), None)
    if picture is None:
        raise RefusedError(Code.NOT_FOUND, "no picture is on the clipboard")
    if len(picture) > MAX_PICTURE_BYTES:
        raise MalformedError(Code.SIZE_EXCEEDED, f"a picture has at most {MAX_PICTURE_BYTES} bytes")
    return picture


def _is_there(tools: _Tools) -> bool:
    # Without the one that reads, a secret could never be taken off again.
    return _can_run(tools.variable, tools.copy) and _can_run(tools.variable, tools.paste)


def _can_run(variable: str | None, command: Sequence[str]) -> bool:
    is_its_desktop = variable is None or bool(os.environ.get(variable))
    return is_its_desktop and shutil.which(command[0]) is not None


def _give(command: Sequence[str], data: bytes) -> bool:
    """Run `command` with `data` on stdin; whether it did what it should."""
    try:
        # Not through pipes of ours: some of these stay in the background with what they were given.
        subprocess.run(  # noqa: S603 (one of the command lines above)
            command,
            input=data,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _output(command: Sequence[str], *, max_bytes: int) -> bytes | None:
    """What `command` prints, with one byte too many if it is longer than `max_bytes`; None when it fails."""
    try:
        process = subprocess.Popen(  # noqa: S603 (one of the command lines above)
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except OSError:
        return None
    with process, contextlib.ExitStack() as stack:
        deadline = threading.Timer(_SECONDS, process.kill)
        deadline.start()
        stack.callback(deadline.cancel)
        assert process.stdout is not None
        data = process.stdout.read(max_bytes + 1)
        if len(data) > max_bytes:
            process.kill()
            return data
        return data if process.wait() == 0 else None


def _mac(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha256")


def _start_timer(delay: timedelta, action: Callable[[], None]) -> Callable[[], None]:
    timer = threading.Timer(delay.total_seconds(), action)
    # Who leaves calls `clear`; a program never waits for this.
    timer.daemon = True
    timer.start()
    return timer.cancel
