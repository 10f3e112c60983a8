import subprocess
import tempfile
from pathlib import Path

import pytest

from demo.story import BrokenExpectationError, Narrator
from demo.world import Party
from tally import VERSION
from tests.command import run_tally
from tests.processes import ROOT


def test_story_is_played_and_every_expectation_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("demo.world.PROGRAM", ("-m", "tests.quick_tally"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(ROOT)
    done = run_tally(tmp_path, "demo", "--json")
    assert done.status == 0, done.stderr
    assert done.json == {"held": True, "expectations": 18}
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
