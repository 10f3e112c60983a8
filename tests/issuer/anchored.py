"""An institution whose DID is on a real ledger on loopback."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from doors.server import listen
from issuer.folder import IssuerFolder
from issuer.founding import check_settings, found_institution, trust_ledger
from issuer.institution import OFFERS
from issuer.settings import IssuerSettings
from ledger.client import TOKEN_PREFIX
from ledger.fetch import Fetcher, FetchRules, chosen_fetcher
from ledger.identity import IdentityKeeper
from ledger.memory import CheckpointMemory
from ledger.resolver import LedgerResolver
from ledger.trust import TrustedLedgers
from storage.database_address import REGISTER
from storage.key_ring import KeyRing
from storage.management_key import create_management_key
from storage.passphrase import WEAKEST_ACCEPTED, Passphrase
from tests.ledger.world import Clock, World

PASSPHRASE = Passphrase("correct horse battery staple")


@dataclass
class Anchor:
    """A running ledger, what its operator handed out, and the folder of an institution to be."""

    world: World
    token: str
    path: Path

    @property
    def folder(self) -> IssuerFolder:
        return IssuerFolder(self.path / "issuer", self.path / "state")

    def trust(self) -> None:
        with chosen_fetcher(self.world.ledger.url) as fetcher:
            trust_ledger(self.folder, self.world.ledger.url, policy=None, fetcher=fetcher)
        self.folder.save_onboarding_token(self.token)

    def open_keys(self) -> KeyRing:
        return self.folder.open_new_keys(
            PASSPHRASE, sealing=OFFERS, kdf=WEAKEST_ACCEPTED, now=self.world.clock()
        )

    @contextmanager
    def keeper(self) -> Iterator[IdentityKeeper]:
        with self.open_keys() as ring, self.folder.identity_keeper(ring, self.world.ledger) as keeper:
            yield keeper

    def found(self, *, url: str = "http://issuer.localhost:8102", database: str = REGISTER) -> IssuerSettings:
        self.trust()
        with self.keeper() as keeper:
            settings = check_settings("City University", url, database)
            return found_institution(
                self.folder, keeper, settings, slug="city-university", witnessed=False, now=self.world.clock()
            )

    @contextmanager
    def resolver(self) -> Iterator[LedgerResolver]:
        """Someone who has never seen the ledger, and trusts it."""
        with Fetcher(FetchRules(development=True)) as fetcher:
            yield LedgerResolver(
                TrustedLedgers((self.world.ledger,), development=True),
                fetcher=fetcher,
                memory=CheckpointMemory(self.path / f"reader-{id(fetcher)}"),
                clock=self.world.clock,
            )


@contextmanager
def anchored(path: Path, clock: Clock, *, database: str | None = None) -> Iterator[Anchor]:
    """A ledger that tells the time by `clock`, with nothing on it."""
    world = World(path / "ledger", clock, address=database)
    world.folder.mkdir()
    (path / "issuer").mkdir(mode=0o700)
    with listen("127.0.0.1", 0) as listener:
        world.port = listener.socket.getsockname()[1]
        world.create()
        token, key = create_management_key(TOKEN_PREFIX)
        world.store().add_token(key)
        with world.serving(listener):
            yield Anchor(world, token, path)
        world.close()
