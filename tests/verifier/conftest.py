from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.verifier.door import Door, open_door
from tests.verifier.shop import Shop, open_shop


@pytest.fixture
def shop(tmp_path: Path, database: str) -> Iterator[Shop]:
    with open_shop(tmp_path, database=database) as opened:
        yield opened


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with open_door(tmp_path) as opened:
        yield opened
