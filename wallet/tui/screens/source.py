"""A place for a link: pasted, or out of a file or a picture."""

from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.events import Paste
from textual.widgets import Button, Input

from doors.clipboard import read_picture
from doors.screen.text import Line, Text, clean, content
from wallet.door.qr_picture import find_link
from wallet.tui.actions import bindings
from wallet.tui.screens.files import FileDialog
from wallet.tui.screens.frame import WalletScreen


class LinkField(Input):
    """A field that takes a link also where a mail program has broken it into lines."""

    def _on_paste(self, event: Paste) -> None:
        event.prevent_default()
        event.stop()
        self.insert_text_at_cursor(clean("".join(event.text.splitlines())).strip())


class SourceScreen(WalletScreen):
    """Takes a link; what is done with it is `go_on`."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("source.file", "source.clipboard")]

    def compose_body(self) -> ComposeResult:
        """The field, and other ways."""
        with VerticalScroll(classes="source", can_focus=False):
            yield Text(*self.introduction())
            yield LinkField(placeholder="A link, or the path of a file")
            with Horizontal(classes="buttons"):
                yield Button(content("Go on"), id="go-on", compact=True)
                yield Button(content("Choose a file (f)"), id="file", compact=True)
                yield Button(content("Picture on the clipboard (c)"), id="clipboard", compact=True)
            yield Text(classes="remarks")

    def introduction(self) -> list[Line]:
        """What the link is for."""
        raise NotImplementedError

    def remarks(self) -> list[Line]:
        """What to know, below the field."""
        raise NotImplementedError

    def go_on(self, source: str) -> None:
        """Do what is to be done with a link, or the path of a file with one."""
        raise NotImplementedError

    def show_wallet(self) -> None:
        """Show what is to be known now, and wait for the link."""
        self.query_one(".remarks", Text).show(*self.remarks())
        self.query_one(LinkField).focus()

    @on(Input.Submitted)
    def submit(self) -> None:
        """Go on with what is in the field."""
        self.go_on(self.query_one(LinkField).value)

    @on(Button.Pressed)
    def press(self, pressed: Button.Pressed) -> None:
        """The buttons do what the keys do."""
        match pressed.button.id:
            case "file":
                self.action_choose_file()
            case "clipboard":
                self.action_take_picture()
            case _:
                self.submit()

    def action_choose_file(self) -> None:
        """Let the person choose a file; its path then stands in the field."""
        self.app.push_screen(FileDialog(Path.home()), self._take_file)

    def action_take_picture(self) -> None:
        """Read the picture on the clipboard; the link in it then stands in the field."""
        self.wallet_app.start(self._take_picture())

    async def _take_picture(self) -> None:
        link = await self.wallet_app.work("Reading the picture …", lambda: find_link(read_picture()))
        self.query_one(LinkField).value = clean(link)
        self.call_later(self.go_on, link)

    def _take_file(self, file: Path | None) -> None:
        if file is not None:
            self.query_one(LinkField).value = clean(str(file))
            self.go_on(str(file))
