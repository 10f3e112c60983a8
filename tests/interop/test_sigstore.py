from collections.abc import Iterator
from typing import Any

import pytest

from protocol.encoding.base64 import encode_base64
from protocol.keys import Ed25519PublicKey
from protocol.tlog.checkpoint import Checkpoint, encode_checkpoint
from protocol.tlog.merkle import create_inclusion_proof
from tests.interop.served_log import EDGES, SIZE, ServedLog, sign
from tests.interop.stranger import Stranger, StrangerRefusedError, stranger
from tests.ledger.world import KEYS, POLICY

# What stands before an Ed25519 key of 32 bytes in DER (RFC 8410 §4).
_DER = bytes.fromhex("302a300506032b6570032100")


@pytest.fixture(scope="module")
def reader() -> Iterator[Stranger]:
    with stranger("ask_sigstore") as reader:
        yield reader


def question(
    log: ServedLog, index: int, *, key: Ed25519PublicKey = KEYS.log.public_key, **changes: Any
) -> dict[str, Any]:
    """An entry of our log as an entry of a bundle; `changes` are of its inclusion proof."""
    hashes = create_inclusion_proof(index, SIZE, log.read_hashes)
    proof = {
        "logIndex": str(index),
        "treeSize": str(SIZE),
        "rootHash": encode_base64(log.root(SIZE)),
        "hashes": [encode_base64(hash_) for hash_ in hashes],
        "checkpoint": {"envelope": log.checkpoint},
    }
    entry = {
        "logIndex": str(index),
        "logId": {"keyId": encode_base64(POLICY.logs[0].key.key_id)},
        "kindVersion": {"kind": "did", "version": "1"},
        "canonicalizedBody": encode_base64(log.entries[index].encode()),
        "inclusionProof": proof | changes,
    }
    return {"entry": entry, "key": encode_base64(_DER + key.raw)}


@pytest.mark.parametrize("index", EDGES)
def test_entry_with_its_proof_and_checkpoint_is_accepted_by_sigstore(
    log: ServedLog, reader: Stranger, index: int
) -> None:
    assert reader.ask(**question(log, index)) == "verified"


def test_another_entry_is_refused_by_sigstore(log: ServedLog, reader: Stranger) -> None:
    asked = question(log, 7)
    asked["entry"]["canonicalizedBody"] = encode_base64(log.entries[8].encode())
    with pytest.raises(StrangerRefusedError, match="inclusion proof contains invalid root hash"):
        reader.ask(**asked)


@pytest.mark.parametrize("index", [6, 8])
def test_another_index_is_refused_by_sigstore(log: ServedLog, reader: Stranger, index: int) -> None:
    with pytest.raises(StrangerRefusedError, match="inclusion proof contains invalid root hash"):
        reader.ask(**question(log, 7, logIndex=str(index)))


def test_proof_without_its_last_hash_is_refused_by_sigstore(log: ServedLog, reader: Stranger) -> None:
    hashes = [encode_base64(hash_) for hash_ in create_inclusion_proof(7, SIZE, log.read_hashes)]
    with pytest.raises(StrangerRefusedError, match="inclusion proof has wrong size"):
        reader.ask(**question(log, 7, hashes=hashes[:-1]))


def test_another_key_is_refused_by_sigstore(log: ServedLog, reader: Stranger) -> None:
    with pytest.raises(StrangerRefusedError, match="keyring: invalid signature"):
        reader.ask(**question(log, 7, key=KEYS.cosigner.public_key))


def test_checkpoint_with_another_text_than_was_signed_is_refused_by_sigstore(
    log: ServedLog, reader: Stranger
) -> None:
    altered = log.checkpoint.replace("\n300\n", "\n301\n")
    with pytest.raises(StrangerRefusedError, match="keyring: invalid signature"):
        reader.ask(**question(log, 7, checkpoint={"envelope": altered}))


def test_proof_is_refused_by_sigstore_under_another_root(log: ServedLog, reader: Stranger) -> None:
    other = sign(encode_checkpoint(Checkpoint(KEYS.origin, SIZE, b"\x07" * 32)))
    with pytest.raises(StrangerRefusedError, match="invalid root hash signature"):
        reader.ask(**question(log, 7, checkpoint={"envelope": other}))
