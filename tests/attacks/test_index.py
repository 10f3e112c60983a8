"""Attacks on proofs that a list is complete: each starts from a good one and breaks one thing.

These are the rows on inclusion proofs and proof files that a `.tally-proof` has its own answer to. What the
index log signs is signed again after the change, so that a case fails for what it changes.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from protocol.codes import Code
from protocol.errors import TallyError
from protocol.index.chain import compute_chain
from protocol.index.map import IndexMap
from protocol.index.map_proof import MapProof, Neighbour, PathStep, hash_map_leaf, verify_map_proof
from protocol.index.proof import (
    TallyProof,
    VerifiedRecords,
    encode_tally_proof,
    parse_tally_proof,
)
from protocol.index.subject import Subject
from tests.protocol.index.index_log import AMSTERDAM, DUBLIN, FLORENCE, prove, signed_again, verify

PRESENT, ABSENT, OTHER = prove(AMSTERDAM), prove(FLORENCE), prove(DUBLIN)
TEXT = encode_tally_proof(PRESENT)
PATH = PRESENT.map_proof.path
LAST = PRESENT.entries[-1]

Attack = Callable[[], object]


def with_path(*path: PathStep, of: TallyProof = PRESENT) -> TallyProof:
    return replace(of, map_proof=replace(of.map_proof, path=path))


def with_last(**changes: object) -> TallyProof:
    entries = (*PRESENT.entries[:-1], replace(LAST, **changes))  # type: ignore[arg-type]
    return replace(PRESENT, entries=entries)


def of_one_key(path: tuple[PathStep, ...] = (), *, neighbour: Neighbour | None = None) -> None:
    root = IndexMap([(AMSTERDAM.key, bytes(32))]).published.root_hash
    value = None if neighbour else bytes(32)
    verify_map_proof(MapProof(path, neighbour), key=AMSTERDAM.key, value=value, map_root=root)


def file(text: str, subject: Subject = AMSTERDAM) -> VerifiedRecords:
    return verify(parse_tally_proof(text), subject)


def flipped(hash_: bytes, byte: int) -> bytes:
    return hash_[:byte] + bytes([hash_[byte] ^ 0x40]) + hash_[byte + 1 :]


def cases() -> Iterator[tuple[str, Code, Attack]]:
    bad = Code.INDEX_PROOF_INVALID
    for byte in range(32):
        for number, step in enumerate(PATH):
            changed = replace(step, sibling=flipped(step.sibling, byte))
            path = (*PATH[:number], changed, *PATH[number + 1 :])
            yield f"NT-L01-step-{number}-byte-{byte}", bad, partial(verify, with_path(*path))
        hashes = (flipped(PRESENT.inclusion_proof[0], byte), *PRESENT.inclusion_proof[1:])
        other = replace(PRESENT, inclusion_proof=hashes)
        yield f"NT-L01-index-log-byte-{byte}", Code.LOG_PROOF_INVALID, partial(verify, other)
        neighbour = ABSENT.map_proof.neighbour
        assert neighbour is not None
        false = replace(neighbour, value=flipped(neighbour.value, byte))
        absent = replace(ABSENT, map_proof=replace(ABSENT.map_proof, neighbour=false))
        yield f"NT-L01-neighbour-byte-{byte}", bad, partial(verify, absent, FLORENCE)
    yield "NT-L02-too-short", bad, lambda: verify(with_path(*PATH[:-1]))
    yield "NT-L02-too-long", bad, lambda: verify(with_path(*PATH, PATH[-1]))
    yield "NT-L02-empty", bad, lambda: verify(with_path())
    yield "NT-L02-not-empty-for-one-key", bad, lambda: of_one_key(PATH[:1])
    yield "NT-L02-reversed", bad, lambda: verify(with_path(*PATH[::-1]))
    size = PRESENT.index_entry.tree_size
    for index in (size, size + 1, -1, 2**63 - 1):
        yield f"NT-L03-index-{index}", bad, partial(verify, with_last(leaf_index=index))
    for position in (-1, 256, 2**64):
        path = (replace(PATH[0], position=position), *PATH[1:])
        yield f"NT-L03-position-{position}", bad, partial(verify, with_path(*path))
    yield "NT-L04-another-entry", bad, lambda: verify(with_last(leaf=OTHER.entries[0].leaf))
    yield "NT-L04-another-time", bad, lambda: verify(with_last(time=LAST.time - timedelta(seconds=1)))
    yield "NT-L04-another-index", bad, lambda: verify(with_last(leaf_index=LAST.leaf_index + 1))
    yield "NT-L04-proof-of-another-subject", bad, lambda: verify(OTHER)
    renamed = replace(OTHER, subject=AMSTERDAM)
    yield "NT-L04-another-subject-under-this-name", bad, lambda: verify(renamed)
    of_neighbour = replace(ABSENT, subject=AMSTERDAM)
    yield "NT-L04-absence-of-another-subject", bad, lambda: verify(of_neighbour)
    first, *rest = PATH
    leaf = hash_map_leaf(AMSTERDAM.key, compute_chain(entry.indexed for entry in PRESENT.entries))
    for name, parts in {"left": (first.sibling, leaf), "right": (leaf, first.sibling)}.items():
        node = MapProof(tuple(rest), Neighbour(*parts))
        yield (
            f"NT-L05-node-taken-for-a-leaf-{name}",
            bad,
            partial(verify, replace(PRESENT, entries=(), map_proof=node)),
        )
    two_steps = PRESENT.entries[0].leaf + bytes(32)
    merged = (replace(PRESENT.entries[1], leaf=two_steps), LAST)
    yield (
        "NT-L05-two-entries-taken-for-one",
        bad,
        lambda: verify(replace(PRESENT, entries=merged)),
    )
    for cut in (31, 33):
        shifted = AMSTERDAM.key + bytes(32)
        moved = Neighbour(shifted[:cut], shifted[cut:])
        yield f"NT-L05-key-of-{cut}-bytes", bad, partial(of_one_key, neighbour=moved)
    root = hash_map_leaf(AMSTERDAM.key, bytes(32))
    zero = signed_again(replace(PRESENT, entries=(), map_proof=MapProof()), map_root=root)
    yield "NT-L05-value-of-nothing", bad, lambda: verify(zero)
    for name, text in {
        "leading-zero-in-an-index": TEXT.replace("entry 1 ", "entry 01 "),
        "leading-zero-in-a-position": TEXT.replace("path 0 ", "path 00 "),
        "no-blank-line": TEXT.replace("\n\n", "\n", 1),
        "extra-line": TEXT.replace("\nindex ", "\nextra YQ==\nindex "),
        "extra-word": TEXT.replace("path 0 ", "path 0 0 "),
        "of-another-version": TEXT.replace("@v1", "@v2", 1),
    }.items():
        assert text != TEXT
        yield f"NT-L33-{name}", bad, partial(file, text)


CASES = list(cases())


def test_what_the_attacks_start_from_is_accepted() -> None:
    assert file(TEXT) == verify(PRESENT)
    assert [entry.leaf_index for entry in verify(PRESENT).entries] == [1, 4, 6]
    assert verify(ABSENT, FLORENCE).entries == ()
    assert len(verify(OTHER, DUBLIN).entries) == 1
    of_one_key()


@pytest.mark.parametrize(
    ("code", "attack"), [pytest.param(code, attack, id=name) for name, code, attack in CASES]
)
def test_attack_on_the_index_is_refused(code: Code, attack: Attack) -> None:
    with pytest.raises(TallyError) as caught:
        attack()
    assert caught.value.code is code


def test_every_row_has_a_case() -> None:
    assert {name[:6] for name, _, _ in CASES} == {f"NT-L{number:02}" for number in (1, 2, 3, 4, 5, 33)}
    assert len({name for name, _, _ in CASES}) == len(CASES)
