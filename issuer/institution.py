"""An institution at work: its settings, types, register and keys, as the use cases need them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy.engine import Engine

from issuer.credential_type import TypeShelf
from issuer.folder import IssuerFolder
from issuer.register import TABLES
from issuer.remote import chosen_fetcher
from issuer.seal import OfferSeal
from issuer.settings import IssuerSettings
from ledger.client import LedgerClient
from ledger.identity import IdentityKeeper, IdentityKey, identity_key, resume_identity, rotate_identity
from ledger.memory import CheckpointMemory
from storage.key_ring import KeyRing
from storage.register import open_register

OFFERS = "offers"
"""The purpose of the key that seals open offers."""


@dataclass(frozen=True, slots=True)
class Institution:
    """What issuing takes; `signer` gives the present key, which a rotation exchanges."""

    settings: IssuerSettings
    types: TypeShelf
    register: Engine
    seal: OfferSeal
    signer: Callable[[], IdentityKey]


class SigningKeys:
    """The institution's signing key while it works. Threads may share it."""

    def __init__(self, keeper: IdentityKeeper, did: str) -> None:
        self._keeper = keeper
        self._did = did
        self._lock = threading.Lock()
        self._current = identity_key(keeper.ring, did)

    def current(self) -> IdentityKey:
        """The key to sign with now."""
        return self._current

    def rotate(self, now: datetime) -> IdentityKey:
        """Publish a new key and sign with it from now on.

        Raises:
            RefusedError, VerificationError, UnavailableError: as `rotate_identity`.
        """
        with self._lock:
            self._current = rotate_identity(self._keeper, self._did, now=now)
            return self._current


@contextmanager
def identity_keeper(folder: IssuerFolder, ring: KeyRing, *, memory: Path) -> Iterator[IdentityKeeper]:
    """What it takes to write the entries of the institution's DID; `memory` keeps the ledger's checkpoints.

    Raises:
        RefusedError: `init` has not come so far.
    """
    ledger = folder.load_ledgers().ledgers[0]
    with chosen_fetcher(ledger.url) as fetcher:
        client = LedgerClient(ledger, fetcher=fetcher, memory=CheckpointMemory(memory))
        yield IdentityKeeper(ring, folder.prepared_entry, client, folder.load_onboarding_token())


@contextmanager
def open_institution(
    folder: IssuerFolder, keeper: IdentityKeeper, *, url: str, now: datetime
) -> Iterator[tuple[Institution, SigningKeys]]:
    """The institution of `folder`, served at `url`, until the block ends. Only one process can have it open.

    A rotation that was interrupted is finished first.

    Raises:
        RefusedError: there is no institution yet, its settings cannot be used, or it is open elsewhere.
        UnavailableError: the disk's fault; or the ledger is needed, and cannot be reached.
    """
    settings = replace(folder.load_settings(), url=url)
    with keeper.ring.file.hold():
        resume_identity(keeper, now=now)
        keys = SigningKeys(keeper, settings.did)
        register = open_register(folder.register, TABLES)
        try:
            seal = OfferSeal(keeper.ring.keys[OFFERS].private)
            yield Institution(settings, folder.types, register, seal, keys.current), keys
        finally:
            register.dispose()
