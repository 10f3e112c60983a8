"""Writing the history into a signed file, and erasing it."""

from typing import TYPE_CHECKING

from doors.screen.dialog import Field
from wallet.activity_export import create_activity_export, save_activity_export
from wallet.content import WalletContent
from wallet.door.source import typed_path
from wallet.door.wording import plural
from wallet.tui.screens.dialog import TypedQuestion

if TYPE_CHECKING:
    from wallet.tui.app import WalletApp


async def export(app: "WalletApp") -> None:
    """Write the whole history to a new file that the person names."""
    typed = await app.ask(
        Field(
            "Export the history",
            ("It is signed by your wallet, with a key that is used for nothing else, and holds no values.",),
            ("Two of your exports show the same key.",),
            placeholder="A new file, such as history.json",
        )
    )
    if typed is None:
        return
    file = typed_path(typed)

    def job() -> None:
        data = create_activity_export(app.session.content, party=None, since=None, now=app.session.clock())
        save_activity_export(file, data)

    await app.work("Writing …", job, can_cancel=False)
    app.tell(f"{plural(len(app.session.content.activity), 'line')} in {file}, signed and without values.")


async def forget(app: "WalletApp") -> None:
    """Erase the whole history, after a word was typed."""
    count = plural(len(app.session.content.activity), "line")
    question = TypedQuestion(
        f"Erase {count}?",
        ("Then nothing reminds you of who knows what about you. An export of it stays good.",),
        expected="erase",
    )
    if await app.ask(question) is None:
        return

    def job() -> None:
        with app.session.opened() as vault:
            vault.change(WalletContent.without_activity)

    await app.work("Erasing …", job, can_cancel=False)
    app.tell("The history is empty.")
    app.refresh_view()
