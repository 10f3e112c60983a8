"""Answering a request: `tally present`."""

from collections.abc import Sequence

import click

from doors.clock import now
from doors.command import Command, pass_terminal
from doors.exit_code import ExitCode
from doors.prompts import PassphraseSource, confirm, confirm_by_typing, passphrase_options
from doors.terminal import Terminal, good, warning
from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import RefusedError, UnavailableError
from wallet.cli.access import open_wallet
from wallet.cli.source import image_option, read_source
from wallet.consent import Consent, dotted, prepare_consent
from wallet.content import ActivityKind
from wallet.door.consent_lines import called, consent_lines, counted
from wallet.door.link import LinkKind
from wallet.door.network import open_outside
from wallet.door.place import wallet_folder
from wallet.door.wording import one_line
from wallet.outside import Outside
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
@click.option("--yes", is_flag=True, help="Send what they need without asking, if it is known who asks.")
@click.option("--decline", is_flag=True, help="Send nothing, and tell them that you declined.")
@click.option("--allow-unverified", metavar="HOST", help="Answer this host although nobody knows who asks.")
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
    with open_wallet(terminal, passphrase) as vault, open_outside(wallet_folder()) as outside:
        if credential is not None:
            vault.content.credential(credential)
        asked = open_request(link, outside=outside)
        if decline:
            # Whether something answers is nobody's business, and makes no difference.
            return _decline(terminal, vault, Consent(asked, (), known=None), tell=True, outside=outside)
        consent = prepare_consent(vault.content, asked, now=now(), prefer=credential).with_optional(claims)
        for line in consent_lines(consent):
            terminal.note(*line)
        allowed = consent.is_verified or allow_unverified == consent.host
        if not allowed and (yes or not terminal.interactive):
            # --yes says that a person need not be asked, never that a check which failed does not matter.
            detail = f"if you know that {consent.host} is theirs, give --allow-unverified {consent.host}"
            raise RefusedError(Code.REQUEST_CLIENT_UNVERIFIED, detail)
        try:
            if not allowed:
                confirm_by_typing(terminal, f"Nobody knows who {consent.host} is.", consent.host)
            elif not yes:
                confirm(terminal, f"Share {counted(consent)} with {called(consent)}?")
        except RefusedError as error:
            if error.code is not Code.DECLINED:
                raise
            return _decline(terminal, vault, consent, tell=_wants_to_tell(terminal), outside=outside)
        return _send(terminal, vault, consent, outside=outside)


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
    return ExitCode.SUCCESS


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
        "credentials": items,
    }
    terminal.document(document)
