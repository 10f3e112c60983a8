"""The first screen of all, where there is no wallet yet."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from doors.screen.dialog import Notice
from doors.screen.text import Line, Text, content
from doors.terminal import bad, bold, dim
from protocol.codes import Audience
from protocol.errors import TallyError
from wallet.making import require_place
from wallet.tui.actions import bindings
from wallet.tui.flows.importing import import_backup
from wallet.tui.flows.making import make_from_words, make_new
from wallet.tui.screens.frame import WalletScreen

_WAYS = (
    ("make", "n", "New", "make a wallet, with 24 words of its own"),
    ("restore", "r", "Restore", "make it anew from the 24 words of an earlier one"),
    ("import_backup", "i", "Import", "bring everything back from a backup file"),
    ("demo", "d", "Demo", "see it all at work first, without a risk"),
)


class WelcomeScreen(WalletScreen):
    """Leads to a new wallet, or to one that is brought back."""

    NAME: ClassVar[str] = "Welcome"
    HELP_LINES: ClassVar[tuple[str, ...]] = (
        "A wallet is one file on this machine, which your passphrase opens. It keeps credentials: what a "
        "university, a city or a company says about you, signed. You decide who sees which fact.",
        "Its keys follow from 24 words that you write down. Nothing leaves this machine by making one.",
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("welcome.new", "welcome.restore", "welcome.import", "welcome.demo")
    ]

    def compose_body(self) -> ComposeResult:
        """The ways in."""
        with Vertical(classes="middle"), Vertical(classes="box") as box:
            box.border_title = content("Welcome")
            yield Text(
                ("There is no wallet on this machine yet. It would be kept here, for you alone:",),
                (dim(str(self.wallet_app.session.folder.path)),),
                *self._trouble(),
                (),
            )
            yield OptionList(
                *(
                    Option(content(f"{key}  ", bold(name.ljust(9)), meaning), id=method)
                    for method, key, name, meaning in _WAYS
                ),
                markup=False,
            )

    @on(OptionList.OptionSelected)
    async def choose(self, selected: OptionList.OptionSelected) -> None:
        """Enter or a click does what the key does."""
        await self.run_action(f"screen.{selected.option_id}")

    def action_make(self) -> None:
        """Make a new one."""
        self.wallet_app.start(make_new(self.wallet_app))

    def action_restore(self) -> None:
        """Make it anew from its words."""
        self.wallet_app.start(make_from_words(self.wallet_app))

    def action_import_backup(self) -> None:
        """Bring it back from a file."""
        self.wallet_app.start(import_backup(self.wallet_app))

    def action_demo(self) -> None:
        """Say how to see it all at work."""
        self.app.push_screen(
            Notice(
                "See it all at work",
                ("Leave with q, and type this in the terminal:",),
                (),
                ("  ", bold("tally demo"), dim("   (or `make demo` where you got the source)")),
                (),
                (
                    "It starts a small world on this machine: a ledger, a university, a cinema. A wallet of "
                    "its own gets a degree and shows it. It takes a minute, and leaves nothing behind.",
                ),
            )
        )

    def _trouble(self) -> list[Line]:
        """Why no wallet can be made here, if that is so."""
        try:
            require_place(self.wallet_app.session.folder)
        except TallyError as error:
            remedy = error.code.remedy_for(Audience.HOLDER)
            return [(), (bad("✗ "), str(error)), (remedy, dim(f" {error.code.value}"))]
        return []
