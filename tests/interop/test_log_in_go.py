from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.request import urlopen

import pytest

from doors.server import listen
from ledger.sequencer import Sequencer
from protocol.encoding.base64 import encode_base64
from protocol.keys import Ed25519PrivateKey
from protocol.records import DidRecord
from protocol.tlog.cosignature import sign_cosignature
from protocol.tlog.merkle import (
    HashReader,
    compute_root,
    create_consistency_proof,
    create_inclusion_proof,
    hash_leaf,
)
from protocol.tlog.note import encode_note, encode_vkey, parse_note, parse_vkey, sign_note
from protocol.tlog.proof import parse_log_proof
from protocol.tlog.tiles import HashTile, extend_tiles, read_hashes_from_tiles
from tests.interop.log_reader import LogReader, answer_line, build_log_reader
from tests.ledger.world import KEYS, NOW, POLICY, World, names

OLD_SIZE, SIZE = 100, 300
EDGES = (0, 1, 2, 127, 128, 254, 255, 256, 257, 298, 299)
STRANGER = Ed25519PrivateKey(b"\x63" * 32)


@dataclass(frozen=True)
class Log:
    """What a served ledger published, and its hashes."""

    world: World
    url: str
    entries: Sequence[str]
    old_checkpoint: str
    checkpoint: str
    read_hashes: HashReader

    def root(self, size: int) -> str:
        return encode_base64(compute_root(size, self.read_hashes))

    def record(self, index: int) -> str:
        """The question for an inclusion proof."""
        return f"record {index} {self.entries[index]}"

    def tree(self, size: int) -> str:
        """The question for a consistency proof."""
        return f"tree {size} {self.root(size)}"


def publish(sequencer: Sequencer, records: Sequence[DidRecord]) -> str:
    """Log `records`, and give the checkpoint that covers them."""
    for record in records:
        sequencer.submit(record)
    sequencer.refresh().result(20)
    return sequencer.publication.note


def of_stranger(vkey: str) -> str:
    """`vkey` with another key under the same name."""
    return encode_vkey(replace(parse_vkey(vkey), public_key=STRANGER.public_key))


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> LogReader:
    return build_log_reader(tmp_path_factory.mktemp("go"), POLICY)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory, reader: LogReader) -> Iterator[Log]:
    world = World(tmp_path_factory.mktemp("ledger"))
    world.create()
    records = names(SIZE)
    with listen("127.0.0.1", 0) as listener, world.serving(listener) as sequencer:
        old_checkpoint, checkpoint = (
            publish(sequencer, some) for some in (records[:OLD_SIZE], records[OLD_SIZE:])
        )
        entries = [record.leaf.decode() for record in records]
        read_hashes = world.store().hash_reader(SIZE)
        yield Log(world, listener.url, entries, old_checkpoint, checkpoint, read_hashes)
    world.close()


def test_go_makes_the_same_inclusion_proofs_from_the_served_tiles(log: Log, reader: LogReader) -> None:
    answer = reader.ask(log.checkpoint, log.url, [log.record(index) for index in EDGES])
    proofs = [create_inclusion_proof(index, SIZE, log.read_hashes) for index in EDGES]
    time = str(int(NOW.timestamp()))
    assert answer.stderr == ""
    assert answer.stdout.splitlines() == [time, *map(answer_line, proofs)]


def test_go_makes_the_same_inclusion_proof_as_is_served(log: Log, reader: LogReader) -> None:
    leaf_hash = hash_leaf(log.entries[42].encode()).hex()
    with urlopen(f"{log.url}/proof/{leaf_hash}", timeout=20) as served:
        proof = parse_log_proof(served.read().decode())
    answer = reader.ask(proof.checkpoint, log.url, [log.record(42)])
    assert answer.stdout.splitlines()[1:] == [answer_line(proof.inclusion_proof)]


def test_go_makes_the_same_consistency_proofs_from_the_served_tiles(log: Log, reader: LogReader) -> None:
    sizes = [size + 1 for size in EDGES]
    answer = reader.ask(log.checkpoint, log.url, [log.tree(size) for size in sizes])
    proofs = [create_consistency_proof(size, SIZE, log.read_hashes) for size in sizes]
    assert answer.stderr == ""
    assert answer.stdout.splitlines()[1:] == [*map(answer_line, proofs)]


def test_go_reads_an_older_checkpoint_from_the_tiles_that_grew(log: Log, reader: LogReader) -> None:
    answer = reader.ask(log.old_checkpoint, log.url, [log.record(0), log.record(OLD_SIZE - 1), log.tree(64)])
    read_hashes = log.read_hashes
    proofs = [create_inclusion_proof(index, OLD_SIZE, read_hashes) for index in (0, OLD_SIZE - 1)]
    proofs.append(create_consistency_proof(64, OLD_SIZE, read_hashes))
    assert answer.stdout.splitlines()[1:] == [*map(answer_line, proofs)]


