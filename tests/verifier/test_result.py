import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest
from sqlalchemy import select

from protocol.codes import Audience, Code
from protocol.errors import RefusedError, UnavailableError
from storage.database import erase_traces
from storage.register import digest
from storage.seal import Seal
from tests.attacks.artefacts import NOW
from tests.verifier.shop import Shop, found_in, issue, reference_of
from verifier.register import RequestState, requests
from verifier.request import CreatedRequest
from verifier.result import (
    forget_overdue,
    read_result,
    redeem_response_code,
    remove_request,
    result_document,
)


def test_pending_request_tells_nothing_yet(shop: Shop) -> None:
    created = shop.ask()
    assert result_document(shop.result(created)) == {
        "id": created.id,
        "status": "pending",
        "checks": [],
        "claims": {},
        "credentials": [],
        "delete_at": None,
        "expires_at": "2026-11-22T12:05:00Z",
    }


def test_refused_request_tells_why(shop: Shop) -> None:
    created = shop.ask("level", "field")
    with pytest.raises(Exception, match="not what was asked for"):
        shop.receive(created, shop.answer(created, "level"))
    document = result_document(shop.result(created))
    assert document["status"] == "refused"
    assert document["error"] == {
        "code": "query_not_satisfied",
        "message": Code.QUERY_NOT_SATISFIED.meaning,
        "hint": Code.QUERY_NOT_SATISFIED.remedy_for(Audience.VERIFIER),
    }


@pytest.mark.parametrize("request_id", ["", "0" * 16, "reference"])
def test_result_is_found_by_its_id_alone(shop: Shop, request_id: str) -> None:
    created = shop.answered()
    with pytest.raises(RefusedError) as refusal:
        read_result(
            shop.verifier, reference_of(created) if request_id == "reference" else request_id, now=NOW
        )
    assert refusal.value.code is Code.REQUEST_NOT_FOUND


@pytest.mark.both_engines
def test_claims_are_deleted_before_they_are_read_too_late(shop: Shop) -> None:
    created = shop.answered("level", retention=timedelta(days=1))
    kept = shop.result(created)
    assert kept.delete_at == shop.clock() + timedelta(days=1)
    shop.clock.advance(days=1, seconds=-1)
    assert shop.result(created) == kept
    shop.clock.advance(seconds=1)
    deleted = shop.result(created)
    assert (deleted.status, deleted.presented, deleted.delete_at) == ("verified", None, None)
    assert deleted.checks == kept.checks
    assert sealed(shop) == [None]


@pytest.mark.both_engines
def test_sweeper_deletes_what_is_overdue_and_nothing_else(shop: Shop) -> None:
    early = shop.answered("level", retention=timedelta(days=1))
    late = shop.answered("level", retention=timedelta(days=2))
    waiting = shop.ask(lifetime=timedelta(hours=1))
    unanswered = shop.ask()
    shop.clock.advance(minutes=59)
    forget_overdue(shop.register, now=shop.clock())
    assert states(shop) == {
        early.id: RequestState.VERIFIED,
        late.id: RequestState.VERIFIED,
        waiting.id: RequestState.PENDING,
        unanswered.id: RequestState.EXPIRED,
    }
    shop.clock.advance(days=1)
    forget_overdue(shop.register, now=shop.clock())
    assert [each is None for each in sealed(shop)].count(True) == 3
    assert shop.result(late).presented is not None


def test_nothing_that_was_deleted_lingers_in_any_file(shop: Shop) -> None:
    created = shop.answered("level", credential=issue(level="Xanadu"))
    ciphertext = next(each for each in sealed(shop) if each is not None)[30:60]
    assert holds(shop.folder, ciphertext)
    shop.clock.advance(days=1)
    forget_overdue(shop.register, now=shop.clock())
    erase_traces(shop.register)
    assert not holds(shop.folder, ciphertext)
    assert shop.result(created).presented is None


