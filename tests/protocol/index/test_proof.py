from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.errors import MalformedError, RefusedError, TallyError
from protocol.index.chain import compute_chain
from protocol.index.map import IndexMap
from protocol.index.map_proof import MapProof, Neighbour
from protocol.index.proof import (
    SUFFIX,
    SubjectEntry,
    TallyProof,
    create_tally_proof,
    encode_tally_proof,
    parse_tally_proof,
    verify_tally_proof,
)
from protocol.index.subject import did_subject
from protocol.tlog.merkle import create_inclusion_proof
from protocol.tlog.policy import parse_log_policy, verify_freshness
from tests.protocol.index.index_log import (
    AMSTERDAM,
    DUBLIN,
    EARLIER,
    FLORENCE,
    LOG_KEY,
    NOW,
    ORIGIN,
    POLICY,
    RECORDS,
    TWO,
    checkpoint_over,
    entries_about,
    index_entry_over,
    map_over,
    prove,
    reader_over,
    sign,
    signed_again,
    verify,
)

SHELF = Path(__file__).parents[2] / "vectors" / "tally-proof"
PRESENT, ABSENT = prove(AMSTERDAM), prove(FLORENCE)
TEXT, ABSENT_TEXT = encode_tally_proof(PRESENT), encode_tally_proof(ABSENT)
HASH = b64encode(bytes(32)).decode()


def assert_refused(proof: TallyProof, code: Code, subject: str = "amsterdam") -> None:
    with pytest.raises(TallyError) as caught:
        verify(proof, did_subject(f"did:example:{subject}"))
    assert caught.value.code is code


def test_files_on_the_shelf_prove_what_its_page_says() -> None:
    policy = parse_log_policy((SHELF / "policy.txt").read_text())
    now = datetime(2026, 11, 22, 10, 5, tzinfo=UTC)
    proven = {}
    for path in SHELF.glob(f"*{SUFFIX}"):
        proof = parse_tally_proof(path.read_bytes())
        assert encode_tally_proof(proof).encode() == path.read_bytes()
        records = verify_tally_proof(proof, subject=proof.subject, policy=policy, now=now)
        assert records.time is not None
        indices = [entry.leaf_index for entry in records.entries]
        about = (records.subject.name, records.log.origin, records.log.tree_size)
        proven[path.stem] = (*about, indices, records.time.second)
    assert proven == {
        "present": ("did:example:amsterdam", "ledger.example.org", 9, [1, 4, 6], 0),
        "absent": ("did:example:florence", "ledger.example.org", 9, [], 20),
        "absent-in-empty-map": ("did:example:florence", "new.example.org", 0, [], 20),
    }


@pytest.mark.parametrize("size", [0, 1, 2, 3, 9])
def test_proof_gives_all_entries_about_its_subject_and_who_says_so(size: int) -> None:
    for subject in {subject for subject, _ in RECORDS} | {FLORENCE}:
        proof = parse_tally_proof(encode_tally_proof(prove(subject, size)))
        assert proof == prove(subject, size)
        records = verify(proof, subject)
        assert (records.subject, records.entries) == (subject, entries_about(subject, size))
        assert records.leaves == tuple(entry.leaf for entry in records.entries)
        assert records.log == index_entry_over(size)
        assert records.checkpoint.origin == f"{ORIGIN}/index"
        assert records.checkpoint.note == proof.checkpoint


def test_time_is_that_of_the_quorum_and_its_age_can_be_judged() -> None:
    records = verify(PRESENT)
    assert records.time == NOW - timedelta(seconds=30)
    verify_freshness(records.checkpoint, max_age=timedelta(seconds=30), now=NOW)
    with pytest.raises(TallyError) as caught:
        verify_freshness(records.checkpoint, max_age=timedelta(seconds=29), now=NOW)
    assert caught.value.code is Code.LOG_STALE


# Step 1


def test_checkpoint_without_its_quorum_is_refused() -> None:
    index_log = [*EARLIER, PRESENT.index_entry]
    alone = checkpoint_over(index_log, ages={2: timedelta(0)})
    assert_refused(replace(PRESENT, checkpoint=alone), Code.LOG_QUORUM_MISSING)


def test_checkpoint_signed_by_another_key_is_refused() -> None:
    index_log = [*EARLIER, PRESENT.index_entry]
    assert_refused(
        replace(PRESENT, checkpoint=checkpoint_over(index_log, key=LOG_KEY)), Code.LOG_SIGNATURE_INVALID
    )


