from dataclasses import replace
from pathlib import Path
from urllib.request import urlopen

import pytest

from protocol.keys import Ed25519PrivateKey
from protocol.tlog.checkpoint import Checkpoint, encode_checkpoint
from protocol.tlog.cosignature import sign_cosignature
from protocol.tlog.merkle import compute_root, create_consistency_proof, create_inclusion_proof, hash_leaf
from protocol.tlog.note import encode_note, encode_vkey, parse_note, parse_vkey, sign_note
from protocol.tlog.proof import parse_log_proof
from protocol.tlog.tiles import HashTile, extend_tiles, read_hashes_from_tiles
from tests.interop.log_reader import LogReader, answer_line, ask_record, ask_tree, build_log_reader
from tests.interop.served_log import EDGES, OLD_SIZE, SIZE, TILES, ServedLog, sign
from tests.ledger.world import KEYS, NOW, POLICY

STRANGER = Ed25519PrivateKey(b"\x63" * 32)


def of_stranger(vkey: str) -> str:
    """`vkey` with another key under the same name."""
    return encode_vkey(replace(parse_vkey(vkey), public_key=STRANGER.public_key))


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> LogReader:
    return build_log_reader(tmp_path_factory.mktemp("go"), POLICY)


def records(log: ServedLog, *indexes: int) -> list[str]:
    return [ask_record(index, log.entries[index]) for index in indexes]


def trees(log: ServedLog, *sizes: int) -> list[str]:
    return [ask_tree(size, log.root(size)) for size in sizes]


def test_go_makes_the_same_inclusion_proofs_from_the_served_tiles(log: ServedLog, reader: LogReader) -> None:
    answer = reader.ask(log.checkpoint, log.url, records(log, *EDGES))
    proofs = [create_inclusion_proof(index, SIZE, log.read_hashes) for index in EDGES]
    time = str(int(NOW.timestamp()))
    assert answer.stderr == ""
    assert answer.stdout.splitlines() == [time, *map(answer_line, proofs)]


def test_go_makes_the_same_inclusion_proof_as_is_served(log: ServedLog, reader: LogReader) -> None:
    leaf_hash = hash_leaf(log.entries[42].encode()).hex()
    with urlopen(f"{log.url}/proof/{leaf_hash}", timeout=20) as served:
        proof = parse_log_proof(served.read().decode())
    answer = reader.ask(proof.checkpoint, log.url, records(log, 42))
    assert answer.stdout.splitlines()[1:] == [answer_line(proof.inclusion_proof)]


def test_go_makes_the_same_consistency_proofs_from_the_served_tiles(
    log: ServedLog, reader: LogReader
) -> None:
    sizes = [size + 1 for size in EDGES]
    answer = reader.ask(log.checkpoint, log.url, trees(log, *sizes))
    proofs = [create_consistency_proof(size, SIZE, log.read_hashes) for size in sizes]
    assert answer.stderr == ""
    assert answer.stdout.splitlines()[1:] == [*map(answer_line, proofs)]


def test_go_makes_the_same_proofs_from_the_files_of_a_mirror(mirrored: ServedLog, reader: LogReader) -> None:
    answer = reader.ask(mirrored.checkpoint, mirrored.url, records(mirrored, *EDGES))
    proofs = [create_inclusion_proof(index, SIZE, mirrored.read_hashes) for index in EDGES]
    assert answer.stdout.splitlines()[1:] == [*map(answer_line, proofs)]


