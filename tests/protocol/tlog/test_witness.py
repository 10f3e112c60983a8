"""The messages of tlog-witness, and the recorded conversation with a real witness as far as it can be decided
without keeping any state but the last checkpoint."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.errors import MalformedError, TallyError, VerificationError
from protocol.tlog.checkpoint import Checkpoint, parse_checkpoint
from protocol.tlog.cosignature import verify_cosignature
from protocol.tlog.merkle import EMPTY_ROOT, verify_consistency
from protocol.tlog.note import NoteKey, encode_signature_line, parse_note, parse_vkey, verify_note_signature
from protocol.tlog.witness import (
    MAX_REQUEST_BYTES,
    AddCheckpointRequest,
    encode_add_checkpoint,
    hash_origin,
    parse_add_checkpoint,
    parse_cosignature_lines,
)

VECTORS = Path(__file__).parents[2] / "vectors"
TRANSCRIPT = json.loads((VECTORS / "tlog" / "tlog-vectors.json").read_bytes())["add_checkpoint_transcript"]
GENERATED = json.loads((VECTORS / "generated-ed25519" / "tlog.json").read_bytes())
BODY = GENERATED["add_checkpoint_body_5_to_7"].encode()
STATUS_OF_CODE = {
    Code.LOG_NOTE_MALFORMED: 400,
    Code.LOG_SIGNATURE_INVALID: 403,
    Code.LOG_ORIGIN_MISMATCH: 404,
    Code.LOG_CONSISTENCY_INVALID: 422,
    Code.LOG_FORK: 422,
}


def answer(body: bytes, key: NoteKey, recorded: Checkpoint) -> tuple[int, Checkpoint]:
    """Status and new state of a witness that last cosigned `recorded`."""
    try:
        request = parse_add_checkpoint(body)
        note = parse_note(request.checkpoint)
        checkpoint = parse_checkpoint(note.text)
        if checkpoint.origin != key.name:
            raise VerificationError(Code.LOG_ORIGIN_MISMATCH)
        verify_note_signature(note.text, note.signatures[0], key)
        if request.old_size != recorded.tree_size:
            return 409, recorded
        if recorded.tree_size > 0:
            verify_consistency(
                request.consistency_proof,
                old_size=request.old_size,
                old_root=recorded.root_hash,
                new_size=checkpoint.tree_size,
                new_root=checkpoint.root_hash,
            )
    except TallyError as error:
        return STATUS_OF_CODE[error.code], recorded
    return 200, checkpoint


def test_recorded_conversation_with_a_witness_agrees() -> None:
    key = parse_vkey(TRANSCRIPT["log_vkey"])
    assert key.public_key.raw.hex() == TRANSCRIPT["log_pubkey_hex"]
    recorded = Checkpoint(key.name, 0, EMPTY_ROOT)
    statuses = []
    for step in TRANSCRIPT["steps"]:
        assert (step["method"], step["path"]) == ("POST", "/add-checkpoint")
        status, recorded = answer(step["body"].encode(), key, recorded)
        statuses.append(status)
    expected = [step["status"] for step in TRANSCRIPT["steps"]]
    assert len(expected) == 9
    # The bad signature ends in base64 with unused bits set, which we do not read at all.
    expected[1] = 400
    # The recorded witness is older than the specification's word that an unknown origin is a 404.
    expected[2] = 404
    assert statuses == expected
    bad_signature = TRANSCRIPT["steps"][1]["body"].replace("x6gx=", "x6gw=").encode()
    assert answer(bad_signature, key, Checkpoint(key.name, 1, bytes(32)))[0] == 403


def test_generated_request_agrees() -> None:
    request = parse_add_checkpoint(BODY)
    assert request.old_size == 5
    assert [hash_.hex() for hash_ in request.consistency_proof] == GENERATED["consistency_5_to_7_hex"]
    assert encode_add_checkpoint(request) == BODY
    key = parse_vkey(GENERATED["log_vkey"])
    recorded = Checkpoint(key.name, 5, bytes.fromhex(GENERATED["roots_hex"][5]))
    assert answer(BODY, key, recorded)[0] == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 5\n",
        BODY.replace(b"old 5\n", b""),
        BODY.replace(b"old 5\n", b"old 05\n"),
        BODY.replace(b"old 5\n", b"old -5\n"),
        BODY.replace(b"old 5\n", b"old 5 \n"),
        BODY.replace(b"old 5\n", b"old  5\n"),
        BODY.replace(b"old 5\n", b"old\n"),
        BODY.replace(b"old 5\n", b"new 5\n"),
        BODY.replace(b"old 5\n", b"old 5\nAAAA\n"),
        BODY.replace(b"old 5\n", b"old 5\n \n"),
        BODY.replace(b"old 5\n", b"old 5\n" + b"A" * 43 + b"=\n" * 1 + (b"A" * 43 + b"=\n") * 59),
        BODY.replace(b"\n\n", b"\n"),
    ],
)
def test_request_in_another_form_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_add_checkpoint(body)
    assert caught.value.code is Code.LOG_NOTE_MALFORMED


def test_request_with_63_hashes_is_read() -> None:
    request = AddCheckpointRequest(1, (bytes(32),) * 63, "checkpoint")
    assert parse_add_checkpoint(encode_add_checkpoint(request)) == request


def test_request_that_is_not_text_or_too_large_is_refused() -> None:
    with pytest.raises(MalformedError) as caught:
        parse_add_checkpoint(b"\xff" + BODY)
    assert caught.value.code is Code.TEXT_INVALID
    with pytest.raises(MalformedError) as caught:
        parse_add_checkpoint(BODY + bytes(MAX_REQUEST_BYTES))
    assert caught.value.code is Code.SIZE_EXCEEDED


@given(st.binary(max_size=80))
def test_any_bytes_are_a_request_or_refused(data: bytes) -> None:
    for body in (data, b"old 1\n" + data, BODY.replace(b"old 5", data)):
        with suppress(MalformedError):
            assert encode_add_checkpoint(parse_add_checkpoint(body)) == body


def test_answer_of_a_witness_is_read_as_signature_lines_that_verify() -> None:
    [signature] = parse_cosignature_lines(GENERATED["add_checkpoint_response"].encode())
    text = parse_note(GENERATED["checkpoint_7"]).text
    verify_cosignature(text, signature, parse_vkey(GENERATED["witness_vkey"]))
    assert encode_signature_line(signature) == GENERATED["add_checkpoint_response"]


@pytest.mark.parametrize(
    "body", [b"", b"\n", b"yes\n", b"text\n\nyes\n", b"\xe2\x80\x94 name\n", b"\x00", b"\xff"]
)
def test_answer_that_is_no_signature_lines_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_cosignature_lines(body)


def test_log_is_called_in_addresses_by_the_hash_of_its_origin() -> None:
    origin = parse_checkpoint(parse_note(GENERATED["checkpoint_7"]).text).origin
    assert hash_origin(origin) in GENERATED["monitor_path"]
