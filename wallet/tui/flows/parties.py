"""What a person says of the parties they deal with."""

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeAlias

from wallet.door.wording import quoted, shown_party
from wallet.known_party import KnownParty, PartyMark
from wallet.parties import forget_party, mark_party
from wallet.tui.screens.dialog import Question

if TYPE_CHECKING:
    from wallet.tui.app import WalletApp

PartyFlow: TypeAlias = "Callable[[WalletApp, KnownParty], Coroutine[Any, Any, None]]"


def called(party: KnownParty) -> str:
    """What a party calls itself, and where it was met."""
    name = f"{quoted(party.name)}, " if party.name else ""
    return f"{name}{', '.join(party.hosts) or shown_party(party.client_id)}"


async def trust(app: "WalletApp", party: KnownParty) -> None:
    """Note that the person knows who this is; of whom they blocked, if that is meant."""
    question = Question(
        "Trust whom you blocked?",
        (f"{called(party)}.",),
        ("You blocked them. Now they would count as somebody you know.",),
        yes="Trust",
        no="Go back",
    )
    if party.mark is not PartyMark.BLOCKED or await app.ask(question):
        await _mark(app, party, PartyMark.TRUSTED, "is on your list.")


async def unmark(app: "WalletApp", party: KnownParty) -> None:
    """Note nothing of them any more."""
    await _mark(app, party, PartyMark.SEEN, "has no mark any more.")


async def block(app: "WalletApp", party: KnownParty) -> None:
    """Have nothing more to do with them, if that is meant."""
    question = Question(
        "Block them?",
        (f"{called(party)}.",),
        ("They will get no answer any more, and nothing is taken from them.",),
        ("What they gave you stays, marked.",),
        yes="Block",
        no="Go back",
    )
    if await app.ask(question):
        await _mark(app, party, PartyMark.BLOCKED, "is blocked.")


async def forget(app: "WalletApp", party: KnownParty) -> None:
    """Forget them, and with them what would notice that somebody takes their place."""
    unblocked = [("You blocked them, and that is forgotten as well.",)] * (party.mark is PartyMark.BLOCKED)
    question = Question(
        "Forget them?",
        (f"{called(party)}.",),
        *unblocked,
        ("Whoever comes from there next is met for the first time.",),
        ("Your history stays.",),
        yes="Forget",
        no="Go back",
    )
    if await app.ask(question):
        await app.work("Forgetting …", lambda: _forget(app, party), can_cancel=False)
        app.tell(f"{called(party)} is forgotten.")
        app.refresh_view()


async def _mark(app: "WalletApp", party: KnownParty, mark: PartyMark, told: str) -> None:
    def job() -> None:
        with app.session.opened() as vault:
            mark_party(vault, party.client_id, mark)

    await app.work("Noting it …", job, can_cancel=False)
    app.tell(f"{called(party)} {told}")
    app.refresh_view()


def _forget(app: "WalletApp", party: KnownParty) -> None:
    with app.session.opened() as vault:
        forget_party(vault, party.client_id)
