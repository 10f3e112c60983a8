"""The wallet behind the screens: locked or open, one thread at a time, and when somebody was there last."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from doors.clock import now, stopwatch
from protocol.codes import Code
from protocol.errors import RefusedError
from storage.passphrase import KdfParameters, calibrate_kdf
from storage.sealed_header import Secret
from wallet.content import WalletContent
from wallet.door.window import shown_window
from wallet.folder import WalletFolder
from wallet.outside import Outside
from wallet.unlocking import UnlockAttempts
from wallet.vault import Vault
from wallet.window import WindowHolder, WindowLock, WindowTaken, take_window


class WalletSession:
    """One wallet in one window.

    What screens show is `content`, a value. What changes the wallet runs in a thread and takes it with
    `opened`, so that two jobs never have the vault at once.
    """

    def __init__(
        self,
        folder: WalletFolder,
        *,
        clock: Callable[[], datetime] = now,
        stopwatch: Callable[[], float] = stopwatch,
        choose_kdf: Callable[[], KdfParameters] = calibrate_kdf,
        terminal: str | None = None,
    ) -> None:
        """`clock` tells the time of day; `stopwatch` counts seconds whatever happens to the clock.

        `choose_kdf` says what a new passphrase costs to try; `terminal` is what other windows are told of us.
        """
        self.folder = folder
        self.clock = clock
        self.choose_kdf = choose_kdf
        self._terminal = terminal
        self._stopwatch = stopwatch
        self._vault: Vault | None = None
        self._shut: list[Vault] = []
        self._window: WindowLock | WindowTaken | None = None
        self._seen_file: tuple[int, int] | None = None
        self._turn, self._window_turn = threading.Lock(), threading.Lock()
        self._unlocked_at = self._touched_at = stopwatch()
        self.attempts = UnlockAttempts(stopwatch)

    @property
    def is_open(self) -> bool:
        """Whether the wallet is unlocked."""
        return self._vault is not None

    @property
    def vault(self) -> Vault:
        """The open wallet, to look at; what changes it goes through `opened`."""
        assert self._vault is not None, "screens that show the wallet are gone when it is locked"
        return self._vault

    @property
    def content(self) -> WalletContent:
        """What the wallet holds, as of the opening or the last change."""
        return self.vault.content

    @property
    def other_window(self) -> WindowTaken | None:
        """The window that has this wallet, when it is not this one: then nothing can be changed here."""
        return self._window if isinstance(self._window, WindowTaken) else None

    def require_own_window(self) -> None:
        """Check that the wallet may be changed here, from now on if the window that had it has let it go.

        Raises:
            RefusedError: another window has it.
        """
        with self._window_turn:
            if self.other_window is not None and self.is_open:
                self._take_window()
        if self.other_window is not None:
            raise RefusedError(Code.VAULT_LOCKED, f"another window has it: {shown_window(self.other_window)}")

    @property
    def unlocked_for(self) -> timedelta:
        """How long ago somebody proved to be its owner."""
        return timedelta(seconds=self._stopwatch() - self._unlocked_at)

    @property
    def untouched_for(self) -> timedelta:
        """How long nobody has touched a key or the mouse."""
        return timedelta(seconds=self._stopwatch() - self._touched_at)

    def touch(self) -> None:
        """Somebody is there."""
        self._touched_at = self._stopwatch()

    def unlock(self, secret: Secret, *, proved: timedelta = timedelta(0)) -> None:
        """Open the wallet. Takes about a second, by intention.

        A wrong secret counts in `attempts`; whether the next try has to wait is for the screens to ask there.
        `proved` is how long ago the owner was there, for a key that was kept since.

        Raises:
            TallyError: as `Vault.open`.
        """
        with self._turn:
            self._adopt(self._open(secret))
            self._unlocked_at -= proved.total_seconds()

    def prove(self, secret: Secret) -> None:
        """Prove again that the owner of the open wallet is there. One that was locked meanwhile stays so.

        Raises:
            TallyError: as `unlock`.
        """
        with self._turn:
            vault = self._open(secret)
            if self.is_open:
                self._adopt(vault)
            else:
                vault.close()

    def adopt(self, vault: Vault) -> None:
        """Take a wallet that was just made or restored."""
        with self._turn:
            self._adopt(vault)

    def shut(self) -> None:
        """Give the wallet to nobody any more, at once; `lock` has to follow."""
        if self._vault is not None:
            self._shut.append(self._vault)
        self._vault = None

    def lock(self) -> None:
        """Forget everything; waits for a job that has the wallet."""
        self.shut()
        with self._turn:
            while self._shut:
                self._shut.pop().close()
            # Whoever was quicker to open it again has the window.
            if not self.is_open:
                self._release_window()

    @contextmanager
    def opened(self) -> Iterator[Vault]:
        """The wallet, for this thread alone until the block ends.

        Raises:
            RefusedError: another window has it.
        """
        self.require_own_window()
        with self.viewed() as vault:
            yield vault

    @contextmanager
    def viewed(self) -> Iterator[Vault]:
        """The wallet as with `opened`, for who changes nothing: also where another window has it."""
        with self._turn:
            yield self.vault

    def catch_up(self) -> bool:
        """Take over what a command changed in the file meanwhile; whether there was anything.

        A job that has the wallet sees it by itself.

        Raises:
            TallyError: as `Vault.reload`: the wallet is gone, or was given another key.
        """
        if not self._turn.acquire(blocking=False):
            return False
        try:
            file = _file_state(self.folder.vault)
            if self._vault is None or file == self._seen_file:
                return False
            before, self._seen_file = self._vault.content, file
            # What has not changed is the same object: nothing is compared.
            return self._vault.reload() is not before
        finally:
            self._turn.release()

    @contextmanager
    def opened_outside(self) -> Iterator[tuple[Vault, Outside]]:
        """The wallet as `opened`, and the way outside.

        Raises:
            RefusedError: no ledger is trusted, or another window has the wallet.
        """
        with self.opened() as vault, self.outside() as outside:
            yield vault, outside

    @contextmanager
    def outside(self) -> Iterator[Outside]:
        """The way outside alone.

        Raises:
            RefusedError: no ledger is trusted.
        """
        from wallet.door.network import open_outside  # the network costs a quarter of a second

        with open_outside(self.folder) as outside:
            yield outside

    def _open(self, secret: Secret) -> Vault:
        try:
            vault = Vault.open(self.folder.vault, secret, mark_folder=self.folder.state)
        except RefusedError as error:
            if error.code is Code.PASSPHRASE_WRONG:
                self.attempts.fail()
            raise
        self.attempts.succeed()
        return vault

    def _adopt(self, vault: Vault) -> None:
        if not isinstance(self._window, WindowLock):
            try:
                self._take_window()
            except BaseException:
                vault.close()
                raise
        if self._vault is not None:
            self._vault.close()
        self._vault = vault
        self._unlocked_at = self._touched_at = self._stopwatch()

    def _take_window(self) -> None:
        self._window = take_window(self.folder, WindowHolder(os.getpid(), self._terminal, self.clock()))

    def _release_window(self) -> None:
        if isinstance(self._window, WindowLock):
            self._window.close()
        self._window = None


def _file_state(file: Path) -> tuple[int, int] | None:
    """What changes whenever the file is replaced: one look at its entry, and none at what it holds."""
    try:
        state = file.stat()
    except OSError:
        return None
    return state.st_ino, state.st_mtime_ns
