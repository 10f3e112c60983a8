"""`tally demo`: play the main job, and with `--keep` leave the small world running to play in."""

import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from doors.command import Group, pass_terminal
from doors.exit_code import ExitCode
from doors.terminal import Styled, Terminal, bad, bold, dim, good, verbatim

if TYPE_CHECKING:
    from demo.world import World

commands = Group(help="A small world on this machine.")


@commands.command("demo", examples=["tally demo --keep"])
@click.option("--keep", is_flag=True, help="Leave the world running, and print what to try in it.")
@pass_terminal
def demo(terminal: Terminal, *, keep: bool) -> ExitCode:
    """Play the main job in a small world on this machine: issue, hold, present, verify, revoke.

    A ledger, its four nodes, a university and an employer run as servers on loopback; a person called Ada has
    a wallet. Every step is the real command over real HTTP. Ends with 0 only if everything went as it must,
    the refusals too.
    """
    from demo.story import BrokenExpectationError, Narrator, play
    from demo.world import World

    begin = time.monotonic()
    met: list[str] = []

    def say(text: str) -> None:
        met.extend([text] if text.startswith("  ✓ ") else [])
        terminal.say(*_styled(text))

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tally-demo-")))
        say("Setting up a ledger with four nodes, a university, an employer, and Ada's wallet …")
        world = stack.enter_context(World(folder).running())
        try:
            play(world, Narrator(say))
        except BrokenExpectationError as broken:
            terminal.document({"held": False, "broken": str(broken), "expectations": len(met)})
            terminal.say(bad("✗ "), f"It did not go as it must: {broken}")
            return ExitCode.FAILURE
        terminal.document({"held": True, "expectations": len(met)})
        terminal.say("")
        terminal.say(good("✓ "), bold(f"All {len(met)} expectations held."))
        terminal.note(dim(f"{time.monotonic() - begin:.0f} seconds, seven servers, one wallet."))
        if keep:
            _print_what_to_try(terminal, world)
            _wait_for_interrupt()
    return ExitCode.SUCCESS


def _print_what_to_try(terminal: Terminal, world: "World") -> None:
    offer = world.university.tally("issuer", "offer", "--type", "degree", "--claims", str(world.claims))
    (world.folder / "offer").write_text(f"{offer['offer']}\n")
    request = world.ask()
    (world.folder / "request").write_text(f"{request['request']}\n")
    terminal.say("")
    terminal.say(bold("The world goes on running. In another terminal, be one of them:"))
    for who, party, lines in (
        ("Ada", world.ada, ["", f"add {world.folder}/offer", f"present {world.folder}/request", "list"]),
        ("City University", world.university, ["issuer list"]),
        ("Northgate", world.employer, [f"verifier result {request['id']}"]),
        ("the ledger's operator", world.operator, ["ledger head", "ledger policy explain"]),
        ("who runs the first node", world.nodes[0].party, ["ledger node status"]),
    ):
        party.write_environment()
        terminal.say("")
        terminal.say(dim(f"  # {who}"))
        terminal.say("  ", verbatim(f". {party.environment_file}"))
        for line in lines:
            terminal.say("  ", verbatim(f"tally {line}".rstrip()))
    terminal.say("")
    terminal.note(f"`tally` alone opens Ada's wallet; her passphrase is {world.ada.passphrase}")
    terminal.note("Ctrl-C stops it and removes everything.")


def _wait_for_interrupt() -> None:
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        return


def _styled(text: str) -> tuple[str | Styled, ...]:
    stripped = text.lstrip()
    indent = text[: len(text) - len(stripped)]
    if stripped.startswith("✓ "):
        return (indent, good("✓ "), stripped[2:])
    return (bold(text),) if text[:1].isdigit() else (text,)
