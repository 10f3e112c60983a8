from pathlib import Path

import pytest

from tests.wallet.holder import Holder


@pytest.fixture(autouse=True)
def _no_markup(no_markup: None) -> None:
    """For every test of the screens."""


@pytest.fixture
def ada(tmp_path: Path) -> Holder:
    """A holder with a degree in two copies."""
    holder = Holder(tmp_path)
    holder.create()
    holder.hold()
    return holder
