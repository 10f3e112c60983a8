"""A ledger as its operator has it: a home folder, and a server process that can be killed."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from demo.world import find_free_ports
from ledger.client import TOKEN_PREFIX
from ledger.folder import LedgerFolder
from ledger.trust import TrustedLedger
from storage.management_key import create_management_key
from storage.passphrase import WEAKEST_ACCEPTED, Passphrase
from tests.ledger.world import HOST, keys_at
from tests.processes import ROOT

PASSPHRASE = "correct horse battery staple"
_TALLY = [sys.executable, "-c", "import sys, tally; sys.exit(tally.main())"]


@dataclass(frozen=True)
class Operator:
    """A ledger that was made in `home`, and a token to write to it."""

    home: Path
    port: int
    token: str

    @property
    def folder(self) -> LedgerFolder:
        return LedgerFolder(self.home / "ledger", marks=self.home / "state" / "ledger")

    @property
    def ledger(self) -> TrustedLedger:
        return self.folder.ledger()

    @property
    def environment(self) -> dict[str, str]:
        return {"TALLY_HOME": str(self.home), "TALLY_PASSPHRASE_FILE": str(self.home / "passphrase")}

    @contextmanager
    def serving(self) -> Iterator["subprocess.Popen[str]"]:
        """The server, ready; it is killed in the end unless it was before."""
        process = subprocess.Popen(
            [*_TALLY, "ledger", "serve", "--port", str(self.port), "--json"],
            cwd=ROOT,
            env={**os.environ, **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            line = process.stdout.readline()
            assert line, process.stderr.read()
            assert json.loads(line) == {"ready": True, "url": f"http://{HOST}:{self.port}"}
            yield process
        finally:
            process.kill()
            process.communicate()

    def post(self, line: bytes) -> dict[str, Any]:
        """Submit an entry, which is logged.

        Raises:
            OSError: no answer; the entry may or may not be logged.
        """
        status, body = self.submit(line)
        assert status == 200, body
        return body

    def submit(self, line: bytes) -> tuple[int, dict[str, Any]]:
        """What comes of submitting an entry: the status and the body of the answer.

        Raises:
            OSError: no answer; the entry may or may not be logged.
        """
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
            connection.request("POST", "/entries", line, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()


def found_ledger(home: Path, database: str = "ledger.sqlite") -> Operator:
    """Make a ledger on a free port; its passphrase costs next to nothing to try."""
    (port,) = find_free_ports(1)
    home.mkdir(mode=0o700, exist_ok=True)
    (home / "ledger").mkdir(mode=0o700)
    passphrase = home / "passphrase"
    passphrase.touch(mode=0o600)
    passphrase.write_text(PASSPHRASE)
    token, key = create_management_key(TOKEN_PREFIX)
    operator = Operator(home, port, token)
    keys = keys_at(port)
    with operator.folder.create(
        keys,
        url=f"http://{keys.origin}",
        database=database,
        passphrase=Passphrase(PASSPHRASE),
        kdf=WEAKEST_ACCEPTED,
    ) as store:
        store.add_token(key)
    return operator
