"""Getting a credential: `tally add`."""

from collections.abc import Callable, Iterable
from functools import partial

import click

from doors.command import Command, pass_terminal
from doors.prompts import PassphraseSource, ask, confirm, passphrase_options
from doors.terminal import Terminal, bold, good, warning
from protocol.codes import Code
from protocol.encoding.strict_json import JsonValue
from protocol.errors import RefusedError, TallyError
from protocol.openid4vci.offer import TransactionCode
from wallet.cli.access import open_wallet
from wallet.cli.credentials import print_pending
from wallet.cli.source import image_option, read_source
from wallet.door.link import LinkKind
from wallet.door.network import open_outside
from wallet.door.offer_lines import code_description, code_form, issuer_at, offer_lines
from wallet.door.place import wallet_folder
from wallet.door.wording import plural, shown_did, shown_label
from wallet.held import HeldCredential
from wallet.known_party import host_of
from wallet.label import type_label, type_name
from wallet.offer import offer_digest, open_offer
from wallet.outside import Outside
from wallet.parties import noting_refusals, require_welcome_issuer
from wallet.pending import PendingIssuance
from wallet.receive import DEFAULT_COPIES, complete_issuance, receive_credentials
from wallet.transaction_code import can_be, may_try_again
from wallet.vault import Vault

_MAX_COPIES = 50


@click.command(
    "add",
    cls=Command,
    examples=[
        "tally add 'openid-credential-offer://?credential_offer_uri=https%3A%2F%2F…'",
        "tally add --image picture.png",
    ],
)
@click.argument("offer", metavar="[OFFER]", required=False)
@image_option
@click.option("--tx-code", metavar="CODE", help="The transaction code that the issuer sent another way.")
@click.option("--copies", type=click.IntRange(1, _MAX_COPIES), help="How many copies to ask for.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@passphrase_options
@pass_terminal
def add(
    terminal: Terminal,
    *,
    offer: str | None,
    image: str | None,
    tx_code: str | None,
    copies: int | None,
    yes: bool,
    passphrase: PassphraseSource,
) -> None:
    """Get what an issuer offers you. OFFER is a link, a file with one, or - for stdin; it
    may also be the QR code in a picture.

    Without OFFER, or with the same again, it goes on with what was interrupted. An offer that was taken
    already gives what came from it, and nobody is asked.

    Anybody can make an offer, in anybody's name: go on only if you expect something from the host that is
    shown. Nothing is sent to it before you say yes. What comes is checked before it is kept.
    """
    text = read_source(terminal, offer, image=image, kind=LinkKind.OFFER)
    with open_wallet(terminal, passphrase) as vault, open_outside(wallet_folder()) as outside:
        digest = None if text is None else offer_digest(text)
        interrupted = [pending for pending in vault.content.pending if digest in (None, pending.offer)]
        taken = [held for held in vault.content.credentials if digest is not None and held.offer == digest]
        try:
            if interrupted:
                _complete(terminal, vault, interrupted, outside)
            elif taken:
                _tell_taken(terminal, taken)
            elif text is None:
                raise RefusedError(Code.USAGE_INVALID, "nothing was interrupted, so an OFFER is needed")
            else:
                opened = open_offer(text, outside=outside)
                for line in offer_lines(opened, issuer_at(vault.content, opened)):
                    terminal.note(*line)
                with noting_refusals(vault, now=outside.clock()):
                    require_welcome_issuer(vault.content, None, host=host_of(opened.issuer_url))
                if not yes:
                    confirm(terminal, f"Get it from {opened.issuer_host}?")
                redeem = partial(
                    receive_credentials, vault, opened, copies=copies or DEFAULT_COPIES, outside=outside
                )
                if opened.transaction_code is not None and tx_code is None:
                    added = _redeem_with_asked_code(terminal, opened.transaction_code, redeem)
                else:
                    added = redeem(transaction_code=tx_code)
                _tell_added(terminal, added)
        finally:
            # Also when it is broken off: what a person then has to know is that nothing is lost.
            print_pending(terminal, vault.content.pending)


def _complete(
    terminal: Terminal, vault: Vault, interrupted: Iterable[PendingIssuance], outside: Outside
) -> None:
    added: list[HeldCredential] = []
    failures: list[TallyError] = []
    for pending in interrupted:
        terminal.note("Going on with what ", bold(pending.issuer_host), " was asked for.")
        try:
            added += complete_issuance(vault, pending, outside=outside)
        except TallyError as error:
            # One issuer that is away does not keep the others waiting.
            failures.append(error)
    if added or not failures:
        _tell_added(terminal, added)
    if failures:
        raise failures[0]


def _redeem_with_asked_code(
    terminal: Terminal, code: TransactionCode, redeem: Callable[..., tuple[HeldCredential, ...]]
) -> tuple[HeldCredential, ...]:
    """Ask for the transaction code, and again as long as the issuer says that there are tries left."""
    description = code_description(code)
    if description is not None:
        terminal.note(description)
    while True:
        try:
            return redeem(transaction_code=_ask_code(terminal, code))
        except RefusedError as error:
            if not may_try_again(error):
                raise
            terminal.note(warning("! "), str(error))


def _ask_code(terminal: Terminal, code: TransactionCode) -> str:
    """A code of the form the offer names: what cannot be right costs no try."""
    form = code_form(code)
    while answer := ask(terminal, f"Transaction code ({form}):", option="--tx-code"):
        if can_be(code, answer):
            return answer
        terminal.note(warning("! "), f"Nothing was sent: it has to be {form}.")
    raise RefusedError(Code.TRANSACTION_CODE_REQUIRED)


def _tell_taken(terminal: Terminal, taken: Iterable[HeldCredential]) -> None:
    _document(terminal, taken)
    for held in taken:
        label = bold(shown_label(type_label(held.credential_type)))
        terminal.say(good("✓ "), "You have it already: ", label, f" {held.id}.")


def _tell_added(terminal: Terminal, added: Iterable[HeldCredential]) -> None:
    _document(terminal, added)
    for held in added:
        copies = plural(len(held.copies), "copy", "copies")
        label = bold(shown_label(type_label(held.credential_type)))
        terminal.say(good("✓ "), label, f" from {shown_did(held.issuer)} is yours: {held.id}, {copies}.")
        if held.standing is None:
            terminal.note(warning("? "), "Its status could not be asked. Try `tally status`.")


def _document(terminal: Terminal, held_credentials: Iterable[HeldCredential]) -> None:
    documents: list[JsonValue] = [
        {
            "id": held.id,
            "type": type_name(held.credential_type),
            "vct": held.credential_type,
            "issuer": held.issuer,
            "copies": len(held.copies),
        }
        for held in held_credentials
    ]
    terminal.document({"added": documents})
