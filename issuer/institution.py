"""An institution at work: its settings, types, register and keys, as the use cases need them."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.engine import Engine

from issuer.credential_type import TypeShelf
from issuer.seal import OfferSeal
from issuer.settings import IssuerSettings
from protocol.keys import SigningKey


@dataclass(frozen=True, slots=True)
class Signer:
    """A signing key of the institution; `key_id` is its absolute DID URL."""

    key: SigningKey
    key_id: str


@dataclass(frozen=True, slots=True)
class Institution:
    """What issuing takes; `signer` gives the present key, which a rotation exchanges."""

    settings: IssuerSettings
    types: TypeShelf
    register: Engine
    seal: OfferSeal
    signer: Callable[[], Signer]
