"""An institution at work: its settings, types, register and keys, as the use cases need them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.engine import Engine

from issuer.credential_type import TypeShelf
from issuer.folder import IssuerFolder
from issuer.register import TABLES
from issuer.seal import OfferSeal
from issuer.settings import IssuerSettings
from ledger.identity import IdentityKeeper, IdentityKey, SigningKeys

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
        keys = SigningKeys(keeper, settings.did, now=now)
        seal_key = keeper.ring.keys[OFFERS].private
        register = folder.open_register(settings.database, TABLES, seal_key=seal_key)
        try:
            yield Institution(settings, folder.types, register, OfferSeal(seal_key), keys.current), keys
        finally:
            register.dispose()
