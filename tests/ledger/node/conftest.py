from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ledger.node.followed_log import CopyDesk, FollowedLog, open_store


@pytest.fixture
def log(tmp_path: Path) -> Iterator[FollowedLog]:
    """A log that holds nothing yet."""
    store = open_store(tmp_path / "log")
    yield FollowedLog(store)
    store.close()


@pytest.fixture
def desk(tmp_path: Path, log: FollowedLog, database: str) -> Iterator[CopyDesk]:
    """A copy of it that holds nothing yet."""
    desk = CopyDesk(tmp_path / "node", log, address=database if "://" in database else None)
    yield desk
    desk.close()
