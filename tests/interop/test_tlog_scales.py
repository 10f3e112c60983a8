from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.growth import verify_growth
from ledger.log_files import LogFiles
from ledger.rebuilt_tree import RebuiltTree
from protocol.tlog.checkpoint import Checkpoint, encode_checkpoint
from protocol.tlog.merkle import RightEdge, create_consistency_proof, create_inclusion_proof, hash_leaf
from protocol.tlog.note import encode_note, encode_vkey, parse_note
from protocol.tlog.policy import parse_log_policy, verify_checkpoint
from protocol.tlog.tiles import HashTile, read_hashes_from_tiles, select_entry_bundles
from tests.interop.served_log import EDGES, OLD_SIZE, SIZE, TILES, ServedLog, sign
from tests.interop.stranger import Stranger, StrangerRefusedError, stranger
from tests.ledger.static_log import StaticFolder
from tests.ledger.world import KEYS, NOW, POLICY, URL

KEYS_OF_LOG = [encode_vkey(POLICY.logs[0].key), encode_vkey(POLICY.witnesses[0].key)]


@pytest.fixture(scope="module")
def reader() -> Iterator[Stranger]:
    with stranger("ask_tlog_scales") as reader:
        yield reader


def question(log: ServedLog, **changes: Any) -> dict[str, Any]:
    older = [[index + 1, log.root(index + 1).hex()] for index in EDGES]
    honest = {"url": log.url, "checkpoint": None, "vkeys": KEYS_OF_LOG, "indexes": EDGES, "older": older}
    return honest | changes


def texts(proof: tuple[bytes, ...]) -> list[str]:
    return [hash_.hex() for hash_ in proof]


def assert_same(found: Any, log: ServedLog) -> None:
    assert found["size"] == SIZE
    assert found["entries"] == [log.entries[index] for index in EDGES]
    inclusion = [create_inclusion_proof(index, SIZE, log.read_hashes) for index in EDGES]
    consistency = [create_consistency_proof(index + 1, SIZE, log.read_hashes) for index in EDGES]
    assert found["inclusion"] == [texts(proof) for proof in inclusion]
    assert found["consistency"] == [texts(proof) for proof in consistency]


def test_tlog_scales_reads_the_served_log_and_makes_the_same_proofs(log: ServedLog, reader: Stranger) -> None:
    assert_same(reader.ask(**question(log)), log)


def test_tlog_scales_reads_the_same_from_the_files_of_a_mirror(mirrored: ServedLog, reader: Stranger) -> None:
    assert_same(reader.ask(**question(mirrored)), mirrored)


@pytest.mark.parametrize("position", [0, 1], ids=["log", "cosigner"])
def test_checkpoint_with_another_text_than_was_signed_is_refused_by_tlog_scales(
    log: ServedLog, reader: Stranger, position: int
) -> None:
    altered = log.checkpoint.replace("\n300\n", "\n299\n")
    with pytest.raises(StrangerRefusedError, match=r"^InvalidSignature"):
        reader.ask(**question(log, checkpoint=altered, vkeys=[KEYS_OF_LOG[position]]))


def test_cosignature_with_another_time_than_was_signed_is_refused_by_tlog_scales(
    log: ServedLog, reader: Stranger
) -> None:
    note = parse_note(log.checkpoint)
    by_log, by_cosigner = note.signatures
    later = int.from_bytes(by_cosigner.signature[:8]) + 1
    redated = replace(by_cosigner, signature=later.to_bytes(8) + by_cosigner.signature[8:])
    with pytest.raises(StrangerRefusedError, match=r"^InvalidSignature"):
        reader.ask(**question(log, checkpoint=encode_note(note.text, [by_log, redated])))


def test_checkpoint_without_the_key_asked_for_is_refused_by_tlog_scales(
    log: ServedLog, reader: Stranger
) -> None:
    other = KEYS_OF_LOG[0].replace(KEYS.origin, "other.example")
    with pytest.raises(StrangerRefusedError, match="no signature matched vkey"):
        reader.ask(**question(log, vkeys=[other]))


def test_tiles_are_refused_by_tlog_scales_under_another_root(log: ServedLog, reader: Stranger) -> None:
    other = sign(encode_checkpoint(Checkpoint(KEYS.origin, SIZE, b"\x07" * 32)))
    with pytest.raises(StrangerRefusedError, match="the tiles have another root"):
        reader.ask(**question(log, checkpoint=other))


@pytest.mark.parametrize("tile", TILES, ids=lambda tile: tile.path)
def test_flipped_bit_in_a_tile_is_refused_by_tlog_scales(
    log: ServedLog, reader: Stranger, tile: HashTile
) -> None:
    with (
        log.flipped(tile, 0),
        pytest.raises(StrangerRefusedError, match=r"another root|InclusionProofInvalid"),
    ):
        reader.ask(**question(log))


def test_log_that_tlog_scales_writes_is_read_and_seen_to_grow_by_us(reader: Stranger, tmp_path: Path) -> None:
    folder, entries = tmp_path / "log", [f"entry {number}" for number in range(SIZE)]
    old_note, note = reader.ask(
        folder=str(folder),
        origin=KEYS.origin,
        seed=KEYS.log.seed.hex(),
        batches=[entries[:OLD_SIZE], entries[OLD_SIZE:]],
    )
    # It cosigns with a kind of key that we do not know, so its word cannot count.
    policy = parse_log_policy(f"log {KEYS_OF_LOG[0]}\nquorum none\n")
    before, after = (verify_checkpoint(each, policy=policy, now=NOW) for each in (old_note, note))
    assert [len(parse_note(each).signatures) for each in (old_note, note)] == [2, 2]
    with StaticFolder(folder) as static:
        files = LogFiles(URL, static)
        assert files.read_checkpoint() == note
        tree = RebuiltTree(files.read_tiles)
        for bundle in select_entry_bundles(0, after.tree_size):
            tree.append(files.read_bundle(bundle))
        tree.finish(after.root_hash)
        read_hashes = read_hashes_from_tiles(after.tree_size, files.read_tiles)
        verify_growth(before, after, read_hashes)
    assert (before.tree_size, after.tree_size) == (OLD_SIZE, SIZE)
    assert after.root_hash == RightEdge().append(hash_leaf(each.encode()) for each in entries).root_hash()
