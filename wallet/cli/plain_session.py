"""The commands of the wallet, run one after the other for one person, who gives the passphrase once."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from doors.clock import stopwatch
from doors.exit_code import ExitCode
from doors.prompts import PASSPHRASE_FILE_VARIABLE, PassphraseSource, leave_no_image
from doors.terminal import Terminal
from wallet.cli.access import open_wallet
from wallet.content import WalletContent
from wallet.door.place import wallet_folder
from wallet.settings import load_settings
from wallet.unlocking import needs_passphrase_again

RunCommand = Callable[[Sequence[str]], int]
"""Runs one command line of `tally`, tells its errors, and gives the number it ends with."""


@dataclass(frozen=True)
class _HeardPassphrase(PassphraseSource):
    """A prompt; what was typed last is in `heard`."""

    heard: list[str] = field(default_factory=list, repr=False)

    def read(self, terminal: Terminal) -> str:
        passphrase = super().read(terminal)
        self.heard[:] = [passphrase]
        return passphrase


class PlainSession:
    """Runs commands as if they were typed.

    It keeps the passphrase, until nothing was done for as long as the settings let a wallet rest. What is
    shared needs one that was typed just now.
    """

    def __init__(
        self, terminal: Terminal, run_command: RunCommand, *, stopwatch: Callable[[], float] = stopwatch
    ) -> None:
        """`stopwatch` counts seconds, whatever happens to the clock."""
        self._terminal = terminal
        self._run_command = run_command
        self._stopwatch = stopwatch
        self._passphrase: str | None = None
        self._given_at = self._used_at = stopwatch()
        leave_no_image()

    def run(self, *words: str, arguments: Sequence[str] = ()) -> int:
        """Run a command that needs no passphrase, or another one than the wallet has."""
        return self._run_command([*words, "--", *arguments])

    def run_open(self, *words: str, arguments: Sequence[str] = ()) -> int:
        """Run a command that opens the wallet.

        Raises:
            TallyError: it cannot be opened.
        """
        if not self._is_unlocked():
            # Opened here first, so that who mistypes is asked again, and what is kept is right.
            self.content()
        with self._source() as source:
            option = [] if source.is_prompt else ["--passphrase-file", str(source.file)]
            ended = self.run(*words, *option, arguments=arguments)
        if ended == ExitCode.LOCKED:
            self.lock()
        self._used_at = self._stopwatch()
        return ended

    def run_sharing(self, *words: str, arguments: Sequence[str] = ()) -> int:
        """Run a command that sends facts, for which an unlock of a while ago does not do.

        Raises:
            TallyError: the wallet cannot be opened.
        """
        if needs_passphrase_again(timedelta(seconds=self._stopwatch() - self._given_at)):
            self.lock()
        return self.run_open(*words, arguments=arguments)

    def content(self) -> WalletContent:
        """What the wallet holds now.

        Raises:
            TallyError: it cannot be opened.
        """
        self._is_unlocked()
        with self._source() as source, open_wallet(self._terminal, source) as vault:
            content = vault.content
        self._used_at = self._stopwatch()
        if isinstance(source, _HeardPassphrase) and source.heard:
            (self._passphrase,) = source.heard
            self._given_at = self._used_at
        return content

    def lock(self) -> None:
        """Ask for the passphrase again when it is needed next."""
        self._passphrase = None

    def _is_unlocked(self) -> bool:
        rested = timedelta(seconds=self._stopwatch() - self._used_at)
        if self._passphrase is not None and rested > load_settings(wallet_folder()).idle_lock:
            self.lock()
        return self._passphrase is not None

    @contextmanager
    def _source(self) -> Iterator[PassphraseSource]:
        """Where the passphrase comes from: the file that the environment names, a pipe with the one that is
        known, or else a prompt.
        """
        configured = os.environ.get(PASSPHRASE_FILE_VARIABLE)
        if configured:
            yield PassphraseSource(Path(configured), None)
        elif self._passphrase is None:
            yield _HeardPassphrase(None, None)
        else:
            reading, writing = os.pipe()
            try:
                with os.fdopen(writing, "wb") as stream:
                    stream.write(self._passphrase.encode() + b"\n")
                yield PassphraseSource(Path(f"/dev/fd/{reading}"), None)
            finally:
                os.close(reading)
