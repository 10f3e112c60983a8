from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.encoding.base64 import encode_base64
from protocol.errors import MalformedError, TallyError, VerificationError
from protocol.keys import Ed25519PrivateKey
from protocol.tlog.checkpoint import Checkpoint, encode_checkpoint
from protocol.tlog.cosignature import sign_cosignature
from protocol.tlog.fork import (
    ForkEvidence,
    VerifiedFork,
    create_fork_evidence,
    encode_fork_evidence,
    find_false_cosigners,
    parse_fork_evidence,
    verify_fork_evidence,
)
from protocol.tlog.merkle import compute_root, create_consistency_proof, hash_leaf
from protocol.tlog.note import NoteKey, SignatureType, encode_note, encode_vkey, parse_note, sign_note
from tests.protocol.tlog.test_merkle import reader_of, root_by_definition

ORIGIN = "ledger.example.org"
LOG, OTHER_LOG = (Ed25519PrivateKey(bytes([number]) * 32) for number in (1, 2))
NOW = datetime(2026, 11, 22, tzinfo=UTC)
KEY = NoteKey(ORIGIN, SignatureType.ED25519, LOG.public_key)

ONE = [hash_leaf(f"one {number}".encode()) for number in range(40)]
# The other history parts from the first after three entries.
TWO = ONE[:3] + [hash_leaf(f"two {number}".encode()) for number in range(37)]


def checkpoint_of(leaves: Sequence[bytes], origin: str = ORIGIN) -> Checkpoint:
    return Checkpoint(origin, len(leaves), root_by_definition(leaves))


def note_of(
    leaves: Sequence[bytes], *keys: Ed25519PrivateKey, origin: str = ORIGIN, root: bytes | None = None
) -> str:
    """The checkpoint of the tree over `leaves`, signed by the log unless by `keys`."""
    checkpoint = checkpoint_of(leaves, origin)
    text = encode_checkpoint(checkpoint if root is None else replace(checkpoint, root_hash=root))
    return encode_note(text, [sign_note(text, name=origin, key=key) for key in keys or (LOG,)])


def fork_of(smaller: Sequence[bytes], larger: Sequence[bytes]) -> ForkEvidence:
    """Evidence as an honest reader makes it, who can read the larger tree."""
    return create_fork_evidence(note_of(smaller), note_of(larger), log_key=KEY, read_hashes=reader_of(larger))


EQUAL = fork_of(ONE[:7], TWO[:7])
DIFFERENT = fork_of(ONE[:7], TWO[:13])
# The consistency proof from a power of two begins without the old root itself.
FROM_POWER_OF_TWO = fork_of(ONE[:8], TWO[:13])
FORKS = [EQUAL, DIFFERENT, FROM_POWER_OF_TWO, fork_of(ONE[:4], TWO[:8]), fork_of(ONE[3:4], ONE[:40])]


def code_of(evidence: ForkEvidence) -> Code | None:
    try:
        verify_fork_evidence(evidence)
    except VerificationError as error:
        return error.code
    return None


@pytest.mark.parametrize("evidence", FORKS)
def test_evidence_is_read_back_as_it_was_written_and_proves_the_fork(evidence: ForkEvidence) -> None:
    text = encode_fork_evidence(evidence)
    assert parse_fork_evidence(text) == evidence
    assert encode_fork_evidence(parse_fork_evidence(text)) == text
    verify_fork_evidence(evidence)


def test_fork_names_the_key_and_both_states() -> None:
    fork = verify_fork_evidence(DIFFERENT)
    assert fork == VerifiedFork(KEY, checkpoint_of(ONE[:7]), checkpoint_of(TWO[:13]))
    assert fork.origin == ORIGIN


def test_file_has_the_form_of_the_specification() -> None:
    smaller, larger = note_of(ONE[:8]), note_of(TWO[:13])
    proof = create_consistency_proof(8, 13, reader_of(TWO))
    hashes = "".join(f"{encode_base64(hash_)}\n" for hash_ in (root_by_definition(TWO[:8]), *proof))
    assert encode_fork_evidence(FROM_POWER_OF_TWO) == (
        f"tallystick/fork-evidence@v1\nlog {encode_vkey(KEY)}\nprefix {hashes}\n{smaller}\n{larger}"
    )
    smaller, larger = note_of(ONE[:7]), note_of(TWO[:7])
    assert encode_fork_evidence(EQUAL) == (
        f"tallystick/fork-evidence@v1\nlog {encode_vkey(KEY)}\n\n{smaller}\n{larger}"
    )