def test_index_log_that_the_policy_does_not_name_is_refused() -> None:
    policy = replace(POLICY, logs=POLICY.logs[:1])
    with pytest.raises(TallyError) as caught:
        verify_tally_proof(PRESENT, subject=AMSTERDAM, policy=policy, now=NOW)
    assert caught.value.code is Code.LOG_ORIGIN_MISMATCH


def test_text_that_is_no_checkpoint_is_refused() -> None:
    assert_refused(replace(PRESENT, checkpoint="nothing"), Code.LOG_NOTE_MALFORMED)
    no_checkpoint = sign(f"{ORIGIN}/index\nmany\n", ages=TWO)
    assert_refused(replace(PRESENT, checkpoint=no_checkpoint), Code.LOG_NOTE_MALFORMED)


# Step 2


def test_entry_of_the_index_log_that_is_not_its_last_is_refused() -> None:
    older, later = prove(AMSTERDAM, 5), PRESENT.index_entry
    index_log = [*EARLIER, later]
    checkpoint = checkpoint_over(index_log)
    for index in range(len(index_log) - 1):
        path = create_inclusion_proof(index, len(index_log), reader_over(index_log))
        stapled = replace(older, inclusion_proof=path, checkpoint=checkpoint)
        assert_refused(stapled, Code.LOG_PROOF_INVALID)


def test_index_entry_that_is_not_in_the_index_log_is_refused() -> None:
    for hashes in ((), PRESENT.inclusion_proof[:-1], (*PRESENT.inclusion_proof, bytes(32)), (bytes(31),)):
        assert_refused(replace(PRESENT, inclusion_proof=hashes), Code.LOG_PROOF_INVALID)
    other = replace(PRESENT.index_entry, tree_size=10)
    assert_refused(replace(PRESENT, index_entry=other), Code.LOG_PROOF_INVALID)


def test_empty_index_log_proves_nothing() -> None:
    empty = replace(PRESENT, inclusion_proof=(), checkpoint=checkpoint_over([]))
    assert_refused(empty, Code.LOG_PROOF_INVALID)


# Step 3


def test_index_entry_about_another_log_is_refused() -> None:
    for origin in ("other.example.org", f"{ORIGIN}/index", ORIGIN.upper()):
        assert_refused(signed_again(PRESENT, origin=origin), Code.LOG_ORIGIN_MISMATCH)


def test_log_does_not_pass_for_its_index_log() -> None:
    index_log = [*EARLIER, PRESENT.index_entry]
    checkpoint = checkpoint_over(index_log, name=ORIGIN, key=LOG_KEY)
    assert_refused(replace(PRESENT, checkpoint=checkpoint), Code.LOG_ORIGIN_MISMATCH)


# Step 4


def test_proof_about_another_subject_is_refused() -> None:
    assert_refused(PRESENT, Code.INDEX_PROOF_INVALID, "dublin")
    assert_refused(ABSENT, Code.INDEX_PROOF_INVALID, "dublin")
    assert_refused(replace(PRESENT, subject=DUBLIN), Code.INDEX_PROOF_INVALID, "dublin")
    assert_refused(replace(ABSENT, subject=DUBLIN), Code.INDEX_PROOF_INVALID, "dublin")


# Step 5

FIRST, SECOND, THIRD = PRESENT.entries


@pytest.mark.parametrize(
    "entries",
    [
        (FIRST, SECOND),
        (SECOND, THIRD),
        (FIRST, THIRD),
        (THIRD,),
        (),
        (FIRST, SECOND, THIRD, SubjectEntry(8, THIRD.time, b"cork 8")),
        (FIRST, SECOND, THIRD, THIRD),
        (FIRST, FIRST, SECOND, THIRD),
        (FIRST, SECOND, replace(THIRD, leaf=b"amsterdam 7")),
        (FIRST, SECOND, replace(THIRD, leaf_index=7)),
        (FIRST, replace(SECOND, leaf_index=3), THIRD),
        (FIRST, SECOND, replace(THIRD, time=SECOND.time)),
        (replace(FIRST, time=SECOND.time), SECOND, THIRD),
    ],
)
def test_entries_that_are_not_all_or_not_those_are_refused(entries: tuple[SubjectEntry, ...]) -> None:
    assert_refused(replace(PRESENT, entries=entries), Code.INDEX_PROOF_INVALID)


