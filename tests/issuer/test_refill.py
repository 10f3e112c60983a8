"""Further copies of what was issued: who gets them, what they say, and when it is over."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from sqlalchemy import select

from issuer import refill
from issuer.grant import ACCESS_TOKEN_LIFETIME, COMPLETION_TIME
from issuer.issuance import record_notification
from issuer.offer import remove_expired, withdraw_offer
from issuer.refill import end_refill
from issuer.register import CredentialRecord, list_credentials, offers, refresh_tokens
from issuer.status import change_status
from protocol.codes import Code
from protocol.encoding.time import encode_utc
from protocol.errors import RefusedError, TallyError, VerificationError
from protocol.openid4vci.credential import IssuedCredentials, Notification, NotificationEvent
from protocol.openid4vci.token import TokenResponse, parse_token_response
from protocol.sdjwt.parse import parse_sd_jwt
from protocol.status_list import Status
from tests.browser import FORM, bearer
from tests.counted import NOW
from tests.issuer.door import Door, request
from tests.issuer.test_grant import in_threads
from tests.issuer.test_issuance import place, salts, verified
from tests.issuer.university import EXAMPLE, University

DAYS = timedelta(days=365)


@pytest.fixture
def university(university: University) -> University:
    """A university that allows further copies for a year."""
    university.allow_refill()
    return university


def refused(act: Callable[[], object]) -> Code:
    with pytest.raises(TallyError) as caught:
        act()
    return caught.value.code


def begin(university: University, *, copies: int = 2) -> tuple[TokenResponse, IssuedCredentials]:
    """A degree in the wallet, in two copies of the two keys after the first."""
    tokens = university.tokens(university.offer(copies=copies).code)
    issued = university.issue(tokens.access_token, university.proofs(2))
    notify(university, tokens, issued, NotificationEvent.ACCEPTED)
    return tokens, issued


def notify(
    university: University, tokens: TokenResponse, issued: IssuedCredentials, event: NotificationEvent
) -> None:
    notification = Notification(issued.notification_id or "", event)
    record_notification(university.register, notification, tokens.access_token, now=university.clock.now)


def the_record(university: University) -> CredentialRecord:
    (record,) = list_credentials(university.register)
    return record


def keeps_claims(university: University) -> bool:
    with university.register.begin() as connection:
        return connection.execute(select(offers.c.sealed)).scalar_one() is not None


def test_further_copies_belong_to_the_same_credential_and_say_the_same(university: University) -> None:
    tokens, first = begin(university)
    university.clock.advance(timedelta(days=40))
    more = university.refresh(tokens.refresh_token)
    second = university.issue(more.access_token, university.proofs(2, first=3))
    record = the_record(university)
    assert (record.copies, record.issued_at, record.refill_until) == (4, NOW, NOW + DAYS)
    parsed = [parse_sd_jwt(credential) for credential in (*first.credentials, *second.credentials)]
    assert len({place(credential) for credential in (*first.credentials, *second.credentials)}) == 4
    assert len(set().union(*map(salts, parsed))) == 4 * len(EXAMPLE)
    # Nothing tells a copy of the refill from one of before.
    payloads = [sd_jwt.unverified_payload() for sd_jwt in parsed]
    assert len({(payload["iat"], payload["exp"]) for payload in payloads}) == 1


def test_revocation_meets_all_copies_and_ends_the_refill(university: University) -> None:
    tokens, first = begin(university)
    more = university.refresh(tokens.refresh_token)
    second = university.issue(more.access_token, university.proofs(2, first=3))
    asked = university.refresh(more.refresh_token)
    change_status(university.register, the_record(university).id, Status.INVALID, now=NOW)
    for credential in (*first.credentials, *second.credentials):
        with pytest.raises(VerificationError) as refusal:
            verified(university, credential)
        assert refusal.value.code is Code.CREDENTIAL_REVOKED
    assert not keeps_claims(university)
    assert the_record(university).refill_until is None
    assert refused(lambda: university.issue(asked.access_token)) is Code.ISSUANCE_REFUSED
    assert refused(lambda: university.refresh(asked.refresh_token)) is Code.GRANT_INVALID


def test_suspended_credential_gets_further_copies_once_it_is_reinstated(university: University) -> None:
    tokens, _ = begin(university)
    record = the_record(university)
    change_status(university.register, record.id, Status.SUSPENDED, now=NOW)
    more = university.refresh(tokens.refresh_token)
    assert refused(lambda: university.issue(more.access_token)) is Code.ISSUANCE_REFUSED
    change_status(university.register, record.id, Status.VALID, now=NOW)
    university.issue(more.access_token, university.proofs(2, first=3))


def test_where_no_refill_is_allowed_there_is_no_refresh_token(university: University) -> None:
    university.allow_refill(days=0)
    tokens, _ = begin(university)
    assert tokens.refresh_token is None
    assert not keeps_claims(university)
    assert the_record(university).refill_until is None


def test_refill_is_allowed_for_no_longer_than_the_credential_is_valid(university: University) -> None:
    university.allow_refill(days=36_500)
    begin(university)
    assert the_record(university).refill_until == NOW + timedelta(days=1825)


def test_offer_that_outlives_the_time_for_refills_brings_no_refresh_token(university: University) -> None:
    university.allow_refill(days=1)
    created = university.offer()
    with university.register.begin() as connection:
        connection.execute(offers.update().values(expires_at=int((NOW + DAYS).timestamp())))
    university.clock.advance(timedelta(days=1))
    assert university.tokens(created.code).refresh_token is None


# Which refresh token is good


def test_refresh_token_is_good_until_something_that_came_for_it_is_used(university: University) -> None:
    tokens, _ = begin(university)
    lost = university.refresh(tokens.refresh_token)
    more = university.refresh(tokens.refresh_token)
    # What got lost is good for nothing.
    assert refused(lambda: university.issue(lost.access_token)) is Code.ACCESS_TOKEN_INVALID
    university.issue(more.access_token, university.proofs(2, first=3))
    assert refused(lambda: university.refresh(tokens.refresh_token)) is Code.GRANT_INVALID


def test_next_refresh_token_is_good_though_its_access_token_was_never_used(university: University) -> None:
    tokens, _ = begin(university)
    more = university.refresh(tokens.refresh_token)
    university.clock.advance(ACCESS_TOKEN_LIFETIME)
    assert refused(lambda: university.issue(more.access_token)) is Code.ACCESS_TOKEN_INVALID
    again = university.refresh(more.refresh_token)
    university.issue(again.access_token, university.proofs(2, first=3))
    assert the_record(university).copies == 4


def test_access_tokens_are_not_collected_for_a_flood_of_copies(university: University) -> None:
    tokens, _ = begin(university)
    first = university.refresh(tokens.refresh_token)
    second = university.refresh(first.refresh_token)
    assert refused(lambda: university.issue(first.access_token)) is Code.ACCESS_TOKEN_INVALID
    university.issue(second.access_token, university.proofs(2, first=3))


@pytest.mark.both_engines
def test_of_many_concurrent_answers_to_one_refresh_token_one_is_good(
    university: University, crowd: int
) -> None:
    tokens, _ = begin(university)
    given: list[TokenResponse] = []
    outcomes = in_threads(crowd, lambda: given.append(university.refresh(tokens.refresh_token)))
    assert outcomes == [None] * crowd
    issued = []
    for each in given:
        with suppress(RefusedError):
            issued.append(university.issue(each.access_token, university.proofs(2, first=3)))
    assert len(issued) == 1
    assert the_record(university).copies == 4


@pytest.mark.both_engines
@pytest.mark.parametrize("used", ["access token", "refresh token"])
def test_spent_refresh_token_that_is_used_again_ends_the_refill_for_everybody(
    university: University, used: str
) -> None:
    tokens, _ = begin(university)
    more = university.refresh(tokens.refresh_token)
    if used == "access token":
        university.issue(more.access_token, university.proofs(2, first=3))
    else:
        university.refresh(more.refresh_token)
    assert refused(lambda: university.refresh(tokens.refresh_token)) is Code.GRANT_INVALID
    assert refused(lambda: university.refresh(more.refresh_token)) is Code.GRANT_INVALID
    assert not keeps_claims(university)


def test_unknown_refresh_token_is_refused_and_changes_nothing(university: University) -> None:
    tokens, _ = begin(university)
    assert refused(lambda: university.refresh("guess")) is Code.GRANT_INVALID
    assert refused(lambda: university.refresh(tokens.access_token)) is Code.GRANT_INVALID
    university.refresh(tokens.refresh_token)


def test_refresh_token_lies_in_the_register_as_a_digest_only(university: University) -> None:
    tokens, _ = begin(university)
    with university.register.begin() as connection:
        (kept,) = connection.execute(select(refresh_tokens.c.digest)).scalars()
    assert tokens.refresh_token is not None
    assert len(kept) == 32
    assert tokens.refresh_token.encode() not in kept


def test_refresh_token_waits_until_its_credential_was_issued(university: University) -> None:
    tokens = university.tokens(university.offer().code)
    assert refused(lambda: university.refresh(tokens.refresh_token)) is Code.GRANT_INVALID
    university.issue(tokens.access_token)
    university.refresh(tokens.refresh_token)


def test_withdrawn_offer_takes_its_refresh_token_with_it(university: University) -> None:
    created = university.offer()
    university.tokens(created.code)
    withdraw_offer(university.register, created.id)
    with university.register.begin() as connection:
        assert connection.execute(select(refresh_tokens)).all() == []


# What a lost answer costs


@pytest.mark.both_engines
def test_same_keys_get_the_same_further_copies_again(university: University) -> None:
    tokens, _ = begin(university)
    more = university.refresh(tokens.refresh_token)
    first = university.issue(more.access_token, university.proofs(2, first=3))
    university.clock.advance(COMPLETION_TIME - timedelta(seconds=1))
    again = university.issue(more.access_token, university.proofs(2, first=3))
    assert [*map(place, again.credentials)] == [*map(place, first.credentials)]
    assert again.notification_id == first.notification_id
    assert the_record(university).copies == 4
    assert refused(lambda: university.issue(more.access_token, university.proofs(2))) is Code.ISSUANCE_REFUSED


def test_wallet_tells_of_its_further_copies(university: University) -> None:
    tokens, _ = begin(university)
    more = university.refresh(tokens.refresh_token)
    issued = university.issue(more.access_token, university.proofs(2, first=3))
    notify(university, more, issued, NotificationEvent.FAILURE)
    assert the_record(university).notified == "credential_failure"
    notify(university, more, issued, NotificationEvent.ACCEPTED)
    assert the_record(university).notified == "credential_accepted"
    assert keeps_claims(university)


def test_no_more_copies_come_at_once_than_were_offered(university: University) -> None:
    tokens, _ = begin(university, copies=2)
    more = university.refresh(tokens.refresh_token)
    assert len(university.issue(more.access_token, university.proofs(5, first=3)).credentials) == 2


# When it is over


@pytest.mark.both_engines
def test_claims_are_kept_while_further_copies_may_be_fetched_and_no_longer(university: University) -> None:
    tokens, _ = begin(university)
    university.clock.advance(DAYS - timedelta(seconds=1))
    remove_expired(university.register, now=university.clock.now)
    assert keeps_claims(university)
    more = university.refresh(tokens.refresh_token)
    university.clock.advance(timedelta(seconds=1))
    assert refused(lambda: university.refresh(more.refresh_token)) is Code.GRANT_INVALID
    remove_expired(university.register, now=university.clock.now)
    assert not keeps_claims(university)
    assert refused(lambda: university.issue(more.access_token)) is Code.ISSUANCE_REFUSED
    with university.register.begin() as connection:
        assert connection.execute(select(refresh_tokens)).all() == []


def test_wallet_that_wants_the_credential_no_more_ends_its_refill(university: University) -> None:
    tokens = university.tokens(university.offer().code)
    issued = university.issue(tokens.access_token)
    notify(university, tokens, issued, NotificationEvent.DELETED)
    assert not keeps_claims(university)
    assert refused(lambda: university.refresh(tokens.refresh_token)) is Code.GRANT_INVALID


def test_refill_of_a_day_does_not_shorten_the_time_to_complete(university: University) -> None:
    university.allow_refill(days=1)
    created = university.offer()
    university.clock.advance(timedelta(minutes=30))
    tokens = university.tokens(created.code)
    university.issue(tokens.access_token)
    university.clock.advance(COMPLETION_TIME - timedelta(seconds=1))
    remove_expired(university.register, now=university.clock.now)
    issued = university.issue(tokens.access_token)
    notify(university, tokens, issued, NotificationEvent.ACCEPTED)
    assert not keeps_claims(university)


def test_institution_forgets_what_it_kept_and_the_copies_stay_good(university: University) -> None:
    tokens, issued = begin(university)
    for _ in range(2):
        record = end_refill(university.register, the_record(university).id)
        assert (record.refill_until, record.status) == (None, Status.VALID)
    assert not keeps_claims(university)
    assert refused(lambda: university.refresh(tokens.refresh_token)) is Code.GRANT_INVALID
    verified(university, issued.credentials[0])


def test_unknown_credential_has_nothing_to_forget(university: University) -> None:
    assert refused(lambda: end_refill(university.register, "x")) is Code.CREDENTIAL_NOT_FOUND


def test_one_wallet_cannot_use_up_the_status_lists(
    university: University, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens, _ = begin(university)
    monkeypatch.setattr(refill, "MAX_COPIES", 4)
    tokens = university.refresh(tokens.refresh_token)
    university.issue(tokens.access_token, university.proofs(2, first=3))
    assert refused(lambda: university.refresh(tokens.refresh_token)) is Code.GRANT_INVALID
    assert not keeps_claims(university)


# At the door


def test_refill_goes_over_http(door: Door) -> None:
    university = door.university
    university.allow_refill()
    token = parse_token_response(door.exchange(*door.code()).body)
    assert door.credential(token.access_token, request(*university.proofs(1))).status == 200
    form = {"grant_type": "refresh_token", "refresh_token": token.refresh_token}
    answer = door.browser.post("/token", urlencode(form), kind=FORM)
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    more = parse_token_response(answer.body)
    assert door.credential(more.access_token, request(*university.proofs(1, first=2))).status == 200
    again = door.browser.post("/token", urlencode(form), kind=FORM)
    assert (again.status, again.json["error"]) == (400, "invalid_grant")
    records = door.browser.get("/manage/credentials", **door.key).json["credentials"]
    assert [record["copies"] for record in records] == [2]


def test_program_of_the_institution_ends_a_refill(door: Door) -> None:
    door.university.allow_refill()
    token = door.token()
    assert door.credential(token, request(*door.university.proofs(1))).status == 200
    records = door.browser.get("/manage/credentials", **door.key).json["credentials"]
    (record,) = [record for record in records if record["refill_until"] is not None]
    assert record["refill_until"] == encode_utc(NOW + DAYS)
    path = f"/manage/credentials/{record['id']}/forget"
    answer = door.browser.post(path, **door.key)
    assert (answer.status, answer.json) == (200, record | {"refill_until": None})
    assert door.browser.post(path, **bearer("tally_issuer_x_y")).status == 401
