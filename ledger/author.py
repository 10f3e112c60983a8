"""An institution that says something on its ledger: records of its DID, signed with its present key."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from ledger.client import LedgerClient
from ledger.identity import IdentityKeeper, identity_key
from ledger.institution_folder import InstitutionFolder
from ledger.trust import TrustedLedger
from protocol.codes import Code
from protocol.errors import RefusedError, UnavailableError, VerificationError
from protocol.index.proof import SubjectEntry
from protocol.records import SignedRecord
from protocol.records.signed import Signer
from storage.key_ring import KeyRing


@dataclass(frozen=True, slots=True)
class Author:
    """An institution whose keys are open.

    Attributes:
        signer: Signs its records.
        keeper: Its ring, its ledger, and its right to write there.
    """

    signer: Signer
    keeper: IdentityKeeper

    @property
    def client(self) -> LedgerClient:
        """The ledger it lives on."""
        return self.keeper.client

    def log(self, record: SignedRecord, *, now: datetime) -> SubjectEntry:
        """Log `record`, and give the entry with the time and the place that are proven of it.

        Raises:
            RefusedError: the ledger does not admit it, or not from this writer.
            VerificationError: SIGNING_KEY_REPLACED, the key is one from before the last rotation; or what the
                ledger proves must not be trusted.
            UnavailableError: the ledger cannot be reached. The record may have been logged all the same.
        """
        try:
            self.client.submit(record.leaf, onboarding_token=self.keeper.onboarding_token())
        except RefusedError as error:
            if error.code is not Code.ISSUER_KEY_NOT_AUTHORIZED:
                raise
            raise VerificationError(Code.SIGNING_KEY_REPLACED, self.signer.by) from error
        for entry in self.client.read_records(record.subject, now=now).entries:
            if entry.leaf == record.leaf:
                return entry
        raise UnavailableError(Code.LOG_STALE, "the ledger does not show the new entry yet")


@contextmanager
def open_author(
    folder: InstitutionFolder, ring: KeyRing, ledger: TrustedLedger, *, did: str
) -> Iterator[Author]:
    """The institution `did` of `folder` with its open `ring`, until the block ends.

    Its server may run at the same time: nothing of the ring is changed.
    """
    with folder.identity_keeper(ring, ledger) as keeper:
        yield author_of(keeper, did)


def author_of(keeper: IdentityKeeper, did: str) -> Author:
    """The institution `did` with the key that its open ring holds now."""
    key = identity_key(keeper.ring, did)
    return Author(Signer(did, key.key, key.key_id), keeper)
