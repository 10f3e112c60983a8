"""The commands on what was issued, through the running server: `list`, `show`, `revoke` and its like."""

import click

from doors.command import Command, pass_terminal
from doors.prompts import confirm_by_typing
from doors.terminal import Terminal
from issuer.cli.owning import own_folder
from issuer.cli.report import mark, tell
from protocol.encoding.members import objects_member, text_member


@click.command("list", cls=Command, examples=["tally issuer list --type degree"])
@click.option("--type", "type_name", help="Only this type.")
@pass_terminal
def list_issued(terminal: Terminal, *, type_name: str | None) -> None:
    """List what was issued, the latest first."""
    from ledger.remote import quoted

    query = "" if type_name is None else f"?type={quoted(type_name)}"
    with own_folder().running_server() as issuer:
        found = issuer.get(f"credentials{query}")
    terminal.document(found)
    rows = objects_member(found, "credentials")
    for row in rows:
        line = f"{text_member(row, 'id')}  {text_member(row, 'type'):20}  {text_member(row, 'issued_at')}  "
        terminal.say(line, mark(row, "status"))
    if not rows:
        terminal.note("Nothing yet. Make an offer with `tally issuer offer`.")


@click.command("show", cls=Command, examples=["tally issuer show d3e665467809b291"])
@click.argument("credential")
@pass_terminal
def show(terminal: Terminal, *, credential: str) -> None:
    """Show what the register knows of a credential. It does not know the claims."""
    with own_folder().running_server() as issuer:
        tell(terminal, issuer.get(_path(credential)))


@click.command("forget", cls=Command, examples=["tally issuer forget d3e665467809b291"])
@click.argument("credential")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_terminal
def forget(terminal: Terminal, *, credential: str, yes: bool) -> None:
    """Erase the claims that are kept for further copies of a credential. Its copies stay good.

    The wallet that has it gets no further ones. This is final.
    """
    with own_folder().running_server() as issuer:
        if not yes:
            # What is not there need not be typed.
            issuer.get(_path(credential))
            confirm_by_typing(terminal, f"This ends further copies of {credential} for good.", credential)
        tell(terminal, issuer.post(f"{_path(credential)}/forget"))


def _status_command(name: str, summary: str, *, is_final: bool = False) -> click.Command:
    @click.command(name, cls=Command, help=summary, examples=[f"tally issuer {name} d3e665467809b291"])
    @click.argument("credential")
    @click.option("--yes", is_flag=True, hidden=not is_final, help="Do not ask.")
    @pass_terminal
    def change(terminal: Terminal, *, credential: str, yes: bool) -> None:
        with own_folder().running_server() as issuer:
            if is_final and not yes:
                # What is not there need not be typed.
                issuer.get(_path(credential))
                question = f"This revokes {credential} with all its copies for good."
                confirm_by_typing(terminal, question, credential)
            tell(terminal, issuer.post(f"{_path(credential)}/{name}"))

    return change


revoke = _status_command("revoke", "Revoke a credential with all its copies. This is final.", is_final=True)
suspend = _status_command("suspend", "Suspend a credential with all its copies until it is reinstated.")
reinstate = _status_command("reinstate", "Let a suspended credential count again.")


def _path(credential: str) -> str:
    from ledger.remote import quoted

    return f"credentials/{quoted(credential)}"