def test_trees_of_one_size_need_nobody_who_can_read_them() -> None:
    evidence = create_fork_evidence(note_of(ONE[:7]), note_of(TWO[:7]), log_key=KEY, read_hashes=None)
    assert evidence == EQUAL


def test_trees_of_two_sizes_prove_nothing_without_the_larger_one() -> None:
    with pytest.raises(VerificationError) as caught:
        create_fork_evidence(note_of(ONE[:7]), note_of(TWO[:13]), log_key=KEY, read_hashes=None)
    assert caught.value.code is Code.FORK_NOT_PROVEN


@pytest.mark.parametrize(("old", "new"), [(7, 7), (7, 13), (8, 13), (0, 7), (0, 0), (13, 7)])
def test_consistent_checkpoints_are_refused_as_evidence(old: int, new: int) -> None:
    with pytest.raises(VerificationError) as caught:
        fork_of(ONE[:old], ONE[:new])
    assert caught.value.code is Code.FORK_NOT_PROVEN


def test_evidence_from_the_wrong_tree_is_not_made() -> None:
    with pytest.raises(VerificationError) as caught:
        create_fork_evidence(
            note_of(ONE[:7]), note_of(TWO[:13]), log_key=KEY, read_hashes=reader_of(ONE[:13])
        )
    assert caught.value.code is Code.FORK_NOT_PROVEN


# Step 1


def test_fork_from_an_empty_tree_is_refused() -> None:
    evidence = replace(DIFFERENT, smaller=note_of([]))
    assert code_of(evidence) is Code.FORK_NOT_PROVEN


def test_evidence_whose_second_tree_is_the_smaller_one_is_refused() -> None:
    evidence = replace(DIFFERENT, smaller=DIFFERENT.larger, larger=DIFFERENT.smaller)
    assert code_of(evidence) is Code.FORK_NOT_PROVEN


@pytest.mark.parametrize(
    "evidence",
    [
        replace(EQUAL, prefix=root_by_definition(TWO[:7])),
        replace(EQUAL, path=(bytes(32),)),
        replace(DIFFERENT, prefix=None),
        replace(DIFFERENT, prefix=None, path=()),
    ],
)
def test_prefix_or_path_that_does_not_belong_to_the_sizes_is_refused(evidence: ForkEvidence) -> None:
    assert code_of(evidence) is Code.FORK_NOT_PROVEN


# Step 2


def test_note_that_is_no_checkpoint_is_refused() -> None:
    for evidence in (replace(EQUAL, smaller="nothing"), replace(EQUAL, larger="a\n\n— b AAAAAAAA\n")):
        with pytest.raises(MalformedError) as caught:
            verify_fork_evidence(evidence)
        assert caught.value.code is Code.LOG_NOTE_MALFORMED


def test_note_that_the_log_did_not_sign_is_refused() -> None:
    by_other = note_of(ONE[:7], OTHER_LOG)
    assert code_of(replace(EQUAL, smaller=by_other)) is Code.LOG_SIGNATURE_INVALID
    by_other = note_of(TWO[:7], OTHER_LOG)
    assert code_of(replace(EQUAL, larger=by_other)) is Code.LOG_SIGNATURE_INVALID


def test_signature_of_another_text_is_refused() -> None:
    signatures = parse_note(note_of(ONE[:6])).signatures
    moved = encode_note(encode_checkpoint(checkpoint_of(ONE[:7])), signatures)
    assert code_of(replace(EQUAL, smaller=moved)) is Code.LOG_SIGNATURE_INVALID
    # Neither does a good line beside it help.
    beside = encode_note(parse_note(moved).text, [*parse_note(EQUAL.smaller).signatures, *signatures])
    assert code_of(replace(EQUAL, smaller=beside)) is Code.LOG_SIGNATURE_INVALID


def test_checkpoint_of_another_origin_is_refused_whoever_signed_it() -> None:
    moved = note_of(ONE[:7], origin="other.example.org")
    assert code_of(replace(EQUAL, smaller=moved)) is Code.LOG_ORIGIN_MISMATCH


def test_lines_of_others_do_not_matter() -> None:
    smaller = note_of(ONE[:7], OTHER_LOG, LOG)
    assert code_of(replace(EQUAL, smaller=smaller)) is None


