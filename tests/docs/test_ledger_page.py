"""What the page for ledger operators says can be run, and its evidence is genuine."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import nacl.exceptions
import pytest

from ledger.admission import admit
from ledger.publisher import REFRESH_AFTER
from ledger.sequencer import MAX_WAITING
from protocol.errors import RefusedError
from protocol.keys import Ed25519PrivateKey
from protocol.records import MAX_RECORD_BYTES
from protocol.tlog.note import NoteKey, SignatureType, encode_vkey
from protocol.tlog.policy import (
    Group,
    LogPolicy,
    Witness,
    encode_log_policy,
    parse_log_policy,
    verify_checkpoint,
)
from protocol.tlog.proof import create_log_proof, encode_log_proof, parse_log_proof
from protocol.tlog.quorum import compute_quorum_worth, least_threshold
from protocol.tlog.tiles import read_hashes_from_tiles
from tests.docs.markdown import read_page
from tests.ledger.world import AUTHORITY, NOW, POLICY, World, create, names, record

PAGE = read_page("docs/ledger.md")
WITH_PACKAGE, BY_HAND = (block.text for block in PAGE.blocks if block.language == "python")
[SHOWN_POLICY] = [block.text for block in PAGE.blocks if block.text.startswith("log ")]
[SHOWN_PROOF] = [block.text for block in PAGE.blocks if block.text.startswith("c2sp.org/tlog-proof@v1\n")]
POLICY_TEXT = encode_log_policy(POLICY)
DAY = timedelta(days=1)
NODE_KEYS = [Ed25519PrivateKey(bytes([number]) * 32) for number in range(1, 5)]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    world.create()
    yield world
    world.close()


@pytest.fixture
def by_hand() -> dict[str, Any]:
    """What the page's program defines."""
    names: dict[str, Any] = {"__name__": "by_hand"}
    exec(BY_HAND, names)  # our own page
    return names


def proof_of(world: World, index: int, size: int) -> tuple[str, bytes]:
    """The proof of the entry at `index` of a log with so many, and the entry."""
    records = names(size)
    with world.sequencer() as sequencer:
        for each in [sequencer.submit(each) for each in records]:
            each.result()
        note = sequencer.published.log.note
    read_hashes = read_hashes_from_tiles(size, world.store().read_tiles)
    proof = create_log_proof(index, checkpoint=note, read_hashes=read_hashes)
    return encode_log_proof(proof), records[index].leaf


@pytest.mark.parametrize(("index", "size"), [(0, 1), (3, 4), (4, 5), (5, 11), (10, 11), (0, 300), (299, 300)])
def test_proof_verifies_by_hand(world: World, by_hand: dict[str, Any], index: int, size: int) -> None:
    proof, entry = proof_of(world, index, size)
    assert by_hand["verify"](proof, entry, POLICY_TEXT) == NOW


def test_proof_that_is_not_right_fails_by_hand(world: World, by_hand: dict[str, Any]) -> None:
    proof, entry = proof_of(world, 5, 11)
    head, _, note = proof.partition("\n\n")
    for other, reason in (
        ((proof, entry + b" ", POLICY_TEXT), "not in the log"),
        ((proof.replace("index 5", "index 4"), entry, POLICY_TEXT), "not in the log"),
        ((f"{head.rpartition(chr(10))[0]}\n\n{note}", entry, POLICY_TEXT), "too short"),
        ((f"{head}\n{head.rpartition(chr(10))[2]}\n\n{note}", entry, POLICY_TEXT), "too long"),
        ((proof, entry, POLICY_TEXT.replace("log led", "log other.led")), "another log"),
    ):
        with pytest.raises(ValueError, match=reason):
            by_hand["verify"](*other)
    lines = proof.splitlines()
    for line in (-1, -2):
        altered = [*lines]
        altered[line] = (
            altered[line][:-12] + ("A" if altered[line][-12] != "A" else "B") + altered[line][-11:]
        )
        with pytest.raises(nacl.exceptions.BadSignatureError):
            by_hand["verify"]("\n".join(altered) + "\n", entry, POLICY_TEXT)


def test_proof_verifies_with_the_package(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    proof, entry = proof_of(world, 3, 4)
    files = [tmp_path / name for name in ("proof", "entry", "policy")]
    for file, content in zip(files, (proof.encode(), entry + b"\n", POLICY_TEXT.encode()), strict=True):
        file.write_bytes(content)
    monkeypatch.setattr("sys.argv", ["prove.py", *map(str, files)])
    exec(WITH_PACKAGE, {"__name__": "__main__"})  # our own page
    assert capsys.readouterr().out == f"in the log at {NOW}\n"


def test_proof_of_the_page_is_signed_under_the_policy_of_the_page() -> None:
    proof = parse_log_proof(SHOWN_PROOF)
    checkpoint = verify_checkpoint(proof.checkpoint, policy=parse_log_policy(SHOWN_POLICY), now=NOW + DAY)
    assert proof.leaf_index < checkpoint.tree_size
    [shown] = [block.text for block in PAGE.blocks if block.text.startswith("in the log at ")]
    assert checkpoint.time == datetime.fromisoformat(shown.removeprefix("in the log at ").strip())


def test_policy_with_independent_cosigners_is_one() -> None:
    log, index, operator, _ = POLICY_TEXT.splitlines()
    others = [
        f"witness {name} {encode_vkey(NoteKey(name, SignatureType.ED25519_COSIGNATURE, key.public_key))}"
        for name, key in zip(("alice", "bob", "carol", "dave"), NODE_KEYS, strict=True)
    ]
    group, quorum = [span for span in PAGE.code_spans if span.endswith((" carol dave", "quorum nodes"))]
    assert parse_log_policy("\n".join([log, index, operator, *others, group, quorum, ""])).quorum == "nodes"


def test_quorums_of_the_page_are_worth_what_it_says() -> None:
    table = [cells for heading, cells in PAGE.rows() if heading == "The quorum"]
    rows = [tuple(map(int, cells)) for cells in table if cells[0].isdigit()]
    assert [row[0] for row in rows] == list(range(1, 8))
    for count, threshold, liars, absent in rows:
        names = tuple(f"w{number}" for number in range(count))
        witnesses = tuple(Witness(name, POLICY.witnesses[0].key) for name in names)
        policy = LogPolicy(POLICY.logs, witnesses, (Group("nodes", threshold, names),), "nodes")
        worth = compute_quorum_worth(policy)
        assert (worth.survived_liars, worth.survived_absent) == (liars, absent)
        # As few as are safe against as many liars as so many nodes can bear.
        assert threshold == least_threshold(count, liars=(count - 1) // 3)


def test_bounds_are_those_of_the_page() -> None:
    bounds = {cells[0]: cells[1] for heading, cells in PAGE.rows() if heading == "Limits"}
    assert bounds["one entry"] == f"{MAX_RECORD_BYTES // 1024} KiB"
    assert bounds["submissions waiting"].startswith(f"{MAX_WAITING:,};")
    assert timedelta(minutes=5) == REFRESH_AFTER
    assert "signed anew every five minutes" in " ".join(PAGE.text.split())


@pytest.mark.parametrize(("name", "admitted"), [("a" * 63, True), ("a" * 64, False), ("a_b", False)])
def test_names_are_those_of_the_page(name: str, admitted: bool) -> None:
    submitted = record(create(name))
    if admitted:
        admit(submitted, None, authority=AUTHORITY, now=NOW)
    else:
        with pytest.raises(RefusedError):
            admit(submitted, None, authority=AUTHORITY, now=NOW)
