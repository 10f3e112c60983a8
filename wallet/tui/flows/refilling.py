"""Getting further copies of a credential."""

from functools import partial
from typing import TYPE_CHECKING

from protocol.errors import TallyError
from wallet.copies import can_refill
from wallet.door.wording import plural, shown_label
from wallet.label import type_label
from wallet.refill import refill_copies
from wallet.tui.flows.issuing import fetch, tell_interrupted

if TYPE_CHECKING:
    from wallet.tui.app import WalletApp


async def refill(app: "WalletApp", credential_id: str) -> None:
    """Ask the issuer of the credential for further copies, where it gives any."""
    before = app.session.content.credential(credential_id)
    if not can_refill(before, now=app.session.clock()):
        app.tell("Its issuer gives no further copies. A new offer brings a new credential.")
        return
    try:
        held = await fetch(app, partial(refill_copies, credential_id=credential_id))
    except TallyError as error:
        if app.session.content.pending_refill(credential_id) is None:
            raise
        await tell_interrupted(app, error)
        return
    known = {copy.key for copy in before.copies}
    came = plural(sum(copy.key not in known for copy in held.copies), "new copy", "new copies")
    app.tell(f"{shown_label(type_label(held.credential_type))}: {came}, {len(held.unused_copies)} left.")
    app.refresh_view()
