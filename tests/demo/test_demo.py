import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from demo.party import PROGRAM, Party
from demo.story import BrokenExpectationError, Narrator
from storage.passphrase import WEAKEST_ACCEPTED
from tally import VERSION
from tests.command import run_tally
from tests.processes import ROOT

ONE_AT_A_TIME = threading.Lock()


def run_here(
    command: Sequence[str], *, env: Mapping[str, str], capture_output: bool, check: bool
) -> subprocess.CompletedProcess[bytes]:
    """As `subprocess.run`, without waiting for a process: the servers have theirs, and that is enough."""
    assert (capture_output, check) == (True, False)
    python, *arguments = command
    assert (python, *arguments[:2]) == (sys.executable, *PROGRAM)
    # In this process there is one environment, and the nodes are made at once.
    with ONE_AT_A_TIME:
        done = run_tally(Path(env["TALLY_HOME"]), *arguments[2:], environment=env)
    return subprocess.CompletedProcess(command, done.status, done.stdout.encode(), done.stderr.encode())


def test_story_is_played_and_every_expectation_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("demo.party.subprocess.run", run_here)
    for module in ("storage.passphrase", "wallet.cli.setup"):
        monkeypatch.setattr(f"{module}.calibrate_kdf", lambda: WEAKEST_ACCEPTED)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(ROOT)
    done = run_tally(tmp_path, "demo", "--json")
    assert done.status == 0, done.stderr
    assert done.json == {"held": True, "expectations": 25}
    assert list(tmp_path.glob("tally-demo-*")) == []


def test_party_can_be_played_from_any_folder_of_another_terminal(tmp_path: Path) -> None:
    party = Party(tmp_path / "the party")
    party.write_environment()
    played = subprocess.run(
        ["/bin/sh", "-c", '. "$0"; tally --version; echo "$TALLY_HOME"', str(party.environment_file)],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert played.stdout.splitlines() == [f"tally {VERSION}", str(party.home)]


def test_broken_expectation_ends_the_story() -> None:
    told: list[str] = []
    narrator = Narrator(told.append)
    narrator.expect(True, "Water is wet.")
    with pytest.raises(BrokenExpectationError, match="Fire is cold"):
        narrator.expect(False, "Fire is cold.")
    assert told == ["  ✓ Water is wet."]


def test_chapters_that_the_readme_shows_are_chapters_of_the_demo() -> None:
    shown = re.findall(r"^\d\. .*", (ROOT / "README.md").read_text(), re.MULTILINE)
    told = re.findall(r'chapter\("(.*)"\)', (ROOT / "demo/story.py").read_text())
    assert len(shown) > 3
    assert [title for title in shown if title not in told] == []
