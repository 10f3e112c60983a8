import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from protocol.codes import Code
from protocol.errors import VerificationError
from protocol.keys import Ed25519PrivateKey
from protocol.tlog.cosignature import sign_cosignature, verify_cosignature
from protocol.tlog.note import (
    NoteKey,
    NoteSignature,
    SignatureType,
    encode_signature_line,
    parse_note,
    parse_signature_line,
    parse_vkey,
    sign_note,
    verify_note_signature,
)

VECTORS = Path(__file__).parents[2] / "vectors"
TLOG = json.loads((VECTORS / "tlog" / "tlog-vectors.json").read_bytes())
GENERATED = json.loads((VECTORS / "generated-ed25519" / "tlog.json").read_bytes())

NAME = "witness.example.org/w1"
PRIVATE = Ed25519PrivateKey(bytes(range(32)))
KEY = NoteKey(NAME, SignatureType.ED25519_COSIGNATURE, PRIVATE.public_key)
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
TEXT = "ledger.example.org\n7\nkTlgHMHKirKnoMLBNMBIRfKxulSag9bIRc/NpDnMWF0=\n"


def signed_at(seconds: int, text: str = TEXT) -> NoteSignature:
    message = f"cosignature/v1\ntime {seconds}\n{text}".encode()
    return NoteSignature(NAME, KEY.key_id, seconds.to_bytes(8) + PRIVATE.sign(message))


def test_generated_cosignatures_agree() -> None:
    key = parse_vkey(GENERATED["witness_vkey"])
    log_key = parse_vkey(GENERATED["log_vkey"])
    for name, seconds in [("checkpoint_5", 1767225600), ("checkpoint_7", 1767225700)]:
        note = parse_note(GENERATED[name])
        verify_note_signature(note.text, note.signatures[0], log_key)
        time = verify_cosignature(note.text, note.signatures[1], key)
        assert time == datetime.fromtimestamp(seconds, UTC)
    note = parse_note(GENERATED["checkpoint_7"])
    answer = parse_signature_line(GENERATED["add_checkpoint_response"].removesuffix("\n"))
    assert answer == note.signatures[1]
    assert encode_signature_line(answer) == GENERATED["add_checkpoint_response"]


def test_cosignature_of_the_specification_states_its_time() -> None:
    # Its keys are not published, so only what is signed can be compared.
    example = TLOG["cosignature_example"]
    note = parse_note(example["checkpoint_note"])
    seconds = int.from_bytes(note.signatures[1].signature[:8])
    assert seconds == example["parsed_timestamp"]
    assert f"cosignature/v1\ntime {seconds}\n{note.text}" == example["signed_message"]


def test_cosignature_is_verified_with_its_time() -> None:
    signature = sign_cosignature(TEXT, name=NAME, key=PRIVATE, now=NOW + timedelta(milliseconds=999))
    assert verify_cosignature(TEXT, signature, KEY) == NOW
    assert signature == signed_at(int(NOW.timestamp()))


def test_cosignature_of_another_text_is_refused() -> None:
    signature = sign_cosignature(TEXT, name=NAME, key=PRIVATE, now=NOW)
    for text in (TEXT.replace("ledger", "other"), TEXT + "extension\n", TEXT.replace("\n7\n", "\n8\n")):
        with pytest.raises(VerificationError) as caught:
            verify_cosignature(text, signature, KEY)
        assert caught.value.code is Code.LOG_SIGNATURE_INVALID


def test_cosignature_with_any_bit_flipped_is_refused() -> None:
    signature = sign_cosignature(TEXT, name=NAME, key=PRIVATE, now=NOW)
    for bit in range(8 * 72):
        raw = (int.from_bytes(signature.signature) ^ (1 << bit)).to_bytes(72)
        with pytest.raises(VerificationError) as caught:
            verify_cosignature(TEXT, NoteSignature(NAME, KEY.key_id, raw), KEY)
        assert caught.value.code is Code.LOG_SIGNATURE_INVALID


def test_plain_signature_of_the_same_key_is_not_a_cosignature() -> None:
    plain = sign_note(TEXT, name=NAME, key=PRIVATE).signature
    seconds = int(NOW.timestamp()).to_bytes(8)
    plain_key = NoteKey(NAME, SignatureType.ED25519, PRIVATE.public_key)
    for signature, key in [
        (NoteSignature(NAME, KEY.key_id, plain), KEY),
        (NoteSignature(NAME, KEY.key_id, seconds + plain), KEY),
        (NoteSignature(NAME, plain_key.key_id, seconds + plain), KEY),
        (sign_note(TEXT, name=NAME, key=PRIVATE), plain_key),
    ]:
        with pytest.raises(VerificationError) as caught:
            verify_cosignature(TEXT, signature, key)
        assert caught.value.code is Code.LOG_SIGNATURE_INVALID


@pytest.mark.parametrize("length", [0, 7, 8, 71, 73])
def test_cosignature_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(VerificationError) as caught:
        verify_cosignature(TEXT, NoteSignature(NAME, KEY.key_id, bytes(length)), KEY)
    assert caught.value.code is Code.LOG_SIGNATURE_INVALID


@pytest.mark.parametrize("seconds", [0, 253_402_300_800, 2**63 - 1, 2**63, 2**64 - 1])
def test_cosignature_that_states_no_real_time_is_refused(seconds: int) -> None:
    assert verify_cosignature(TEXT, signed_at(1), KEY) == datetime.fromtimestamp(1, UTC)
    with pytest.raises(VerificationError) as caught:
        verify_cosignature(TEXT, signed_at(seconds), KEY)
    assert caught.value.code is Code.LOG_SIGNATURE_INVALID
