"""Finds the verified state of a DID: on the trusted ledger it lives on, or in the DID itself.

This is the `DidResolver` that every role hands to the checks of the ground floor.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ledger.client import LedgerClient, LoggedHistory
from ledger.fetch import Fetcher
from ledger.memory import CheckpointMemory
from ledger.trust import TrustedLedgers
from protocol.codes import Code
from protocol.did.jwk import resolve_did_jwk
from protocol.did.key import resolve_did_key
from protocol.did.verified import LogEvidence, VerifiedDid
from protocol.did.webvh.history import VerifiedHistory, extend_history, verify_history
from protocol.did.webvh.identifier import parse_webvh
from protocol.did.webvh.witness import NO_WITNESS_PROOFS
from protocol.errors import MalformedError, VerificationError

DEFAULT_REUSE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class _Resolved:
    """A verified history with the bytes it was read from, so that only what is new is verified again."""

    entries: tuple[bytes, ...]
    history: VerifiedHistory
    verified: VerifiedDid
    read_at: datetime


class LedgerResolver:
    """Resolves did:webvh on the trusted ledgers, did:key and did:jwk by themselves.

    A result is used again for `reuse_for`; a key that was rotated out is noticed after that time at the
    latest. Threads may share one resolver: at worst two of them verify the same history.
    """

    def __init__(
        self,
        trusted: TrustedLedgers,
        *,
        fetcher: Fetcher,
        memory: CheckpointMemory,
        clock: Callable[[], datetime],
        reuse_for: timedelta = DEFAULT_REUSE,
    ) -> None:
        self._clients = {
            ledger.authority: LedgerClient(ledger, fetcher=fetcher, memory=memory)
            for ledger in trusted.ledgers
        }
        self._clock = clock
        self._reuse_for = reuse_for
        self._resolved: dict[str, _Resolved] = {}

    def resolve(self, did: str) -> VerifiedDid:
        """The verified state of `did`.

        Raises:
            MalformedError: not a DID.
            VerificationError: no supported method, on no trusted ledger, or its history must not be trusted.
            UnavailableError: the ledger cannot be reached or does not know the DID.
        """
        if did.startswith("did:key:"):
            return resolve_did_key(did)
        if did.startswith("did:jwk:"):
            return resolve_did_jwk(did)
        if not did.startswith("did:"):
            raise MalformedError(Code.DID_INVALID)
        if not did.startswith("did:webvh:"):
            raise VerificationError(Code.DID_METHOD_UNSUPPORTED)
        now = self._clock()
        known = self._resolved.get(did)
        if known is not None and timedelta() <= now - known.read_at < self._reuse_for:
            return known.verified
        logged = self._client_for(did).read_history(did, now=now)
        resolved = _verify(did, logged, known, now)
        self._resolved[did] = resolved
        return resolved.verified

    def _client_for(self, did: str) -> LedgerClient:
        client = self._clients.get(parse_webvh(did).authority)
        if client is None:
            raise VerificationError(Code.LEDGER_NOT_TRUSTED)
        return client


def _verify(did: str, logged: LoggedHistory, known: _Resolved | None, now: datetime) -> _Resolved:
    history = _history(did, logged.entries, known, now)
    checkpoint = logged.checkpoint
    if checkpoint.time is None:
        raise VerificationError(Code.LOG_STALE, "the log policy demands no cosignatures, so there is no time")
    evidence = LogEvidence(checkpoint.origin, checkpoint.tree_size, checkpoint.time)
    return _Resolved(logged.entries, history, history.verified_did(evidence=evidence), now)


def _history(did: str, entries: tuple[bytes, ...], known: _Resolved | None, now: datetime) -> VerifiedHistory:
    # DIDs with approvers of their own (did:webvh witnesses) resolve when their proofs are kept on the ledger;
    # until then such a history fails closed.
    if known is None:
        return verify_history(entries, did=did, now=now, witness_proofs=NO_WITNESS_PROOFS)
    seen = len(known.entries)
    if len(entries) < seen:
        raise VerificationError(Code.DID_ROLLBACK)
    if entries[:seen] != known.entries:
        raise VerificationError(Code.DID_FORK)
    return extend_history(known.history, entries[seen:], now=now, witness_proofs=NO_WITNESS_PROOFS)
