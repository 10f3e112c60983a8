"""Verifies an entry of our log with sigstore, as if it stood in one of its bundles."""

from typing import Any

from sigstore._internal.merkle import verify_merkle_inclusion
from sigstore._internal.rekor.checkpoint import verify_checkpoint
from sigstore._internal.trust import Keyring, RekorKeyring
from sigstore.models import TransparencyLogEntry
from sigstore_models.common.v1 import PublicKey
from sigstore_models.rekor.v1 import TransparencyLogEntry as BundledEntry

from tests.interop.answering import answer_questions


def verify_entry(question: Any) -> Any:
    """Verify `entry`, JSON as in a bundle, and the checkpoint in it with the public key `key` (DER)."""
    details = {"rawBytes": question["key"], "keyDetails": "PKIX_ED25519"}
    entry = TransparencyLogEntry(BundledEntry.from_dict(question["entry"]))
    keyring = RekorKeyring(Keyring([PublicKey.model_validate(details, strict=False)]))
    verify_merkle_inclusion(entry)
    verify_checkpoint(keyring, entry)
    return "verified"


if __name__ == "__main__":
    answer_questions(verify_entry)
