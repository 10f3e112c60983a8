from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ledger.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A ledger that has just been made."""
    world = World(tmp_path)
    world.create()
    yield world
    world.close()
