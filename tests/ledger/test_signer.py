from datetime import timedelta
from pathlib import Path

import pytest

from ledger.signer import (
    CheckpointSigner,
    create_memory,
    encode_ledger_keys,
    parse_ledger_keys,
)
from protocol.codes import Code
from protocol.errors import MalformedError, RefusedError, UnavailableError
from protocol.tlog.checkpoint import Checkpoint, encode_checkpoint, parse_checkpoint
from protocol.tlog.merkle import EMPTY_ROOT
from protocol.tlog.policy import encode_log_policy, parse_log_policy, verify_checkpoint
from tests.ledger.world import AUTHORITY, KEYS, NOW, POLICY

ROOT, OTHER_ROOT = bytes([1]) * 32, bytes([2]) * 32


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    create_memory(tmp_path / "last-signed", AUTHORITY)
    return tmp_path / "last-signed"


def test_signed_checkpoint_satisfies_the_policy_of_its_keys(memory: Path) -> None:
    note = CheckpointSigner(KEYS, memory).sign(7, ROOT, now=NOW)
    policy = parse_log_policy(encode_log_policy(POLICY))
    assert policy == POLICY
    checkpoint = verify_checkpoint(note, policy=policy, now=NOW)
    assert (checkpoint.origin, checkpoint.tree_size, checkpoint.root_hash) == (AUTHORITY, 7, ROOT)
    assert checkpoint.time == NOW


def test_same_tree_is_signed_again_with_a_new_time(memory: Path) -> None:
    signer = CheckpointSigner(KEYS, memory)
    first = signer.sign(0, EMPTY_ROOT, now=NOW)
    second = signer.sign(0, EMPTY_ROOT, now=NOW + timedelta(minutes=5))
    assert first != second
    checkpoint = verify_checkpoint(second, policy=POLICY, now=NOW)
    assert checkpoint.time == NOW + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("tree_size", "root_hash", "code"),
    [
        (6, ROOT, Code.LOG_ROLLBACK),
        (0, EMPTY_ROOT, Code.LOG_ROLLBACK),
        (7, OTHER_ROOT, Code.LOG_FORK),
    ],
)
def test_nothing_that_contradicts_the_last_signature_is_signed(
    memory: Path, tree_size: int, root_hash: bytes, code: Code
) -> None:
    CheckpointSigner(KEYS, memory).sign(7, ROOT, now=NOW)
    # Also after a restart, when only the memory knows.
    for signer in (CheckpointSigner(KEYS, memory), CheckpointSigner(KEYS, memory)):
        with pytest.raises(RefusedError) as caught:
            signer.sign(tree_size, root_hash, now=NOW)
        assert caught.value.code is code
        assert signer.last_signed == Checkpoint(AUTHORITY, 7, ROOT)


def test_state_is_remembered_before_it_is_signed(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    signer = CheckpointSigner(KEYS, memory)
    monkeypatch.setattr("ledger.signer.sign_note", die)
    with pytest.raises(KeyboardInterrupt):
        signer.sign(7, ROOT, now=NOW)
    assert parse_checkpoint(memory.read_text()) == Checkpoint(AUTHORITY, 7, ROOT)


def test_nothing_is_signed_that_cannot_be_remembered(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> None:
        raise UnavailableError(Code.DISK_FULL)

    signer = CheckpointSigner(KEYS, memory)
    monkeypatch.setattr("ledger.signer.replace_file", full)
    with pytest.raises(UnavailableError):
        signer.sign(7, ROOT, now=NOW)
    assert signer.last_signed.tree_size == 0


@pytest.mark.parametrize("content", [None, b"", b"\xff", b"ledger.localhost:8101\n7\n"])
def test_signer_without_its_memory_does_not_start(memory: Path, content: bytes | None) -> None:
    memory.unlink()
    if content is not None:
        memory.write_bytes(content)
    with pytest.raises(RefusedError) as caught:
        CheckpointSigner(KEYS, memory)
    assert caught.value.code is Code.LOG_SELF_CHECK_FAILED


def test_memory_of_another_log_is_refused(memory: Path) -> None:
    memory.write_text(encode_checkpoint(Checkpoint("other.example.org", 7, ROOT)))
    with pytest.raises(RefusedError) as caught:
        CheckpointSigner(KEYS, memory)
    assert caught.value.code is Code.LOG_SELF_CHECK_FAILED


def test_keys_are_read_back_and_stay_out_of_sight() -> None:
    body = encode_ledger_keys(KEYS)
    assert parse_ledger_keys(body) == KEYS
    assert "seed" not in repr(KEYS)
    assert "201" not in repr(KEYS)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        (b'"log_seed":"', Code.ENCODING_INVALID),
        (b'"log_seed":"AAAA', Code.KEY_INVALID),
        (b'"_seed":"', Code.MEMBER_MISSING),
    ],
)
def test_damaged_keys_are_refused(changed: bytes, code: Code) -> None:
    body = encode_ledger_keys(KEYS).replace(b'"log_seed":"', changed)
    if code is Code.ENCODING_INVALID:
        body = body.replace(b'"log_seed":"', b'"log_seed":"*')
    with pytest.raises(MalformedError) as caught:
        parse_ledger_keys(body)
    assert caught.value.code is code
