"""Answering a request: `tally present`."""

from collections.abc import Sequence

import click

from doors.clock import now
from doors.command import Command, pass_terminal
from doors.exit_code import ExitCode
from doors.prompts import PassphraseSource, ask, confirm, confirm_by_typing, passphrase_options
from doors.terminal import Terminal, good, warning
from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import RefusedError, UnavailableError
from wallet.cli.access import require_presence, unlock_wallet
from wallet.cli.source import image_option, read_source
from wallet.consent import Consent, dotted, prepare_consent
from wallet.content import ActivityKind
from wallet.copies import can_refill
from wallet.door.consent_lines import (
    called,
    consent_lines,
    count_line,
    counted,
    doubt_lines,
    fact_line,
)
from wallet.door.link import LinkKind
from wallet.door.network import open_outside
from wallet.door.place import wallet_folder
from wallet.door.wording import one_line, shown_label
from wallet.label import type_label
from wallet.outside import Outside
from wallet.overasking import Hint
from wallet.present import decline_request, open_request, send_presentation
from wallet.vault import Vault


@click.command(
    "present",
    cls=Command,
    examples=["tally present 'openid4vp://?client_id=…&request_uri=…'", "tally present --image picture.png"],
)
@click.argument("request", metavar="[REQUEST]", required=False)
@image_option
@click.option("--claim", "claims", metavar="NAME", multiple=True, help="Also send this optional fact.")
@click.option("--credential", metavar="ID", help="Answer with this credential.")
@click.option("--yes", is_flag=True, help="Send what they need without asking, if nothing speaks against it.")
@click.option("--decline", is_flag=True, help="Send nothing, and tell them that you declined.")
@click.option("--allow-unverified", metavar="HOST", help="Answer this host although nobody knows who asks.")
@click.option("--allow-overasking", metavar="HOST", help="Answer this host although it asks for too much.")
@passphrase_options
@pass_terminal
def present(
    terminal: Terminal,
    *,
    request: str | None,
    image: str | None,
    claims: Sequence[str],
    credential: str | None,
    yes: bool,
    decline: bool,
    allow_unverified: str | None,
    allow_overasking: str | None,
    passphrase: PassphraseSource,
) -> ExitCode:
    """Answer a request: see who asks, why and for what, then share or decline. REQUEST is a link, a file
    with one, or - for stdin; it may also be the QR code in a picture.

    \b
    Marks:  [=] they need it    [ ] optional, not sent    [x] optional, sent
    """  # noqa: D301 (click wants the control character)
    if yes and decline:
        raise click.UsageError("--yes and --decline exclude each other.")
    link = read_source(terminal, request, image=image, kind=LinkKind.REQUEST)
    if link is None:
        raise RefusedError(Code.USAGE_INVALID, "a REQUEST is needed, or --image")
    unlocked = unlock_wallet(terminal, passphrase)
    with unlocked.vault as vault, open_outside(wallet_folder()) as outside:
        if credential is not None:
            vault.content.credential(credential)
        asked = open_request(vault, link, outside=outside)
        if decline:
            # Whether something answers is nobody's business, and makes no difference.
            nothing = Consent(asked, (), known=vault.content.party(asked.audience))
            return _decline(terminal, vault, nothing, tell=True, outside=outside)
        consent = prepare_consent(vault.content, asked, now=now(), prefer=credential).with_optional(claims)
        for line in consent_lines(consent):
            terminal.note(*line)
        doubts = _doubts(consent, allow_unverified=allow_unverified, allow_overasking=allow_overasking)
        if doubts and (yes or not terminal.interactive):
            # --yes says that a person need not be asked, never that a doubt does not matter.
            raise doubts[0]
        try:
            if not yes:
                consent = consent if claims else _ask_for_optional(terminal, consent)
                confirm(terminal, f"Share {counted(consent)} with {called(consent)}?")
                if doubts:
                    for line in doubt_lines(consent):
                        terminal.note(*line)
                    confirm_by_typing(terminal, "Are you sure?", consent.host)
                require_presence(terminal, passphrase, unlocked)
        except RefusedError as error:
            if error.code is not Code.DECLINED:
                raise
            return _decline(terminal, vault, consent, tell=_wants_to_tell(terminal), outside=outside)
        return _send(terminal, vault, consent, outside=outside)


