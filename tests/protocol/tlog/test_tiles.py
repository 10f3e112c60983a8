import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.errors import MalformedError
from protocol.tlog.merkle import (
    Node,
    RightEdge,
    compute_root,
    create_consistency_proof,
    create_inclusion_proof,
    hash_leaf,
    verify_consistency,
    verify_inclusion,
)
from protocol.tlog.tiles import (
    EntryBundle,
    HashTile,
    TileReader,
    encode_entry_bundle,
    extend_tiles,
    parse_entry_bundle,
    parse_hash_tile,
    parse_tile_path,
    read_hashes_from_tiles,
    read_tiles_once,
    select_entry_bundles,
    select_tile_of_node,
)

VECTORS = Path(__file__).parents[2] / "vectors"
TLOG = json.loads((VECTORS / "tlog" / "tlog-vectors.json").read_bytes())
GENERATED = json.loads((VECTORS / "generated-ed25519" / "tlog.json").read_bytes())
LEAVES = [hash_leaf(number.to_bytes(4)) for number in range(70_000)]


class TileStore:
    """Tiles in memory, the widest of each kept; a narrower one is its beginning."""

    def __init__(self) -> None:
        self.tiles: dict[tuple[int, int], bytes] = {}
        self.reads: list[HashTile] = []

    def read(self, tiles: Sequence[HashTile]) -> list[bytes]:
        self.reads.extend(tiles)
        return [self.tiles[tile.level, tile.index][: tile.width * 32] for tile in tiles]

    def write(self, changed: dict[HashTile, bytes]) -> None:
        self.tiles.update({(tile.level, tile.index): data for tile, data in changed.items()})


@pytest.fixture(scope="module")
def big_store() -> TileStore:
    store = TileStore()
    store.write(extend_tiles(0, LEAVES, store.read))
    return store


def test_tile_paths_of_tessera_agree() -> None:
    cases = TLOG["tile_paths"]
    for leaf_index, tree_size, path in cases["entries_for_index"]:
        [bundle] = [
            bundle
            for bundle in select_entry_bundles(leaf_index, min(tree_size, leaf_index // 256 * 256 + 256))
            if bundle.index == leaf_index // 256
        ]
        assert bundle.path == path
        assert parse_tile_path(path) == bundle
    for level, index, width, path in cases["tile_path"]:
        tile = HashTile(level, index, width or 256)
        assert tile.path == path
        assert parse_tile_path(path) == tile
    assert len(cases["entries_for_index"]) + len(cases["tile_path"]) == 12


def test_tree_of_70000_has_the_tiles_the_specification_counts() -> None:
    tiles = list(extend_tiles(0, LEAVES, lambda _tiles: []))
    counts = TLOG["tile_counts_example"]["size70000"]
    assert sum(tile.level == 0 and tile.width == 256 for tile in tiles) == counts["level0_full"] == 273
    assert sum(tile.level == 1 and tile.width == 256 for tile in tiles) == counts["level1_full"] == 1
    assert [(tile.level, tile.width) for tile in tiles if tile.width < 256] == [
        (0, counts["level0_partial"]),
        (1, counts["level1_partial"]),
        (2, counts["level2_partial"]),
    ]
    assert list(extend_tiles(0, LEAVES[:256], lambda _tiles: [])) == [HashTile(0, 0), HashTile(1, 0, 1)]


def test_generated_tile_and_bundle_agree() -> None:
    entries = [entry.encode() for entry in GENERATED["entries"]]
    bundle = bytes.fromhex(GENERATED["tile_entries_000.p/7_hex"])
    assert encode_entry_bundle(entries) == bundle
    assert list(parse_entry_bundle(bundle, EntryBundle(0, 7))) == entries
    changed = extend_tiles(0, [hash_leaf(entry) for entry in entries], TileStore().read)
    assert changed == {HashTile(0, 0, 7): bytes.fromhex(GENERATED["tile_0_000.p/7_hex"])}


@given(st.integers(0, 63), st.integers(0, 2**63 - 1), st.integers(1, 256))
def test_path_of_any_tile_is_read_back(level: int, index: int, width: int) -> None:
    for tile in (HashTile(level, index, width), EntryBundle(index, width)):
        assert parse_tile_path(tile.path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/1/2",
        "tile/0/x1/2",
        "tile/0/x001",
        "tile/0/001/002",
        "tile/0/x000/001",
        "tile/0/x001/x002",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/999",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000.p/1/",
        "tile/0/000.p/+1",
        "tile/00/000",
        "tile/01/000",
        "tile/64/000",
        "tile/99/000",
        "tile/100/000",
        "tile/-1/000",
        "tile/entry/000",
        "/tile/0/000",
        "tile/0/000\n",
        "tile/0/٠٠٠",
        "tile/0/x009/x223/x372/x036/x854/x775/808",
        "tile/0/" + "x001/" * 1000 + "000",
    ],
)
def test_path_in_another_spelling_is_refused(path: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_tile_path(path)
    assert caught.value.code is Code.LOG_TILE_INVALID


def test_highest_level_and_index_are_read() -> None:
    assert parse_tile_path("tile/63/x009/x223/x372/x036/x854/x775/807") == HashTile(63, 2**63 - 1)


@pytest.mark.parametrize("length", [0, 31, 32 * 255, 32 * 256 - 1, 32 * 256 + 1, 32 * 257])
def test_tile_of_another_width_is_refused(length: int) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_hash_tile(bytes(length), HashTile(0, 0))
    assert caught.value.code is Code.LOG_TILE_INVALID


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"\x00\x01",
        b"\x00\x01a\x00",
        b"\x00\x01a\x00\x02b",
        b"\x00\x01a\x00\x01bc",
        b"\x00\x01a\x00\x01b\x00\x00",
        b"\xff\xffa\x00\x01b",
    ],
)
def test_bundle_with_too_few_or_too_many_bytes_is_refused(data: bytes) -> None:
    assert parse_entry_bundle(b"\x00\x01a\x00\x01b", EntryBundle(0, 2)) == (b"a", b"b")
    with pytest.raises(MalformedError) as caught:
        parse_entry_bundle(data, EntryBundle(0, 2))
    assert caught.value.code is Code.LOG_TILE_INVALID


