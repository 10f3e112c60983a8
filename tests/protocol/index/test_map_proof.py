from dataclasses import replace
from hashlib import sha256
from itertools import permutations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.errors import VerificationError
from protocol.index.map import IndexMap
from protocol.index.map_proof import (
    EMPTY_MAP_ROOT,
    MapProof,
    Neighbour,
    PathStep,
    hash_map_leaf,
    hash_map_node,
    verify_map_proof,
)
from tests.protocol.index.keys import ITEMS, KEYS, key_of, value_of, with_bit_flipped
from tests.protocol.index.reference import root_of, search

ITEMS_OF_64 = {key_of(number): value_of(number) for number in range(64)}
MAP = IndexMap(ITEMS_OF_64.items()).published
ROOT = MAP.root_hash
KEY, VALUE = key_of(5), value_of(5)
PROOF = MAP.prove(KEY)
ABSENT = key_of(64)
ABSENCE = MAP.prove(ABSENT)


def assert_refused(proof: MapProof, key: bytes, value: bytes | None, root: bytes = ROOT) -> None:
    with pytest.raises(VerificationError) as caught:
        verify_map_proof(proof, key=key, value=value, map_root=root)
    assert caught.value.code is Code.INDEX_PROOF_INVALID


def changed_paths(path: tuple[PathStep, ...]) -> list[tuple[PathStep, ...]]:
    """The path with each thing in it broken once."""
    changed = []
    for number, step in enumerate(path):
        for position in {*range(-1, 257)} - {step.position}:
            changed.append((*path[:number], replace(step, position=position), *path[number + 1 :]))
        for byte in range(32):
            flipped = bytearray(step.sibling)
            flipped[byte] ^= 0x10
            changed.append((*path[:number], replace(step, sibling=bytes(flipped)), *path[number + 1 :]))
        for sibling in (b"", step.sibling[:-1], step.sibling + b"\0"):
            changed.append((*path[:number], replace(step, sibling=sibling), *path[number + 1 :]))
        changed.append((*path[:number], *path[number + 1 :]))
        changed.append((*path[:number], step, *path[number:]))
    return [*changed, path[::-1], (), (*path, PathStep(0, bytes(32)))]


def test_hashes_are_those_of_the_page() -> None:
    left, right = bytes([1]) * 32, bytes([2]) * 32
    assert sha256(b"").digest() == EMPTY_MAP_ROOT
    assert hash_map_leaf(left, right) == sha256(b"\x02" + left + right).digest()
    for position in (0, 9, 255):
        expected = sha256(b"\x03" + bytes([position]) + left + right).digest()
        assert hash_map_node(position, left, right) == expected


def test_value_with_its_path_is_accepted() -> None:
    assert len(PROOF.path) > 3
    verify_map_proof(PROOF, key=KEY, value=VALUE, map_root=ROOT)


def test_absence_with_its_neighbour_is_accepted() -> None:
    assert ABSENCE.neighbour is not None
    verify_map_proof(ABSENCE, key=ABSENT, value=None, map_root=ROOT)


def test_absence_from_an_empty_map_is_accepted() -> None:
    verify_map_proof(MapProof(), key=KEY, value=None, map_root=EMPTY_MAP_ROOT)


def test_map_of_one_key_proves_it_and_no_other() -> None:
    root = hash_map_leaf(KEY, VALUE)
    verify_map_proof(MapProof(), key=KEY, value=VALUE, map_root=root)
    verify_map_proof(MapProof((), Neighbour(KEY, VALUE)), key=ABSENT, value=None, map_root=root)
    assert_refused(MapProof(), ABSENT, VALUE, root)


def test_path_of_256_nodes_is_accepted() -> None:
    items = {KEY: VALUE} | {with_bit_flipped(KEY, position): VALUE for position in range(256)}
    published = IndexMap(items.items()).published
    assert [step.position for step in published.prove(KEY).path] == [*range(255, -1, -1)]
    for key in items:
        verify_map_proof(published.prove(key), key=key, value=VALUE, map_root=published.root_hash)


def test_value_with_a_changed_path_is_refused() -> None:
    for path in changed_paths(PROOF.path):
        assert_refused(MapProof(path), KEY, VALUE)


def test_absence_with_a_changed_path_is_refused() -> None:
    for path in changed_paths(ABSENCE.path):
        assert_refused(MapProof(path, ABSENCE.neighbour), ABSENT, None)


def test_path_in_any_other_order_is_refused() -> None:
    others = [path for path in permutations(PROOF.path[-5:]) if path != PROOF.path[-5:]]
    for path in others:
        assert_refused(MapProof((*PROOF.path[:-5], *path)), KEY, VALUE)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (key_of(6), VALUE),
        (with_bit_flipped(KEY, 255), VALUE),
        (KEY, value_of(6)),
        (KEY, bytes(32)),
        (VALUE, KEY),
        (KEY[:-1], VALUE),
        (KEY + VALUE[:1], VALUE[1:]),
        (KEY, VALUE + b"\0"),
        (KEY, None),
        (ABSENT, VALUE),
        (ABSENT, None),
    ],
)
def test_path_for_another_key_or_value_is_refused(key: bytes, value: bytes | None) -> None:
    assert_refused(PROOF, key, value)


