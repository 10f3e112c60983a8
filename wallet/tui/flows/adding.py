"""Getting a credential: the link, the host it leads to, perhaps a code, and what came of it."""

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from doors.screen.dialog import Field
from doors.screen.text import Line
from doors.terminal import dim, warning
from protocol.errors import TallyError
from protocol.openid4vci.offer import InputMode, TransactionCode
from wallet.door.link import LinkKind, kind_of_link
from wallet.door.offer_lines import code_description, code_form, issuer_at, offer_lines
from wallet.door.source import read_given
from wallet.held import HeldCredential
from wallet.known_party import KnownParty, host_of
from wallet.offer import OpenedOffer, offer_digest, open_offer
from wallet.parties import require_welcome_issuer
from wallet.pending import PendingIssuance
from wallet.receive import DEFAULT_COPIES, complete_issuance, receive_credentials
from wallet.transaction_code import can_be, may_try_again
from wallet.tui.flows.issuing import fetch, tell_interrupted
from wallet.tui.flows.presenting import present
from wallet.tui.screens.dialog import Question
from wallet.tui.screens.offer import OfferDialog
from wallet.tui.screens.received import ReceivedDialog

if TYPE_CHECKING:
    from wallet.tui.app import WalletApp

_DIGITS = r"[0-9]*"


async def add(app: "WalletApp", source: str) -> None:
    """Get what is offered in `source`, a link or a file; if it is empty, go on with what was interrupted."""
    if source.strip():
        await take_offer(app, await app.work("Reading it …", lambda: read_given(source)))
    elif app.session.content.pending:
        await _go_on(app, app.session.content.pending)
    else:
        app.tell("Paste a link, or choose a file.")


async def take_offer(app: "WalletApp", link: str) -> None:
    """Get what the offer in `link` brings, unless it was taken already."""
    if kind_of_link(link) is LinkKind.REQUEST:
        await _answer_instead(app, link)
        return
    content, digest = app.session.content, offer_digest(link)
    taken = [held for held in content.credentials if held.offer == digest]
    interrupted = content.pending_issuance(digest)
    if interrupted is not None:
        await _go_on(app, [interrupted])
    elif taken:
        await _show(app, "You have it already", taken)
    else:
        offer = await app.work("Asking who offers what …", lambda: _open(app, link))
        known = issuer_at(content, offer)
        preview = OfferDialog(_preview(offer, known), is_known=known is not None, link=link)
        if await app.ask(preview):
            await _redeem(app, offer)


def _open(app: "WalletApp", link: str) -> OpenedOffer:
    with app.session.opened_outside() as (vault, outside):
        offer = open_offer(link, outside=outside)
        require_welcome_issuer(vault.content, None, host=host_of(offer.issuer_url))
        return offer


def _preview(offer: OpenedOffer, known: KnownParty | None) -> list[Line]:
    lines = [*offer_lines(offer, known), ()]
    copies = min(DEFAULT_COPIES, offer.batch_size)
    if copies > 1:
        lines.append((f"You get {copies} copies, so that no two places you show one to can compare them.",))
    if offer.transaction_code is not None:
        lines.append(
            (f"It sent you a code another way ({code_form(offer.transaction_code)}), and will want it.",)
        )
    lines.append((dim("Nothing was sent yet. What comes is checked before it is kept."),))
    return lines


async def _redeem(app: "WalletApp", offer: OpenedOffer) -> None:
    told: list[Line] = []
    while True:
        typed = None
        if offer.transaction_code is not None:
            typed = await _ask_code(app, offer.transaction_code, told)
            if typed is None:
                app.tell("Nothing was sent.")
                return
        try:
            added = await fetch(app, partial(receive_credentials, offer=offer, transaction_code=typed))
        except TallyError as error:
            if may_try_again(error):
                told = [(warning("! "), str(error))]
                continue
            if app.session.content.pending_issuance(offer.digest) is None:
                raise
            await tell_interrupted(app, error)
            return
        await _show(app, "It is yours", added)
        return


async def _ask_code(app: "WalletApp", code: TransactionCode, told: list[Line]) -> str | None:
    form, description = code_form(code), code_description(code)
    lines: list[Line] = [(f"Type the code that the issuer sent you another way: {form}.",)]
    if description is not None:
        lines.append((description,))
    restrict = _DIGITS if code.input_mode is InputMode.NUMERIC else None
    while True:
        typed = await app.ask(Field("Transaction code", *lines, *told, placeholder=form, restrict=restrict))
        if typed is None or can_be(code, typed):
            return typed
        told = [(warning("! "), f"Nothing was sent: it has to be {form}.")]


async def _go_on(app: "WalletApp", interrupted: Iterable[PendingIssuance]) -> None:
    added: list[HeldCredential] = []
    for pending in interrupted:
        try:
            added += await fetch(app, partial(complete_issuance, pending=pending))
        except TallyError as error:
            # One issuer that is away does not keep the others waiting.
            await tell_interrupted(app, error)
    if added:
        await _show(app, "It is yours", added)


async def _show(app: "WalletApp", title: str, added: Iterable[HeldCredential]) -> None:
    await app.ask(ReceivedDialog(title, tuple(added), shows_values=app.shows_values))
    app.action_view("credentials")


async def _answer_instead(app: "WalletApp", link: str) -> None:
    question = Question(
        "This asks you for something",
        ("It brings no credential: somebody wants to know something about you.",),
        yes="See who asks",
        no="Not now",
    )
    if await app.ask(question):
        await present(app, link)
