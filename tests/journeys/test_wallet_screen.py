"""The full-screen wallet as a person uses it: in a real terminal, against real servers."""

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from demo.party import PROGRAM
from demo.world import World
from protocol.encoding.members import objects_member, text_member
from storage.passphrase import WEAKEST_ACCEPTED
from tests.command import run_tally
from tests.tmux import terminal

TMUX = pytest.mark.skipif(shutil.which("tmux") is None, reason="there is no tmux on this machine")


def run_here(
    command: Sequence[str], *, env: Mapping[str, str], capture_output: bool, check: bool
) -> subprocess.CompletedProcess[bytes]:
    """As `subprocess.run`, without waiting for a process: the servers have theirs, and that is enough."""
    assert (capture_output, check) == (True, False)
    done = run_tally(Path(env["TALLY_HOME"]), *command[1 + len(PROGRAM) :], environment=env)
    return subprocess.CompletedProcess(command, done.status, done.stdout.encode(), done.stderr.encode())


@TMUX
def test_credential_is_added_presented_and_seen_to_be_revoked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("demo.party.subprocess.run", run_here)
    for module in ("storage.passphrase", "wallet.cli.setup"):
        monkeypatch.setattr(f"{module}.calibrate_kdf", lambda: WEAKEST_ACCEPTED)
    with World(tmp_path / "world", node_count=0).running() as world:
        offer = world.university.tally("issuer", "offer", "--type", "degree", "--claims", str(world.claims))
        command = [sys.executable, *PROGRAM]
        with terminal(tmp_path, command, {"TALLY_HOME": str(world.ada.home)}) as tmux:
            tmux.until("Your wallet is locked")
            tmux.type("a wrong one")
            tmux.until("That passphrase does not open it.")
            tmux.type(world.ada.passphrase)
            tmux.until("No credentials yet.")

            tmux.press("a")
            tmux.until("Get a credential")
            tmux.paste(text_member(offer, "offer"))
            tmux.until("offers you", "“City University”")
            tmux.press("y")
            assert "Master of Science" not in tmux.until("It is yours", "10 copies", "••••")
            tmux.press("v")
            tmux.until("Master of Science")
            tmux.press("Escape")
            tmux.until("✓ valid", "Degree")

            request = world.ask()
            tmux.press("p")
            tmux.until("Answer somebody")
            tmux.paste(text_member(request, "request"))
            tmux.until("“Northgate”", "They signed as northgate", "2 facts will be sent.")
            tmux.press("s")
            tmux.until("Share 2 facts with")
            tmux.press("y")
            tmux.until("✓ Sent 2 facts")
            result = world.employer.tally("verifier", "result", text_member(request, "id"))
            assert result["status"] == "verified"
            tmux.press("Enter")
            tmux.until("✓ valid")
            tmux.press("2")
            tmux.until("shown to", "received from")

            held = objects_member(world.university.tally("issuer", "list"), "credentials")
            world.university.tally("issuer", "revoke", text_member(held[0], "id"), "--yes")
            tmux.press("1")
            tmux.until("✓ valid")
            tmux.press("R")
            tmux.until("✗ revoked", "Degree")
            tmux.press("C-l")
            locked = tmux.until("Your wallet is locked")
            assert "Degree" not in locked
            tmux.press("C-q")
            tmux.until("ended with 0")