def test_entry_beyond_65535_bytes_cannot_be_bundled() -> None:
    entries = [bytes(65_535), b""]
    assert list(parse_entry_bundle(encode_entry_bundle(entries), EntryBundle(0, 2))) == entries
    with pytest.raises(ValueError, match="65,535"):
        encode_entry_bundle([bytes(65_536)])


@given(st.binary(max_size=64), st.integers(1, 256))
def test_any_bytes_are_a_bundle_or_refused(data: bytes, width: int) -> None:
    with suppress(MalformedError):
        assert encode_entry_bundle(parse_entry_bundle(data, EntryBundle(0, width))) == data


@given(st.lists(st.integers(1, 700), min_size=1, max_size=6))
@settings(max_examples=40)
def test_tiles_do_not_depend_on_how_leaves_are_grouped(groups: list[int]) -> None:
    store, whole, size = TileStore(), TileStore(), 0
    for group in groups:
        changed = extend_tiles(size, LEAVES[size : size + group], store.read)
        store.write(changed)
        size += group
        assert {tile.width for tile in changed if tile.index < size // 256 and tile.level == 0} <= {256}
    whole.write(extend_tiles(0, LEAVES[:size], whole.read))
    assert store.tiles == whole.tiles
    root = compute_root(size, read_hashes_from_tiles(size, store.read))
    assert root == RightEdge().append(LEAVES[:size]).root_hash()


@given(st.integers(1, 70_000), st.data())
@settings(max_examples=60)
def test_proofs_out_of_tiles_verify(big_store: TileStore, size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    old_size = data.draw(st.integers(1, size))
    read_hashes = read_hashes_from_tiles(size, big_store.read)
    root_hash = compute_root(size, read_hashes)
    verify_inclusion(
        create_inclusion_proof(index, size, read_hashes),
        leaf_hash=LEAVES[index],
        leaf_index=index,
        tree_size=size,
        root_hash=root_hash,
    )
    verify_consistency(
        create_consistency_proof(old_size, size, read_hashes),
        old_size=old_size,
        old_root=compute_root(old_size, read_hashes_from_tiles(old_size, big_store.read)),
        new_size=size,
        new_root=root_hash,
    )


def test_inclusion_proof_needs_only_the_tiles_on_its_way(big_store: TileStore) -> None:
    big_store.reads.clear()
    create_inclusion_proof(1234, 70_000, read_hashes_from_tiles(70_000, big_store.read))
    assert sorted(big_store.reads, key=lambda tile: tile.path) == [
        HashTile(0, 4),
        HashTile(0, 273, 112),
        HashTile(1, 0),
        HashTile(1, 1, 17),
    ]


def test_tile_of_a_node_is_as_wide_as_the_tree_makes_it() -> None:
    assert select_tile_of_node(Node(0, 0), 1) == HashTile(0, 0, 1)
    assert select_tile_of_node(Node(7, 1), 300) == HashTile(0, 0, 256)
    assert select_tile_of_node(Node(8, 0), 300) == HashTile(1, 0, 1)
    assert select_tile_of_node(Node(4, 17), 300) == HashTile(0, 1, 44)


def test_tile_of_the_wrong_width_from_a_store_is_refused(big_store: TileStore) -> None:
    def one_hash_short(tiles: Sequence[HashTile]) -> list[bytes]:
        return [data[:-32] for data in big_store.read(tiles)]

    reader: TileReader = one_hash_short
    with pytest.raises(MalformedError) as caught:
        compute_root(7, read_hashes_from_tiles(7, reader))
    assert caught.value.code is Code.LOG_TILE_INVALID


def test_reader_that_keeps_tiles_asks_for_each_of_them_once() -> None:
    asked: list[HashTile] = []

    def read(tiles: Sequence[HashTile]) -> list[bytes]:
        asked.extend(tiles)
        return [tile.path.encode() for tile in tiles]

    reader = read_tiles_once(read)
    one, two, three = (HashTile(0, index) for index in range(3))
    assert list(reader([one, two])) == [one.path.encode(), two.path.encode()]
    assert list(reader([three, one])) == [three.path.encode(), one.path.encode()]
    assert list(reader([two])) == [two.path.encode()]
    assert asked == [one, two, three]