def test_value_beside_a_neighbour_is_refused() -> None:
    assert_refused(replace(PROOF, neighbour=ABSENCE.neighbour), KEY, VALUE)
    assert_refused(replace(PROOF, neighbour=Neighbour(KEY, VALUE)), KEY, VALUE)


def test_key_that_is_its_own_neighbour_is_refused() -> None:
    assert_refused(replace(PROOF, neighbour=Neighbour(KEY, VALUE)), KEY, None)


def test_absence_without_neighbour_from_a_map_with_keys_is_refused() -> None:
    assert_refused(MapProof(), ABSENT, None)
    assert_refused(MapProof(ABSENCE.path), ABSENT, None)


def test_absence_from_an_empty_map_with_a_path_is_refused() -> None:
    assert_refused(MapProof((PathStep(0, bytes(32)),)), KEY, None, EMPTY_MAP_ROOT)


@pytest.mark.parametrize("key", [b"", ABSENT[:-1], ABSENT + b"\0"])
def test_absence_of_a_key_of_another_length_is_refused(key: bytes) -> None:
    assert_refused(ABSENCE, key, None)


def test_changed_neighbour_is_refused() -> None:
    neighbour = ABSENCE.neighbour
    assert neighbour is not None
    for changed in (
        replace(neighbour, value=VALUE),
        replace(neighbour, value=b""),
        replace(neighbour, key=with_bit_flipped(neighbour.key, 255)),
        replace(neighbour, key=neighbour.key[:-1]),
        replace(neighbour, key=neighbour.key + neighbour.value[:1], value=neighbour.value[1:]),
    ):
        assert_refused(replace(ABSENCE, neighbour=changed), ABSENT, None)


def test_no_neighbour_proves_the_absence_of_a_key_that_is_there() -> None:
    for other, value in ITEMS_OF_64.items():
        assert_refused(MapProof(MAP.prove(other).path, Neighbour(other, value)), KEY, None)


def test_byte_moved_from_the_key_of_a_neighbour_to_its_value_is_refused() -> None:
    # The hash of the leaf stays the same, and the key is no longer the one that is there.
    root = hash_map_leaf(KEY, VALUE)
    for cut in (0, 31, 33, 64):
        moved = Neighbour((KEY + VALUE)[:cut], (KEY + VALUE)[cut:])
        assert_refused(MapProof((), moved), KEY, None, root)
        assert_refused(MapProof(), moved.key, moved.value, root)


def test_node_does_not_pass_for_a_leaf() -> None:
    # What the node above the leaf is made of, taken for a key and a value.
    first, *rest = PROOF.path
    leaf = hash_map_leaf(KEY, VALUE)
    for key, value in ((leaf, first.sibling), (first.sibling, leaf)):
        assert_refused(MapProof(tuple(rest)), key, value)
        assert_refused(MapProof(tuple(rest), Neighbour(key, value)), KEY, None)


@given(ITEMS, KEYS)
def test_every_key_is_proven_present_or_absent_and_never_both(items: dict[bytes, bytes], key: bytes) -> None:
    published = IndexMap(items.items()).published
    assert published.root_hash == root_of(items)
    for each in (key, *items):
        proof, value = published.prove(each), items.get(each)
        assert published.get(each) == value
        verify_map_proof(proof, key=each, value=value, map_root=published.root_hash)
        for lie in {None, VALUE, *items.values()} - {value}:
            assert_refused(proof, each, lie, published.root_hash)


@given(ITEMS.filter(bool), KEYS)
def test_proof_is_the_path_of_the_page(items: dict[bytes, bytes], key: bytes) -> None:
    proof = IndexMap(items.items()).published.prove(key)
    leaf, path = search(items, key)
    assert [(step.position, step.sibling) for step in proof.path] == path
    assert proof.neighbour == (None if leaf == key else Neighbour(leaf, items[leaf]))


@given(ITEMS.filter(lambda items: len(items) > 2), st.data())
def test_no_path_of_a_map_proves_the_absence_of_its_keys(
    items: dict[bytes, bytes], data: st.DataObject
) -> None:
    published = IndexMap(items.items()).published
    key, other = data.draw(st.permutations(sorted(items)).map(lambda keys: keys[:2]))
    path = published.prove(other).path
    part = tuple(step for step in path if data.draw(st.booleans()))
    for candidate in (path, part):
        assert_refused(MapProof(candidate, Neighbour(other, items[other])), key, None, published.root_hash)


@given(ITEMS.filter(bool), KEYS, st.data())
def test_proof_with_any_bit_flipped_is_refused(
    items: dict[bytes, bytes], key: bytes, data: st.DataObject
) -> None:
    published = IndexMap(items.items()).published
    proof = published.prove(key)
    assume(proof.path)
    number = data.draw(st.integers(0, len(proof.path) - 1))
    step = proof.path[number]
    changed = replace(step, sibling=with_bit_flipped(step.sibling, data.draw(st.integers(0, 255))))
    path = (*proof.path[:number], changed, *proof.path[number + 1 :])
    assert_refused(replace(proof, path=path), key, items.get(key), published.root_hash)