def test_go_reads_an_older_checkpoint_from_the_tiles_that_grew(log: ServedLog, reader: LogReader) -> None:
    answer = reader.ask(log.old_checkpoint, log.url, [*records(log, 0, OLD_SIZE - 1), *trees(log, 64)])
    read_hashes = log.read_hashes
    proofs = [create_inclusion_proof(index, OLD_SIZE, read_hashes) for index in (0, OLD_SIZE - 1)]
    proofs.append(create_consistency_proof(64, OLD_SIZE, read_hashes))
    assert answer.stdout.splitlines()[1:] == [*map(answer_line, proofs)]


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 65_535, 65_536, 65_537, 256 * 1024 + 300])
def test_go_makes_the_same_proofs_from_tiles_in_a_folder(
    reader: LogReader, tmp_path: Path, size: int
) -> None:
    leaves = [str(number) for number in range(size)]
    tiles = extend_tiles(0, [hash_leaf(leaf.encode()) for leaf in leaves], lambda _tiles: [])
    for tile, data in tiles.items():
        file = tmp_path / tile.path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    read_hashes = read_hashes_from_tiles(size, lambda wanted: [tiles[tile] for tile in wanted])
    note = sign(encode_checkpoint(Checkpoint(KEYS.origin, size, compute_root(size, read_hashes))))
    edges = {0, 127, 255, 256, 65_535, 65_536, 70_000, 256_000, size - 1}
    indexes = [index for index in sorted(edges) if index < size]
    questions = [ask_record(index, leaves[index]) for index in indexes]
    questions += [ask_tree(index + 1, compute_root(index + 1, read_hashes)) for index in indexes]
    answer = reader.ask(note, f"file://{tmp_path}", questions)
    proofs = [create_inclusion_proof(index, size, read_hashes) for index in indexes]
    proofs += [create_consistency_proof(index + 1, size, read_hashes) for index in indexes]
    assert answer.stderr == ""
    assert answer.stdout.splitlines()[1:] == [*map(answer_line, proofs)]


def test_checkpoint_is_refused_by_go_with_another_key_of_that_name(log: ServedLog, reader: LogReader) -> None:
    for deceived in (
        replace(reader, log_key=of_stranger(reader.log_key)),
        replace(reader, cosigner_key=of_stranger(reader.cosigner_key)),
    ):
        answer = deceived.ask(log.checkpoint, log.url, [])
        assert (answer.status, answer.stderr) == (1, "checkpoint: not signed by both keys\n")


@pytest.mark.parametrize("signer", ["log", "cosigner"])
def test_checkpoint_is_refused_by_go_when_a_signature_is_not_of_its_text(
    log: ServedLog, reader: LogReader, signer: str
) -> None:
    text = parse_note(log.checkpoint).text
    other = text.replace("\n300\n", "\n301\n")
    by_log = sign_note(other if signer == "log" else text, name=KEYS.origin, key=KEYS.log)
    by_cosigner = sign_cosignature(
        other if signer == "cosigner" else text, name=KEYS.cosigner_name, key=KEYS.cosigner, now=NOW
    )
    answer = reader.ask(encode_note(text, [by_log, by_cosigner]), log.url, [])
    assert answer.status == 1
    assert answer.stderr.startswith("checkpoint: invalid signature for key")


def test_tiles_are_refused_by_go_under_another_root(log: ServedLog, reader: LogReader) -> None:
    note = sign(encode_checkpoint(Checkpoint(KEYS.origin, SIZE, b"\x07" * 32)))
    answer = reader.ask(note, log.url, records(log, 0))
    assert answer.status == 1
    assert answer.stderr.startswith("tiles: downloaded inconsistent tile")


@pytest.mark.parametrize("tile", TILES, ids=lambda tile: tile.path)
@pytest.mark.parametrize("byte", [0, -1])
def test_flipped_bit_in_a_tile_is_refused_by_go(
    log: ServedLog, reader: LogReader, tile: HashTile, byte: int
) -> None:
    with log.flipped(tile, byte):
        answer = reader.ask(log.checkpoint, log.url, records(log, *EDGES))
    assert answer.status == 1
    # x/mod before 0.40 does not compare every full tile with the one above it (CVE-2026-56865). But a proof
    # that was made from such a tile does not lead to the root.
    assert answer.stderr in ("tiles: downloaded inconsistent tile\n", "record: invalid transparency proof\n")


def test_entry_at_another_index_is_refused_by_go(log: ServedLog, reader: LogReader) -> None:
    answer = reader.ask(log.checkpoint, log.url, [ask_record(7, log.entries[8])])
    assert (answer.status, answer.stderr) == (1, "record: invalid transparency proof\n")


def test_older_root_that_does_not_continue_is_refused_by_go(log: ServedLog, reader: LogReader) -> None:
    answer = reader.ask(log.checkpoint, log.url, [ask_tree(OLD_SIZE, log.root(OLD_SIZE - 1))])
    assert (answer.status, answer.stderr) == (1, "tree: invalid transparency proof\n")