# Step 3


def test_one_state_signed_twice_is_no_fork() -> None:
    twice = note_of(ONE[:7], LOG, OTHER_LOG)
    assert code_of(replace(EQUAL, smaller=twice, larger=note_of(ONE[:7]))) is Code.FORK_NOT_PROVEN


# Step 4


def test_prefix_that_is_the_smaller_tree_is_no_fork() -> None:
    path = create_consistency_proof(7, 13, reader_of(ONE))
    evidence = ForkEvidence(KEY, note_of(ONE[:7]), note_of(ONE[:13]), root_by_definition(ONE[:7]), path)
    assert code_of(evidence) is Code.FORK_NOT_PROVEN


@pytest.mark.parametrize("evidence", [DIFFERENT, FROM_POWER_OF_TWO])
def test_prefix_that_the_larger_tree_does_not_have_is_no_fork(evidence: ForkEvidence) -> None:
    assert evidence.prefix is not None
    for prefix in (bytes(32), hash_leaf(evidence.prefix), root_by_definition(TWO[:6])):
        assert code_of(replace(evidence, prefix=prefix)) is Code.FORK_NOT_PROVEN
    for path in ((), evidence.path[1:], evidence.path[:-1], (*evidence.path, bytes(32)), (b"short",)):
        assert code_of(replace(evidence, path=path)) is Code.FORK_NOT_PROVEN


COSIGNERS = [Ed25519PrivateKey(bytes([100 + number]) * 32) for number in range(4)]


def cosigner(number: int, name: str | None = None) -> NoteKey:
    key = COSIGNERS[number].public_key
    return NoteKey(name or f"node-{number}", SignatureType.ED25519_COSIGNATURE, key)


def cosigned(note: str, *numbers: int, text: str | None = None) -> str:
    """`note` with the cosignatures of these, over another text if one is given."""
    unsigned = parse_note(note)
    lines = [
        sign_cosignature(text or unsigned.text, name=f"node-{number}", key=COSIGNERS[number], now=NOW)
        for number in numbers
    ]
    return encode_note(unsigned.text, [*lines, *unsigned.signatures])


def test_cosigner_of_both_states_is_found_out_and_others_are_not() -> None:
    fork = replace(
        DIFFERENT, smaller=cosigned(DIFFERENT.smaller, 0, 1, 2), larger=cosigned(DIFFERENT.larger, 1, 2, 3)
    )
    assert code_of(fork) is None
    keys = [cosigner(number) for number in range(4)]
    assert find_false_cosigners(fork, keys) == (cosigner(1), cosigner(2))
    assert find_false_cosigners(fork, []) == find_false_cosigners(DIFFERENT, keys) == ()
    # Another key under the same name, or the same one under another, has said nothing here.
    assert find_false_cosigners(fork, [cosigner(3, "node-1"), cosigner(1, "node-3")]) == ()


def test_cosignature_that_is_not_valid_accuses_nobody() -> None:
    forged = cosigned(DIFFERENT.larger, 1, text=parse_note(DIFFERENT.smaller).text)
    fork = replace(DIFFERENT, smaller=cosigned(DIFFERENT.smaller, 1), larger=forged)
    assert code_of(fork) is None
    assert find_false_cosigners(fork, [cosigner(1)]) == ()


@given(
    st.integers(0, 39).flatmap(
        lambda common: st.integers(common + 1, 40).flatmap(
            lambda old: st.tuples(st.just(common), st.just(old), st.integers(old, 40))
        )
    )
)
def test_every_fork_is_proven_by_whoever_can_read_the_larger_tree(sizes: tuple[int, int, int]) -> None:
    common, old, new = sizes
    other = ONE[:common] + [hash_leaf(bytes([number])) for number in range(common, new)]
    text = encode_fork_evidence(fork_of(ONE[:old], other))
    fork = verify_fork_evidence(parse_fork_evidence(text))
    assert (fork.smaller.tree_size, fork.larger.tree_size) == (old, new)


NODES_OF_TREE = [
    *ONE,
    *(compute_root(size, reader_of(ONE)) for size in range(1, 41)),
    *(root_by_definition(ONE[begin:end]) for begin in range(0, 40, 4) for end in (begin + 2, begin + 4)),
]


