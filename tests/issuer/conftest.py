from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from issuer.register import open_register
from tests.issuer.counted import CountedEntropy
from tests.issuer.university import University


@pytest.fixture
def entropy() -> CountedEntropy:
    return CountedEntropy()


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Engine]:
    engine = open_register(tmp_path / "register.sqlite")
    yield engine
    engine.dispose()


@pytest.fixture
def university(tmp_path: Path) -> Iterator[University]:
    university = University(tmp_path)
    yield university
    university.close()
