"""Several who want to change the same request at the same moment."""

from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select

from protocol.codes import Code
from tests.racing import race
from tests.verifier.shop import Shop
from verifier.register import RequestState, requests
from verifier.result import RequestResult, forget_overdue, redeem_response_code, remove_request

pytestmark = pytest.mark.both_engines


def test_what_is_overdue_is_shown_to_nobody_however_many_look(shop: Shop) -> None:
    answered = [shop.answered("level", retention=timedelta(days=1)) for _ in range(3)]
    waiting = [shop.ask() for _ in range(3)]
    shop.clock.advance(days=1)
    looks = [partial(shop.result, each) for each in answered + waiting]
    outcomes = race(shop.register, *looks, *[partial(forget_overdue, shop.register, now=shop.clock())] * 4)
    results = [each for each in outcomes if isinstance(each, RequestResult)]
    assert [each.status for each in results] == ["verified"] * 3 + ["expired"] * 3
    assert {each.presented is None for each in results} == {True}
    with shop.register.begin() as connection:
        kept = connection.execute(select(requests).where(requests.c.sealed.is_not(None))).all()
    assert kept == []


def test_request_is_answered_or_removed_and_never_both(shop: Shop) -> None:
    for _ in range(3):
        created = shop.ask()
        received, removed = race(
            shop.register,
            partial(shop.receive, created, shop.answer(created)),
            partial(remove_request, shop.register, created.id),
        )
        assert received in (None, Code.REQUEST_NOT_FOUND)
        assert removed is None
        with shop.register.begin() as connection:
            assert connection.execute(select(requests).where(requests.c.id == created.id)).all() == []


def test_response_code_is_good_for_one_of_many_browsers(shop: Shop) -> None:
    created = shop.ask(redirect_uri="https://shop.example/done")
    address = shop.receive(created, shop.answer(created)) or ""
    code = address.rpartition("=")[2]
    redeem = partial(redeem_response_code, shop.register, code, now=shop.clock())
    assert (
        sorted(map(str, race(shop.register, *[redeem] * 6)))
        == ["None"] + [str(Code.RESPONSE_CODE_INVALID)] * 5
    )
    with shop.register.begin() as connection:
        assert connection.execute(select(requests.c.state)).scalar_one() == RequestState.VERIFIED
