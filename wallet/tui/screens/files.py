"""Choosing a file. Its name may be a stranger's word: a download is called what its sender likes."""

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from rich.text import Text, TextType
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DirectoryTree

from doors.screen.dialog import Dialog
from doors.screen.text import Signs, clean
from doors.screen.text import Text as Lines
from doors.terminal import dim


class FileDialog(Dialog[Path | None]):
    """Asks for a file below `folder`; None when the person would rather not."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "give_up", show=False),
        Binding("u", "go_up", show=False),
    ]

    def __init__(self, folder: Path) -> None:
        super().__init__("Choose a file", (dim("A text file with the link, or a picture of its QR code."),))
        self._folder = folder

    def compose_answers(self) -> ComposeResult:
        """The folder as a tree."""
        yield _Files(self._folder)
        yield Lines(
            (dim("Enter to open or choose, u for the folder above, Escape to go back"),), classes="hint"
        )

    def on_mount(self) -> None:
        """Begin in the tree."""
        files = self.query_one(_Files)
        files.show_guides = not Signs.ascii
        files.focus()

    def on_directory_tree_file_selected(self, event: DirectoryTree.FileSelected) -> None:
        """Give back what was chosen."""
        event.stop()
        self.dismiss(event.path)

    def action_go_up(self) -> None:
        """Show the folder above."""
        files = self.query_one(_Files)
        files.path = Path(files.path).resolve().parent

    def action_give_up(self) -> None:
        """Give nothing back."""
        self.dismiss(None)


class _Files(DirectoryTree):
    ICON_NODE = "+ "
    ICON_NODE_EXPANDED = "- "
    ICON_FILE = "  "

    def process_label(self, label: TextType) -> Text:
        """The name as text; Textual would read it as markup."""
        return Text(clean(str(label)))

    def filter_paths(self, paths: Iterable[Path]) -> Iterable[Path]:
        """Without what is hidden."""
        return [path for path in paths if not path.name.startswith(".")]
