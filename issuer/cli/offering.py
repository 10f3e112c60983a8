"""The commands on offers, through the running server: `offer`, `offers`, `withdraw`."""

from datetime import timedelta
from urllib.parse import urlencode

import click

from doors.command import Command, pass_terminal
from doors.prompts import confirm_by_typing
from doors.terminal import Terminal, bold
from doors.text_file import TextFile
from issuer.cli.owning import own_folder
from issuer.cli.report import mark, tell
from protocol.encoding.members import objects_member, text_member
from protocol.encoding.strict_json import parse_json_object


@click.command(
    "offer", cls=Command, examples=["tally issuer offer --type degree --claims ada.json --tx-code"]
)
@click.option("--type", "type_name", required=True, help="The type of credential.")
@click.option("--claims", required=True, type=TextFile(), help="A JSON file; - for stdin.")
@click.option("--tx-code", is_flag=True, help="Make a code that you send the holder another way.")
@click.option("--copies", type=click.IntRange(1, 50), help="How many copies the wallet may have.")
@click.option("--minutes", type=click.IntRange(1, 43_200), help="For how many minutes the offer stands.")
@pass_terminal
def offer(
    terminal: Terminal,
    *,
    type_name: str,
    claims: str,
    tx_code: bool,
    copies: int | None,
    minutes: int | None,
) -> None:
    """Offer a credential to one holder: a link, and the same as a QR code.

    Whoever has the link can redeem it, once. With --tx-code they need the code as well, so send the two by
    different ways.
    """
    from issuer.management import OfferRequest, encode_offer_request

    lifetime = None if minutes is None else timedelta(minutes=minutes)
    request = OfferRequest(_readable(type_name), parse_json_object(claims), tx_code, copies, lifetime)
    with own_folder().running_server() as issuer:
        created = issuer.post("offers", encode_offer_request(request))
    terminal.document(created)
    link = text_member(created, "offer")
    terminal.qr_code(link)
    terminal.say(link)
    if tx_code:
        terminal.say("Transaction code, to be sent another way: ", bold(text_member(created, "tx_code")))
    terminal.note(f"Offer {text_member(created, 'id')} stands until {text_member(created, 'expires_at')}.")


@click.command("offers", cls=Command, examples=["tally issuer offers --type degree"])
@click.option("--type", "type_name", help="Only this type.")
@click.option("--all", "with_closed", is_flag=True, help="Also those that are over.")
@pass_terminal
def list_offers(terminal: Terminal, *, type_name: str | None, with_closed: bool) -> None:
    """List the offers that nobody redeemed yet, the latest first. What they would say is not shown."""
    wanted = {} if with_closed else {"state": "open"}
    if type_name is not None:
        wanted["type"] = _readable(type_name)
    with own_folder().running_server() as issuer:
        found = issuer.get(f"offers?{urlencode(wanted)}")
    terminal.document(found)
    rows = objects_member(found, "offers")
    for row in rows:
        line = f"{text_member(row, 'id')}  {text_member(row, 'type'):20}  {text_member(row, 'created_at')}  "
        is_open = text_member(row, "state") == "open"
        terminal.say(line, mark(row, "state"), f" until {text_member(row, 'expires_at')}" if is_open else "")
    if not rows:
        terminal.note("None. Make an offer with `tally issuer offer`.")


@click.command("withdraw", cls=Command, examples=["tally issuer withdraw 29c8cdeb95b932e9"])
@click.argument("offer")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_terminal
def withdraw(terminal: Terminal, *, offer: str, yes: bool) -> None:
    """Take an offer back that nobody redeemed yet, and erase its claims. This is final."""
    from ledger.remote import quoted

    path = f"offers/{quoted(offer)}"
    with own_folder().running_server() as issuer:
        if not yes:
            # What is not there need not be typed.
            issuer.get(path)
            confirm_by_typing(terminal, f"This takes the offer {offer} back for good.", offer)
        tell(terminal, issuer.post(f"{path}/withdraw"))


def _readable(text: str) -> str:
    # An argument in another encoding than the terminal's holds what no message could.
    return text.encode("utf-8", "replace").decode()
