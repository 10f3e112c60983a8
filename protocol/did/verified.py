"""What a resolver hands out: a DID whose whole history was verified, with the evidence for it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from protocol.codes import Code
from protocol.did.document import DidDocument, Relationship
from protocol.errors import VerificationError
from protocol.keys import PublicKey

_EVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LogEvidence:
    """Where and when a DID was seen in a log.

    Attributes:
        origin: The name of the log.
        tree_size: Its size.
        time: The co-signed time.
        handed_in: Whether somebody handed the proof in, and it was not fetched from the ledger just now.
        as_of: The moment of the past that the DID is seen as of; None for as it is.
    """

    origin: str
    tree_size: int
    time: datetime
    handed_in: bool = False
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class DatedKey:
    """A key of a DID with the interval in which the DID's history lists it for `relationship`.

    Both times are those at which a quorum saw the entry in the log, where there is one. `valid_until` is that
    of the entry that removed the key, None while it is listed. `compromised` is since when the key is in
    other hands, by its owner's mark in the log; None where there is no such mark.
    """

    id: str
    public_key: PublicKey
    relationship: Relationship
    valid_from: datetime
    valid_until: datetime | None
    compromised: datetime | None = None

    def compromised_at(self, moment: datetime | None) -> bool:
        """Whether it was in other hands at `moment`, or is now if that is unknown."""
        return self.compromised is not None and (moment is None or moment >= self.compromised)


@dataclass(frozen=True, slots=True)
class VerifiedDid:
    """A DID after its history was replayed and verified.

    Attributes:
        did: The DID.
        document: The current document.
        keys: Every key the history ever listed, in the order of appearance.
        evidence: Where the history is anchored; None where the DID is its key (did:key, did:jwk) and has no
            history.
    """

    did: str
    document: DidDocument
    keys: tuple[DatedKey, ...]
    evidence: LogEvidence | None

    def current_key(self, key_id: str, relationship: Relationship) -> PublicKey:
        """The key `key_id`, which the current document must list for `relationship`.

        Raises:
            VerificationError: it does not, or the key was marked as compromised and is listed all the same.
        """
        public_key = self.document.key(key_id, relationship)
        if self.is_compromised(public_key):
            raise VerificationError(Code.KEY_COMPROMISED)
        return public_key

    def is_compromised(self, public_key: PublicKey) -> bool:
        """Whether `public_key` is in other hands now, or was at the moment of the past that this is as of."""
        moment = None if self.evidence is None else self.evidence.as_of
        return any(key.public_key == public_key and key.compromised_at(moment) for key in self.keys)

    def key_used_at(self, key_id: str, relationship: Relationship, moment: datetime | None) -> PublicKey:
        """The key `key_id` if something signed at `moment` may be believed.

        A key that is still listed is good for any moment. One that was rotated out, or is in other hands, is
        good only for what says it was signed before: an unknown `moment` is refused then. The start of the
        interval is not compared, because issuers round times down so that holders cannot be told apart.

        Not checked: that `moment` is true. It is the word of whoever had the key.

        Raises:
            VerificationError: never listed for this use, no longer at `moment`, or in other hands by then.
        """
        code, detail = Code.ISSUER_KEY_NOT_AUTHORIZED, relationship.value
        for key in self.keys:
            if key.id != key_id or key.relationship is not relationship:
                continue
            if key.compromised_at(moment):
                code, detail = Code.KEY_COMPROMISED, ""
            elif key.valid_until is None or (moment is not None and moment < key.valid_until):
                return key.public_key
            else:
                detail = "the key was rotated out"
        raise VerificationError(code, detail)


def verified_by_itself(document: DidDocument) -> VerifiedDid:
    """The verified form of a DID that is its own key (did:key, did:jwk): good for any time, no evidence."""
    keys = tuple(
        DatedKey(method.id, method.public_key, relationship, _EVER, None)
        for method in document.verification_methods
        for relationship in Relationship
        if method.id in document.relationships[relationship]
    )
    return VerifiedDid(document.id, document, keys, None)


DidResolver: TypeAlias = Callable[[str], VerifiedDid]
"""Finds the verified state of a DID, or raises: VerificationError (must not be trusted), UnavailableError."""
