"""A real terminal: tmux, with a screen that can be read and keys that can be pressed."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import CalledProcessError, run

from tests.processes import ROOT, plain_environment

_SECONDS = 30
_LOOK_EVERY = 0.05


@dataclass(frozen=True, slots=True)
class Terminal:
    """One window of a tmux server of its own."""

    socket: Path

    def press(self, *keys: str) -> None:
        """Press keys by the names tmux has for them: Enter, Escape, Down, C-l, or a letter."""
        self._run("send-keys", "-t", "tally", *keys)

    def type(self, text: str) -> None:
        """Type `text` as it is, and Enter."""
        self._run("send-keys", "-t", "tally", "-l", text)
        self.press("Enter")

    def paste(self, text: str) -> None:
        """Paste `text` as a terminal does, bracketed, and press Enter."""
        self._run("set-buffer", text)
        self._run("paste-buffer", "-p", "-t", "tally")
        self.press("Enter")

    def screen(self) -> str:
        """What can be read."""
        return self._run("capture-pane", "-p", "-t", "tally")

    def until(self, *texts: str) -> str:
        """Wait until all of these can be read; the screen."""
        waiting = threading.Event()
        shown = ""
        for _ in range(int(_SECONDS / _LOOK_EVERY)):
            shown = self.screen()
            if all(text in shown for text in texts):
                return shown
            waiting.wait(_LOOK_EVERY)
        raise AssertionError(f"{texts} did not come:\n{shown}")

    def _run(self, *arguments: str) -> str:
        done = run(["tmux", "-S", str(self.socket), *arguments], capture_output=True, text=True, check=True)
        return done.stdout


@contextmanager
def terminal(
    folder: Path,
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    columns: int = 80,
    lines: int = 24,
) -> Iterator[Terminal]:
    """`command` in a terminal of this size, until the block ends."""
    opened = Terminal(folder / "tmux")
    # A shell that stays lets the last screen be read.
    program = ["sh", "-c", '"$@"; echo "ended with $?"; read -r _', "sh", *command]
    size = ["-x", str(columns), "-y", str(lines)]
    run(
        [
            "tmux",
            "-S",
            str(opened.socket),
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-s",
            "tally",
            *size,
            *program,
        ],
        cwd=ROOT,
        env=plain_environment({"TERM": "xterm-256color", "LANG": "C.UTF-8", **environment}),
        check=True,
    )
    try:
        yield opened
    finally:
        with suppress(CalledProcessError):
            run(["tmux", "-S", str(opened.socket), "kill-server"], check=True, capture_output=True)
