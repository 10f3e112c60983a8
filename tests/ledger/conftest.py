import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from doors.command import run
from ledger.cli import commands
from storage.passphrase import WEAKEST_ACCEPTED
from tests.ledger.process import PASSPHRASE, Operator
from tests.ledger.shared_ledger import Shared
from tests.ledger.world import World
from tests.postgres import PostgresServer


@dataclass(frozen=True)
class Said:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def code(self) -> str:
        code: str = json.loads(self.err)["error"]["code"]
        return code


Tally = Callable[..., Said]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    passphrase = tmp_path / "passphrase"
    passphrase.touch(mode=0o600)
    passphrase.write_text(PASSPHRASE)
    monkeypatch.setenv("TALLY_HOME", str(tmp_path))
    monkeypatch.setenv("TALLY_PASSPHRASE_FILE", str(passphrase))
    monkeypatch.setattr("storage.passphrase.calibrate_kdf", lambda: WEAKEST_ACCEPTED)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def tally(home: Path, capsys: pytest.CaptureFixture[str]) -> Tally:
    def tally(*arguments: str) -> Said:
        status = run(commands, arguments)
        said = capsys.readouterr()
        return Said(status, said.out, said.err)

    return tally


@pytest.fixture
def operator(home: Path, tally: Tally) -> Operator:
    made = tally("init", "--port", "18101", "--json")
    assert made.status == 0
    return Operator(home, 18101, made.json["token"])


@pytest.fixture
def world(tmp_path: Path, database: str) -> Iterator[World]:
    """A ledger that has just been made."""
    world = World(tmp_path, address=database if "://" in database else None)
    world.create()
    yield world
    world.close()


@pytest.fixture
def shared(tmp_path: Path, postgres: PostgresServer) -> Iterator[Shared]:
    world = World(tmp_path, address=postgres.new_database())
    world.create()
    with ExitStack() as started:
        yield Shared(world, started)
    world.close()
