import json
from base64 import b64decode, b64encode
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.errors import MalformedError, VerificationError
from protocol.keys import Ed25519PrivateKey
from protocol.tlog.note import (
    MAX_NOTE_BYTES,
    MAX_SIGNATURES,
    NoteKey,
    NoteSignature,
    SignatureType,
    encode_note,
    encode_vkey,
    parse_note,
    parse_vkey,
    sign_note,
    verify_note_signature,
)

TLOG = json.loads((Path(__file__).parents[2] / "vectors" / "tlog" / "tlog-vectors.json").read_bytes())
KEY = Ed25519PrivateKey(bytes(range(32)))
TEXT = "One line.\n\nAnother one.\n"
NOTE = encode_note(TEXT, [sign_note(TEXT, name="ledger.example.org", key=KEY)])
LINE = NOTE.removeprefix(TEXT + "\n")


def test_signed_notes_of_others_verify() -> None:
    cases = TLOG["signed_notes_valid"]
    for case in cases:
        key, note = parse_vkey(case["vkey"]), parse_note(case["note"])
        verify_note_signature(note.text, note.signatures[0], key)
        assert encode_vkey(key) == case["vkey"]
        assert encode_note(note.text, note.signatures) == case["note"]
        assert parse_note(case["note"].encode()) == note
        with pytest.raises(VerificationError) as caught:
            verify_note_signature(note.text + "more\n", note.signatures[0], key)
        assert caught.value.code is Code.LOG_SIGNATURE_INVALID
    assert len(cases) == 3


def test_invalid_vkeys_of_others_are_refused() -> None:
    cases = TLOG["vkeys_invalid"]
    for case in cases:
        with pytest.raises(MalformedError) as caught:
            parse_vkey(case["vkey"])
        assert caught.value.code is Code.KEY_INVALID, case["why"]
    assert len(cases) == 2


def test_text_may_hold_blank_lines() -> None:
    note = parse_note(NOTE)
    assert note.text == TEXT
    assert parse_note("\n\n" + LINE).text == "\n"
    assert parse_note("a\n\n\n" + LINE).text == "a\n\n"


