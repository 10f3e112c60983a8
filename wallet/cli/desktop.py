"""Links that open the wallet: `tally setup desktop`, and `tally open`, which they run."""

import os
import platform
import shlex
import shutil
import sysconfig
from pathlib import Path

import click

from doors.command import Command, Group, pass_terminal
from doors.exit_code import ExitCode, exit_code
from doors.prompts import PassphraseSource, ask, passphrase_options
from doors.terminal import Terminal, good, verbatim, warning
from protocol.codes import Audience, Code
from protocol.errors import RefusedError, TallyError
from wallet.cli.presenting import present
from wallet.cli.receiving import add
from wallet.cli.source import image_option, read_source
from wallet.door.desktop import TYPES, forget_links, register_links
from wallet.door.link import LinkKind, kind_of_link

_PROGRAM = "tally"

setup = Group("setup", help="Let this computer know your wallet.")


@setup.command("desktop", examples=["tally setup desktop"])
@click.option("--remove", "removing", is_flag=True, help="Undo it.")
@pass_terminal
def desktop(terminal: Terminal, *, removing: bool) -> ExitCode:
    """Let the links of offers and requests open your wallet, in a terminal.

    It writes an entry into your own applications folder and makes it the default for such links.
    """
    if platform.system() == "Darwin":
        raise RefusedError(
            Code.SYSTEM_UNSUPPORTED,
            "macOS opens links only with an application bundle, and there is none yet",
        )
    registration = forget_links() if removing else register_links([*_program(), "open", "--wait"])
    terminal.document(
        {
            "entry": None if removing else str(registration.entry),
            "default": registration.is_default,
            "types": list(TYPES),
            "commands": [shlex.join(command) for command in registration.commands],
        }
    )
    if removing:
        terminal.say(good("✓ "), "Links do not open your wallet any more.")
        return ExitCode.SUCCESS
    terminal.say(good("✓ "), f"The entry is in {registration.entry}.")
    if registration.is_default:
        terminal.say(good("✓ "), "Links of offers and requests open your wallet in a terminal.")
    else:
        terminal.note(
            warning("! "), "It could not be made the default here. Run, from the package xdg-utils:"
        )
        for command in registration.commands:
            terminal.note(verbatim(f"  {shlex.join(command)}"))
    if os.environ.get("TALLY_HOME"):
        terminal.note(
            warning("! "),
            "TALLY_HOME is set here, but not where links are opened: they open the usual wallet.",
        )
    return ExitCode.SUCCESS if registration.is_default else ExitCode.PARTLY


@click.command("open", cls=Command, examples=["tally open 'openid4vp://?client_id=…&request_uri=…'"])
@click.argument("link", metavar="[LINK]", required=False)
@image_option
@click.option("--wait", is_flag=True, help="Wait for Enter at the end, so that a window stays open.")
@passphrase_options
@pass_terminal
@click.pass_context
def open_link(
    context: click.Context,
    terminal: Terminal,
    *,
    link: str | None,
    image: str | None,
    wait: bool,
    passphrase: PassphraseSource,
) -> ExitCode:
    """Do what a link is for: take an offer as `tally add` does, or answer a request as `tally present` does.

    In a terminal the full-screen wallet opens with it, unless a passphrase is given.

    LINK is a link, a file with one, or - for stdin; it may also be the QR code in a picture.
    """
    try:
        text = read_source(terminal, link, image=image, kind=None)
        ended = _follow(context, terminal, text or "", passphrase)
    except TallyError as error:
        if not wait:
            raise
        # Told here already: the window closes with the command.
        terminal.error(error.code, str(error), error.code.remedy_for(Audience.HOLDER))
        ended = exit_code(error)
    if wait and terminal.interactive:
        ask(terminal, "Press Enter to close.", option="--wait")
    return ended


def _follow(context: click.Context, terminal: Terminal, text: str, passphrase: PassphraseSource) -> ExitCode:
    if terminal.shows_screens and passphrase.file is None and passphrase.descriptor is None:
        from wallet.tui.start import open_wallet_screen  # Textual takes a quarter of a second

        return open_wallet_screen(text, ascii=terminal.ascii)
    given = {"passphrase_file": passphrase.file, "passphrase_fd": passphrase.descriptor}
    match kind_of_link(text):
        case LinkKind.OFFER:
            ended = context.invoke(add, offer=text, **given)
        case LinkKind.REQUEST:
            ended = context.invoke(present, request=text, **given)
        case _:
            raise RefusedError(Code.USAGE_INVALID, "neither an offer nor a request")
    return ExitCode.SUCCESS if ended is None else ended


def _program() -> list[str]:
    """Where this program is, as another one starts it.

    Raises:
        RefusedError: it is not installed, only run.
    """
    beside = Path(sysconfig.get_path("scripts")) / _PROGRAM
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which(_PROGRAM)
    if found is None:
        raise RefusedError(Code.NOT_FOUND, f"the program {_PROGRAM} is not installed where it can be found")
    return [str(Path(found).absolute())]
