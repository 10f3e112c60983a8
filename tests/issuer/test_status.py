from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select

from issuer.credential_type import TypeShelf
from issuer.institution import Institution
from issuer.register import OfferState, credentials, list_credentials, offers, status_lists
from issuer.seal import OfferSeal
from issuer.settings import IssuerSettings
from issuer.status import (
    Place,
    StatusPublisher,
    change_status,
    draw_place,
    read_status_list,
    record_copy,
)
from ledger.identity import IdentityKey
from protocol.codes import Code
from protocol.errors import RefusedError
from protocol.status_list import Status, VerifiedStatusList, status_at, verify_status_list_token
from storage.register import digest
from tests.counted import NOW, CountedEntropy
from tests.status_issuer import DID, KEY, KEY_ID, OTHER_KEY, verified_did

URL = "https://issuer.example"
SIZE = 1 << 17
OTHER_KEY_ID = KEY_ID.replace("key-1", "key-2")


def record_credential(register: Engine, name: str, places: list[Place]) -> str:
    """An issued credential with its copies, as the register has it."""
    with register.begin() as connection:
        connection.execute(
            insert(offers).values(
                id=name,
                type="degree",
                state=OfferState.REDEEMED,
                copies=len(places),
                created_at=0,
                expires_at=0,
                reference_digest=digest(f"reference {name}"),
                code_digest=digest(f"code {name}"),
                tx_code_required=False,
                tries_left=5,
            )
        )
        connection.execute(
            insert(credentials).values(
                id=name,
                type="degree",
                offer=name,
                issued_at=0,
                status=Status.VALID,
                status_changed_at=0,
                notification_digest=digest(f"notification {name}"),
            )
        )
        for number in {place.list for place in places}:
            if not connection.execute(select(status_lists).where(status_lists.c.number == number)).first():
                connection.execute(
                    insert(status_lists).values(number=number, size=SIZE, allocated=0, version=0)
                )
        for place in places:
            record_copy(connection, name, place, holder_key="thumbprint", refill=0)
    return name


def draw(register: Engine, entropy: Callable[[int], bytes], *, size: int = SIZE) -> Place:
    with register.begin() as connection:
        return draw_place(connection, list_size=size, entropy=entropy)


def statuses(register: Engine, number: int) -> dict[int, int]:
    """The entries of a list that are not valid, as the register has them."""
    with register.begin() as connection:
        status_list = read_status_list(connection, number, SIZE)
    return {index: value for index in range(SIZE) if (value := status_list.get(index))}


@pytest.mark.both_engines
@pytest.mark.parametrize(
    "owner", [pytest.param("first", id="NT-T20-same-credential"), pytest.param("second", id="NT-T20-other")]
)
def test_two_copies_never_share_a_status(register: Engine, owner: str) -> None:
    record_credential(register, "first", [Place(1, 7)])
    record_credential(register, "second", [Place(2, 7)])
    with pytest.raises(RefusedError) as refusal, register.begin() as connection:
        record_copy(connection, owner, Place(1, 7), holder_key="thumbprint", refill=0)
    assert refusal.value.code is Code.STATUS_INDEX_TAKEN
    assert [record.copies for record in list_credentials(register)] == [1, 1]


def test_taken_places_are_passed_over(register: Engine) -> None:
    taken = draw(register, CountedEntropy())
    record_credential(register, "first", [taken])
    assert draw(register, CountedEntropy()) not in (taken, None)


@pytest.mark.both_engines
def test_list_that_is_three_quarters_full_gets_a_successor(register: Engine, entropy: CountedEntropy) -> None:
    places = [draw(register, entropy, size=8) for _ in range(13)]
    assert [place.list for place in places] == [1] * 6 + [2] * 6 + [3]


