"""The commands that ask holders, through the running server."""

import time

import click

from doors.command import Command, pass_terminal
from doors.exit_code import ExitCode
from doors.terminal import Terminal, bold
from protocol.encoding.members import text_member
from protocol.encoding.strict_json import JsonObject, JsonValue, parse_json
from protocol.errors import MalformedError
from verifier.cli.owning import own_folder
from verifier.cli.report import tell

_POLL_SECONDS = 0.5


@click.command(
    "request",
    cls=Command,
    examples=[
        'tally verifier request --type degree --claim level --purpose "A new job"',
        "tally verifier request --type degree --claim level=master --purpose Hiring",
    ],
)
@click.option("--type", "type_name", required=True, help="The type of credential, or its vct.")
@click.option(
    "--claim", "claims", multiple=True, metavar="PATH", help="A claim that is needed; PATH=VALUE demands one."
)
@click.option("--optional", multiple=True, metavar="PATH", help="A claim the holder may leave out.")
@click.option("--purpose", required=True, help="What for, in words for the holder.")
@click.option(
    "--retention-days",
    type=click.IntRange(0, 36_525),
    default=1,
    show_default=True,
    help="How long claims are kept.",
)
@click.option("--unsigned", is_flag=True, help="Ask without your signature.")
@click.option(
    "--same-device",
    is_flag=True,
    help="Show the result only after the browser came back to this server. Against a request that is passed "
    "on to somebody else, only a page of your own helps: redirect_uri, over HTTP.",
)
@click.option(
    "--seconds", type=click.IntRange(30, 3600), help="How long it stands; 120 is good for a QR code."
)
@click.option("--wait", is_flag=True, help="Wait for the answer and show it.")
@pass_terminal
def request(
    terminal: Terminal,
    *,
    type_name: str,
    claims: tuple[str, ...],
    optional: tuple[str, ...],
    purpose: str,
    retention_days: int,
    unsigned: bool,
    same_device: bool,
    seconds: int | None,
    wait: bool,
) -> ExitCode:
    """Ask one holder for claims: a link and a QR code.

    With --json and --wait there are two lines: the request, then its result.
    """
    body: JsonObject = {
        "type": type_name,
        "claims": [_claim(text) for text in claims],
        "optional": [_claim(text) for text in optional],
        "purpose": purpose,
        "retention_days": retention_days,
        "same_device": same_device,
    }
    if unsigned:
        body["unsigned"] = True
    if seconds is not None:
        body["expires_in"] = seconds
    with own_folder().running_server() as verifier:
        created = verifier.post("requests", body)
        terminal.document(created)
        link, request_id = text_member(created, "request"), text_member(created, "id")
        terminal.qr_code(link)
        terminal.say(link)
        terminal.note(
            "Match code ", bold(text_member(created, "match_code")), ": their wallet shows the same."
        )
        terminal.note(f"Request {request_id} can be answered until {text_member(created, 'expires_at')}.")
        if not wait:
            return ExitCode.SUCCESS
        terminal.note("Waiting for the answer (Ctrl-C stops waiting) …")
        while text_member(found := verifier.get(_path(request_id)), "status") == "pending":
            time.sleep(_POLL_SECONDS)
    return tell(terminal, found)


@click.command("result", cls=Command, examples=["tally verifier result 165e66912f6fd8bf"])
@click.argument("request_id", metavar="ID")
@pass_terminal
def result(terminal: Terminal, *, request_id: str) -> ExitCode:
    """Show what became of a request, with every check.

    The claims are shown as long as they are kept.
    """
    with own_folder().running_server() as verifier:
        return tell(terminal, verifier.get(_path(request_id)))


def _path(request_id: str) -> str:
    from ledger.remote import quoted

    return f"requests/{quoted(request_id)}"


def _claim(text: str) -> JsonValue:
    """A claim as the management API reads it: `PATH`, or `PATH=VALUE` where VALUE is JSON or else text."""
    path, separator, value = text.partition("=")
    if not separator:
        return path
    try:
        wanted = parse_json(value)
    except MalformedError:
        wanted = value
    return {"path": path, "values": [wanted]}
