"""Institutions with homes of their own on a ledger over real HTTP, as their people use the command."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest import mock

from doors.clock import now
from doors.server import listen
from ledger.client import TOKEN_PREFIX
from protocol.tlog.policy import encode_log_policy
from storage.management_key import create_management_key
from storage.passphrase import WEAKEST_ACCEPTED
from tests.command import run_tally
from tests.ledger.world import Clock, World
from tests.processes import Finished

PASSPHRASE = "correct horse battery staple"


class RealClock(Clock):
    """The ledger and the commands read the same clock."""

    def __call__(self) -> datetime:
        return now()


@dataclass(frozen=True)
class Home:
    """The home of an institution."""

    path: Path
    did: str

    def tally(self, *arguments: str, stdin: str = "") -> Finished:
        files = {"TALLY_PASSPHRASE_FILE": str(self.path / "passphrase")}
        return run_tally(self.path, *arguments, stdin=stdin, environment=files)

    def answer(self, *arguments: str) -> Any:
        """What a command that must succeed answers in JSON."""
        finished = self.tally(*arguments, "--json")
        assert finished.status == 0, finished
        return json.loads(finished.stdout)

    def refusal(self, *arguments: str) -> tuple[int, str, str]:
        """How a command that must fail ends: its number, its code and its words."""
        finished = self.tally(*arguments, "--json")
        error = json.loads(finished.stderr)["error"]
        return finished.status, error["code"], error["message"]


@dataclass(frozen=True)
class Town:
    """A ledger, and who lives there."""

    world: World
    path: Path
    token: Path

    @property
    def policy(self) -> Path:
        return self.path / "policy"

    def settle(self, slug: str) -> Home:
        """A new institution."""
        path = self.path / slug
        path.mkdir(mode=0o700)
        (path / "passphrase").touch(mode=0o600)
        (path / "passphrase").write_text(PASSPHRASE)
        home = Home(path, "")
        options = ("--ledger", self.world.ledger.url, "--onboarding-token-file", str(self.token))
        with mock.patch("storage.passphrase.calibrate_kdf", return_value=WEAKEST_ACCEPTED):
            made = home.answer("issuer", "init", "--name", slug, "--slug", slug, *options)
        return Home(path, made["did"])


@contextmanager
def town(path: Path) -> Iterator[Town]:
    """A ledger where nobody lives yet."""
    (path / "ledger").mkdir()
    world = World(path / "ledger", RealClock())
    with listen("127.0.0.1", 0) as listener:
        world.port = listener.socket.getsockname()[1]
        world.create()
        text, key = create_management_key(TOKEN_PREFIX)
        world.store().add_token(key)
        token = path / "token"
        token.write_text(text)
        with world.serving(listener):
            (path / "policy").write_text(encode_log_policy(world.ledger.policy))
            yield Town(world, path, token)
        world.close()