def _doubts(
    consent: Consent, *, allow_unverified: str | None, allow_overasking: str | None
) -> list[RefusedError]:
    """Why one yes is not enough, as what a script is told that gave no more than that."""
    doubts: list[RefusedError] = []
    if not consent.is_verified and allow_unverified != consent.host:
        detail = f"if you know that {consent.host} is theirs, give --allow-unverified {consent.host}"
        doubts.append(RefusedError(Code.REQUEST_CLIENT_UNVERIFIED, detail))
    if consent.over_asks and allow_overasking != consent.host:
        detail = f"if you want to send it all the same, give --allow-overasking {consent.host}"
        doubts.append(RefusedError(Code.REQUEST_OVERASKS, detail))
    return doubts


def _ask_for_optional(terminal: Terminal, consent: Consent) -> Consent:
    """The consent with the optional facts that a person adds by number."""
    offered = [(item, fact) for item in consent.items for fact in item.optional]
    if not offered or not terminal.interactive:
        return consent
    facts = ", ".join(f"{number} {shown_label(fact.label)}" for number, (_, fact) in enumerate(offered, 1))
    while True:
        question = f"Also share? {facts} (numbers with blanks, or Enter for none):"
        words = ask(terminal, question, option="--claim").replace(",", " ").split()
        numbers = {int(word) for word in words if word.isascii() and word.isdigit()}
        if len(numbers) == len({*words}) and numbers <= {*range(1, len(offered) + 1)}:
            break
        terminal.note(warning("! "), "Nothing was added: that is none of these numbers.")
    chosen = [offered[number - 1] for number in sorted(numbers)]
    consent = consent.with_ticks({(item.query_id, fact.path) for item, fact in chosen})
    for item in consent.items:
        for fact in item.chosen:
            terminal.note(*fact_line("[x]", fact))
    terminal.note(*count_line(consent))
    return consent


def _send(terminal: Terminal, vault: Vault, consent: Consent, *, outside: Outside) -> ExitCode:
    try:
        sent = send_presentation(vault, consent, outside=outside)
    except UnavailableError as error:
        if error.code not in (Code.DISK_FULL, Code.DISK_ERROR):
            terminal.note(warning("! "), "Nobody knows whether your answer arrived. It is not sent again.")
        raise
    _document(terminal, ActivityKind.PRESENTED, consent, redirect_uri=sent.redirect_uri)
    terminal.say(good("✓ "), f"Sent {counted(consent)} to {called(consent)}.")
    if sent.redirect_uri is not None:
        terminal.say("They ask you to go on at ", one_line(sent.redirect_uri, max_characters=2048))
    _tell_used_up(terminal, vault, consent)
    return ExitCode.SUCCESS


def _tell_used_up(terminal: Terminal, vault: Vault, consent: Consent) -> None:
    """Say of which credentials no copy is left that nobody has seen."""
    for credential_id in dict.fromkeys(item.credential.id for item in consent.items):
        held = vault.content.credential(credential_id)
        if not held.unused_copies:
            label = shown_label(type_label(held.credential_type))
            remedy = f"`tally refill {held.id}` gets new ones."
            if not can_refill(held, now=now()):
                remedy = "Only a new offer of its issuer brings new ones."
            terminal.note(warning("! "), f"Every copy of your {label} {held.id} was shown now. {remedy}")


def _decline(terminal: Terminal, vault: Vault, consent: Consent, *, tell: bool, outside: Outside) -> ExitCode:
    decline_request(vault, consent.request, tell=tell, outside=outside)
    _document(terminal, ActivityKind.DECLINED, consent, redirect_uri=None)
    told = "They were told." if tell else "They were not told."
    terminal.say(f"You declined to {called(consent)}; no fact was sent. {told}")
    return ExitCode.DECLINED


def _wants_to_tell(terminal: Terminal) -> bool:
    try:
        confirm(terminal, "Tell them that you declined?")
    except RefusedError:
        return False
    return True


def _document(
    terminal: Terminal, outcome: ActivityKind, consent: Consent, *, redirect_uri: str | None
) -> None:
    items: list[JsonValue] = []
    disclosed: list[JsonValue] = []
    for item in consent.items if outcome is ActivityKind.PRESENTED else ():
        names = [dotted(fact.path) for fact in item.disclosed]
        items.append({"credential": item.credential.id, "disclosed": [*names]})
        disclosed += names
    document: JsonObject = {
        "outcome": outcome.value,
        "disclosed": disclosed,
        "redirect_uri": redirect_uri,
        "client_id": consent.party,
        "checked_by": consent.checked_by.value,
        "verified": consent.is_verified,
        "trusted": consent.is_trusted,
        "match_code": consent.match_code,
        "hints": [_hint_document(hint) for hint in consent.hints],
        "credentials": items,
    }
    terminal.document(document)


def _hint_document(hint: Hint) -> JsonObject:
    return {
        "kind": hint.kind.value,
        "claims": [dotted(path) for path in hint.paths],
        "needed": hint.is_needed,
    }
