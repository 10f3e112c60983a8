from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.counted import SetClock
from tests.openid_parties import resolve_did
from tests.wallet.counterparts import Campus, Courier, create_vault, open_campus
from tests.wallet.holder import Holder
from tests.wallet.inspector import LEVEL, Inspector, open_inspector
from wallet.outside import Outside
from wallet.vault import Vault


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a wallet that another one holds."""
    monkeypatch.setattr("wallet.vault.PATIENCE", timedelta(0))


@pytest.fixture
def holder(tmp_path: Path) -> Holder:
    """A holder with an empty wallet."""
    holder = Holder(tmp_path)
    holder.create()
    return holder


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    """An empty wallet, open."""
    with create_vault(tmp_path) as vault:
        yield vault


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def courier() -> Iterator[Courier]:
    with Courier() as courier:
        yield courier


@pytest.fixture
def outside(courier: Courier, clock: SetClock) -> Outside:
    return Outside(
        courier,
        resolve_did,
        clock,
        development=True,
        prove_issuer=lambda _did: (),
        read_type_records=lambda _vct, _did: (),
    )


@pytest.fixture(scope="module")
def open_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campus]:
    with open_campus(tmp_path_factory.mktemp("campus")) as campus:
        yield campus


@pytest.fixture
def campus(open_house: Campus) -> Iterator[Campus]:
    """The issuer all tests of a module share."""
    yield open_house
    open_house.reset()


@pytest.fixture(scope="module")
def open_booth() -> Iterator[Inspector]:
    with open_inspector() as inspector:
        yield inspector


@pytest.fixture
def inspector(open_booth: Inspector) -> Iterator[Inspector]:
    """The verifier all tests of a module share; at first it asks for the level of a degree."""
    before = dict(vars(open_booth))
    open_booth.answers = []
    open_booth.ask(LEVEL)
    yield open_booth
    vars(open_booth).update(before)
