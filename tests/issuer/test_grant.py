import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from issuer import grant
from issuer.grant import ACCESS_TOKEN_LIFETIME, exchange_code, find_grant
from issuer.offer import list_offers
from issuer.register import OfferState, access_tokens, list_credentials, offers
from protocol.codes import Code
from protocol.errors import RefusedError, TallyError, UnavailableError
from protocol.openid4vci.token import TokenRequest
from tests.counted import NOW
from tests.issuer.university import University


def refused(act: Callable[[], object]) -> Code:
    with pytest.raises(TallyError) as refusal:
        act()
    return refusal.value.code


def in_threads(crowd: int, act: Callable[[], object]) -> list[Code | None]:
    """The codes `act` was refused with in each of so many threads that begin at once; None for success."""
    outcomes: list[Code | None] = []
    barrier = threading.Barrier(crowd)

    def run() -> None:
        barrier.wait()
        try:
            act()
        except TallyError as error:
            outcomes.append(error.code)
        else:
            outcomes.append(None)

    threads = [threading.Thread(target=run) for _ in range(crowd)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def count_tokens(university: University) -> int:
    with university.register.begin() as connection:
        return connection.execute(select(func.count()).select_from(access_tokens)).scalar_one()


@pytest.mark.both_engines
def test_token_stands_for_what_was_offered(university: University) -> None:
    created = university.offer(copies=3)
    token = university.exchange(created.code)
    with university.register.begin() as connection:
        found = find_grant(connection, token, now=NOW)
    assert (found.offer, found.type, found.copies) == (created.id, "degree", 3)
    (record,) = list_offers(university.register)
    assert (record.state, record.expires_at) == (OfferState.GRANTED, NOW + ACCESS_TOKEN_LIFETIME)


def test_identifiers_are_given_when_they_are_asked_for(university: University) -> None:
    created = university.offer()
    request = TokenRequest(created.code, configuration_ids=("degree",))
    response = exchange_code(university.institution, request, now=NOW, entropy=university.entropy)
    assert response.credential_identifiers == {"degree": (created.id,)}
    assert response.expires_in == timedelta(minutes=5)


def test_details_of_another_type_are_refused_and_the_code_stays_good(university: University) -> None:
    created = university.offer()
    request = TokenRequest(created.code, configuration_ids=("degree", "identity_card"))
    code = refused(
        lambda: exchange_code(university.institution, request, now=NOW, entropy=university.entropy)
    )
    assert code is Code.MEMBER_INVALID
    university.exchange(created.code)


@pytest.mark.parametrize("tries", [0, 1, 4])
def test_right_transaction_code_is_taken_up_to_the_fifth_try(university: University, tries: int) -> None:
    created = university.offer(with_tx_code=True)
    for _ in range(tries):
        assert refused(lambda: university.exchange(created.code, "wrong")) is Code.TRANSACTION_CODE_WRONG
    university.exchange(created.code, created.tx_code)


@pytest.mark.both_engines
def test_wrong_transaction_code_is_told_how_many_tries_are_left(university: University) -> None:
    created = university.offer(with_tx_code=True)
    told = []
    for _ in range(5):
        with pytest.raises(RefusedError) as refusal:
            university.exchange(created.code, "wrong")
        told.append(refusal.value.detail)
    assert told == [
        "4 tries left",
        "3 tries left",
        "2 tries left",
        "1 try left",
        "that was the last try; the offer is closed",
    ]


@pytest.mark.both_engines
def test_claims_are_forgotten_when_the_code_is_dead(university: University) -> None:
    created = university.offer(with_tx_code=True)
    for _ in range(5):
        assert refused(lambda: university.exchange(created.code, "wrong")) is Code.TRANSACTION_CODE_WRONG
    with university.register.begin() as connection:
        row = connection.execute(select(offers)).one()
    assert (row.state, row.sealed, row.tries_left) == (OfferState.BLOCKED, None, 0)
    assert refused(lambda: university.exchange(created.code, created.tx_code)) is Code.GRANT_INVALID


def test_missing_transaction_code_costs_no_try(university: University) -> None:
    created = university.offer(with_tx_code=True)
    for _ in range(10):
        assert refused(lambda: university.exchange(created.code)) is Code.TRANSACTION_CODE_REQUIRED
    university.exchange(created.code, created.tx_code)


@pytest.mark.parametrize("_case", ["NT-I05"])
@pytest.mark.both_engines
def test_of_many_concurrent_redemptions_of_one_code_one_gets_a_token(
    university: University, crowd: int, _case: str
) -> None:
    created = university.offer()
    outcomes = in_threads(crowd, lambda: university.exchange(created.code))
    assert sorted(outcomes, key=str) == [None, *[Code.GRANT_INVALID] * (crowd - 1)]
    assert count_tokens(university) == 1


@pytest.mark.both_engines
def test_many_concurrent_guesses_get_no_more_than_five_tries(university: University, crowd: int) -> None:
    created = university.offer(with_tx_code=True)
    guesses = iter(range(crowd))
    outcomes = in_threads(crowd, lambda: university.exchange(created.code, f"{next(guesses):03}"))
    told = [Code.GRANT_INVALID] * (crowd - 5) + [Code.TRANSACTION_CODE_WRONG] * 5
    assert sorted(outcomes, key=str) == told
    with university.register.begin() as connection:
        assert connection.execute(select(offers.c.tries_left)).scalar_one() == 0


@pytest.mark.both_engines
def test_of_many_wallets_with_one_token_one_gets_a_credential(university: University, crowd: int) -> None:
    token = university.exchange(university.offer().code)
    proofs = iter([[university.proof(number)] for number in range(1, crowd + 1)])
    outcomes = in_threads(crowd, lambda: university.issue(token, next(proofs)))
    assert sorted(outcomes, key=str) == [None, *[Code.ISSUANCE_REFUSED] * (crowd - 1)]


@pytest.mark.both_engines
def test_many_concurrent_requests_of_one_wallet_get_one_credential(
    university: University, crowd: int
) -> None:
    token = university.exchange(university.offer().code)
    proofs = iter([university.proofs(3) for _ in range(crowd)])
    assert in_threads(crowd, lambda: university.issue(token, next(proofs))) == [None] * crowd
    (record,) = list_credentials(university.register)
    assert record.copies == 3


@pytest.mark.both_engines
def test_of_many_tokens_with_one_nonce_one_gets_a_credential(university: University, crowd: int) -> None:
    proofs = university.proofs(1)
    tokens = iter([university.exchange(university.offer().code) for _ in range(crowd)])
    outcomes = in_threads(crowd, lambda: university.issue(next(tokens), proofs))
    assert sorted(outcomes, key=str) == [None, *[Code.PROOF_NONCE_INVALID] * (crowd - 1)]


def test_strangers_cannot_fill_the_register_with_nonces(
    university: University, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grant, "MAX_LIVE_NONCES", 3)
    for _ in range(3):
        university.nonce()
    with pytest.raises(UnavailableError):
        university.nonce()
    university.clock.advance(timedelta(minutes=5))
    university.nonce()


def test_nonces_are_all_different(university: University) -> None:
    assert len({university.nonce() for _ in range(50)}) == 50


def test_token_is_good_for_five_minutes_to_begin_with(university: University) -> None:
    token = university.exchange(university.offer().code)
    university.clock.advance(timedelta(minutes=5, seconds=-1))
    university.issue(token)
    other = university.exchange(university.offer().code)
    university.clock.advance(timedelta(minutes=5))
    with pytest.raises(RefusedError) as refusal:
        university.issue(other)
    assert refusal.value.code is Code.ACCESS_TOKEN_INVALID
