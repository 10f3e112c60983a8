"""First entries of DIDs logged: by the parts of a ledger alone, and over HTTP by clients of a whole one.

The ledger is a process of its own, as an operator starts it; the clients are threads of this one and take
their part of the same core. Every entry is answered only when a signed checkpoint that covers it is on disk.
"""

import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from time import perf_counter

from benchmarks.dids import NOW, _document, _key
from benchmarks.measure import row
from doors.server import listen
from ledger.admission import admit
from ledger.client import TOKEN_PREFIX
from ledger.cosigners import Cosigners
from ledger.folder import LedgerFolder
from ledger.followed_log import FollowedLog
from ledger.placement import Logged
from ledger.sequencer import Sequencer
from ledger.signer import LedgerKeys
from ledger.store import LedgerStore
from protocol.did.webvh.author import create_did
from protocol.keys import Ed25519PrivateKey
from protocol.records import DidRecord
from protocol.records.did import parse_did_record
from storage.management_key import create_management_key
from storage.passphrase import WEAKEST_ACCEPTED, Passphrase

HOST = "ledger.localhost"
LATER = NOW + timedelta(days=1)
ENTRIES = 2000
WAITING = 500
TURNS = 5
CLIENTS = {1: 60, 32: 320}
"""How many clients at once, and how many entries they log in a turn."""


def run() -> None:
    with listen("127.0.0.1", 0) as listener:
        port: int = listener.socket.getsockname()[1]
    authority = f"{HOST}:{port}"
    records = [parse_did_record(line) for line in _first_entries(port, ENTRIES)]
    begin = perf_counter()
    for record in records:
        admit(record, None, authority=authority, now=LATER)
    admitted = perf_counter() - begin
    with tempfile.TemporaryDirectory() as home:
        sequenced = _sequence(Path(home), authority, records)
    print("\nAppending first entries to a ledger on disk, one core, SQLite with synchronous=FULL")
    row("admission (one signature each)", f"{ENTRIES / admitted:,.0f}/s")
    row("sequencing (group commit, self check, sign, publish)", f"{ENTRIES / sequenced:,.0f}/s")
    with tempfile.TemporaryDirectory() as home, _serving(Path(home), port) as token:
        rest = iter(records)
        for clients, count in CLIENTS.items():
            turns = [[next(rest).leaf for _ in range(count)] for _ in range(TURNS)]
            seconds = min(_submit(port, token, lines, clients) for lines in turns)
            who = "1 client" if clients == 1 else f"{clients} clients"
            wait = f"an answer in {1e3 * seconds * clients / count:,.1f} ms"
            row(f"over HTTP, {who}, best of {TURNS} turns", f"{count / seconds:,.0f}/s", wait)


def _sequence(home: Path, authority: str, records: Sequence[DidRecord]) -> float:
    with _found(home, authority) as (store, keys, folder):
        signers = folder.signers(keys)
        nobody = Cosigners(folder.ledger().policy, clock=lambda: LATER)
        log = FollowedLog(store, signers)
        with Sequencer(log, nobody, evidence=folder.evidence, clock=lambda: LATER) as sequencer:
            begin = perf_counter()
            for start in range(0, len(records), WAITING):
                batch = records[start : start + WAITING]
                waiting: list[Future[Logged]] = [sequencer.submit(record) for record in batch]
                for future in waiting:
                    future.result()
            return perf_counter() - begin


@contextmanager
def _found(
    home: Path, authority: str, keys: LedgerKeys | None = None
) -> Iterator[tuple[LedgerStore, LedgerKeys, LedgerFolder]]:
    keys = keys or LedgerKeys(authority, *(Ed25519PrivateKey(secrets.token_bytes(32)) for _ in range(3)))
    folder = LedgerFolder(home / "ledger", marks=home / "state" / "ledger")
    with folder.create(
        keys,
        url=f"http://{authority}",
        database="ledger.sqlite",
        passphrase=Passphrase("benchmark"),
        kdf=WEAKEST_ACCEPTED,
    ) as store:
        yield store, keys, folder


@contextmanager
def _serving(home: Path, port: int) -> Iterator[str]:
    """`tally ledger serve` until the block ends; gives a token to write to it."""
    token, key = create_management_key(TOKEN_PREFIX)
    with _found(home, f"{HOST}:{port}") as (store, _keys, _folder):
        store.add_token(key)
    passphrase = home / "passphrase"
    passphrase.touch(mode=0o600)
    passphrase.write_text("benchmark")
    environment = {**os.environ, "TALLY_HOME": str(home), "TALLY_PASSPHRASE_FILE": str(passphrase)}
    command = [sys.executable, "-m", "tally", "ledger", "serve", "--json"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            assert json.loads(server.stdout.readline())["ready"]
            yield token
        finally:
            server.terminate()


def _submit(port: int, token: str, lines: Sequence[bytes], clients: int) -> float:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def submit(mine: Sequence[bytes]) -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        for line in mine:
            connection.request("POST", "/entries", line, headers)
            answer = connection.getresponse()
            assert answer.read(), answer.status
            assert answer.status == 200, answer.status
        connection.close()

    threads = [threading.Thread(target=submit, args=(lines[number::clients],)) for number in range(clients)]
    begin = perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return perf_counter() - begin


def _first_entries(port: int, count: int) -> list[bytes]:
    return [
        create_did(
            HOST,
            port,
            (f"name-{number}",),
            document=_document,
            key=_key(number),
            next_keys=(),
            time=NOW,
        ).line.encode()
        for number in range(count)
    ]
