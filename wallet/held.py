"""A credential in a wallet: its copies, each with a key of its own, and how it stands."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from wallet.pending import Refill
from wallet.recovery_phrase import HolderKey


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialCopy:
    """One credential as it was issued, in compact form, and the key it is bound to.

    `used_at` is when it was presented last. A copy is presented once, so that two presentations have nothing
    in common; only when all are used, and the holder knows it, again.
    """

    credential: str = field(repr=False)
    key: HolderKey
    used_at: datetime | None = None


class StandingWord(StrEnum):
    """What an issuer said of a credential's status. UNKNOWN: nothing we understand; it never means valid."""

    VALID = "valid"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a credential stood when its issuer was last asked; `since` is when that was first said, None if it
    was then.
    """

    word: StandingWord
    checked_at: datetime
    since: datetime | None = None

    @property
    def known_since(self) -> datetime:
        """Since when the wallet knows it to stand so."""
        return self.since or self.checked_at

    def followed_by(self, later: "Standing") -> "Standing":
        """What counts once `later` was learnt. Bad news stays: a revocation for good, whatever older list
        someone serves again, and a suspension until a list says otherwise.
        """
        is_silence = later.word is StandingWord.UNKNOWN
        stays = self.word is StandingWord.REVOKED or (self.word is StandingWord.SUSPENDED and is_silence)
        if later.word is self.word and later.word is not StandingWord.VALID:
            return replace(later, since=self.known_since)
        return self if stays else later


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldCredential:
    """A credential with all of its copies.

    Attributes:
        id: Random, and of this wallet only.
        issuer: The issuer's DID.
        credential_type: The `vct`.
        credential_issuer: Where it was fetched and can be fetched again (OpenID4VCI); None for a file.
        offer: The digest of the offer it came from, None where that is not known.
        received_at: When it came in first.
        copies: At least one.
        standing: How it stood when its issuer was last asked.
        refill: How further copies are had; None where the issuer gives none.
        gone: The keys of copies that were presented and are gone, so that no backup brings one back as new.
    """

    id: str
    issuer: str
    credential_type: str
    credential_issuer: str | None
    received_at: datetime
    copies: tuple[CredentialCopy, ...]
    standing: Standing | None = None
    offer: str | None = None
    refill: Refill | None = None
    gone: tuple[HolderKey, ...] = ()

    @property
    def unused_copies(self) -> tuple[CredentialCopy, ...]:
        """The copies that were not presented yet, oldest first."""
        return tuple(copy for copy in self.copies if copy.used_at is None)

    @property
    def shown_keys(self) -> tuple[HolderKey, ...]:
        """The keys of all copies that were presented, also of those that are gone."""
        return (*self.gone, *(copy.key for copy in self.copies if copy.used_at is not None))

    @property
    def next_copy(self) -> CredentialCopy:
        """The copy to present next: an unused one; when none is left, the one that was shown longest ago."""
        unused = self.unused_copies
        return unused[0] if unused else min(self.copies, key=lambda copy: copy.used_at or self.received_at)

    def refilled(self, copies: tuple[CredentialCopy, ...], standing: Standing | None) -> "HeldCredential":
        """With further copies, which came with word on its status, in the place of those that were used."""
        if self.standing is not None and standing is not None:
            standing = self.standing.followed_by(standing)
        return replace(
            self,
            copies=(*self.unused_copies, *copies),
            gone=self.shown_keys,
            standing=standing or self.standing,
        )
