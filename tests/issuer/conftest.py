from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from issuer.register import TABLES
from storage.register import open_register
from tests.counted import NOW, CountedEntropy
from tests.issuer.door import Door, open_door
from tests.issuer.university import University


@pytest.fixture
def entropy() -> CountedEntropy:
    return CountedEntropy()


@pytest.fixture
def register(database: str) -> Iterator[Engine]:
    engine = open_register(database, TABLES)
    yield engine
    engine.dispose()


@pytest.fixture
def crowd(engine_name: str) -> int:
    """How many try the same at once; on PostgreSQL each of them costs a process."""
    return 64 if engine_name == "sqlite" else 12


@pytest.fixture
def university(tmp_path: Path, database: str) -> Iterator[University]:
    university = University(tmp_path, database=database)
    yield university
    university.close()


@pytest.fixture(scope="module")
def open_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with open_door(tmp_path_factory.mktemp("university")) as door:
        yield door


@pytest.fixture
def door(open_house: Door) -> Iterator[Door]:
    """The door all tests of a module share; each test sets out at the same time."""
    yield open_house
    open_house.university.clock.now = NOW
