"""An issuer and a verifier on loopback, a fetcher that can lie between them and the wallet, and wallets."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from ledger.fetch import MAX_BYTES, Fetched, Fetcher, FetchRules
from ledger.type_records import LoggedType
from protocol.codes import Code
from protocol.did.verified import LogEvidence, VerifiedDid
from protocol.encoding.strict_json import JsonObject, encode_json, parse_json_object
from protocol.errors import UnavailableError
from storage.passphrase import TEST_ONLY, Passphrase
from tests.counted import NOW, SetClock
from tests.issuer.door import Door, open_door
from tests.openid_parties import resolve_did as resolve_key
from tests.status_issuer import DID, ISSUER
from wallet.outside import JSON, Outside
from wallet.vault import Vault

PASSPHRASE = Passphrase("correct horse battery staple")
ENTROPY = bytes(range(32))
UNIVERSITY = replace(ISSUER, evidence=LogEvidence("ledger.example", 7, NOW))
NONCE = "n-0S6_WzA2MjTz9LwNfZpQ"
STATE = "qJ2b0yq3iQ3Y2aVdC8vGJw"

Lie = Callable[[Callable[[], Fetched]], Fetched]
"""Makes an answer, of the honest one if it asks for it."""


def create_vault(folder: Path, *, entropy: bytes = ENTROPY) -> Vault:
    return Vault.create(
        folder / "wallet" / "wallet.sealed",
        passphrase=PASSPHRASE,
        entropy=entropy,
        kdf=TEST_ONLY,
        mark_folder=folder / "state",
        now=NOW,
    )


def open_vault(folder: Path) -> Vault:
    return Vault.open(
        folder / "wallet" / "wallet.sealed",
        PASSPHRASE,
        mark_folder=folder / "state",
        weakest_kdf=TEST_ONLY,
    )


@dataclass(frozen=True)
class Sent:
    """What left the wallet."""

    method: str
    url: str
    body: bytes
    headers: Mapping[str, str]


class Courier(Fetcher):
    """The real fetcher on loopback. It notes what it carries, and lies where it is told to."""

    def __init__(self) -> None:
        super().__init__(FetchRules(development=True))
        self.sent: list[Sent] = []
        self._lies: dict[str, list[Lie]] = {}

    def lie(self, path: str, *lies: Lie) -> None:
        """Answer requests to addresses that end with `path`, one lie after the other, the last for good."""
        self._lies[path] = list(lies)

    def lie_no_more(self) -> None:
        self._lies.clear()

    def paths(self, method: str = "") -> list[str]:
        return [urlsplit(sent.url).path for sent in self.sent if method in ("", sent.method)]

    def fetch(
        self,
        url: str,
        *,
        accept: str,
        method: Literal["GET", "POST"] = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> Fetched:
        self.sent.append(Sent(method, url, body or b"", headers or {}))

        def honestly() -> Fetched:
            return super(Courier, self).fetch(
                url,
                accept=accept,
                method=method,
                headers=headers,
                body=body,
                content_type=content_type,
                max_bytes=max_bytes,
            )

        for path, lies in self._lies.items():
            if url.endswith(path):
                return (lies.pop(0) if len(lies) > 1 else lies[0])(honestly)
        return honestly()


def says(body: bytes | JsonObject, status: int = 200, *, kind: str = JSON) -> Lie:
    """A lie that is always the same."""
    data = body if isinstance(body, bytes) else encode_json(body)
    return lambda _honestly: Fetched(status, kind, data)


def changes(change: Callable[[dict[str, Any]], object]) -> Lie:
    """A lie that changes the honest JSON in its place."""

    def lie(honestly: Callable[[], Fetched]) -> Fetched:
        answer = honestly()
        document: dict[str, Any] = parse_json_object(answer.body)
        change(document)
        return replace(answer, body=encode_json(document))

    return lie


def gets_lost(honestly: Callable[[], Fetched]) -> Fetched:
    """The question arrives, and the answer does not."""
    honestly()
    raise UnavailableError(Code.NETWORK_TIMEOUT)


def is_away(_honestly: Callable[[], Fetched]) -> Fetched:
    raise UnavailableError(Code.NETWORK_UNREACHABLE)


def honest(honestly: Callable[[], Fetched]) -> Fetched:
    return honestly()


@dataclass
class Campus:
    """The real university behind its door, the way to it, and what is logged of its types."""

    door: Door
    courier: Courier
    dids: dict[str, VerifiedDid]
    types: tuple[LoggedType, ...] = ()

    @property
    def clock(self) -> SetClock:
        return self.door.university.clock

    @property
    def outside(self) -> Outside:
        return Outside(
            self.courier,
            self.resolve,
            self.clock,
            development=True,
            prove_issuer=lambda _did: (),
            read_type_records=self.read_type_records,
        )

    def resolve(self, did: str) -> VerifiedDid:
        if did not in self.dids:
            return resolve_key(did)
        return self.dids[did]

    def read_type_records(self, _vct: str, did: str) -> tuple[LoggedType, ...]:
        return tuple(each for each in self.types if each.by == did)

    def offer(self, **members: object) -> str:
        """The link to a new offer of a degree."""
        return str(self.door.offer(**members)["offer"])

    def reset(self) -> None:
        """Be honest again. The time goes on: a second of its own for each test keeps what they do apart."""
        self.clock.advance(timedelta(seconds=1))
        self.dids = {DID: UNIVERSITY}
        self.courier.sent.clear()
        self.courier.lie_no_more()


@contextmanager
def open_campus(folder: Path) -> Iterator[Campus]:
    with open_door(folder) as door, Courier() as courier:
        yield Campus(door, courier, {DID: UNIVERSITY})
