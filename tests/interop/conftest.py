from collections.abc import Iterator

import pytest

from tests.interop.served_log import ServedLog, serve_log


@pytest.fixture(scope="session")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedLog]:
    """A served log, which whoever alters it leaves as it was."""
    with serve_log(tmp_path_factory.mktemp("ledger")) as log:
        yield log
