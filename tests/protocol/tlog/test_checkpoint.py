import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.errors import MalformedError
from protocol.tlog.checkpoint import Checkpoint, encode_checkpoint, parse_checkpoint
from protocol.tlog.lines import MAX_DECIMAL
from protocol.tlog.merkle import EMPTY_ROOT
from protocol.tlog.note import parse_note

VECTORS = Path(__file__).parents[2] / "vectors"
TLOG = json.loads((VECTORS / "tlog" / "tlog-vectors.json").read_bytes())
GENERATED = json.loads((VECTORS / "generated-ed25519" / "tlog.json").read_bytes())

HASH = "kTlgHMHKirKnoMLBNMBIRfKxulSag9bIRc/NpDnMWF0="
TEXT = f"ledger.example.com/dids\n7\n{HASH}\n"


def test_checkpoints_of_others_are_read_or_refused_as_they_say() -> None:
    cases = TLOG["checkpoint_text_cases"]
    for text in cases["invalid"]:
        with pytest.raises(MalformedError) as caught:
            parse_checkpoint(text)
        assert caught.value.code is Code.LOG_NOTE_MALFORMED
    # Their valid one has a hash of six bytes, which the specification we follow does not allow.
    [valid] = cases["valid"]
    with pytest.raises(MalformedError, match="32 bytes"):
        parse_checkpoint(valid)
    assert parse_checkpoint(valid.replace("YmFuYW5hcw==", HASH)).tree_size == 123
    assert len(cases["invalid"]) == 7


def test_checkpoint_of_the_specification_is_read() -> None:
    text = parse_note(TLOG["cosignature_example"]["checkpoint_note"]).text
    checkpoint = parse_checkpoint(text)
    assert (checkpoint.origin, checkpoint.tree_size) == ("example.com/behind-the-sofa", 20852163)
    assert encode_checkpoint(checkpoint) == text


@pytest.mark.parametrize("size", [5, 7])
def test_generated_checkpoints_agree(size: int) -> None:
    checkpoint = parse_checkpoint(parse_note(GENERATED[f"checkpoint_{size}"]).text)
    root_hash = bytes.fromhex(GENERATED["roots_hex"][size])
    assert checkpoint == Checkpoint("ledger.example.com/dids", size, root_hash)


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace("\n7\n", f"\n{size}\n")
        for size in ["01", "+1", " 1", "1 ", "1_0", "-0", "-1", "", "²", "١٢", "0x1", "1e3", "1.0", "9" * 30]
    ]
    + [TEXT.replace("\n7\n", f"\n{2**63}\n"), TEXT.replace("\n7\n", f"\n{2**64}\n")]
    + [
        TEXT[:-1],
        TEXT + "\n",
        TEXT + "extension",
        TEXT + "\nextension\n",
        "\n".join(TEXT.split("\n")[1:]),
        "\n" + TEXT,
        TEXT.replace("ledger.example.com/dids", ""),
        TEXT.replace("/", "_"),
        TEXT.replace(HASH, HASH[:-1]),
        TEXT.replace("F0=", "F1="),
        TEXT.replace(HASH, HASH[4:]),
        TEXT.replace(HASH, "AAAA" + HASH),
        TEXT.replace("\n7\n", "\n0\n"),
    ],
)
def test_checkpoint_in_another_form_is_refused(text: str) -> None:
    parse_checkpoint(TEXT)
    with pytest.raises(MalformedError) as caught:
        parse_checkpoint(text)
    assert caught.value.code is Code.LOG_NOTE_MALFORMED


@given(st.integers(0, MAX_DECIMAL), st.lists(st.sampled_from(["extension", "8", "—"]), max_size=3))
def test_checkpoint_with_extension_lines_is_read_back(size: int, extensions: list[str]) -> None:
    root_hash = bytes(32) if size else EMPTY_ROOT
    checkpoint = Checkpoint("ledger.example.org", size, root_hash, tuple(extensions))
    assert parse_checkpoint(encode_checkpoint(checkpoint)) == checkpoint


@given(st.text(max_size=60))
def test_any_text_is_a_checkpoint_or_refused(text: str) -> None:
    for source in (text, f"{text}\n{TEXT}", f"{TEXT}{text}\n"):
        with suppress(MalformedError):
            assert encode_checkpoint(parse_checkpoint(source)) == source
