"""The command that checks what lies on the disk, without a server."""

from pathlib import Path
from typing import BinaryIO

import click

from doors.clock import now
from doors.command import Command, pass_terminal
from doors.exit_code import ExitCode
from doors.home import state_folder
from doors.terminal import Terminal
from protocol.encoding.strict_json import decode_utf8
from verifier.cli.owning import own_folder
from verifier.cli.report import tell

_MAX_FILE_BYTES = 256 * 1024


@click.command(
    "check", cls=Command, examples=['tally verifier check credential.txt --json || echo "not accepted: $?"']
)
@click.argument("file", type=click.File("rb"))
@click.option("--nonce", help="What the presentation was made for; without it, FILE is a bare credential.")
@click.option("--audience", help="Whom the presentation was made for.")
@click.option(
    "--policy",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Another policy than your verifier's.",
)
@pass_terminal
def check(
    terminal: Terminal, *, file: BinaryIO, nonce: str | None, audience: str | None, policy: Path | None
) -> ExitCode:
    """Check a credential or presentation from a file.

    FILE may be - for stdin. Every check against the policy is listed. It ends with 3 when it is refused, 8
    when its issuer is not trusted, and 7 when nobody could find out.
    """
    from verifier.check import Material, check_document, check_material
    from verifier.grounds import PolicyGrounds

    text = decode_utf8(file.read(_MAX_FILE_BYTES + 1))
    with PolicyGrounds(policy or own_folder().policy, state=state_folder("verifier"), clock=now) as grounds:
        checked = check_material(Material(text, nonce, audience), grounds(), now=now())
    return tell(terminal, check_document(checked))
