import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from protocol.codes import Code
from protocol.encoding.base64 import decode_base64
from protocol.encoding.time import parse_utc
from protocol.errors import VerificationError
from protocol.tlog.cosignature import verify_cosignature
from protocol.tlog.note import parse_note
from protocol.tlog.policy import parse_log_policy, verify_checkpoint

PUBLISHED = json.loads(
    (Path(__file__).parents[2] / "vectors" / "tlog" / "published-checkpoint.json").read_bytes()
)
NOTE = PUBLISHED["note"]
KEYS = "".join(f"{line}\n" for line in PUBLISHED["policy"])
WITNESSES = ("little-garden", "smartit", "remora", "stagemole")
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


def test_published_checkpoint_satisfies_a_policy_of_its_witnesses() -> None:
    policy = parse_log_policy(f"{KEYS}group g all {' '.join(WITNESSES)}\nquorum g\n")
    checkpoint = verify_checkpoint(NOTE, policy=policy, now=NOW)
    assert checkpoint.tree_size == PUBLISHED["tree_size"]
    assert checkpoint.root_hash == decode_base64(PUBLISHED["root_hash_base64"])
    assert checkpoint.time == parse_utc(PUBLISHED["time"])


def test_published_checkpoint_does_not_satisfy_a_policy_with_somebody_else() -> None:
    without_stagemole = NOTE[: NOTE.rindex("—")]
    policy = parse_log_policy(f"{KEYS}group g all {' '.join(WITNESSES)}\nquorum g\n")
    with pytest.raises(VerificationError) as caught:
        verify_checkpoint(without_stagemole, policy=policy, now=NOW)
    assert caught.value.code is Code.LOG_QUORUM_MISSING


@pytest.mark.parametrize("name", WITNESSES)
def test_each_cosignature_is_over_the_published_text_only(name: str) -> None:
    policy = parse_log_policy(f"{KEYS}quorum {name}\n")
    [witness] = [witness for witness in policy.witnesses if witness.name == name]
    note = parse_note(NOTE)
    [signature] = [line for line in note.signatures if line.key_name == witness.key.name]
    assert verify_cosignature(note.text, signature, witness.key) == parse_utc(PUBLISHED["time"])
    with pytest.raises(VerificationError) as caught:
        verify_cosignature(note.text.replace("1432088532", "1432088533"), signature, witness.key)
    assert caught.value.code is Code.LOG_SIGNATURE_INVALID
