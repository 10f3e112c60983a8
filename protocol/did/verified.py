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
    of the entry that removed the key, None while it is listed.
    """

    id: str
    public_key: PublicKey
    relationship: Relationship
    valid_from: datetime
    valid_until: datetime | None


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
            VerificationError: it does not.
        """
        return self.document.key(key_id, relationship)

    def key_used_at(self, key_id: str, relationship: Relationship, moment: datetime | None) -> PublicKey:
        """The key `key_id` if something signed at `moment` may be believed.

        A key that is still listed is good for any moment. One that was rotated out is good only for what
        says it was signed before: an unknown `moment` is refused then. The start of the interval is not
        compared, because issuers round times down so that holders cannot be told apart by them.

        Raises:
            VerificationError: never listed for this use, or no longer at `moment`.
        """
        listed = False
        for key in self.keys:
            if key.id == key_id and key.relationship is relationship:
                if key.valid_until is None or (moment is not None and moment < key.valid_until):
                    return key.public_key
                listed = True
        raise VerificationError(
            Code.ISSUER_KEY_NOT_AUTHORIZED, "the key was rotated out" if listed else relationship.value
        )


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
