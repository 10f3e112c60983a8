"""Whether the copies of a credential run out, and further ones may be had (`wallet.refill` fetches them)."""

from datetime import datetime

from wallet.held import HeldCredential
from wallet.standing import PresentWord, standing_of

FEW_COPIES = 2
"""With so many copies left, it is time to fetch new ones."""

_HOPELESS = (PresentWord.REVOKED, PresentWord.SUSPENDED, PresentWord.EXPIRED)


def can_refill(held: HeldCredential, *, now: datetime) -> bool:
    """Whether further copies of `held` may be had: its issuer said so, and has not said otherwise since."""
    return held.refill is not None and standing_of(held, now=now).word not in _HOPELESS


def needs_refill(held: HeldCredential, *, now: datetime) -> bool:
    """Whether few copies are left and further ones may be had."""
    return len(held.unused_copies) <= FEW_COPIES and can_refill(held, now=now)