@pytest.mark.parametrize(
    "entries",
    [
        (SECOND, FIRST, THIRD),
        (FIRST, SECOND, SECOND),
        (FIRST, SECOND, replace(THIRD, leaf_index=9)),
        (replace(FIRST, leaf_index=-1), SECOND, THIRD),
        (replace(FIRST, time=THIRD.time), SECOND, THIRD),
        (FIRST, SECOND, replace(THIRD, time=PRESENT.index_entry.time + timedelta(seconds=1))),
    ],
)
def test_entries_out_of_order_or_outside_the_log_are_refused_also_if_the_map_has_them(
    entries: tuple[SubjectEntry, ...],
) -> None:
    index = map_over(9)
    if entries[0].leaf_index >= 0:
        chain = compute_chain(entry.indexed for entry in entries)
        index.put(AMSTERDAM.key, chain)
    state = index.commit()
    proof = replace(PRESENT, entries=entries, map_proof=state.prove(AMSTERDAM.key))
    assert_refused(signed_again(proof, map_root=state.root_hash), Code.INDEX_PROOF_INVALID)


def test_map_of_another_size_is_refused() -> None:
    for size in (2, 5):
        older = map_over(size).published
        assert_refused(signed_again(PRESENT, map_root=older.root_hash), Code.INDEX_PROOF_INVALID)
        proof = replace(PRESENT, map_proof=older.prove(AMSTERDAM.key))
        assert_refused(proof, Code.INDEX_PROOF_INVALID)


def test_neighbour_beside_entries_is_refused() -> None:
    proof = replace(PRESENT, map_proof=replace(PRESENT.map_proof, neighbour=ABSENT.map_proof.neighbour))
    assert_refused(proof, Code.INDEX_PROOF_INVALID)


# Step 6


def test_entries_cannot_be_kept_back_altogether() -> None:
    state = map_over(9).published
    for subject, _ in RECORDS:
        value = state.get(subject.key)
        assert value is not None
        for neighbour in (None, Neighbour(subject.key, value)):
            map_proof = MapProof(state.prove(subject.key).path, neighbour)
            hidden = replace(PRESENT, entries=(), map_proof=map_proof)
            assert_refused(hidden, Code.INDEX_PROOF_INVALID)
    assert_refused(replace(PRESENT, entries=(), map_proof=MapProof()), Code.INDEX_PROOF_INVALID)


def test_absence_without_neighbour_is_refused_where_the_map_is_not_empty() -> None:
    proof = replace(ABSENT, map_proof=replace(ABSENT.map_proof, neighbour=None))
    assert_refused(proof, Code.INDEX_PROOF_INVALID, "florence")


def test_absence_with_neighbour_or_path_is_refused_where_the_map_is_empty() -> None:
    empty = prove(FLORENCE, 0)
    for part in (
        MapProof((), ABSENT.map_proof.neighbour),
        MapProof(ABSENT.map_proof.path),
        ABSENT.map_proof,
    ):
        assert_refused(replace(empty, map_proof=part), Code.INDEX_PROOF_INVALID, "florence")


# Creating


def test_proof_of_other_entries_than_the_map_has_cannot_be_created() -> None:
    for entries in (entries_about(AMSTERDAM)[:-1], (), entries_about(DUBLIN)):
        with pytest.raises(ValueError, match="other entries"):
            create(entries)
    with pytest.raises(ValueError, match="other entries"):
        create(entries_about(AMSTERDAM), size=8)


def create(entries: tuple[SubjectEntry, ...], size: int = 9) -> TallyProof:
    return create_tally_proof(
        AMSTERDAM,
        entries,
        state=map_over(size).published,
        index_entry=PRESENT.index_entry,
        checkpoint=PRESENT.checkpoint,
        read_hashes=reader_over([*EARLIER, PRESENT.index_entry]),
    )


def test_proof_under_an_empty_index_log_cannot_be_created() -> None:
    with pytest.raises(ValueError, match="no such leaf"):
        create_tally_proof(
            FLORENCE,
            (),
            state=IndexMap().published,
            index_entry=EARLIER[0],
            checkpoint=checkpoint_over([]),
            read_hashes=lambda _nodes: [],
        )


# The file

LINES = TEXT.split("\n")
ENTRY, PATH, INDEX = LINES[2], next(line for line in LINES if line.startswith("path")), LINES[7]
NEIGHBOUR = ABSENT_TEXT.split("\n")[2]