@pytest.mark.parametrize(
    "note",
    [
        "",
        "text\n",
        "text\n\n",
        "text\n" + LINE,
        TEXT + "\n" + LINE[:-1],
        TEXT + "\n" + LINE + "\n",
        TEXT + "\n" + LINE + " \n",
        TEXT + "\n" + LINE.replace("—", "-"),
        TEXT + "\n" + LINE.replace("— ", "—"),
        TEXT + "\n" + LINE.replace("— ", "—  "),
        TEXT + "\n" + LINE.replace("ledger", "led+ger"),
        TEXT + "\n" + LINE.replace("ledger", "led\u2003ger"),
        TEXT + "\n" + LINE.replace("\n", " \n"),
        TEXT + "\n" + LINE.replace("\n", "=\n"),
        TEXT + "\n" + LINE.replace("\n", "\r\n"),
        TEXT.replace("line", "li\tne") + "\n" + LINE,
        TEXT.replace("line", "li\x00ne") + "\n" + LINE,
        TEXT.replace("line", "li\x1fne") + "\n" + LINE,
        TEXT + "\n— name\n",
        TEXT + "\n— name \n",
        TEXT + "\n— name " + b64encode(bytes(4)).decode() + "\n",
        TEXT + "\n— name " + b64encode(bytes(8)).decode().rstrip("=") + "\n",
        TEXT + "\n— name " + b64encode(b"\xff" * 9).decode().replace("/", "_") + "\n",
    ],
)
def test_note_in_another_form_is_refused(note: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_note(note)
    assert caught.value.code is Code.LOG_NOTE_MALFORMED


@pytest.mark.parametrize("source", [b"\xff" + NOTE.encode(), "\ud800" + NOTE, "\ufeff" + NOTE])
def test_note_that_is_not_clean_utf8_is_refused(source: str | bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_note(source)
    assert caught.value.code is Code.TEXT_INVALID


def test_signature_with_unused_base64_bits_set_is_refused() -> None:
    line = f"— name {b64encode(bytes(68)).decode()}"
    assert parse_note(f"text\n\n{line}\n").signatures[0].signature == bytes(64)
    assert line.endswith("A=")
    with pytest.raises(MalformedError) as caught:
        parse_note(f"text\n\n{line[:-2]}B=\n")
    assert caught.value.code is Code.LOG_NOTE_MALFORMED


def test_note_at_its_limits_is_read_and_beyond_them_refused() -> None:
    big = NoteSignature("witness.example.org", bytes(4), bytes(2428))
    assert len(parse_note(encode_note(TEXT, [big] * MAX_SIGNATURES)).signatures) == MAX_SIGNATURES
    with pytest.raises(MalformedError) as caught:
        parse_note(encode_note(TEXT, [NoteSignature("w", bytes(4), bytes(1))] * (MAX_SIGNATURES + 1)))
    assert caught.value.code is Code.SIZE_EXCEEDED
    filler = "x" * (MAX_NOTE_BYTES - len(NOTE.encode()))
    parse_note(filler + NOTE)
    with pytest.raises(MalformedError) as caught:
        parse_note("x" + filler + NOTE)
    assert caught.value.code is Code.SIZE_EXCEEDED


def test_signature_of_another_name_type_or_key_is_refused() -> None:
    [signature] = parse_note(NOTE).signatures
    public = KEY.public_key
    verify_note_signature(TEXT, signature, NoteKey("ledger.example.org", SignatureType.ED25519, public))
    other = Ed25519PrivateKey(bytes(32)).public_key
    cosignature = NoteKey("ledger.example.org", SignatureType.ED25519_COSIGNATURE, public)
    relabelled = NoteSignature(signature.key_name, cosignature.key_id, signature.signature)
    for line, key in [
        (signature, NoteKey("other.example.org", SignatureType.ED25519, public)),
        (signature, NoteKey("ledger.example.org", SignatureType.ED25519, other)),
        (relabelled, cosignature),
    ]:
        with pytest.raises(VerificationError) as caught:
            verify_note_signature(TEXT, line, key)
        assert caught.value.code is Code.LOG_SIGNATURE_INVALID


def test_signature_with_any_bit_flipped_is_refused() -> None:
    [signature] = parse_note(NOTE).signatures
    key = NoteKey("ledger.example.org", SignatureType.ED25519, KEY.public_key)
    for bit in range(512):
        raw = (int.from_bytes(signature.signature) ^ (1 << bit)).to_bytes(64)
        with pytest.raises(VerificationError) as caught:
            verify_note_signature(TEXT, NoteSignature(key.name, key.key_id, raw), key)
        assert caught.value.code is Code.LOG_SIGNATURE_INVALID


VKEY = encode_vkey(NoteKey("ledger.example.org", SignatureType.ED25519, KEY.public_key))
NAME, KEY_ID, DATA = VKEY.split("+", 2)


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        f"{NAME}+{KEY_ID}",
        f"{NAME}+{KEY_ID.upper()}+{DATA}",
        f"{NAME}+{KEY_ID[1:]}+{DATA}",
        f"{NAME}+00000000+{DATA}",
        f"other+{KEY_ID}+{DATA}",
        f"+{KEY_ID}+{DATA}",
        f"a b+{KEY_ID}+{DATA}",
        f"{NAME}+{KEY_ID}+",
        f"{NAME}+{KEY_ID}+{DATA}=",
        f"{NAME}+{KEY_ID}+{b64encode(b64decode(DATA)[:-1]).decode()}",
        f"{NAME}+{KEY_ID}+{b64encode(bytes([6]) + b64decode(DATA)[1:]).decode()}",
    ],
)
def test_vkey_in_another_form_is_refused(vkey: str) -> None:
    assert encode_vkey(parse_vkey(VKEY)) == VKEY
    with pytest.raises(MalformedError) as caught:
        parse_vkey(vkey)
    assert caught.value.code is Code.KEY_INVALID


def test_vkey_whose_base64_holds_a_plus_is_read() -> None:
    keys = (Ed25519PrivateKey(bytes([number] * 32)).public_key for number in range(256))
    vkeys = [encode_vkey(NoteKey("n", SignatureType.ED25519_COSIGNATURE, key)) for key in keys]
    with_plus = [vkey for vkey in vkeys if vkey.count("+") > 2]
    assert with_plus
    assert [encode_vkey(parse_vkey(vkey)) for vkey in with_plus] == with_plus


@given(st.text(max_size=80))
def test_any_text_is_a_note_or_refused(text: str) -> None:
    for source in (text, f"{text}\n\n{LINE}", f"text\n\n— {text}\n"):
        with suppress(MalformedError):
            note = parse_note(source)
            assert encode_note(note.text, note.signatures) == source
