"""Choosing the first ledger to trust."""

from functools import partial
from typing import TYPE_CHECKING

from doors.ledger_address import parse_ledger_address
from doors.screen.text import Line
from doors.terminal import bad, dim
from ledger.trust import TrustedLedgers, trust_ledgers
from protocol.codes import Audience
from protocol.errors import TallyError
from wallet.door.ledger_lines import ledger_lines
from wallet.tui.screens.dialog import Question
from wallet.tui.screens.ledger import LedgerDialog

if TYPE_CHECKING:
    from wallet.tui.app import WalletApp


async def choose_ledgers(app: "WalletApp") -> TrustedLedgers | None:
    """The ledger a person trusts after they saw its keys, or none yet; None when they give up."""
    from wallet.door.network import ask_ledger  # the network costs a quarter of a second

    address, lines = "", list[Line]()
    while True:
        answer = await app.ask(LedgerDialog(*lines, address=address))
        if not answer:
            return None if answer is None else TrustedLedgers(())
        address = answer
        try:
            url = parse_ledger_address(address)
            ledger = await app.work("Asking the ledger …", partial(ask_ledger, url))
        except TallyError as error:
            lines = _refused(error)
            continue
        question = Question(
            "Trust this ledger?", *ledger_lines(ledger), yes="The keys are right: trust it", no="Not this one"
        )
        if await app.ask(question):
            return trust_ledgers([ledger])
        lines = []


def _refused(error: TallyError) -> list[Line]:
    remedy = error.code.remedy_for(Audience.HOLDER)
    return [(), (bad("✗ "), str(error)), (remedy, dim(f" {error.code.value}"))]
