"""What a person says of the parties they deal with."""

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeAlias

from wallet.door.wording import plural
from wallet.known_party import KnownParty, PartyMark
from wallet.parties import forget_party, mark_party
from wallet.tui.screens.dialog import Question

if TYPE_CHECKING:
    from wallet.tui.app import WalletApp

PartyFlow: TypeAlias = "Callable[[WalletApp, KnownParty], Coroutine[Any, Any, None]]"


async def trust(app: "WalletApp", party: KnownParty) -> None:
    """Note that the person knows who this is."""
    await _mark(app, party, PartyMark.TRUSTED, "They are on your list.")


async def unmark(app: "WalletApp", party: KnownParty) -> None:
    """Note nothing of them any more."""
    await _mark(app, party, PartyMark.SEEN, "They have no mark any more.")


async def block(app: "WalletApp", party: KnownParty) -> None:
    """Have nothing more to do with them, if that is meant."""
    question = Question(
        "Block them?",
        ("They will get no answer any more, and nothing is taken from them.",),
        ("What they gave you stays, marked.",),
        yes="Block",
        no="Go back",
    )
    if await app.ask(question):
        await _mark(app, party, PartyMark.BLOCKED, "They are blocked.")


async def forget(app: "WalletApp", party: KnownParty) -> None:
    """Forget them, and with them what would notice that somebody takes their place."""
    hosts = ", ".join(party.hosts) or "no host"
    question = Question(
        "Forget them?",
        (f"{plural(len(party.hosts), 'host')}: {hosts}.",),
        ("Whoever comes from there next is met for the first time.",),
        ("Your history stays.",),
        yes="Forget",
        no="Go back",
    )
    if await app.ask(question):
        await app.work("Forgetting …", lambda: _forget(app, party), can_cancel=False)
        app.tell("They are forgotten.")
        app.refresh_view()


async def _mark(app: "WalletApp", party: KnownParty, mark: PartyMark, told: str) -> None:
    def job() -> None:
        with app.session.opened() as vault:
            mark_party(vault, party.client_id, mark)

    await app.work("Noting it …", job, can_cancel=False)
    app.tell(told)
    app.refresh_view()


def _forget(app: "WalletApp", party: KnownParty) -> None:
    with app.session.opened() as vault:
        forget_party(vault, party.client_id)
