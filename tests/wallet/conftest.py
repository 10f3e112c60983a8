from pathlib import Path

import pytest

from tests.wallet.holder import Holder


@pytest.fixture
def holder(tmp_path: Path) -> Holder:
    """A holder with an empty wallet."""
    holder = Holder(tmp_path)
    holder.create()
    return holder
