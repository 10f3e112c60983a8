"""What became of a request, and when it is forgotten.

What was presented is deleted when the promised time is over: by a sweeper that comes every minute, and
before anything is read, so that nobody is ever shown what should be gone. The outcome and the checks, in
which there are no values, stay until the request is removed.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, delete, select, update
from sqlalchemy.engine import Engine

from protocol.codes import Audience, Code, find_code
from protocol.encoding.members import object_member
from protocol.encoding.strict_json import JsonObject, JsonValue, parse_json
from protocol.encoding.time import encode_utc, from_seconds, to_seconds
from protocol.errors import RefusedError
from storage.database import erase_traces, read_only
from storage.register import digest
from verifier.register import RequestState, requests
from verifier.verifier import Verifier

# Whose browser has not come back yet is told no more than when nobody has answered.
_WORDS = {state: state.value for state in RequestState} | {RequestState.RETURNING: RequestState.PENDING.value}


@dataclass(frozen=True, slots=True)
class RequestResult:
    """What may be told of a request.

    Attributes:
        id: Its id.
        status: `pending`, `verified`, `refused` or `expired`.
        checks: Each check with its outcome and what it means.
        error: Why it was refused, or what stands in the way while it is pending.
        presented: The claims and where they are from, until they are deleted.
        delete_at: When they are; None if they are not kept.
        expires_at: Until when it can, or could, be answered.
    """

    id: str
    status: str
    checks: list[JsonObject]
    error: Code | None
    presented: JsonObject | None
    delete_at: datetime | None
    expires_at: datetime


def read_result(
    verifier: Verifier, request_id: str, *, response_code: str | None = None, now: datetime
) -> RequestResult:
    """What became of the request `request_id`.

    Where a browser began the request, the result is shown only after it came back with the response code:
    `response_code` is the one it brought.

    Raises:
        RefusedError: no such request, or not its response code.
    """
    forget_overdue(verifier.register, now=now)
    if response_code is not None:
        redeem_response_code(verifier.register, response_code, request_id=request_id, now=now)
    with read_only(verifier.register).begin() as connection:
        row = connection.execute(select(requests).where(requests.c.id == request_id)).one_or_none()
    if row is None:
        raise RefusedError(Code.REQUEST_NOT_FOUND)
    return _result(verifier, row)


def redeem_response_code(
    register: Engine, response_code: str, *, request_id: str | None = None, now: datetime
) -> None:
    """Use the response code up with which a browser comes back, which releases the result.

    Raises:
        RefusedError: RESPONSE_CODE_INVALID, also when it is the code of another request than `request_id`.
    """
    chosen = [
        requests.c.response_code_digest == digest(response_code),
        requests.c.state == RequestState.RETURNING,
        requests.c.overdue_at > to_seconds(now),
    ]
    if request_id is not None:
        chosen.append(requests.c.id == request_id)
    with register.begin() as connection:
        released = connection.execute(
            update(requests)
            .where(and_(*chosen))
            .values(
                state=RequestState.VERIFIED,
                overdue_at=requests.c.answered_at + requests.c.retention_seconds,
            )
        )
    if released.rowcount != 1:
        raise RefusedError(Code.RESPONSE_CODE_INVALID)


def remove_request(register: Engine, request_id: str) -> None:
    """Remove a request with everything that is known of it. It cannot be answered any more.

    Raises:
        RefusedError: there is no such request.
    """
    with register.begin() as connection:
        removed = connection.execute(delete(requests).where(requests.c.id == request_id))
    if removed.rowcount != 1:
        raise RefusedError(Code.REQUEST_NOT_FOUND)
    erase_traces(register)


def forget_overdue(register: Engine, *, now: datetime) -> None:
    """Delete what was presented and is kept long enough, and let expire what nobody came for in time."""
    overdue = requests.c.overdue_at <= to_seconds(now)
    with read_only(register).begin() as connection:
        if connection.execute(select(requests.c.id).where(overdue).limit(1)).first() is None:
            return
    with register.begin() as connection:
        # In order, because everybody who reads a result comes by here.
        connection.execute(select(requests.c.id).where(overdue).order_by(requests.c.id).with_for_update())
        waiting = requests.c.state.in_([RequestState.PENDING, RequestState.RETURNING])
        connection.execute(update(requests).where(overdue, waiting).values(state=RequestState.EXPIRED))
        connection.execute(update(requests).where(overdue).values(sealed=None, overdue_at=None))


def result_document(result: RequestResult) -> JsonObject:
    """`result` as the management API and the command tell it."""
    presented = result.presented
    document: JsonObject = {
        "id": result.id,
        "status": result.status,
        "checks": list[JsonValue](result.checks),
        "claims": {} if presented is None else object_member(presented, "claims"),
        "credentials": [] if presented is None else presented["credentials"],
        "delete_at": None if result.delete_at is None else encode_utc(result.delete_at),
        "expires_at": encode_utc(result.expires_at),
    }
    if result.error is not None:
        document["error"] = error_document(result.error)
    return document


def error_document(code: Code, detail: str = "") -> JsonObject:
    """An error as every answer tells it: its code, what it means, what to do."""
    message = f"{code.meaning} ({detail})" if detail else code.meaning
    return {"code": code.value, "message": message, "hint": code.remedy_for(Audience.VERIFIER)}


def _result(verifier: Verifier, row: Row[Any]) -> RequestResult:
    state = RequestState(row.state)
    is_released = state is RequestState.VERIFIED
    is_hidden = state is RequestState.RETURNING or (
        state is RequestState.EXPIRED and row.response_code_digest is not None
    )
    shows_presented = is_released and row.sealed is not None
    return RequestResult(
        id=row.id,
        status=_WORDS[state],
        checks=[] if is_hidden or row.checks is None else _parse_checks(row.checks),
        error=None if row.error is None else find_code(row.error),
        presented=verifier.seal.open(row.sealed, record_id=row.id) if shows_presented else None,
        delete_at=from_seconds(row.overdue_at) if shows_presented else None,
        expires_at=from_seconds(row.expires_at),
    )


def _parse_checks(text: str) -> list[JsonObject]:
    checks = parse_json(text)
    assert isinstance(checks, list), "checks are written as a list"
    return [check for check in checks if isinstance(check, dict)]