def test_journal_on_a_faulty_disk_is_reported(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    class Faulty:
        def cursor(self) -> NoReturn:
            raise sqlite3.OperationalError("disk I/O error")

        def close(self) -> None:
            pass

    monkeypatch.setattr(type(shop.register), "raw_connection", lambda _engine: Faulty())
    with pytest.raises(UnavailableError) as unavailable:
        erase_traces(shop.register)
    assert unavailable.value.code is Code.DISK_ERROR


@pytest.mark.both_engines
def test_removed_request_is_gone_with_everything_and_cannot_be_answered(shop: Shop) -> None:
    answered, open_one = shop.answered("level"), shop.ask("level")
    ciphertext = next(each for each in sealed(shop) if each is not None)[30:60]
    body = shop.answer(open_one)
    for created in (answered, open_one):
        remove_request(shop.register, created.id)
        with pytest.raises(RefusedError) as refusal:
            shop.result(created)
        assert refusal.value.code is Code.REQUEST_NOT_FOUND
    assert not holds(shop.folder, ciphertext)
    assert found_in(shop.folder, "Job application") == []
    with pytest.raises(RefusedError) as refusal:
        shop.receive(open_one, body)
    assert refusal.value.code is Code.REQUEST_NOT_FOUND
    with pytest.raises(RefusedError) as refusal:
        remove_request(shop.register, answered.id)
    assert refusal.value.code is Code.REQUEST_NOT_FOUND


def test_sealed_answer_opens_only_with_its_key_and_for_its_request(shop: Shop) -> None:
    first, second = shop.answered("level"), shop.answered("level")
    seal = shop.verifier.seal
    with shop.register.begin() as connection:
        row = connection.execute(select(requests).where(requests.c.id == first.id)).one()
    assert seal.open(row.sealed, record_id=first.id)["claims"] == {"level": "master"}
    for other, request_id in ((seal, second.id), (Seal(bytes(32)), first.id)):
        with pytest.raises(UnavailableError) as damaged:
            other.open(row.sealed, record_id=request_id)
        assert damaged.value.code is Code.DATABASE_DAMAGED


# The same device: the result is released only to who comes back with the response code.


def returning(shop: Shop, **changes: Any) -> tuple[CreatedRequest, str]:
    created = shop.ask("level", redirect_uri="https://shop.example/thanks", **changes)
    redirect_uri = shop.receive(created, shop.answer(created))
    assert redirect_uri is not None
    address, _, code = redirect_uri.partition("?response_code=")
    assert address == "https://shop.example/thanks"
    assert len(code) == 22
    return created, code


@pytest.mark.both_engines
def test_result_is_released_by_its_response_code_once(shop: Shop) -> None:
    created, code = returning(shop)
    waiting = shop.result(created)
    assert (waiting.status, waiting.checks, waiting.presented) == ("pending", [], None)
    released = shop.result(created, response_code=code)
    assert released.status == "verified"
    assert released.presented is not None
    with pytest.raises(RefusedError) as refusal:
        shop.result(created, response_code=code)
    assert refusal.value.code is Code.RESPONSE_CODE_INVALID
    assert shop.result(created) == released
    assert found_in(shop.folder, code) == []
    shop.clock.advance(days=1)
    assert shop.result(created).presented is None


def test_response_code_of_another_request_releases_neither(shop: Shop) -> None:
    (first, code), (second, _) = returning(shop), returning(shop)
    for response_code in (code, "", "x" * 22):
        with pytest.raises(RefusedError) as refusal:
            shop.result(second, response_code=response_code)
        assert refusal.value.code is Code.RESPONSE_CODE_INVALID
    assert shop.result(first).status == shop.result(second).status == "pending"


@pytest.mark.both_engines
def test_browser_that_never_comes_back_gets_nothing_and_neither_does_anybody_else(shop: Shop) -> None:
    created, code = returning(shop)
    shop.clock.advance(minutes=5)
    with pytest.raises(RefusedError) as refusal:
        redeem_response_code(shop.register, code, now=shop.clock())
    assert refusal.value.code is Code.RESPONSE_CODE_INVALID
    expired = shop.result(created)
    assert (expired.status, expired.checks, expired.presented) == ("expired", [], None)
    assert sealed(shop) == [None]
    with pytest.raises(RefusedError) as refusal:
        redeem_response_code(shop.register, code, now=shop.clock())
    assert refusal.value.code is Code.RESPONSE_CODE_INVALID


def test_browser_comes_back_although_nothing_is_kept(shop: Shop) -> None:
    created, code = returning(shop, retention=timedelta(0))
    released = shop.result(created, response_code=code)
    assert (released.status, released.presented) == ("verified", None)
    assert shop.result(created) == released


def test_response_code_is_joined_to_an_address_that_has_a_query(shop: Shop) -> None:
    created = shop.ask(redirect_uri="https://shop.example/thanks?cart=7")
    redirect_uri = shop.receive(created, shop.answer(created)) or ""
    assert redirect_uri.startswith("https://shop.example/thanks?cart=7&response_code=")


def test_refused_answer_sends_no_browser_anywhere(shop: Shop) -> None:
    created = shop.ask("level", "field", redirect_uri="https://shop.example/thanks")
    with pytest.raises(Exception, match="not what was asked for"):
        shop.receive(created, shop.answer(created, "level"))
    assert shop.result(created).status == "refused"


def test_code_is_kept_as_its_digest(shop: Shop) -> None:
    _, code = returning(shop)
    with shop.register.begin() as connection:
        assert connection.execute(select(requests.c.response_code_digest)).scalar_one() == digest(code)


def sealed(shop: Shop) -> list[bytes | None]:
    with shop.register.begin() as connection:
        return [row.sealed for row in connection.execute(select(requests.c.sealed))]


def states(shop: Shop) -> dict[str, RequestState]:
    with shop.register.begin() as connection:
        rows = connection.execute(select(requests.c.id, requests.c.state))
        return {row.id: RequestState(row.state) for row in rows}


def holds(folder: Path, data: bytes) -> bool:
    return any(data in file.read_bytes() for file in folder.rglob("*") if file.is_file())