def test_lines_that_are_broken_below_are_those_of_the_file() -> None:
    assert [line.split(" ")[0] for line in LINES[:9]] == [
        "tallystick/tally-proof@v1",
        "subject",
        *["entry"] * 3,
        *["path"] * 2,
        "index",
        LINES[8],
    ]
    assert NEIGHBOUR.startswith("neighbour ")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        TEXT.replace("@v1", "@v2", 1),
        TEXT.replace("tallystick/tally-proof@v1\n", ""),
        f" {TEXT}",
        f"\n{TEXT}",
        TEXT.replace("\n\n", "\n"),
        TEXT.partition("\n\n")[0],
        TEXT.replace("\n", "\r\n"),
        TEXT.replace(LINES[1] + "\n", ""),
        TEXT.replace(LINES[1], f"{LINES[1]}\n{LINES[1]}"),
        TEXT.replace(LINES[1], "subject"),
        TEXT.replace(LINES[1], "subject did"),
        TEXT.replace(LINES[1], "subject did "),
        TEXT.replace(LINES[1], "subject DID did:example:amsterdam"),
        TEXT.replace(LINES[1], "subject  did:example:amsterdam"),
        TEXT.replace(LINES[1], LINES[1] + "\r"),
        TEXT.replace(LINES[1], LINES[1] + "\x85"),
        TEXT.replace(ENTRY, "entry"),
        TEXT.replace(ENTRY, "entry 1"),
        TEXT.replace(ENTRY, f"{ENTRY} "),
        TEXT.replace(ENTRY, ENTRY.replace(" 1 ", " 01 ")),
        TEXT.replace(ENTRY, ENTRY.replace(" 1 ", " -1 ")),
        TEXT.replace(ENTRY, ENTRY.replace(" 1 ", " +1 ")),
        TEXT.replace(ENTRY, ENTRY.replace(" 1 ", " ١ ")),
        TEXT.replace(ENTRY, ENTRY.replace(" 1 ", "  1 ")),
        TEXT.replace(ENTRY, ENTRY.replace(" 1 ", " 9223372036854775808 ")),
        TEXT.replace(ENTRY, "entry 1 YQ"),
        TEXT.replace(ENTRY, "entry 1 YR=="),
        TEXT.replace(ENTRY, "entry 1 _w=="),
        TEXT.replace(ENTRY, ENTRY.replace("entry", "Entry")),
        TEXT.replace(f"{ENTRY}\n", "").replace(INDEX, f"{ENTRY}\n{INDEX}"),
        TEXT.replace(PATH, f"{NEIGHBOUR}\n{PATH}"),
        TEXT.replace(PATH, f"{PATH} {HASH}"),
        TEXT.replace(PATH, PATH.replace(" 2 ", " 02 ")),
        TEXT.replace(PATH, "path 2 "),
        TEXT.replace(PATH, f"path 2 {b64encode(bytes(31)).decode()}"),
        TEXT.replace(PATH, f"path {HASH} 2"),
        TEXT.replace(f"{INDEX}\n", ""),
        TEXT.replace(INDEX, f"{INDEX}\n{INDEX}"),
        TEXT.replace(INDEX, "index"),
        TEXT.replace(INDEX, "index "),
        TEXT.replace(INDEX, "index YQ=="),
        TEXT.replace(INDEX, "index YQ"),
        TEXT.replace(INDEX, f"{INDEX}\nmore"),
        TEXT.replace(INDEX, f"{INDEX}\n{HASH[:-1]}"),
        TEXT.replace(INDEX, f"{INDEX}\n{HASH} "),
        TEXT.replace(INDEX, f"{INDEX}\n{b64encode(bytes(33)).decode()}"),
        ABSENT_TEXT.replace(NEIGHBOUR, f"{NEIGHBOUR}\n{NEIGHBOUR}"),
        ABSENT_TEXT.replace(NEIGHBOUR, f"{NEIGHBOUR} {HASH}"),
        ABSENT_TEXT.replace(NEIGHBOUR, f"neighbour {HASH}"),
        ABSENT_TEXT.replace(NEIGHBOUR, f"neighbour {HASH} {HASH[:-1]}"),
        ABSENT_TEXT.replace(NEIGHBOUR, f"neighbour {HASH[4:]} {HASH}"),
        ABSENT_TEXT.replace(f"{NEIGHBOUR}\n", "").replace("\nindex", f"\n{NEIGHBOUR}\nindex"),
    ],
)
def test_proof_in_another_form_is_refused(text: str) -> None:
    assert text not in (TEXT, ABSENT_TEXT)
    for source in (text, text.encode()):
        with pytest.raises(MalformedError) as caught:
            parse_tally_proof(source)
        assert caught.value.code is Code.INDEX_PROOF_INVALID


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace(INDEX, f"{INDEX}\n" + f"{HASH}\n" * 62 + HASH),
        TEXT.replace(PATH, f"{PATH}\n" + f"path 0 {HASH}\n" * 255 + PATH),
        TEXT.replace(ENTRY, f"{ENTRY}\n" * 1998 + ENTRY),
        TEXT.replace(ENTRY, f"{ENTRY}\n" * 10_000 + ENTRY),
        TEXT.replace(ENTRY, "x\n" * 10_000 + ENTRY),
        TEXT + "x" * (8 << 20),
        TEXT.replace(ENTRY, "entry 1 " + "é" * (4 << 20)),
    ],
)
def test_oversized_proof_is_refused(text: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_tally_proof(text)
    assert caught.value.code is Code.SIZE_EXCEEDED


def test_largest_proof_is_read() -> None:
    entries = tuple(SubjectEntry(number, NOW, b"") for number in range(2000))
    path = PRESENT.map_proof.path[:1] * 256
    largest = replace(PRESENT, entries=entries, map_proof=MapProof(path), inclusion_proof=(bytes(32),) * 63)
    assert parse_tally_proof(encode_tally_proof(largest)) == largest


def test_proof_that_nobody_would_read_is_not_written() -> None:
    for entries in (PRESENT.entries[:1] * 2001, (SubjectEntry(0, NOW, bytes(8 << 20)),)):
        with pytest.raises(RefusedError) as caught:
            encode_tally_proof(replace(PRESENT, entries=entries))
        assert caught.value.code is Code.SIZE_EXCEEDED


@pytest.mark.parametrize(
    "source", [b"\xff", b"\xef\xbb\xbf" + TEXT.encode(), TEXT.replace("did:", "\ud800:")]
)
def test_proof_that_is_not_clean_utf_8_is_refused(source: str | bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_tally_proof(source)
    assert caught.value.code is Code.TEXT_INVALID


def test_name_with_spaces_is_read_to_the_end_of_its_line() -> None:
    text = TEXT.replace(LINES[1], "subject accreditation  Stadt  Köln ")
    proof = parse_tally_proof(text)
    assert (proof.subject.kind, proof.subject.name) == ("accreditation", " Stadt  Köln ")
    assert encode_tally_proof(proof) == text


@pytest.mark.parametrize("text", [TEXT, ABSENT_TEXT], ids=["present", "absent"])
@pytest.mark.parametrize("change", [lambda c: chr(ord(c) ^ 1), lambda _: "", lambda c: c + c])
def test_proof_with_any_character_changed_is_refused(text: str, change: Callable[[str], str]) -> None:
    subject = parse_tally_proof(text).subject
    for position, character in enumerate(text):
        changed = text[:position] + change(character) + text[position + 1 :]
        with pytest.raises(TallyError):
            verify(parse_tally_proof(changed), subject)


@pytest.mark.parametrize("text", [TEXT, ABSENT_TEXT], ids=["present", "absent"])
def test_proof_with_any_line_dropped_repeated_or_moved_is_refused(text: str) -> None:
    subject, lines = parse_tally_proof(text).subject, text.split("\n")
    head = lines.index("")
    for number in range(head):
        dropped = [*lines[:number], *lines[number + 1 :]]
        repeated = [*lines[:number], lines[number], *lines[number:]]
        moved = [
            [*dropped[:other], lines[number], *dropped[other:]] for other in range(head) if other != number
        ]
        for changed in (dropped, repeated, *moved):
            with pytest.raises(TallyError):
                verify(parse_tally_proof("\n".join(changed)), subject)


@given(st.text(max_size=80), st.sampled_from([*LINES[:9], NEIGHBOUR]))
def test_any_text_is_a_proof_in_its_one_spelling_or_refused(text: str, line: str) -> None:
    for source in (
        text,
        f"tallystick/tally-proof@v1\n{text}",
        TEXT.replace(line, text),
        ABSENT_TEXT.replace(line, text),
    ):
        with suppress(MalformedError):
            assert encode_tally_proof(parse_tally_proof(source)) == source


@given(st.data())
def test_bytes_changed_anywhere_raise_our_errors_only(data: st.DataObject) -> None:
    source = bytearray(data.draw(st.sampled_from([TEXT, ABSENT_TEXT])).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        source[data.draw(st.integers(0, len(source) - 1))] = data.draw(st.integers(0, 255))
    with suppress(TallyError):
        records = verify(parse_tally_proof(bytes(source)))
        assert records.entries == PRESENT.entries
