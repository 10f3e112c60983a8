"""Everything that can happen to offers and credentials, at random and all at once, on each database."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import text

from issuer.issuance import record_notification
from issuer.offer import CreatedOffer, remove_expired, withdraw_offer
from issuer.refill import end_refill
from issuer.register import list_credentials
from issuer.status import change_status
from protocol.codes import Code
from protocol.errors import TallyError
from protocol.openid4vci.credential import IssuedCredentials, Notification, NotificationEvent
from protocol.openid4vci.token import TokenResponse
from protocol.status_list import Status
from tests.counted import CountedEntropy
from tests.issuer.university import University

T = TypeVar("T")

SECONDS = 15
THREADS = 10
# What must never be found, whoever was first.
IMPOSSIBLE = {
    "issued and not redeemed": """
        SELECT 1 FROM offers JOIN credentials ON credentials.offer = offers.id WHERE state <> 'redeemed'""",
    "redeemed and not issued": """
        SELECT 1 FROM offers LEFT JOIN credentials ON credentials.offer = offers.id
        WHERE state = 'redeemed' AND credentials.id IS NULL""",
    "revoked with claims": f"""
        SELECT 1 FROM offers JOIN credentials ON credentials.offer = offers.id
        WHERE status = {int(Status.INVALID)} AND sealed IS NOT NULL""",
    "over with claims": """
        SELECT 1 FROM offers WHERE state IN ('withdrawn', 'expired', 'blocked') AND sealed IS NOT NULL""",
    "refillable without claims": """
        SELECT 1 FROM refresh_tokens JOIN offers ON offers.id = refresh_tokens.offer WHERE sealed IS NULL""",
    "a list that counts wrongly": """
        SELECT 1 FROM status_lists
        WHERE allocated <> (SELECT count(*) FROM copies WHERE copies.list = status_lists.number)""",
    "issued in no copy": """
        SELECT 1 FROM credentials WHERE id NOT IN (SELECT credential FROM copies)""",
}
# These say that somebody came too late; every other error is one.
EXPECTED = {
    Code.ACCESS_TOKEN_INVALID,
    Code.GRANT_INVALID,
    Code.ISSUANCE_REFUSED,
    Code.NOTIFICATION_INVALID,
    Code.OFFER_CLOSED,
    Code.PROOF_INVALID,
    Code.PROOF_NONCE_INVALID,
    Code.STATUS_FINAL,
}


class NothingToDoError(Exception):
    """There is nothing yet to choose from."""


class Dice:
    """Chooses at random, and the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._entropy = CountedEntropy(2000 + seed)

    def choose(self, things: Sequence[T]) -> T:
        if not things:
            raise NothingToDoError
        return things[int.from_bytes(self._entropy(8)) % len(things)]


class Crowd:
    """Threads that do one thing after another to the same few offers."""

    def __init__(self, university: University) -> None:
        self._university = university
        self._offers: list[CreatedOffer] = []
        self._tokens: list[tuple[TokenResponse, int]] = []
        self._issued: list[tuple[TokenResponse, IssuedCredentials]] = []
        self._keys = count(1)
        self.outcomes: Counter[str] = Counter()

    def work(self, seed: int, until: float) -> None:
        dice = Dice(seed)
        acts: list[Callable[[Dice], object]] = [
            *[self._offer] * 20,
            *[self._exchange] * 12,
            *[self._issue] * 25,
            *[self._withdraw] * 6,
            *[self._refresh] * 8,
            *[self._change] * 10,
            *[self._end] * 4,
            *[self._notify] * 6,
            *[self._sweep] * 3,
            self._wait,
        ]
        while time.monotonic() < until:
            try:
                dice.choose(acts)(dice)
            except TallyError as error:
                self.outcomes[error.code] += 1
            except NothingToDoError:
                self.outcomes["nothing to do"] += 1
            except Exception as error:  # noqa: BLE001 (it is reported)
                self.outcomes[repr(error)] += 1
            else:
                self.outcomes["done"] += 1

    def _offer(self, _dice: Dice) -> None:
        self._offers.append(self._university.offer(copies=3))

    def _exchange(self, dice: Dice) -> None:
        offer = dice.choose(self._offers[-30:])
        self._tokens.append((self._university.tokens(offer.code), next(self._keys)))

    def _issue(self, dice: Dice) -> None:
        tokens, key = dice.choose(self._tokens[-30:])
        proofs = [self._university.proof(2 * key + copy) for copy in range(2)]
        self._issued.append((tokens, self._university.issue(tokens.access_token, proofs)))

    def _withdraw(self, dice: Dice) -> None:
        withdraw_offer(self._university.register, dice.choose(self._offers[-30:]).id)

    def _refresh(self, dice: Dice) -> None:
        tokens, _ = dice.choose(self._issued[-30:])
        self._tokens.append((self._university.refresh(tokens.refresh_token), next(self._keys)))

    def _change(self, dice: Dice) -> None:
        status = dice.choose([Status.SUSPENDED, Status.VALID, Status.INVALID])
        change_status(self._university.register, self._credential(dice), status, now=self._now)

    def _end(self, dice: Dice) -> None:
        end_refill(self._university.register, self._credential(dice))

    def _notify(self, dice: Dice) -> None:
        tokens, issued = dice.choose(self._issued[-30:])
        told = Notification(issued.notification_id or "", dice.choose(list(NotificationEvent)))
        record_notification(self._university.register, told, tokens.access_token, now=self._now)

    def _sweep(self, _dice: Dice) -> None:
        remove_expired(self._university.register, now=self._now)

    def _wait(self, dice: Dice) -> None:
        self._university.clock.advance(timedelta(minutes=dice.choose([1, 6])))

    def _credential(self, dice: Dice) -> str:
        return dice.choose(list_credentials(self._university.register)[:15]).id

    @property
    def _now(self) -> datetime:
        return self._university.clock.now


@pytest.fixture
def university(tmp_path: Path, database: str) -> Iterator[University]:
    """A university with tiny status lists that allows further copies for a year."""
    university = University(tmp_path, database=database)
    university.allow_refill()
    settings = replace(university.institution.settings, list_size=32)
    university.institution = replace(university.institution, settings=settings)
    yield university
    university.close()


@pytest.mark.stress
@pytest.mark.both_engines
def test_whatever_happens_at_once_the_register_stays_true(
    university: University, record_property: Callable[[str, object], None]
) -> None:
    crowd = Crowd(university)
    until = time.monotonic() + SECONDS
    threads = [threading.Thread(target=crowd.work, args=(seed, until)) for seed in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    record_property("steps on a register by many at once", crowd.outcomes.total())
    assert crowd.outcomes.keys() - EXPECTED <= {"done", "nothing to do"}
    assert crowd.outcomes["done"] > 0
    with university.register.begin() as connection:
        found = {name for name, query in IMPOSSIBLE.items() if connection.execute(text(query)).first()}
    assert found == set()
