"""Keeping the wallet open for scripts: `tally agent`."""

from datetime import timedelta

import click

from doors.command import Command, pass_terminal
from doors.prompts import PassphraseSource, passphrase_options
from doors.terminal import Terminal, good
from protocol.codes import Code
from protocol.errors import RefusedError, UnavailableError
from wallet.agent.client import ask_status, end_agent
from wallet.agent.launch import become_agent, start_agent
from wallet.agent.messages import AgentStatus, Handover
from wallet.cli.access import open_wallet_anew
from wallet.door.place import agent_folder, wallet_folder
from wallet.settings import load_settings

_SECOND = timedelta(seconds=1)
_TO_START = timedelta(seconds=20)


@click.command(
    "agent",
    cls=Command,
    examples=["tally agent start", "tally agent status", "tally agent lock"],
)
@click.argument("what", type=click.Choice(["status", "start", "stop", "lock"]), default="status")
@click.option("--foreground", is_flag=True, help="With start: stay in the foreground, for a service manager.")
@passphrase_options
@pass_terminal
def agent(terminal: Terminal, *, what: str, foreground: bool, passphrase: PassphraseSource) -> None:
    """Keep the wallet unlocked in a process of its own, so that other commands need not ask.

    While it runs, every process of yours can open the wallet. It ends when nobody used the wallet for a while
    (`tally settings idle_lock_minutes`), when you lock it, and with the machine. To lock and to stop are the
    same: only with the process the key is gone.
    """
    if foreground and what != "start":
        raise click.UsageError("--foreground goes with start.")
    match what:
        case "status":
            _tell(terminal, ask_status(agent_folder()))
        case "start":
            _start(terminal, passphrase, foreground=foreground)
        case _:
            ended = end_agent(agent_folder())
            terminal.document({"ended": ended})
            terminal.say(*(good("✓ "), "The agent has ended.") if ended else ("No agent is running.",))


def _start(terminal: Terminal, passphrase: PassphraseSource, *, foreground: bool) -> None:
    if ask_status(agent_folder()) is not None:
        # Before anybody types a passphrase; `listen` makes sure.
        raise RefusedError(Code.VAULT_LOCKED, "an agent is running: end it with `tally agent stop`")
    idle = load_settings(wallet_folder()).idle_lock
    with open_wallet_anew(terminal, passphrase) as vault:
        handover = Handover(vault.file.master_key, idle)
    place = agent_folder(make=True)
    if foreground:
        terminal.note("This process keeps the wallet unlocked until it is ended.")
        become_agent(place, handover)
    start_agent(place, handover)
    started = ask_status(place, patience=_TO_START)
    if started is None:
        raise UnavailableError(Code.AGENT_UNAVAILABLE, "it ended as soon as it was started")
    _tell(terminal, started)


def _tell(terminal: Terminal, status: AgentStatus | None) -> None:
    if status is None:
        terminal.document({"running": False})
        terminal.say("No agent is running: each command asks for the passphrase.")
        return
    terminal.document(
        {
            "running": True,
            "pid": status.pid,
            "unlocked_for_seconds": status.unlocked_for // _SECOND,
            "locks_in_seconds": status.locks_in // _SECOND,
        }
    )
    terminal.say(good("✓ "), f"The wallet is unlocked: process {status.pid} keeps its key.")
    minutes = -(-status.locks_in // timedelta(minutes=1))
    terminal.say(f"  It locks when no command needs it for {_counted(minutes)}.")


def _counted(minutes: int) -> str:
    return "1 minute" if minutes == 1 else f"{minutes} minutes"
