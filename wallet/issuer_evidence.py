"""What vouches for an issuer where nobody can be asked, as it was when the wallet asked last."""

from dataclasses import dataclass
from datetime import datetime

MAX_BYTES = 256 * 1024
MAX_ISSUERS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerEvidence:
    """Proofs and lists about one issuer, at most 256 KiB. They are public, and say nothing of the holder.

    Attributes:
        issuer: Its DID.
        asked_at: When the wallet asked for the oldest of it.
        proofs: Tally proofs about its DID and its accreditations, verified when they came.
        status_lists: Its status list tokens, verified when they came.
    """

    issuer: str
    asked_at: datetime
    proofs: tuple[bytes, ...]
    status_lists: tuple[str, ...]
