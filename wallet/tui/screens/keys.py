"""The keys that credentials are bound to, and the words they all follow from."""

from collections.abc import Iterator
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from doors.screen.rows import Column, Row, Rows
from doors.terminal import bold, dim
from protocol.encoding.time import encode_utc
from wallet.door.wording import one_line
from wallet.label import type_label
from wallet.tui.actions import bindings
from wallet.tui.flows.passphrase import change_passphrase
from wallet.tui.flows.words import show_words
from wallet.tui.screens.backup import BackupScreen
from wallet.tui.screens.frame import WalletScreen

_MAX_LABEL = 40


class KeysScreen(WalletScreen):
    """A row for each key in use."""

    NAME: ClassVar[str] = "Keys"
    HELP_LINES: ClassVar[tuple[str, ...]] = (
        "Every copy of a credential has a key of its own, so that nobody can link two visits by it. All of "
        "them follow from the 24 words; none is stored, and none can be removed by itself.",
        "w shows the 24 words, after your passphrase; whoever has them has your keys. b backs the wallet up.",
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("keys.words", "keys.passphrase", "keys.backup", "filter")
    ]

    def compose_body(self) -> ComposeResult:
        """The list."""
        yield Rows(
            [Column("Number", 12), Column("Kind", 8), Column("Bound to", 26, 1), Column("Shown", 22)],
            empty=[
                (bold("No keys yet."),),
                (),
                ("Each is made for a credential: press ", bold("1"), " and a."),
            ],
        )

    def show_wallet(self) -> None:
        """Show the keys in use now."""
        self.query_one(Rows).show(self._rows())
        self.query_one(Rows).focus()

    def action_filter(self) -> None:
        """Let the person type what to look for."""
        self.query_one(Rows).filter()

    def action_words(self) -> None:
        """Show the 24 words."""
        self.wallet_app.start(show_words(self.wallet_app))

    def action_passphrase(self) -> None:
        """Change the passphrase."""
        self.wallet_app.start(change_passphrase(self.wallet_app))

    def action_back_up(self) -> None:
        """Go to the backups."""
        self.app.push_screen(BackupScreen())

    def _rows(self) -> Iterator[Row]:
        pairs = [(held, copy) for held in self.wallet_app.session.content.credentials for copy in held.copies]
        for held, copy in sorted(pairs, key=lambda pair: pair[1].key.index):
            label = one_line(type_label(held.credential_type), max_characters=_MAX_LABEL)
            shown = dim("not yet") if copy.used_at is None else encode_utc(copy.used_at)
            yield Row(
                str(copy.key.index), (str(copy.key.index), copy.key.type.value, f"{label} {held.id}", shown)
            )