@given(st.data())
def test_consistent_checkpoints_are_never_a_fork_whatever_the_proof(data: st.DataObject) -> None:
    new = data.draw(st.integers(1, 40))
    old = data.draw(st.integers(1, new))
    proofs = [create_consistency_proof(size, new, reader_of(ONE)) for size in range(1, new + 1)]
    hashes = st.sampled_from(NODES_OF_TREE) | st.binary(min_size=32, max_size=32)
    path = data.draw(st.sampled_from(proofs) | st.lists(hashes, max_size=8).map(tuple))
    prefix = data.draw(st.none() | hashes)
    evidence = ForkEvidence(KEY, note_of(ONE[:old]), note_of(ONE[:new]), prefix, path)
    assert code_of(evidence) is Code.FORK_NOT_PROVEN


TEXT = encode_fork_evidence(DIFFERENT)
HEAD = TEXT[: TEXT.index("\n\n")]
WRONG_TYPE = encode_vkey(NoteKey(ORIGIN, SignatureType.ED25519_COSIGNATURE, LOG.public_key))


@pytest.mark.parametrize(
    "text",
    [
        "",
        HEAD,
        TEXT.replace("@v1", "@v2"),
        TEXT.replace("tallystick/fork-evidence@v1\n", ""),
        TEXT.replace("tallystick/fork-evidence@v1\n", "tallystick/fork-evidence@v1"),
        TEXT.replace(HEAD, "tallystick/fork-evidence@v1"),
        " " + TEXT,
        TEXT.replace("log ", "witness "),
        TEXT.replace("log ", "log  "),
        TEXT.replace(f"log {encode_vkey(KEY)}", "log x+00000000+AA=="),
        TEXT.replace(f"log {encode_vkey(KEY)}", f"log {WRONG_TYPE}"),
        TEXT.replace(f"log {encode_vkey(KEY)}", f"log {encode_vkey(KEY)}\nlog {encode_vkey(KEY)}"),
        TEXT.replace("prefix ", ""),
        TEXT.replace("prefix ", "prefix  "),
        TEXT.replace("prefix ", "prefix AAAA\nprefix "),
        TEXT.replace("prefix ", "prefix AAAA"),
        TEXT.replace(HEAD, HEAD + "\nAAAA"),
        TEXT.replace(HEAD, HEAD + "\n "),
        TEXT.replace(HEAD, HEAD + f"\n{encode_base64(bytes(32))}" * 64),
        TEXT.replace(HEAD + "\n\n", HEAD + "\n"),
        TEXT.replace(DIFFERENT.smaller + "\n", ""),
        TEXT + "\n",
        TEXT + "\n" + DIFFERENT.larger,
        TEXT[:-1],
        TEXT.replace("\n", "\r\n"),
    ],
)
def test_evidence_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_fork_evidence(text)
    assert caught.value.code is Code.FORK_EVIDENCE_MALFORMED


def test_evidence_with_63_hashes_is_read() -> None:
    evidence = replace(DIFFERENT, path=(bytes(32),) * 63)
    assert parse_fork_evidence(encode_fork_evidence(evidence)) == evidence


def test_oversized_evidence_is_refused() -> None:
    with pytest.raises(MalformedError) as caught:
        parse_fork_evidence(TEXT + "x" * 600_000)
    assert caught.value.code is Code.SIZE_EXCEEDED


@pytest.mark.parametrize("position", range(0, len(TEXT), 7))
def test_evidence_with_any_character_changed_proves_nothing(position: int) -> None:
    changed = TEXT[:position] + chr(ord(TEXT[position]) ^ 1) + TEXT[position + 1 :]
    with pytest.raises((MalformedError, VerificationError)):
        verify_fork_evidence(parse_fork_evidence(changed))


@given(st.integers(0, len(TEXT)), st.integers(0, len(TEXT)), st.text(max_size=20))
def test_evidence_with_a_piece_replaced_proves_the_same_fork_or_nothing(
    begin: int, end: int, piece: str
) -> None:
    changed = TEXT[:begin] + piece + TEXT[end:]
    assume(changed != TEXT)
    with suppress(TallyError):
        assert verify_fork_evidence(parse_fork_evidence(changed)) == verify_fork_evidence(DIFFERENT)


@given(st.text(max_size=80))
def test_any_text_is_evidence_or_refused(text: str) -> None:
    for source in (text, f"tallystick/fork-evidence@v1\n{text}", TEXT.replace("prefix ", text)):
        with suppress(MalformedError):
            assert encode_fork_evidence(parse_fork_evidence(source)) == source
