import hashlib
import hmac
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mnemonic import Mnemonic

from protocol.codes import Code
from protocol.errors import MalformedError
from wallet.recovery_phrase import (
    derive_ed25519_key,
    derive_export_key,
    derive_p256_key,
    derive_recovery_key,
    derive_seed,
    encode_recovery_phrase,
    first_key_index,
    holder_key_path,
    parse_recovery_phrase,
)

SHELF = Path(__file__).parents[1] / "vectors" / "recovery-phrase"
BIP39: list[dict[str, str]] = json.loads((SHELF / "bip39_24_words.json").read_text())
SLIP10: list[dict[str, Any]] = json.loads((SHELF / "slip-0010_hardened.json").read_text())
WORDS = BIP39[4]["words"]


def test_the_shelf_is_complete() -> None:
    assert (len(BIP39), len(SLIP10)) == (8, 17)


@pytest.mark.parametrize("case", BIP39, ids=lambda case: case["entropy"][:8])
def test_words_are_those_of_bip_39(case: dict[str, str]) -> None:
    entropy = bytes.fromhex(case["entropy"])
    assert encode_recovery_phrase(entropy) == case["words"]
    assert parse_recovery_phrase(case["words"]) == entropy
    assert Mnemonic.to_seed(case["words"], "TREZOR").hex() == case["seed_with_TREZOR"]
    assert derive_seed(entropy) == hashlib.pbkdf2_hmac("sha512", case["words"].encode(), b"mnemonic", 2048)


@pytest.mark.parametrize("case", SLIP10, ids=lambda case: f"{case['curve']}-{case['hardened_path']}")
def test_keys_are_those_of_slip_0010(case: dict[str, Any]) -> None:
    seed, path = bytes.fromhex(case["seed"]), case["hardened_path"]
    if case["curve"] == "ed25519":
        ed25519 = derive_ed25519_key(seed, path)
        assert (ed25519.seed.hex(), ed25519.public_key.raw.hex()) == (case["private"], case["public"])
    else:
        p256 = derive_p256_key(seed, path)
        assert (p256.scalar.hex(), p256.public_key.compressed.hex()) == (case["private"], case["public"])


def test_a_p256_candidate_beyond_the_order_is_skipped_as_slip_0010_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seed, digest = bytes(64), hmac.digest
    chain_code = digest(b"Nist256p1 seed", seed, "sha512")[32:]
    number = (9901 + (1 << 31)).to_bytes(4)
    expected = digest(chain_code, b"\x01" + b"c" * 32 + number, "sha512")

    def unlucky_once(key: bytes, data: bytes, name: str) -> bytes:
        return b"\xff" * 32 + b"c" * 32 if data[0] == 0 and data[-4:] == number else digest(key, data, name)

    monkeypatch.setattr(hmac, "digest", unlucky_once)
    parent = int.from_bytes(derive_p256_key(seed, ()).scalar)
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    assert (
        int.from_bytes(derive_p256_key(seed, (9901,)).scalar)
        == (int.from_bytes(expected[:32]) + parent) % order
    )


@given(st.binary(min_size=32, max_size=32))
def test_any_entropy_comes_back_from_its_words(entropy: bytes) -> None:
    assert parse_recovery_phrase(encode_recovery_phrase(entropy)) == entropy


@pytest.mark.parametrize(
    "text",
    [
        WORDS.upper(),
        WORDS.title(),
        f"  {WORDS}\n",
        WORDS.replace(" ", "\n"),
        WORDS.replace(" ", "\t  "),
        "".join(chr(ord(letter) + 0xFEE0) if letter.isalpha() else " " for letter in WORDS),
    ],
    ids=["upper", "title", "surrounded", "lines", "tabs", "full-width"],
)
def test_words_are_read_however_they_are_typed(text: str) -> None:
    assert encode_recovery_phrase(parse_recovery_phrase(text)) == WORDS


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        pytest.param("", "0 words", id="none"),
        pytest.param(WORDS.rsplit(" ", 1)[0], "23 words", id="one too few"),
        pytest.param(f"{WORDS} zoo", "25 words", id="one too many"),
        pytest.param("abandon " * 11 + "about", "12 words", id="a phrase of 12 words"),
        pytest.param(WORDS.replace("dutch", "duch"), "word 4 ", id="a typing error"),
        pytest.param(WORDS.replace("hamster", "häuschen"), "word 1 ", id="another language"),
        pytest.param(WORDS.replace("length", "zoo"), "this order", id="wrong checksum"),
        pytest.param(" ".join(sorted(WORDS.split())), "this order", id="another order"),
    ],
)
def test_what_is_no_recovery_phrase_is_refused_with_the_place_but_not_the_word(
    text: str, detail: str
) -> None:
    with pytest.raises(MalformedError) as refusal:
        parse_recovery_phrase(text)
    assert refusal.value.code is Code.RECOVERY_PHRASE_INVALID
    assert detail in refusal.value.detail
    assert set(refusal.value.detail.split()) & set(WORDS.split()) <= {"word"}


@pytest.mark.parametrize("size", [0, 16, 31, 33, 64])
def test_entropy_of_another_length_is_a_mistake_of_the_caller(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        encode_recovery_phrase(bytes(size))


@pytest.mark.parametrize("index", [-1, 1 << 31])
def test_an_index_that_cannot_be_hardened_is_a_mistake_of_the_caller(index: int) -> None:
    with pytest.raises(ValueError, match="31 bits"):
        derive_ed25519_key(bytes(64), holder_key_path(index))


def test_the_keys_of_one_phrase_all_differ() -> None:
    seed = derive_seed(bytes(32))
    holder_keys = [derive_ed25519_key(seed, holder_key_path(index)).seed for index in range(100)]
    p256_keys = [derive_p256_key(seed, holder_key_path(index)).scalar for index in range(10)]
    others = (derive_recovery_key(seed).raw, derive_export_key(seed).seed)
    assert len({*holder_keys, *p256_keys, *others}) == 112


def test_the_documented_paths_are_used() -> None:
    seed = derive_seed(bytes(32))
    assert holder_key_path(7) == (9901, 0, 7)
    assert derive_recovery_key(seed).raw == derive_ed25519_key(seed, (9901, 1)).seed
    assert derive_export_key(seed) == derive_ed25519_key(seed, (9901, 2))


def test_a_wallet_restored_later_counts_on_from_where_no_earlier_one_had_come() -> None:
    made = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
    assert first_key_index(datetime(2026, 1, 1, tzinfo=UTC)) == 0
    assert first_key_index(datetime(2020, 1, 1, tzinfo=UTC)) == 0
    assert first_key_index(made + timedelta(days=1)) - first_key_index(made) == 24 * 60 * 64
    assert first_key_index(made + timedelta(days=365 * 60)) < 1 << 31


def test_the_examples_of_the_page_are_right() -> None:
    page = (Path(__file__).parents[2] / "docs" / "formats" / "holder-keys.md").read_text()
    rows = re.findall(r"\| m / 9901' / 0' / (\d)' \| (Ed25519|P-256) \| `(\w+)` \|", page)
    seed = derive_seed(bytes(32))
    assert len(rows) == 3
    for index, curve, public in rows:
        path = holder_key_path(int(index))
        if curve == "Ed25519":
            assert derive_ed25519_key(seed, path).public_key.raw.hex() == public
        else:
            assert derive_p256_key(seed, path).public_key.compressed.hex() == public
    assert f"| m / 9901' / 2' | Ed25519 | `{derive_export_key(seed).public_key.raw.hex()}` |" in page
