"""Resolving did:webvh histories of 1, 10 and 100 entries from memory, every entry verified.

The raw limit is one Ed25519 verification per entry: no reader of a whole history can do with fewer.
"""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import nacl.bindings

from benchmarks.measure import measure, rate_row
from protocol.did.document import create_did_document
from protocol.did.webvh.author import create_did, update_did
from protocol.did.webvh.history import verify_history
from protocol.did.webvh.witness import NO_WITNESS_PROOFS
from protocol.encoding.strict_json import JsonObject
from protocol.keys import Ed25519PrivateKey

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LENGTHS = (1, 10, 100)
# The fastest peer's times for the same lengths, measured once on a machine of this kind: didwebvh-ts 2.8.0.
PEER_MILLISECONDS = {1: 0.39, 10: 2.59, 100: 23.6}


def _key(number: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey(hashlib.sha256(number.to_bytes(4)).digest())


def _document(did: str) -> JsonObject:
    return create_did_document(did, {"key-1": _key(0).public_key}, assertion=["key-1"], authentication=[])


def history(length: int) -> tuple[str, list[bytes]]:
    """A DID whose keys were rotated in every entry, under pre-rotation."""
    time = NOW - timedelta(days=length)
    entry = create_did(
        "ledger.example",
        path=("university",),
        document=_document,
        key=_key(1),
        next_keys=[_key(2).public_key],
        time=time,
    )
    lines = [entry.line.encode()]
    for number in range(2, length + 1):
        entry = update_did(
            entry.version,
            key=_key(number),
            next_keys=[_key(number + 1).public_key],
            time=time + timedelta(days=number - 1),
        )
        lines.append(entry.line.encode())
    return entry.version.did, lines


def run() -> None:
    print("\ndid:webvh, whole history verified, keys rotated in every entry")
    signed = nacl.bindings.crypto_sign(bytes(64), nacl.bindings.crypto_sign_seed_keypair(bytes(32))[1])
    public = nacl.bindings.crypto_sign_seed_keypair(bytes(32))[0]
    cases: dict[str, Callable[[], object]] = {"raw": lambda: nacl.bindings.crypto_sign_open(signed, public)}
    for length in LENGTHS:
        did, lines = history(length)
        cases[str(length)] = partial(
            verify_history, lines, did=did, now=NOW, witness_proofs=NO_WITNESS_PROOFS
        )
    rates = measure(cases)
    for length in LENGTHS:
        rate = rates[str(length)]
        share = rate.per_second * length / rates["raw"].per_second
        faster = PEER_MILLISECONDS[length] * rate.per_second / 1000
        rate_row(
            f"resolve {length} {'entry' if length == 1 else 'entries'}",
            rate,
            f"{share:.2f} of raw verify; {faster:.1f} x the fastest peer measured elsewhere",
        )
