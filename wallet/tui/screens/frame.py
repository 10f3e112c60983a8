"""What every screen of the wallet does: says where you are, keeps up with the wallet, lets you leave."""

from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from textual.binding import BindingType

from doors.screen.ending import Ending
from doors.screen.framed import Framed
from doors.screen.text import Text
from doors.terminal import Styled, bold, dim, warning
from wallet.door.wording import plural
from wallet.tui.actions import bindings
from wallet.tui.notices import notices

if TYPE_CHECKING:
    from wallet.tui.app import WalletApp

_REFRESH_SECONDS = 15


Answer = TypeVar("Answer")


class AnsweringScreen(Framed, Ending[Answer], Generic[Answer]):
    """A screen of the wallet that ends with an answer.

    Attributes:
        NAME: What the place is called.
        HELP_LINES: What can be done here, in prose, for the help.
    """

    NAME: ClassVar[str] = ""
    HELP_LINES: ClassVar[tuple[str, ...]] = ()
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("help", "close", "leave")]

    @property
    def wallet_app(self) -> "WalletApp":
        """The program, with its session."""
        return cast("WalletApp", self.app)

    def action_leave(self) -> None:
        """Go away without an answer."""
        raise NotImplementedError

    def action_close(self) -> None:
        """Go away, as `q` does."""
        self.action_leave()

    def show_wallet(self) -> None:
        """Show the wallet as it is now; called whenever the screen comes to the front."""

    def on_mount(self) -> None:
        """Keep the line on top current."""
        self.set_interval(_REFRESH_SECONDS, self.show_status)

    def on_screen_resume(self) -> None:
        """Show what has changed meanwhile."""
        self.show_status()
        if self.wallet_app.session.is_open:
            self.show_wallet()

    def show_status(self) -> None:
        """Say on top where the person is, and what they should know all the time."""
        session = self.wallet_app.session
        parts: list[str | Styled] = [bold(f" Tallystick · {self.NAME}")]
        if session.is_open:
            minutes = int(session.unlocked_for.total_seconds()) // 60
            parts.append(dim(f" · unlocked {plural(minutes, 'minute')}" if minutes else " · just unlocked"))
            parts += [warning(f" · ! {notice}") for notice in notices(session)]
        else:
            parts.append(dim(" · locked" if session.folder.is_initialized() else " · no wallet yet"))
        self.query_one(".status", Text).show(tuple(parts))


class WalletScreen(AnsweringScreen[None]):
    """A place in the wallet, which a person leaves when they like."""

    def action_leave(self) -> None:
        """Go back to the screen before; a slip of the finger does not lead out."""
        self.wallet_app.go_back()

    def action_close(self) -> None:
        """Go back to the screen before, from the first one out."""
        if not self.wallet_app.go_back():
            self.app.exit()
