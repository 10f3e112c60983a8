"""A node that is killed while it copies and cosigns goes on where it ended, and never goes back."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from demo.world import find_free_ports
from doors.server import listen
from ledger.front_end import FrontEnd
from ledger.node.folder import NodeFolder
from ledger.self_check import check_whole_log
from ledger.signer import CheckpointSigner, create_memory
from ledger.store import LedgerStore
from protocol.tlog.cosignature import verify_cosignature
from protocol.tlog.merkle import create_consistency_proof
from protocol.tlog.note import NoteKey, SignatureType, parse_note, parse_signature_line
from protocol.tlog.witness import AddCheckpointRequest, encode_add_checkpoint
from storage.passphrase import WEAKEST_ACCEPTED, Passphrase
from tests.ledger.node.node_door import keys_of
from tests.ledger.world import NOW, World, names
from tests.processes import ROOT

PASSPHRASE = "correct horse battery staple"
SECONDS = 30
_TALLY = [sys.executable, "-c", "import sys, tally; sys.exit(tally.main())"]


@dataclass
class Killed:
    """A node in a process of its own, and the log in this one that asks it."""

    home: Path
    port: int
    world: World
    front_end: FrontEnd
    key: NoteKey
    acknowledged: list[int] = field(default_factory=list)

    @property
    def folder(self) -> NodeFolder:
        return NodeFolder(self.home / "ledger-node", marks=self.home / "state" / "ledger-node")

    @contextmanager
    def serving(self) -> Iterator["subprocess.Popen[str]"]:
        environment = {"TALLY_HOME": str(self.home), "TALLY_PASSPHRASE_FILE": str(self.home / "passphrase")}
        process = subprocess.Popen(
            [*_TALLY, "ledger", "node", "serve", "--json"],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            line = process.stdout.readline()
            assert line, process.stderr.read()
            assert json.loads(line)["ready"]
            yield process
        finally:
            process.kill()
            process.communicate()

    def post(self, request: AddCheckpointRequest) -> tuple[int, bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        try:
            connection.request("POST", "/add-checkpoint", encode_add_checkpoint(request))
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def ask(self) -> bool:
        """Ask for the newest checkpoint, as a log does; whether an answer came."""
        publication = self.front_end.published.log
        size, old = publication.tree_size, max(self.acknowledged, default=0)
        reader = self.world.store().hash_reader(size)
        while True:
            proof = create_consistency_proof(old, size, reader) if 0 < old < size else ()
            try:
                status, body = self.post(AddCheckpointRequest(old, proof, publication.note))
            except (OSError, HTTPException):
                return False
            if status != 409:
                break
            # It may have recorded more than it could tell, and never less than it told.
            old = int(body)
            assert max(self.acknowledged, default=0) <= old <= size
        assert status == 200, body
        text = parse_note(publication.note).text
        verify_cosignature(text, parse_signature_line(body.decode().removesuffix("\n")), self.key)
        self.acknowledged.append(size)
        return True

    def lie(self, tmp_path: Path) -> tuple[int, bytes]:
        """What it says to another tree of the size that it cosigned last."""
        size = max(self.acknowledged)
        create_memory(tmp_path / "forgotten", self.world.keys.origin)
        signer = CheckpointSigner(self.world.keys, tmp_path / "forgotten")
        return self.post(AddCheckpointRequest(size, (), signer.sign(size, bytes(32), now=NOW)))


def kill_again_and_again(tmp_path: Path, *, kills: int, entries: int) -> None:
    home, (port,) = tmp_path / "home", find_free_ports(1)
    home.mkdir(mode=0o700)
    (home / "passphrase").touch(mode=0o600)
    (home / "passphrase").write_text(PASSPHRASE)
    (tmp_path / "log").mkdir()
    with listen("127.0.0.1", 0) as listener:
        world = World(tmp_path / "log", port=listener.socket.getsockname()[1])
        world.create()
        waiting = names(entries * (kills + 1), port=world.port)
        with world.serving(listener) as front_end:
            keys = keys_of("node")
            cosigner = keys.cosigner
            key = NoteKey(cosigner.name, SignatureType.ED25519_COSIGNATURE, cosigner.key.public_key)
            killed = Killed(home, port, world, front_end, key)
            killed.folder.create(
                keys,
                url=f"http://node.localhost:{port}",
                ledger=world.ledger,
                database="node.sqlite",
                passphrase=Passphrase(PASSPHRASE),
                kdf=WEAKEST_ACCEPTED,
            )
            for number in range(kills + 1):
                batch, waiting = waiting[:entries], waiting[entries:]
                with killed.serving() as process:
                    if killed.acknowledged:
                        assert killed.lie(tmp_path)[0] in (409, 422)
                    for position, each in enumerate(batch):
                        front_end.submit(each).result(SECONDS)
                        if number < kills and position == (number * 7) % entries:
                            # Each time at another point of another request.
                            asking = threading.Thread(target=killed.ask)
                            asking.start()
                            asking.join((number * 3 + 4) % 10 / 1000)
                            process.kill()
                            process.wait(SECONDS)
                            asking.join()
                        elif process.poll() is None:
                            assert killed.ask()
        engine = killed.folder.open_database()
        store = LedgerStore(engine)
        check_whole_log(store)
        assert store.head() == world.store().head()
        assert max(killed.acknowledged) == store.head().tree_size == entries * (kills + 1)
        engine.dispose()
        world.close()


def test_node_that_is_killed_goes_on_where_it_ended(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path, kills=2, entries=6)


@pytest.mark.stress
def test_node_that_is_killed_sixty_times_never_goes_back(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path, kills=60, entries=12)