def test_go_makes_the_same_proofs_from_tiles_in_a_folder_over_three_levels(
    reader: LogReader, tmp_path: Path
) -> None:
    size = 256 * 1024 + 300
    leaves = [str(number) for number in range(size)]
    tiles = extend_tiles(0, [hash_leaf(leaf.encode()) for leaf in leaves], lambda _tiles: [])
    for tile, data in tiles.items():
        file = tmp_path / tile.path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    read_hashes = read_hashes_from_tiles(size, lambda wanted: [tiles[tile] for tile in wanted])
    world = World(tmp_path)
    world.create()
    note = world.signer().sign(size, compute_root(size, read_hashes), now=NOW)
    indexes = (0, 255, 256, 65_535, 65_536, 70_000, 256_000, size - 1)
    questions = [f"record {index} {leaves[index]}" for index in indexes]
    questions += [f"tree {i + 1} {encode_base64(compute_root(i + 1, read_hashes))}" for i in indexes]
    answer = reader.ask(note, f"file://{tmp_path}", questions)
    proofs = [create_inclusion_proof(index, size, read_hashes) for index in indexes]
    proofs += [create_consistency_proof(index + 1, size, read_hashes) for index in indexes]
    assert answer.stderr == ""
    assert answer.stdout.splitlines()[1:] == [*map(answer_line, proofs)]
    assert (tmp_path / "tile/0/x001/025.p/44").is_file()
    assert (tmp_path / "tile/2/000.p/4").is_file()


def test_checkpoint_is_refused_by_go_with_another_key_of_that_name(log: Log, reader: LogReader) -> None:
    for deceived in (
        replace(reader, log_key=of_stranger(reader.log_key)),
        replace(reader, cosigner_key=of_stranger(reader.cosigner_key)),
    ):
        answer = deceived.ask(log.checkpoint, log.url, [])
        assert (answer.status, answer.stderr) == (1, "checkpoint: not signed by both keys\n")


@pytest.mark.parametrize("signer", ["log", "cosigner"])
def test_checkpoint_is_refused_by_go_when_a_signature_is_not_of_its_text(
    log: Log, reader: LogReader, signer: str
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


def test_tiles_are_refused_by_go_under_another_root(log: Log, reader: LogReader, tmp_path: Path) -> None:
    other = World(tmp_path)
    other.create()
    note = other.signer().sign(SIZE, b"\x07" * 32, now=NOW)
    answer = reader.ask(note, log.url, [log.record(0)])
    assert answer.status == 1
    assert answer.stderr.startswith("tiles: downloaded inconsistent tile")


@pytest.mark.parametrize(
    "tile", [HashTile(0, 0), HashTile(0, 1, 44), HashTile(1, 0, 1)], ids=lambda t: t.path
)
@pytest.mark.parametrize("byte", [0, -1])
def test_flipped_bit_in_a_tile_is_refused_by_go(
    log: Log, reader: LogReader, tile: HashTile, byte: int
) -> None:
    [honest] = log.world.store().read_tiles([tile])
    flipped = bytearray(honest)
    flipped[byte] ^= 1
    alter = "UPDATE tile SET hashes = ? WHERE level = ? AND tile_index = ?"
    log.world.alter(alter, bytes(flipped), tile.level, tile.index)
    try:
        answer = reader.ask(log.checkpoint, log.url, [log.record(index) for index in EDGES])
    finally:
        log.world.alter(alter, honest, tile.level, tile.index)
    assert answer.status == 1
    # x/mod before 0.40 does not compare every full tile with the one above it (CVE-2026-56865). But a proof
    # that was made from such a tile does not lead to the root.
    assert answer.stderr in ("tiles: downloaded inconsistent tile\n", "record: invalid transparency proof\n")


def test_entry_at_another_index_is_refused_by_go(log: Log, reader: LogReader) -> None:
    answer = reader.ask(log.checkpoint, log.url, [f"record 7 {log.entries[8]}"])
    assert (answer.status, answer.stderr) == (1, "record: invalid transparency proof\n")


def test_older_root_that_does_not_continue_is_refused_by_go(log: Log, reader: LogReader) -> None:
    answer = reader.ask(log.checkpoint, log.url, [f"tree {OLD_SIZE} {log.root(OLD_SIZE - 1)}"])
    assert (answer.status, answer.stderr) == (1, "tree: invalid transparency proof\n")
