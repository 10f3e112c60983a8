"""Everything a verifier needs from the ledger to judge an issuer, as proofs that can be carried to it."""

from collections import deque
from datetime import datetime

from ledger.client import LedgerClient
from ledger.evidence import MAX_PROOFS
from protocol.index.subject import did_subject
from protocol.records import parse_leaf
from protocol.records.accreditation import AccreditationRecord, accreditation_subject


def read_issuer_proofs(client: LedgerClient, did: str, *, now: datetime) -> tuple[bytes, ...]:
    """Tally proofs about the history of `did`, about its accreditations, and about those that they rest on.

    There are at most 16. Of DIDs that nobody accredited there is none about accreditations: that there are
    none helps nobody. Not checked: that the accreditations count; whoever is shown them has a root in mind.

    Raises:
        MalformedError, VerificationError, UnavailableError: as `LedgerClient.read_proof`.
    """
    proof, _history = client.read_proof(did_subject(did), now=now)
    proofs = [proof]
    waiting, seen = deque([did]), {did}
    while waiting and len(proofs) < MAX_PROOFS:
        proof, records = client.read_proof(accreditation_subject(waiting.popleft()), now=now)
        if records.entries:
            proofs.append(proof)
        for leaf in records.leaves:
            record = parse_leaf(leaf)
            author = (
                record.authorship.by if isinstance(record, AccreditationRecord) and record.under else None
            )
            if author is not None and author not in seen:
                seen.add(author)
                waiting.append(author)
    return tuple(proofs)
