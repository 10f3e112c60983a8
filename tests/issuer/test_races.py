"""Two who want to change the same thing at the same moment: the outcome is that of one after the other."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from issuer.grant import NONCE_LIFETIME
from issuer.issuance import record_notification
from issuer.offer import find_offer, remove_expired, withdraw_offer
from issuer.refill import end_refill
from issuer.register import OfferState, list_credentials, nonces, offers, refresh_tokens, status_lists
from issuer.status import Place, change_status, draw_place, read_status_list
from protocol.codes import Code
from protocol.openid4vci.credential import IssuedCredentials, Notification, NotificationEvent
from protocol.status_list import Status
from storage.management_key import ManagementKey
from storage.register import find_management_key, replace_management_key
from tests.issuer.test_issuance import place
from tests.issuer.university import University
from tests.racing import race

pytestmark = pytest.mark.both_engines

ROUNDS = 3
LIST_SIZE = 64


@pytest.fixture
def university(tmp_path: Path, database: str) -> Iterator[University]:
    """A university with short status lists that allows further copies for a year."""
    university = University(tmp_path, database=database)
    university.allow_refill()
    settings = replace(university.institution.settings, list_size=LIST_SIZE)
    university.institution = replace(university.institution, settings=settings)
    yield university
    university.close()


def sealed(university: University, offer: str) -> bytes | None:
    with university.register.begin() as connection:
        kept: bytes | None = connection.execute(
            select(offers.c.sealed).where(offers.c.id == offer)
        ).scalar_one()
    return kept


def count_refresh_tokens(university: University, offer: str) -> int:
    with university.register.begin() as connection:
        return len(connection.execute(select(refresh_tokens).where(refresh_tokens.c.offer == offer)).all())


def published_statuses(university: University, *issued: object) -> set[int]:
    """The statuses of all the copies that were issued, as the lists say them."""
    found = set()
    with university.register.begin() as connection:
        for answer in issued:
            if isinstance(answer, IssuedCredentials):
                for reference in map(place, answer.credentials):
                    number = int(reference.uri.rpartition("/")[2])
                    found.add(read_status_list(connection, number, LIST_SIZE).get(reference.index))
    return found


def test_offer_is_redeemed_or_withdrawn_and_never_both(university: University) -> None:
    for number in range(ROUNDS):
        created = university.offer()
        token = university.exchange(created.code)
        proofs = university.proofs(2, first=number * 2 + 1)
        issued, withdrawn = race(
            university.register,
            partial(university.issue, token, proofs),
            partial(withdraw_offer, university.register, created.id),
        )
        record = find_offer(university.register, created.id)
        if isinstance(issued, IssuedCredentials):
            assert withdrawn is Code.OFFER_CLOSED
            assert (record.state, record.credential is None) == (OfferState.REDEEMED, False)
        else:
            assert issued in (Code.ISSUANCE_REFUSED, Code.ACCESS_TOKEN_INVALID)
            assert (record.state, record.credential) == (OfferState.WITHDRAWN, None)
            assert sealed(university, created.id) is None
            assert count_refresh_tokens(university, created.id) == 0


def test_code_is_exchanged_or_its_offer_withdrawn_and_no_token_outlives_it(university: University) -> None:
    for _ in range(ROUNDS):
        created = university.offer()
        _, withdrawn = race(
            university.register,
            partial(university.tokens, created.code),
            partial(withdraw_offer, university.register, created.id),
        )
        assert not isinstance(withdrawn, Code)
        assert find_offer(university.register, created.id).state is OfferState.WITHDRAWN
        assert count_refresh_tokens(university, created.id) == 0


@pytest.mark.parametrize("end", ["revocation", "end of the refill", "declined"])
def test_no_further_copy_outlives_the_end_of_its_refill(university: University, end: str) -> None:
    for number in range(ROUNDS):
        before = set(list_credentials(university.register))
        tokens = university.tokens(university.offer().code)
        first = university.issue(tokens.access_token, university.proofs(1, first=100 * number + 1))
        (record,) = set(list_credentials(university.register)) - before
        again = university.refresh(tokens.refresh_token)
        told = Notification(first.notification_id or "", NotificationEvent.DELETED)
        endings: dict[str, Callable[[], object]] = {
            "revocation": partial(
                change_status, university.register, record.id, Status.INVALID, now=university.clock.now
            ),
            "end of the refill": partial(end_refill, university.register, record.id),
            "declined": partial(
                record_notification,
                university.register,
                told,
                tokens.access_token,
                now=university.clock.now,
            ),
        }
        more, ended = race(
            university.register,
            partial(university.issue, again.access_token, university.proofs(2, first=100 * number + 2)),
            endings[end],
        )
        assert isinstance(more, IssuedCredentials) or more is Code.ISSUANCE_REFUSED
        # A refill takes the notification id over, so the earlier one may be unknown by then.
        if ended is not Code.NOTIFICATION_INVALID:
            assert not isinstance(ended, Code)
            assert sealed(university, record.offer) is None
            assert count_refresh_tokens(university, record.offer) == 0
        if end == "revocation":
            assert published_statuses(university, first, more) == {Status.INVALID}


def test_many_who_need_a_new_status_list_make_it_once(university: University) -> None:
    def draw() -> Place:
        with university.register.begin() as connection:
            return draw_place(connection, list_size=8, entropy=university.entropy)

    for _ in range(4):
        drawn = race(university.register, *[draw] * 12)
        assert all(isinstance(each, Place) for each in drawn)
    with university.register.begin() as connection:
        rows = connection.execute(select(status_lists).order_by(status_lists.c.number)).all()
    assert [(row.number, row.allocated) for row in rows] == [(number, 6) for number in range(1, 9)]


def test_statuses_of_many_credentials_change_at_once_and_every_list_is_newer(university: University) -> None:
    university.institution = replace(
        university.institution, settings=replace(university.institution.settings, list_size=8)
    )
    for _ in range(8):
        university.issue_new(copies=3)
    records = list_credentials(university.register)
    change = partial(change_status, university.register, status=Status.SUSPENDED, now=university.clock.now)
    changes: list[Callable[[], object]] = [partial(change, record.id) for record in records]
    changed = race(university.register, *changes)
    assert {getattr(each, "status", each) for each in changed} == {Status.SUSPENDED}
    with university.register.begin() as connection:
        rows = connection.execute(select(status_lists)).all()
        for row in rows:
            published = read_status_list(connection, row.number, row.size)
            said = [published.get(index) for index in range(row.size)]
            assert said.count(Status.SUSPENDED) == min(row.allocated, 24 - 6 * (row.number - 1))
            assert row.version > 0


def test_suspension_never_undoes_a_revocation(university: University) -> None:
    for _ in range(ROUNDS):
        university.issue_new()
    for record in list_credentials(university.register):
        change = partial(change_status, university.register, record.id, now=university.clock.now)
        outcomes = race(
            university.register,
            partial(change, Status.INVALID),
            partial(change, Status.SUSPENDED),
            partial(change, Status.VALID),
        )
        assert {each for each in outcomes if isinstance(each, Code)} <= {Code.STATUS_FINAL}
    assert {record.status for record in list_credentials(university.register)} == {Status.INVALID}


def test_sweepers_and_those_who_fetch_nonces_do_not_get_in_each_others_way(university: University) -> None:
    for _ in range(3):
        for _ in range(10):
            university.offer()
            university.nonce()
        university.clock.advance(max(NONCE_LIFETIME, university.institution.settings.offer_lifetime))
        sweep = partial(remove_expired, university.register, now=university.clock.now)
        outcomes = race(university.register, *[sweep] * 4, *[university.nonce] * 4)
        assert not [each for each in outcomes if isinstance(each, Code)]
        sweep()
        with university.register.begin() as connection:
            assert len(connection.execute(select(nonces)).all()) == 4
        university.clock.advance(NONCE_LIFETIME)


def test_of_many_new_management_keys_one_is_good(university: University) -> None:
    keys = [ManagementKey(f"{number:08x}", bytes(32)) for number in range(8)]
    race(university.register, *[partial(replace_management_key, university.register, key) for key in keys])
    assert len([key for key in keys if find_management_key(university.register, key.id)]) == 1
