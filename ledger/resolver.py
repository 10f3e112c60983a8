"""Finds the verified state of a DID: on the trusted ledger it lives on, or in the DID itself.

This is the `DidResolver` that every role hands to the checks of the ground floor.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from ledger.client import LedgerClient
from ledger.evidence import log_evidence, logged_history, resolve_by_itself
from ledger.fetch import Fetcher
from ledger.issuer_proofs import read_issuer_proofs
from ledger.memory import CheckpointMemory
from ledger.tree import Tree
from ledger.trust import TrustedLedgers
from ledger.type_records import LoggedType, read_type_records
from protocol.codes import Code
from protocol.did.verified import VerifiedDid
from protocol.did.webvh.history import VerifiedHistory, extend_history, verify_history
from protocol.did.webvh.identifier import parse_webvh
from protocol.did.webvh.logged import LoggedHistory
from protocol.did.webvh.witness import APPROVED_BY_LOG
from protocol.errors import VerificationError
from protocol.index.leaf import IndexEntry
from protocol.issuer_trust import LoggedRecords
from protocol.records import split_history
from protocol.records.accreditation import accreditation_subject


@dataclass(frozen=True, slots=True)
class _Resolved:
    """A verified history with the bytes it was read from, and what the log and its index were then."""

    entries: tuple[bytes, ...]
    logged: LoggedHistory
    log: IndexEntry
    index_size: int


class LedgerResolver:
    """Resolves did:webvh on the trusted ledgers, did:key and did:jwk by themselves.

    The ledger is asked for the checkpoint of its index every time, so that a key that was rotated a moment
    ago is noticed. As long as the index has not grown, its histories are the ones already verified. Threads
    may share one resolver: at worst two of them verify the same history.
    """

    def __init__(
        self,
        trusted: TrustedLedgers,
        *,
        fetcher: Fetcher,
        memory: CheckpointMemory,
        clock: Callable[[], datetime],
    ) -> None:
        self._clients = {
            ledger.authority: LedgerClient(ledger, fetcher=fetcher, memory=memory)
            for ledger in trusted.ledgers
        }
        self._clock = clock
        self._resolved: dict[str, _Resolved] = {}

    def resolve(self, did: str, *, at: datetime | None = None) -> VerifiedDid:
        """The verified state of `did`, or what it was at a moment of the past.

        Raises:
            MalformedError: not a DID.
            VerificationError: no supported method, on no trusted ledger, or its history must not be trusted.
            UnavailableError: the ledger cannot be reached or does not know the DID.
        """
        return resolve_by_itself(did) or self._logged(did).verified_did(at=at)

    def read_accreditations(self, did: str, root: str) -> LoggedRecords:
        """All records about the accreditations of `did` on the ledger that `root` lives on.

        Raises:
            MalformedError: not a DID, or the answer is not in its form.
            VerificationError: that ledger is not trusted, or the proof does not hold.
            UnavailableError: the ledger cannot be reached.
        """
        records = self._client_for(root).read_records(accreditation_subject(did), now=self._clock())
        return LoggedRecords(records, log_evidence(records.log, records.checkpoint, handed_in=False))

    def read_type_records(self, vct: str, by: str) -> tuple[LoggedType, ...]:
        """What `by` said of the type `vct` on its ledger, the newest last; none of a DID that is its own key.

        Raises:
            MalformedError, VerificationError, UnavailableError: as `resolve`.
        """
        if resolve_by_itself(by) is not None:
            return ()
        said = read_type_records(self._client_for(by), vct, now=self._clock())
        return tuple(each for each in said if each.by == by)

    def prove_issuer(self, did: str) -> tuple[bytes, ...]:
        """Tally proofs about the history of `did` and its accreditations, as `read_issuer_proofs`; none for a
        DID that is its own key.

        Raises:
            MalformedError, VerificationError, UnavailableError: as `resolve`.
        """
        if resolve_by_itself(did) is not None:
            return ()
        return read_issuer_proofs(self._client_for(did), did, now=self._clock())

    def _logged(self, did: str) -> LoggedHistory:
        now = self._clock()
        client = self._client_for(did)
        known = self._resolved.get(did)
        if known is not None:
            checkpoint = client.checkpoint(now=now, tree=Tree.INDEX)
            if checkpoint.tree_size == known.index_size:
                return replace(known.logged, evidence=log_evidence(known.log, checkpoint, handed_in=False))
        records = client.read_history(did, now=now)
        evidence = log_evidence(records.log, records.checkpoint, handed_in=False)
        entries, marks = split_history(records.leaves)
        history = _verify(did, entries, known, now)
        logged = logged_history(history, marks, records, evidence=evidence)
        self._resolved[did] = _Resolved(entries, logged, records.log, records.checkpoint.tree_size)
        return logged

    def _client_for(self, did: str) -> LedgerClient:
        client = self._clients.get(parse_webvh(did).authority)
        if client is None:
            raise VerificationError(Code.LEDGER_NOT_TRUSTED)
        return client


def _verify(did: str, entries: tuple[bytes, ...], known: _Resolved | None, now: datetime) -> VerifiedHistory:
    if known is None:
        return verify_history(entries, did=did, now=now, witness_proofs=APPROVED_BY_LOG)
    seen = len(known.entries)
    if len(entries) < seen:
        raise VerificationError(Code.DID_ROLLBACK)
    if entries[:seen] != known.entries:
        raise VerificationError(Code.DID_FORK)
    return extend_history(known.logged.history, entries[seen:], now=now, witness_proofs=APPROVED_BY_LOG)
