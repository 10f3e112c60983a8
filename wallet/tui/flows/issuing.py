"""Fetching from an issuer: the steps it tells of, and what to say when it is broken off."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from doors.screen.text import Line
from doors.terminal import bold
from protocol.errors import TallyError
from wallet.issuance import Step
from wallet.tui.screens.dialog import Refusal, Telling

if TYPE_CHECKING:
    from wallet.tui.app import WalletApp

R = TypeVar("R")

_STEPS: Mapping[Step, str] = {
    Step.REDEEMING: "Redeeming the offer …",
    Step.ASKING: "Asking for the credential …",
    Step.CHECKING: "Checking what came …",
    Step.KEEPING: "Keeping it …",
}


async def fetch(app: "WalletApp", job: Callable[..., R]) -> R:
    """Do `job` with the wallet, the way outside, and `on_step`; a screen says which step it is at.

    Raises:
        TallyError: as `job`.
    """
    telling = Telling("Beginning …")

    def on_step(step: Step) -> None:
        telling.words = _STEPS[step]

    def run() -> R:
        with app.session.opened_outside() as (vault, outside):
            return job(vault, outside=outside, on_step=on_step)

    return await app.work(telling, run, can_cancel=False)


async def tell_interrupted(app: "WalletApp", error: TallyError) -> None:
    """Say what went wrong, and where it is gone on with; then go there."""
    more: list[Line] = []
    if app.session.content.pending:
        more = [
            (),
            (bold("It is not lost."), " Press a, and Enter with nothing in the field, to go on."),
            ("Do it soon: the issuer does not hold it for long.",),
        ]
    await app.ask(Refusal(error, *more))
    app.action_view("credentials")
