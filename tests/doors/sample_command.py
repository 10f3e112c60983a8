"""A command with one subcommand per thing a door can do, run by the tests as a process of its own."""

import resource
import sys

import click

from doors.command import Group, LazyCommand, LazyGroup, pass_terminal, run
from doors.exit_code import ExitCode
from doors.prompts import PassphraseSource, ask, confirm, confirm_by_typing, passphrase_options
from doors.terminal import Terminal, bad, bold, dim, good, warning
from protocol.codes import Code
from protocol.errors import MalformedError, RefusedError, TallyError, UnavailableError, VerificationError

HOSTILE = "Bank\x1b[2J\u202e\u200b\x9b"
commands = Group(help="Samples.")


@commands.command("answer")
@pass_terminal
def answer(terminal: Terminal) -> None:
    """Print one answer."""
    terminal.note("working")
    terminal.document({"name": HOSTILE, "del": "\x7f"})
    terminal.say("from ", bold(HOSTILE), good(" ✓"), warning(" !"), bad(" ✗"), dim(" (dim)"))


@commands.command("advise")
@pass_terminal
def advise(terminal: Terminal) -> None:
    """Say something at length."""
    terminal.say(warning("! "), "word " * 30)
    terminal.note("word " * 30)


@commands.command("partly")
def partly() -> ExitCode:
    """Fail for some of many items."""
    return ExitCode.PARTLY


@commands.command("fail")
@click.argument("kind")
def fail(kind: str) -> None:
    """Fail in one way."""
    errors: dict[str, BaseException] = {
        "malformed": MalformedError(Code.JSON_INVALID, "at character 3"),
        "verification": VerificationError(Code.EXPIRED),
        "unavailable": UnavailableError(Code.LOG_STALE),
        "refused": RefusedError(Code.POLICY_INVALID),
        "usage": RefusedError(Code.USAGE_INVALID, "neither this nor that"),
        "plain": TallyError(Code.INTERNAL_ERROR),
        "unexpected": ValueError("canary-7f3a"),
        "disk": OSError(28, "No space left on device"),
        "file": click.FileError("missing.txt"),
        "interrupt": KeyboardInterrupt(),
        "end": EOFError(),
    }
    raise errors[kind]


@commands.command("ask")
@pass_terminal
def ask_for_code(terminal: Terminal) -> None:
    """Ask for a line."""
    terminal.say("got ", ask(terminal, "Code?", option="--tx-code"))


@commands.command("confirm")
@pass_terminal
def ask_to_confirm(terminal: Terminal) -> None:
    """Ask for a yes."""
    confirm(terminal, "Share?")
    terminal.say("shared")


@commands.command("erase")
@pass_terminal
def erase(terminal: Terminal) -> None:
    """Ask for a name."""
    confirm_by_typing(terminal, "This cannot be undone.", "Degree")
    terminal.say("erased")


def _open(passphrase: str) -> str:
    if passphrase == "wrong":
        raise RefusedError(Code.PASSPHRASE_WRONG)
    return passphrase


@commands.command("unlock")
@click.option("--new", is_flag=True)
@passphrase_options
@pass_terminal
def unlock(terminal: Terminal, passphrase: PassphraseSource, new: bool) -> None:
    """Take a passphrase."""
    text = passphrase.read_new(terminal) if new else passphrase.unlock(terminal, _open)
    terminal.say(f"{len(text)} characters")
    if resource.getrlimit(resource.RLIMIT_CORE) == (0, 0):
        terminal.note("no core dump")


@commands.command("qr")
@pass_terminal
def show_qr(terminal: Terminal) -> None:
    """Draw a QR code."""
    drawn = terminal.qr_code("openid4vp://?request_uri=https://verifier.localhost/r/1")
    terminal.say("drawn" if drawn else "not drawn")


@commands.command("signs")
@pass_terminal
def show_signs(terminal: Terminal) -> None:
    """Print our signs, and a stranger's."""
    terminal.say("✓ ✗ ! ? “李”")


@commands.command("many")
@pass_terminal
def many(terminal: Terminal) -> None:
    """Print many lines."""
    for number in range(20_000):
        terminal.say(f"line {number}")


lazy = LazyGroup(
    help="Lazy samples.",
    sections={
        "Members": {"answer": LazyCommand("tests.doors.sample_command:answer", "One answer.")},
        "Groups": {
            "samples": LazyCommand("tests.doors.sample_command:commands", "All samples."),
            "absent": LazyCommand("tests.doors.no_such_module:commands", "Nobody wrote this."),
        },
    },
)

if __name__ == "__main__":
    name, *arguments = sys.argv[1:]
    sys.exit(run({"plain": commands, "lazy": lazy}[name], arguments))
