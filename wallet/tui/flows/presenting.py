"""Answering a request: who asks, what leaves, the last question, and what came of it."""

from typing import TYPE_CHECKING

from doors.screen.dialog import Notice
from doors.screen.text import Line
from doors.terminal import bold, good
from protocol.codes import Code
from protocol.errors import RefusedError, UnavailableError
from protocol.openid4vp.request_object import VerifiedRequest
from wallet.consent import Consent, prepare_consent
from wallet.door.consent_lines import called, counted, doubt_lines
from wallet.door.link import LinkKind, kind_of_link
from wallet.door.source import read_given
from wallet.door.wording import one_line, shown_did, shown_label, shown_value
from wallet.held import HeldCredential
from wallet.label import type_label
from wallet.present import Sent, decline_request, open_request, send_presentation
from wallet.tui.flows.passphrase import prove_before_sharing
from wallet.tui.screens.choice import Choice
from wallet.tui.screens.consent import ConsentScreen, Decline, GoAway, Share, UseAnother
from wallet.tui.screens.dialog import Question, Refusal, TypedQuestion

if TYPE_CHECKING:
    from wallet.tui.app import WalletApp


async def present_from(app: "WalletApp", source: str, *, prefer: str | None = None) -> None:
    """Answer the request that a person gave: a link, or a file with one. An offer is taken instead."""
    if not source.strip():
        app.tell("Paste a link, or choose a file.")
        return
    link = await app.work("Reading it …", lambda: read_given(source))
    if kind_of_link(link) is LinkKind.OFFER:
        from wallet.tui.flows.adding import take_offer  # which leads here with a request

        app.tell("That is an offer: you get something from it, and nothing is asked of you.")
        await take_offer(app, link)
    else:
        await present(app, link, prefer=prefer)


async def present(app: "WalletApp", link: str, *, prefer: str | None = None) -> None:
    """Answer the request in `link`, with the credential `prefer` if one is named."""
    asked = await app.work("Finding out who asks …", lambda: _open(app, link))
    while True:
        consent = prepare_consent(app.session.content, asked, now=app.session.clock(), prefer=prefer)
        match await app.ask(ConsentScreen(consent)):
            case UseAnother():
                prefer = await _choose_another(app, consent) or prefer
            case Decline():
                await _decline(app, asked)
                return
            case GoAway():
                app.tell("Nothing was sent.")
                return
            case Share(chosen):
                if await _is_meant(app, chosen) and await prove_before_sharing(app):
                    await _send(app, chosen)
                    return


def _open(app: "WalletApp", link: str) -> VerifiedRequest:
    with app.session.opened_outside() as (vault, outside):
        return open_request(vault, link, outside=outside)


async def _is_meant(app: "WalletApp", consent: Consent) -> bool:
    """One more question, and another one where it is not known who asks, or they ask for too much."""
    title = f"Share {counted(consent)} with {consent.host}?"
    if not await app.ask(Question(title, *_leaving(consent), yes="Share", no="Go back")):
        return False
    if not consent.needs_second_yes:
        return True
    return (
        await app.ask(TypedQuestion("Are you sure?", *doubt_lines(consent), expected=consent.host))
        is not None
    )


async def _send(app: "WalletApp", consent: Consent) -> None:
    def job() -> Sent:
        with app.session.opened_outside() as (vault, outside):
            return send_presentation(vault, consent, outside=outside)

    try:
        sent = await app.work(f"Sending {counted(consent)} …", job, can_cancel=False)
    except UnavailableError as error:
        if error.code in (Code.DISK_FULL, Code.DISK_ERROR):
            raise
        # What to do about the error is to try again, and that is just what must not be done blindly.
        await app.ask(
            Refusal(
                error,
                ("Ask them whether they have it. If they have not, let them ask you anew.",),
                remedy="Nobody knows whether your answer arrived. It is not sent again.",
            )
        )
        app.action_view("credentials")
        return
    lines: list[Line] = [(good("✓ "), f"Sent {counted(consent)} to ", bold(called(consent)), ".")]
    if sent.redirect_uri is not None:
        lines += [(), ("They ask you to go on at:",), (one_line(sent.redirect_uri, max_characters=2048),)]
    await app.ask(Notice("Sent", *lines))
    app.action_view("credentials")


async def _decline(app: "WalletApp", asked: VerifiedRequest) -> None:
    tell = await app.ask(
        Question(
            "Nothing is shared", ("Shall they hear that you declined?",), yes="Tell them", no="Say nothing"
        )
    )

    def job() -> None:
        with app.session.opened_outside() as (vault, outside):
            decline_request(vault, asked, tell=tell, outside=outside)

    await app.work("Noting that you declined …", job, can_cancel=False)
    app.action_view("credentials")
    app.tell("You declined. They were told." if tell else "You declined. They were not told.")


async def _choose_another(app: "WalletApp", consent: Consent) -> str | None:
    others = [held for held in app.session.content.credentials if _answers(app, consent, held)]
    if len(others) < 2:
        app.tell("Nothing else in your wallet answers this request.")
        return None
    rows = [
        (held.id, f"{shown_label(type_label(held.credential_type))} from {shown_did(held.issuer)}")
        for held in others
    ]
    return await app.ask(Choice("Answer with", rows))


def _answers(app: "WalletApp", consent: Consent, held: HeldCredential) -> bool:
    try:
        prepare_consent(app.session.content, consent.request, now=app.session.clock(), prefer=held.id)
    except RefusedError:
        return False
    return True


def _named(held: HeldCredential) -> str:
    return f"{shown_label(type_label(held.credential_type))} from {shown_did(held.issuer)}"


def _leaving(consent: Consent) -> list[Line]:
    facts = [fact for item in consent.items for fact in item.disclosed]
    if not facts:
        return [("No fact about you, only that you have this credential.",)]
    return [(f"  {shown_label(fact.label)}: ", bold(shown_value(fact.value))) for fact in facts]
