from collections.abc import Iterator
from dataclasses import replace

import pytest

from ledger.memory import CheckpointMemory
from ledger.mirror import mirror_ledger
from ledger.mirror_folder import MirrorFolder
from tests.interop.served_log import ServedLog, serve_log
from tests.ledger.static_log import LEDGER, StaticLog
from tests.ledger.world import NOW


@pytest.fixture(scope="session")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedLog]:
    """A served log, which whoever alters it leaves as it was."""
    with serve_log(tmp_path_factory.mktemp("ledger")) as log:
        yield log


@pytest.fixture(scope="session")
def mirrored(log: ServedLog, tmp_path_factory: pytest.TempPathFactory) -> ServedLog:
    """The same log as `tally ledger mirror` keeps it in a folder."""
    folder = tmp_path_factory.mktemp("mirror")
    static = StaticLog([entry.encode() for entry in log.entries])
    with MirrorFolder(folder / "log") as files, static:
        memory = CheckpointMemory(folder / "seen")
        mirror_ledger(LEDGER, files, fetcher=static, memory=memory, now=NOW)
    return replace(log, url=f"file://{folder / 'log'}")
