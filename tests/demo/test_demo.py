import json
import subprocess
import sys
from pathlib import Path

import pytest

from demo.story import BrokenExpectationError, Narrator

ROOT = Path(__file__).parents[2]


def test_story_is_played_and_every_expectation_held(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tally", "demo", "--json"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout) == {"held": True, "expectations": 18}
    assert list(tmp_path.glob("tally-demo-*")) == []


def test_broken_expectation_ends_the_story() -> None:
    told: list[str] = []
    narrator = Narrator(told.append)
    narrator.expect(True, "Water is wet.")
    with pytest.raises(BrokenExpectationError, match="Fire is cold"):
        narrator.expect(False, "Fire is cold.")
    assert told == ["  ✓ Water is wet."]
