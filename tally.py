"""The command `tally`: the doors of all roles, each imported only when it is used."""

import sys
from collections.abc import Mapping

import click

from doors.command import LazyCommand, LazyGroup, run
from doors.terminal import Terminal

VERSION = "0.1.0"


def _of_wallet(summaries: Mapping[str, str]) -> dict[str, LazyCommand]:
    return {name: LazyCommand("wallet.cli", summary, member=True) for name, summary in summaries.items()}


# The lines stand here, not in the modules, so that `tally --help` imports none of them.
_SECTIONS: Mapping[str, Mapping[str, LazyCommand]] = {
    "Your credentials": _of_wallet(
        {
            "list": "List your credentials and how each one stands.",
            "show": "Show a credential: what it says, how it stands, where it is from.",
            "add": "Get a credential from an offer: a link or a file.",
            "present": "Answer a request: see who asks for what, then share or decline.",
            "status": "Ask the issuers how your credentials stand now.",
            "remove": "Remove a credential from the wallet.",
            "activity": "List what was received and shown, with whom and when.",
        }
    ),
    "Your wallet": _of_wallet(
        {
            "init": "Make a wallet and its recovery words, or restore one from them.",
            "trust": "List the ledgers you trust, or trust another one.",
            "key": "List your keys, or show the recovery words.",
            "passwd": "Give the wallet a new passphrase.",
            "doctor": "Look for problems, and say how to mend them.",
        }
    ),
    "For institutions, shops and operators": {
        "issuer": LazyCommand("issuer.cli", "Issue, revoke and account for credentials."),
        "verifier": LazyCommand("verifier.cli", "Ask for presentations and check them."),
        "ledger": LazyCommand("ledger.cli", "Run, copy and audit the ledger."),
    },
    "To look around": {
        "demo": LazyCommand("demo.cli", "Play the main job in a small world on this machine.", member=True),
    },
}


def _print_version(context: click.Context, option: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        terminal = context.ensure_object(Terminal)
        terminal.document({"version": VERSION})
        terminal.say(f"tally {VERSION}")
        context.exit()


commands = LazyGroup(
    sections=_SECTIONS, help="Hold, issue and verify credentials that belong to the people they are about."
)
commands.params.append(
    click.Option(
        ["--version"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_print_version,
        help="Print the version and stop.",
    )
)


def main() -> int:
    """Run the command line of this process; the number to exit with."""
    return run(commands, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
