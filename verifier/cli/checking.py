"""The command that checks what lies on the disk, without a server."""

from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import click

from doors.clock import now
from doors.command import Command, pass_terminal
from doors.exit_code import ExitCode
from doors.home import state_folder
from doors.moment import Moment
from doors.terminal import Terminal, safe_text, verbatim
from protocol.codes import Code
from protocol.encoding.strict_json import decode_utf8
from protocol.errors import MalformedError, TallyError
from verifier.cli.owning import own_folder
from verifier.cli.report import tell

_MAX_FILE_BYTES = 256 * 1024
_MAX_EVIDENCE_BYTES = 8 << 20
_MAX_STATUS_LIST_BYTES = 32 << 20
_MAX_ADDRESS_CHARACTERS = 2048


@click.command(
    "check",
    cls=Command,
    examples=[
        'tally verifier check credential.txt --json || echo "not accepted: $?"',
        "tally verifier check credential.txt --offline --evidence city.tally-proof",
        "tally verifier check credential.txt --at 2027-05-01",
    ],
)
@click.argument("file", type=click.File("rb"))
@click.option("--nonce", help="What the presentation was made for; without it, FILE is a bare credential.")
@click.option("--audience", help="Whom the presentation was made for.")
@click.option(
    "--policy",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Another policy than your verifier's.",
)
@click.option(
    "--evidence",
    "proofs",
    type=click.File("rb"),
    multiple=True,
    metavar="FILE",
    help="A .tally-proof about the issuer or an accreditation, for when the ledger cannot be reached.",
)
@click.option(
    "--status-list",
    "status_lists",
    type=click.File("rb"),
    multiple=True,
    metavar="FILE",
    help="A status list token, for when it cannot be fetched.",
)
@click.option("--offline", is_flag=True, help="Ask nobody: use nothing but these files.")
@click.option("--at", type=Moment(), help="Check it as of that moment, for example 2027-05-01, in UTC.")
@pass_terminal
def check(
    terminal: Terminal,
    *,
    file: BinaryIO,
    nonce: str | None,
    audience: str | None,
    policy: Path | None,
    proofs: tuple[BinaryIO, ...],
    status_lists: tuple[BinaryIO, ...],
    offline: bool,
    at: datetime | None,
) -> ExitCode:
    """Check a credential or presentation from a file.

    FILE may be - for stdin. Every check against the policy is listed. It ends with 3 when it is refused, 8
    when its issuer is not trusted, and 7 when nobody could find out.
    """
    from verifier.check import Material, check_document, check_material
    from verifier.grounds import PolicyGrounds
    from verifier.handed_in import HandedIn

    text = decode_utf8(file.read(_MAX_FILE_BYTES + 1))
    handed_in = None
    if offline or proofs or status_lists:
        handed_in = HandedIn(
            tuple(map(_read_proof, proofs)),
            tuple(decode_utf8(each.read(_MAX_STATUS_LIST_BYTES + 1)).strip() for each in status_lists),
            offline,
        )
    with PolicyGrounds(
        policy or own_folder().policy,
        state=state_folder("verifier"),
        clock=now,
        handed_in=handed_in,
        at=at,
    ) as grounds:
        checked = check_material(Material(text, nonce, audience), grounds(), now=now())
    ended = tell(terminal, check_document(checked))
    if checked.error is not None:
        _say_how_to_get(terminal, checked.error)
    return ended


def _read_proof(file: BinaryIO) -> bytes:
    """The tally proof in `file`; one that cannot be read is refused by the file's name."""
    from protocol.index.proof import parse_tally_proof

    proof = file.read(_MAX_EVIDENCE_BYTES + 1)
    try:
        parse_tally_proof(proof)
    except MalformedError as error:
        raise MalformedError(error.code, f"{file.name}: {error.detail}") from error
    return proof


def _say_how_to_get(terminal: Terminal, error: TallyError) -> None:
    """Say with which command a missing file is had."""
    from ledger.evidence import ACCREDITATIONS_OF

    about = error.detail
    if error.code is Code.EVIDENCE_MISSING and about.startswith(ACCREDITATIONS_OF):
        wanted, command = "--evidence", "tally ledger evidence --accreditations"
        about = about.removeprefix(ACCREDITATIONS_OF)
    elif error.code is Code.EVIDENCE_MISSING:
        wanted, command = "--evidence", "tally ledger evidence"
    elif error.code is Code.STATUS_LIST_MISSING:
        wanted, command = "--status-list", "curl -o status-list.jwt"
    else:
        return
    named = safe_text(about, max_characters=_MAX_ADDRESS_CHARACTERS)
    terminal.note(f"The file for {wanted}, where there is a network: ", verbatim(f"{command} {named}"))