@pytest.mark.parametrize("statistic", ["NT-T22-runs", "NT-T22-spread"])
def test_places_cannot_be_foreseen(register: Engine, entropy: CountedEntropy, statistic: str) -> None:
    with register.begin() as connection:
        drawn = [draw_place(connection, list_size=SIZE, entropy=entropy).index for _ in range(1000)]
    if statistic == "NT-T22-runs":
        # Wald and Wolfowitz: the number of runs above and below the median of a random sequence of 1000 is
        # normal with mean 501 and deviation 15.8.
        median = sorted(drawn)[500]
        above = [index >= median for index in drawn]
        runs = 1 + sum(one is not next_one for one, next_one in pairwise(above))
        assert 501 - 6 * 15.8 < runs < 501 + 6 * 15.8
    else:
        sixteenths = [sum(index * 16 // SIZE == part for index in drawn) for part in range(16)]
        assert min(sixteenths) > 20


@pytest.mark.both_engines
@pytest.mark.parametrize(
    ("attack", "status"),
    [
        pytest.param("reinstate", Status.VALID, id="NT-T21-reinstate"),
        pytest.param("suspend", Status.SUSPENDED, id="NT-T21-suspend"),
    ],
)
def test_revocation_is_final(register: Engine, attack: str, status: Status) -> None:
    record_credential(register, "first", [Place(1, 7)])
    change_status(register, "first", Status.INVALID, now=NOW)
    with pytest.raises(RefusedError) as refusal:
        change_status(register, "first", status, now=NOW + timedelta(hours=1))
    assert refusal.value.code is Code.STATUS_FINAL
    (record,) = list_credentials(register, type_name="degree")
    assert (record.status, record.status_changed_at) == (Status.INVALID, NOW)
    assert statuses(register, 1) == {7: Status.INVALID}


@pytest.mark.both_engines
def test_revocation_covers_every_copy_and_nothing_else(register: Engine) -> None:
    record_credential(register, "first", [Place(1, 7), Place(1, 9), Place(2, 11)])
    record_credential(register, "second", [Place(1, 8)])
    record = change_status(register, "first", Status.INVALID, now=NOW)
    assert (record.status, record.copies) == (Status.INVALID, 3)
    assert statuses(register, 1) == {7: Status.INVALID, 9: Status.INVALID}
    assert statuses(register, 2) == {11: Status.INVALID}


@pytest.mark.both_engines
def test_suspension_can_be_taken_back_or_become_final(register: Engine) -> None:
    record_credential(register, "first", [Place(1, 7)])
    for status in (Status.SUSPENDED, Status.VALID, Status.SUSPENDED, Status.INVALID):
        assert change_status(register, "first", status, now=NOW).status is status
        assert statuses(register, 1).get(7, 0) == status


@pytest.mark.both_engines
@pytest.mark.parametrize("status", list(Status))
def test_asking_twice_for_the_same_status_changes_nothing(register: Engine, status: Status) -> None:
    record_credential(register, "first", [Place(1, 7)])
    first = change_status(register, "first", status, now=NOW)
    assert change_status(register, "first", status, now=NOW + timedelta(hours=1)) == first


@pytest.mark.both_engines
def test_credential_that_was_never_issued_cannot_be_revoked(register: Engine) -> None:
    with pytest.raises(RefusedError) as refusal:
        change_status(register, "unknown", Status.INVALID, now=NOW)
    assert refusal.value.code is Code.CREDENTIAL_NOT_FOUND


class Publishing:
    """A publisher, with a signing key that can be exchanged."""

    def __init__(self, register: Engine) -> None:
        self.signer = IdentityKey(KEY, KEY_ID)
        self._publisher = StatusPublisher(
            Institution(
                settings=IssuerSettings(name="University", url=URL, did=DID),
                types=TypeShelf(Path("nowhere")),
                register=register,
                seal=OfferSeal(bytes(32)),
                signer=lambda: self.signer,
            )
        )

    def token(self, *, now: datetime = NOW, number: int = 1) -> str:
        return self._publisher.token(number, now=now)

    def verified(self, *, now: datetime = NOW) -> VerifiedStatusList:
        return verify_status_list_token(
            self.token(now=now),
            expected_uri=f"{URL}/status/1",
            issuer=verified_did({"key-1": KEY, "key-2": OTHER_KEY}, assertion=["key-1", "key-2"]),
            now=now,
            clock_skew=timedelta(0),
        )


@pytest.fixture
def publishing(register: Engine) -> Publishing:
    record_credential(register, "first", [Place(1, 7)])
    return Publishing(register)


def test_published_list_is_what_verifiers_expect(publishing: Publishing) -> None:
    verified = publishing.verified()
    assert verified.status_list.size == SIZE
    assert verified.expires_at == NOW + timedelta(hours=24)
    assert verified.time_to_live == timedelta(seconds=300)
    assert status_at(verified, 7) is Status.VALID


@pytest.mark.both_engines
def test_list_shows_a_change_at_once(register: Engine, publishing: Publishing) -> None:
    publishing.token()
    for status in (Status.SUSPENDED, Status.INVALID):
        change_status(register, "first", status, now=NOW)
        assert status_at(publishing.verified(), 7) is status
        assert status_at(publishing.verified(), 8) is Status.VALID


def test_list_is_not_signed_again_without_need(publishing: Publishing) -> None:
    assert publishing.token() == publishing.token(now=NOW + timedelta(hours=11))


def test_list_is_renewed_long_before_it_expires(publishing: Publishing) -> None:
    first = publishing.token()
    assert publishing.token(now=NOW + timedelta(hours=12)) != first
    assert publishing.verified(now=NOW + timedelta(hours=23)).expires_at == NOW + timedelta(hours=36)


def test_list_is_signed_with_the_new_key_after_a_rotation(publishing: Publishing) -> None:
    first = publishing.token()
    publishing.signer = IdentityKey(OTHER_KEY, OTHER_KEY_ID)
    assert publishing.token() != first
    publishing.verified()


def test_list_that_does_not_exist_is_not_found(publishing: Publishing) -> None:
    with pytest.raises(RefusedError) as refusal:
        publishing.token(number=2)
    assert refusal.value.code is Code.NOT_FOUND
