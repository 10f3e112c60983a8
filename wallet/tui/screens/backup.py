"""Backup: when there was one last, and what to do about it."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll

from doors.screen.text import Line, Text
from doors.terminal import bold, dim, good, warning
from wallet.door.wording import plural, shown_age
from wallet.tui.actions import bindings
from wallet.tui.flows.backup import back_up, rehearse_restore, restore
from wallet.tui.screens.frame import WalletScreen


class BackupScreen(WalletScreen):
    """Makes a backup, proves that it works, and adds one to the wallet."""

    NAME: ClassVar[str] = "Backup"
    HELP_LINES: ClassVar[tuple[str, ...]] = (
        "A backup is one file with everything in this wallet, which the 24 words alone open: on another "
        "machine, without the passphrase. It cannot bring back what you receive after it was made.",
        "A rehearsal opens it with your words, tries the key of every copy, and says what would come back. "
        "Nothing is changed by it.",
    )
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("backup.make", "backup.rehearse", "backup.restore")]

    def compose_body(self) -> ComposeResult:
        """Where things stand, and what can be done."""
        with VerticalScroll():
            yield Text(classes="middle-text")

    def show_wallet(self) -> None:
        """Show how old the last backup is."""
        self.query_one(".middle-text", Text).show(
            *self._last(),
            (),
            (bold("m"), "  make a backup into a file"),
            (bold("h"), "  rehearse: prove that a backup and your words bring the wallet back"),
            (bold("e"), "  add what is in a backup to this wallet"),
        )

    def action_make(self) -> None:
        """Make one."""
        self.wallet_app.start(back_up(self.wallet_app))

    def action_rehearse(self) -> None:
        """Try one."""
        self.wallet_app.start(rehearse_restore(self.wallet_app))

    def action_restore(self) -> None:
        """Add one."""
        self.wallet_app.start(restore(self.wallet_app))

    def _last(self) -> list[Line]:
        session = self.wallet_app.session
        note, held = session.content.last_backup, len(session.content.credentials)
        if note is None:
            return [
                (warning("! "), "There is no backup of this wallet yet."),
                (dim("The 24 words bring back its keys, and not its credentials."),),
            ]
        age = shown_age(session.clock() - note.made_at)
        covered = plural(note.credentials, "credential")
        mark = good("✓ ") if note.credentials >= held else warning("! ")
        return [(mark, f"Last backup {age}, with {covered}; {held} are here now.")]
