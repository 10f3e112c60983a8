from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from protocol.tlog.checkpoint import Checkpoint, encode_checkpoint
from protocol.tlog.merkle import create_consistency_proof, create_inclusion_proof
from protocol.tlog.note import encode_note, encode_vkey, parse_note
from protocol.tlog.tiles import HashTile
from tests.interop.served_log import EDGES, SIZE, TILES, ServedLog, sign
from tests.interop.stranger import Stranger, StrangerRefusedError, stranger
from tests.ledger.world import KEYS, POLICY

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
