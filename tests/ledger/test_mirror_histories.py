from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from ledger.fetch import Fetched
from ledger.memory import CheckpointMemory
from ledger.mirror import mirror_ledger
from ledger.mirror_folder import MirrorFolder
from protocol.codes import Code
from protocol.did.key import encode_did_key
from protocol.did.webvh.author import NewEntry, update_did
from protocol.did.webvh.history import split_log, verify_history
from protocol.did.webvh.parameters import WitnessRule, encode_witness_rule
from protocol.did.webvh.witness import create_witness_proof, encode_witness_file, parse_witness_file
from protocol.encoding.strict_json import JsonObject
from protocol.errors import UnavailableError
from protocol.keys import Ed25519PrivateKey
from tests.ledger.static_log import LEDGER, StaticLog
from tests.ledger.world import KEY, NOW, START, create, update

A, B, STRANGER = (Ed25519PrivateKey(bytes([number]) * 32) for number in (51, 52, 53))
RULE: JsonObject = {
    "witness": encode_witness_rule(WitnessRule(2, tuple(encode_did_key(key.public_key) for key in (A, B))))
}
FIRST = create("university", parameters=RULE)
SECOND = update(FIRST.version)
THIRD = update(SECOND.version)
HISTORY = (FIRST, SECOND, THIRD)


def proofs(*approvals: tuple[int, Ed25519PrivateKey]) -> bytes:
    """did-witness.json with the word of these witnesses for these versions."""
    found: dict[str, list[JsonObject]] = {}
    for number, key in approvals:
        version_id = HISTORY[number - 1].version.version_id
        proof = create_witness_proof(version_id, key=key, created=START)
        found.setdefault(version_id, []).append(proof)
    return encode_witness_file(found)


class Mirrored:
    """A mirror of a log that a test speaks for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "mirror"
        self.seen = folder / "seen"

    def follow(
        self, *entries: NewEntry, files: Mapping[str, bytes] | None = None, cls: type = StaticLog
    ) -> None:
        log = cls([entry.line.encode() for entry in entries])
        log.files.update(files or {})
        with MirrorFolder(self.folder) as folder:
            memory = CheckpointMemory(self.seen)
            mirror_ledger(LEDGER, folder, fetcher=log, memory=memory, now=NOW)

    def approved(self, *entries: NewEntry, by: bytes) -> int:
        """How many entries are shown after the ledger has served these proofs."""
        self.follow(*entries, files={"university/did-witness.json": by})
        return self.shown()

    def shown(self, name: str = "university") -> int:
        """How many entries a resolver finds, all of which it believes."""
        file = self.folder / name / "did.jsonl"
        if not file.exists():
            return 0
        lines = split_log(file.read_bytes())
        witnesses = self.folder / name / "did-witness.json"
        found = parse_witness_file(witnesses.read_bytes() if witnesses.exists() else b"[]")
        did = FIRST.version.did if name == "university" else PLAIN.version.did
        return len(verify_history(lines, did=did, now=NOW, witness_proofs=found).versions)


PLAIN = create("plain")


@pytest.fixture
def mirror(tmp_path: Path) -> Mirrored:
    return Mirrored(tmp_path)


def test_history_with_witnesses_is_shown_as_far_as_they_approve_it(mirror: Mirrored) -> None:
    assert mirror.approved(PLAIN, FIRST, by=proofs((1, A))) == 0
    assert mirror.shown("plain") == 1
    assert mirror.approved(PLAIN, FIRST, by=proofs((1, A), (1, B))) == 1
    assert mirror.approved(PLAIN, FIRST, SECOND, by=proofs((1, A), (2, B))) == 1
    assert mirror.approved(PLAIN, *HISTORY, by=proofs((3, A))) == 1
    assert mirror.approved(PLAIN, *HISTORY, by=proofs((3, B))) == 3


def test_proofs_stay_as_long_as_somebody_may_need_them(mirror: Mirrored) -> None:
    mirror.approved(FIRST, by=proofs((1, A), (1, B)))
    mirror.approved(FIRST, SECOND, by=proofs((2, A), (2, B)))
    file = mirror.folder / "university" / "did-witness.json"
    assert [item.partition("-")[0] for item in parse_witness_file(file.read_bytes())] == ["1", "2"]
    mirror.approved(*HISTORY, by=proofs((3, A), (3, B)))
    assert [item.partition("-")[0] for item in parse_witness_file(file.read_bytes())] == ["2", "3"]


FALSE = {
    "nothing": b"",
    "no file of witnesses": b"<html>",
    "a stranger": proofs((1, A), (1, STRANGER)),
    "one of them twice": proofs((1, A), (1, A)),
    "another entry": proofs((1, A), (2, B)),
    "altered": proofs((1, A), (1, B)).replace(b"2026-01-01T00:00:00Z", b"2026-01-01T00:00:01Z"),
}


@pytest.mark.parametrize("by", FALSE.values(), ids=FALSE)
def test_proofs_that_prove_nothing_show_nothing(mirror: Mirrored, by: bytes) -> None:
    assert mirror.approved(FIRST, by=by) == 0
    assert mirror.approved(FIRST, by=proofs((1, A), (1, B))) == 1


def test_ledger_without_proofs_leaves_the_history_where_it_was(mirror: Mirrored) -> None:
    mirror.approved(FIRST, by=proofs((1, A), (1, B)))
    mirror.follow(*HISTORY)
    assert mirror.shown() == 1
    assert mirror.approved(*HISTORY, by=proofs((3, A), (3, B))) == 3


def test_did_that_names_witnesses_later_is_shown_until_then(mirror: Mirrored) -> None:
    mirror.follow(PLAIN)
    time = PLAIN.version.time + timedelta(hours=1)
    named = update_did(PLAIN.version, key=KEY, time=time, parameters=RULE)
    mirror.follow(PLAIN, named, update(named.version))
    assert mirror.shown("plain") == 1
    assert (mirror.folder / "plain" / "logged.jsonl").read_bytes().count(b"\n") == 3


class Away(StaticLog):
    """A ledger that goes away before it is asked for proofs."""

    def fetch_ok(self, url: str, *, accept: str, max_bytes: int = 1 << 20) -> Fetched:
        if url.endswith("did-witness.json"):
            raise UnavailableError(Code.NETWORK_UNREACHABLE)
        return super().fetch_ok(url, accept=accept, max_bytes=max_bytes)


def test_ledger_that_goes_away_before_the_proofs_leaves_the_log_mirrored(mirror: Mirrored) -> None:
    with pytest.raises(UnavailableError):
        mirror.follow(FIRST, cls=Away)
    assert (mirror.folder / "tile/entries/000.p/1").exists()
    assert (mirror.folder / "checkpoint").exists()
    assert mirror.approved(FIRST, by=proofs((1, A), (1, B))) == 1


def test_history_that_nobody_could_believe_is_mirrored_as_it_is(mirror: Mirrored) -> None:
    line = FIRST.line.replace('"threshold":2', '"threshold":3')
    forged = NewEntry(line, FIRST.version)
    mirror.follow(forged)
    assert (mirror.folder / "university" / "did.jsonl").read_bytes() == line.encode() + b"\n"
