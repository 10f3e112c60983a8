"""The command `tally`: the doors of all roles, each imported only when it is used."""

import sys
from collections.abc import Mapping

import click

from doors.command import LazyCommand, LazyGroup, run
from doors.exit_code import ExitCode
from doors.prompts import require_person
from doors.terminal import Terminal
from protocol.codes import Audience

VERSION = "0.1.0"


# The lines stand here, not in the modules: `tally --help` imports none of these, and a command only its own.
_SECTIONS: Mapping[str, Mapping[str, LazyCommand]] = {
    "Your credentials": {
        "list": LazyCommand(
            "wallet.cli.credentials:list_credentials", "List your credentials and how each one stands."
        ),
        "show": LazyCommand(
            "wallet.cli.credentials:show", "Show a credential: what it says, how it stands, where it is from."
        ),
        "add": LazyCommand(
            "wallet.cli.receiving:add", "Get a credential from an offer: a link, a file or a picture."
        ),
        "refill": LazyCommand(
            "wallet.cli.refilling:refill", "Get further copies of a credential from its issuer."
        ),
        "present": LazyCommand(
            "wallet.cli.presenting:present", "Answer a request: see who asks for what, then share or decline."
        ),
        "open": LazyCommand(
            "wallet.cli.desktop:open_link", "Do what a link is for: take an offer, or answer a request."
        ),
        "status": LazyCommand("wallet.cli.asking:status", "Ask the issuers how your credentials stand now."),
        "remove": LazyCommand("wallet.cli.credentials:remove", "Remove a credential from the wallet."),
        "activity": LazyCommand(
            "wallet.cli.history:activity", "List what was received and shown, with whom and when."
        ),
        "party": LazyCommand(
            "wallet.cli.parties:commands", "List whom your wallet knows, and say whom you trust or block."
        ),
    },
    "Your wallet": {
        "init": LazyCommand(
            "wallet.cli.setup:init", "Make a wallet and its recovery words, or restore one from them."
        ),
        "trust": LazyCommand("wallet.cli.setup:trust", "List the ledgers you trust, or trust another one."),
        "key": LazyCommand("wallet.cli.keys:key", "List your keys, or show the recovery words."),
        "passwd": LazyCommand("wallet.cli.keys:passwd", "Give the wallet a new passphrase."),
        "agent": LazyCommand(
            "wallet.cli.agent:agent", "Keep the wallet unlocked for your scripts, or lock it."
        ),
        "settings": LazyCommand(
            "wallet.cli.preferences:settings", "List how the wallet looks and behaves, or change it."
        ),
        "backup": LazyCommand(
            "wallet.cli.backups:backup", "Back up the wallet into one file, and restore it from there."
        ),
        "setup": LazyCommand("wallet.cli.desktop:setup", "Let links open your wallet."),
        "doctor": LazyCommand("wallet.cli.troubles:doctor", "Look for problems, and say how to mend them."),
    },
    "For institutions, shops and operators": {
        "issuer": LazyCommand(
            "issuer.cli:commands", "Issue, revoke and account for credentials.", audience=Audience.ISSUER
        ),
        "verifier": LazyCommand(
            "verifier.cli:commands", "Ask for presentations and check them.", audience=Audience.VERIFIER
        ),
        "ledger": LazyCommand(
            "ledger.cli:commands",
            "Run and audit the ledger.",
            audience=Audience.OPERATOR,
            others={"accredit": Audience.ISSUER, "withdraw": Audience.ISSUER},
        ),
    },
    "To look around": {
        "demo": LazyCommand("demo.cli:demo", "Play the main job in a small world on this machine."),
    },
}


def _print_version(context: click.Context, option: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        terminal = context.ensure_object(Terminal)
        terminal.document({"version": VERSION})
        terminal.say(f"tally {VERSION}")
        context.exit()


@click.pass_context
def _open_wallet(context: click.Context, *, plain: bool) -> ExitCode:
    """What `tally` alone does: in a terminal it opens the wallet, elsewhere it prints the help."""
    terminal = context.ensure_object(Terminal)
    if context.invoked_subcommand is not None:
        return ExitCode.SUCCESS
    if terminal.json:
        raise click.UsageError("Missing command.", context)
    if plain:
        require_person(terminal, "a command")
    if not terminal.interactive or not terminal.stdout.isatty():
        click.echo(context.get_help())
        return ExitCode.SUCCESS
    if plain or not terminal.shows_screens:
        from wallet.cli.plain_menu import run_plain_menu

        options = ["--ascii"] if terminal.ascii else []
        return run_plain_menu(terminal, lambda words: run(commands, [*options, *words]))
    from wallet.tui.start import open_wallet_screen

    return open_wallet_screen(ascii=terminal.ascii)


commands = LazyGroup(
    sections=_SECTIONS,
    help=(
        "Hold, issue and verify credentials that belong to the people they are about. "
        "Alone, in a terminal, it opens your wallet."
    ),
    callback=_open_wallet,
    params=[
        click.Option(["--plain"], is_flag=True, help="Open your wallet as questions, line by line."),
        click.Option(
            ["--ascii"], is_flag=True, expose_value=False, help="Show marks in plain letters: OK ! x ?"
        ),
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_print_version,
            help="Print the version and stop.",
        ),
    ],
)


def main() -> int:
    """Run the command line of this process; the number to exit with."""
    return run(commands, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
