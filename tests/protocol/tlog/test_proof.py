import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.errors import MalformedError, VerificationError
from protocol.tlog.merkle import hash_leaf
from protocol.tlog.policy import parse_log_policy
from protocol.tlog.proof import (
    LogProof,
    create_log_proof,
    encode_log_proof,
    parse_log_proof,
    verify_log_proof,
)
from protocol.tlog.tiles import HashTile, extend_tiles, read_hashes_from_tiles

GENERATED = json.loads(
    (Path(__file__).parents[2] / "vectors" / "generated-ed25519" / "tlog.json").read_bytes()
)
ENTRIES = [entry.encode() for entry in GENERATED["entries"]]
PROOF = GENERATED["tlog_proof_index2"]
POLICY = parse_log_policy(f"log {GENERATED['log_vkey']}\nwitness w1 {GENERATED['witness_vkey']}\nquorum w1\n")
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
TILES = extend_tiles(0, [hash_leaf(entry) for entry in ENTRIES], lambda _tiles: [])
READ_HASHES = read_hashes_from_tiles(7, lambda tiles: [TILES[tile] for tile in tiles])


def test_generated_proof_agrees() -> None:
    proof = parse_log_proof(PROOF)
    assert [hash_.hex() for hash_ in proof.inclusion_proof] == GENERATED["inclusion_proof_index2_size7_hex"]
    assert create_log_proof(2, checkpoint=GENERATED["checkpoint_7"], read_hashes=READ_HASHES) == proof
    assert encode_log_proof(proof) == PROOF
    checkpoint = verify_log_proof(proof, entry=ENTRIES[2], policy=POLICY, now=NOW)
    assert (checkpoint.tree_size, checkpoint.root_hash.hex()) == (7, GENERATED["roots_hex"][7])


def test_proof_of_every_entry_verifies_for_this_entry_only() -> None:
    assert TILES.keys() == {HashTile(0, 0, 7)}
    for index, entry in enumerate(ENTRIES):
        proof = create_log_proof(index, checkpoint=GENERATED["checkpoint_7"], read_hashes=READ_HASHES)
        verify_log_proof(parse_log_proof(encode_log_proof(proof)), entry=entry, policy=POLICY, now=NOW)
        for other in ENTRIES:
            if other != entry:
                with pytest.raises(VerificationError) as caught:
                    verify_log_proof(proof, entry=other, policy=POLICY, now=NOW)
                assert caught.value.code is Code.LOG_PROOF_INVALID


def test_proof_for_an_entry_the_checkpoint_does_not_hold_cannot_be_created() -> None:
    with pytest.raises(ValueError, match="no such leaf"):
        create_log_proof(7, checkpoint=GENERATED["checkpoint_7"], read_hashes=READ_HASHES)


@pytest.mark.parametrize("index", [0, 1, 3, 6, 7, 2**63 - 1])
def test_proof_moved_to_another_index_is_refused(index: int) -> None:
    proof = parse_log_proof(PROOF.replace("index 2\n", f"index {index}\n"))
    with pytest.raises(VerificationError) as caught:
        verify_log_proof(proof, entry=ENTRIES[2], policy=POLICY, now=NOW)
    assert caught.value.code is Code.LOG_PROOF_INVALID


def test_proof_whose_checkpoint_lacks_the_quorum_is_refused() -> None:
    log_only = PROOF[: PROOF.index("— witness")]
    with pytest.raises(VerificationError) as caught:
        verify_log_proof(parse_log_proof(log_only), entry=ENTRIES[2], policy=POLICY, now=NOW)
    assert caught.value.code is Code.LOG_QUORUM_MISSING


def test_extra_data_is_read_and_changes_nothing() -> None:
    for extra in (b"", b"anything at all"):
        proof = parse_log_proof(PROOF)
        with_extra = LogProof(proof.leaf_index, proof.inclusion_proof, proof.checkpoint, extra)
        text = encode_log_proof(with_extra)
        assert text.split("\n")[1].startswith("extra ")
        assert parse_log_proof(text) == with_extra
        verify_log_proof(with_extra, entry=ENTRIES[2], policy=POLICY, now=NOW)


def test_proof_without_hashes_is_read() -> None:
    text = f"c2sp.org/tlog-proof@v1\nindex 0\n\n{GENERATED['checkpoint_7']}"
    assert parse_log_proof(text).inclusion_proof == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        PROOF.replace("@v1", "@v2"),
        PROOF.replace("c2sp.org/tlog-proof@v1\n", ""),
        " " + PROOF,
        PROOF.replace("index 2\n", ""),
        PROOF.replace("index 2\n", "index 02\n"),
        PROOF.replace("index 2\n", "index -2\n"),
        PROOF.replace("index 2\n", "index  2\n"),
        PROOF.replace("index 2\n", "index 2 \n"),
        PROOF.replace("index 2\n", "index\n"),
        PROOF.replace("index 2\n", "index 9223372036854775808\n"),
        PROOF.replace("index 2\n", "index 2\nextra YQ==\n"),
        PROOF.replace("index 2\n", "extra YQ\nindex 2\n"),
        PROOF.replace("index 2\n", "extra YQ==\nextra YQ==\nindex 2\n"),
        PROOF.replace("index 2\n", "extra\nindex 2\n"),
        PROOF.replace("index 2\n", "index 2\nAAAA\n"),
        PROOF.replace("index 2\n", "index 2\nJ0ebarMh0u5HdFL2i6UndI6GPK_o-9HfK_idFXDRtpc=\n"),
        PROOF.replace("index 2\n", "index 2\n" + "J0ebarMh0u5HdFL2i6UndI6GPK/o+9HfK/idFXDRtpc=\n" * 61),
        PROOF.replace("\n\n", "\n"),
        PROOF.replace("\n", "\r\n"),
        "c2sp.org/tlog-proof@v1\n\n" + GENERATED["checkpoint_7"],
    ],
)
def test_proof_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_log_proof(text)
    assert caught.value.code is Code.LOG_PROOF_INVALID


def test_oversized_proof_is_refused() -> None:
    with pytest.raises(MalformedError) as caught:
        parse_log_proof(PROOF + "x" * 400_000)
    assert caught.value.code is Code.SIZE_EXCEEDED


@pytest.mark.parametrize("position", range(0, len(PROOF), 7))
def test_proof_with_any_character_changed_is_refused(position: int) -> None:
    changed = PROOF[:position] + chr(ord(PROOF[position]) ^ 1) + PROOF[position + 1 :]
    with pytest.raises((MalformedError, VerificationError)):
        verify_log_proof(parse_log_proof(changed), entry=ENTRIES[2], policy=POLICY, now=NOW)


@given(st.text(max_size=80))
def test_any_text_is_a_proof_or_refused(text: str) -> None:
    for source in (text, f"c2sp.org/tlog-proof@v1\n{text}", PROOF.replace("index 2", text)):
        with suppress(MalformedError):
            assert encode_log_proof(parse_log_proof(source)) == source
