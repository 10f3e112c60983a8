"""Taking a credential out of the wallet."""

from typing import TYPE_CHECKING

from wallet.door.wording import plural, shown_did, shown_label
from wallet.label import type_label
from wallet.remove import remove_credential
from wallet.tui.screens.dialog import TypedQuestion

if TYPE_CHECKING:
    from wallet.tui.app import WalletApp


async def remove(app: "WalletApp", credential_id: str) -> None:
    """Remove a credential with all its copies, after its id was typed."""
    held = app.session.content.credential(credential_id)
    label = shown_label(type_label(held.credential_type))
    copies = plural(len(held.copies), "copy", "copies")
    question = TypedQuestion(
        f"Remove {label}?",
        (f"This removes {label} from {shown_did(held.issuer)} for good, {copies}.",),
        ("Only its issuer can give you another one.",),
        expected=held.id,
    )
    if await app.ask(question) is None:
        return

    def job() -> None:
        with app.session.opened() as vault:
            remove_credential(vault, held.id, now=app.session.clock())

    await app.work("Removing …", job, can_cancel=False)
    app.tell(f"{label} is gone.")
    app.refresh_view()
