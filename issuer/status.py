"""Whether an issued credential still counts: its place in a status list, its changes, the signed list.

Each copy of a credential has a place of its own, drawn at random in a list of a fixed size, so that neither
two copies nor two holders can be told to belong together by their numbers, and a list does not tell how
much was issued. Everything the lists say is derived from the register; a signed list is only a copy.
"""

import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select, update
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import IntegrityError

from issuer.institution import Institution
from issuer.register import (
    CredentialRecord,
    copies,
    credentials,
    find_credential,
    forget_claims,
    lock_offers,
    offers,
    status_lists,
)
from protocol.codes import Code
from protocol.encoding.time import to_seconds
from protocol.errors import RefusedError
from protocol.status_list import Status, StatusList, create_status_list_token
from storage.database import read_only
from storage.register import Entropy

MIN_LIST_SIZE = 1 << 17
STATUS_BITS = 2  # so that suspended can be told from revoked


@dataclass(frozen=True, slots=True)
class Place:
    """A place in one of the institution's status lists."""

    list: int
    index: int


def status_list_uri(issuer_url: str, number: int) -> str:
    """Where the list `number` of the institution is served."""
    return f"{issuer_url}/status/{number}"


def draw_place(connection: Connection, *, list_size: int, entropy: Entropy) -> Place:
    """A free place at random in the newest list, or in a new one of `list_size` if that is 3/4 full.

    The place is free until this transaction ends; `record_copy` takes it.
    """
    number, size = _list_with_room(connection, list_size)
    while True:
        index = int.from_bytes(entropy(8)) % size
        taken = select(copies.c.idx).where(copies.c.list == number, copies.c.idx == index)
        if connection.execute(taken).first() is None:
            return Place(number, index)


def record_copy(
    connection: Connection, credential_id: str, place: Place, *, holder_key: str, refill: int
) -> None:
    """Record that a copy of a credential, bound to the key of this thumbprint, has its status at `place`;
    `refill` is the number of the refill it came with, 0 for none.

    Raises:
        RefusedError: another copy has it there already.
    """
    try:
        with connection.begin_nested():
            connection.execute(
                insert(copies).values(
                    list=place.list,
                    idx=place.index,
                    credential=credential_id,
                    refill=refill,
                    holder_key=holder_key,
                )
            )
    except IntegrityError as error:
        raise RefusedError(Code.STATUS_INDEX_TAKEN) from error


def change_status(register: Engine, credential_id: str, status: Status, *, now: datetime) -> CredentialRecord:
    """Give a credential, with all its copies, another status, and return its record.

    INVALID is final: what is still sealed of the credential, for its delivery or for further copies, is
    forgotten. Asking for the status it has already changes nothing.

    Raises:
        RefusedError: no such credential, or it was revoked.
    """
    of_this = credentials.c.id == credential_id
    its_offer = select(credentials.c.offer).where(of_this)
    with register.begin() as connection:
        lock_offers(connection, offers.c.id.in_(its_offer))
        changed = connection.execute(
            update(credentials)
            .where(of_this, credentials.c.status.not_in([Status.INVALID, status]))
            .values(status=status, status_changed_at=to_seconds(now))
        )
        record = find_credential(connection, credential_id)
        if changed.rowcount == 0 and record.status is not status:
            raise RefusedError(Code.STATUS_FINAL)
        if changed.rowcount:
            is_touched = status_lists.c.number.in_(
                select(copies.c.list).where(copies.c.credential == credential_id)
            )
            in_order = select(status_lists.c.number).where(is_touched).order_by(status_lists.c.number)
            connection.execute(in_order.with_for_update())
            newer = update(status_lists).where(is_touched).values(version=status_lists.c.version + 1)
            connection.execute(newer)
        if status is Status.INVALID:
            forget_claims(connection, offers.c.id.in_(its_offer))
        return record


@dataclass(frozen=True, slots=True)
class _Signed:
    token: str
    version: int
    key_id: str
    renew_at: datetime


class StatusPublisher:
    """Signs the institution's status lists when they are asked for.

    It keeps a signed list until a status in it changes, half of its lifetime is over, or the signing key is
    rotated.
    """

    def __init__(self, institution: Institution) -> None:
        self._institution = institution
        self._register = read_only(institution.register)
        self._signed: dict[int, _Signed] = {}
        self._lock = threading.Lock()

    def token(self, number: int, *, now: datetime) -> str:
        """The signed list `number`, in which every change committed before the call shows.

        Raises:
            RefusedError: there is no such list.
        """
        settings, signer = self._institution.settings, self._institution.signer()
        with self._lock, self._register.begin() as connection:
            row = connection.execute(
                select(status_lists).where(status_lists.c.number == number)
            ).one_or_none()
            if row is None:
                raise RefusedError(Code.NOT_FOUND, "status list")
            signed = self._signed.get(number)
            if (
                signed is None
                or (signed.version, signed.key_id) != (row.version, signer.key_id)
                or now >= signed.renew_at
            ):
                token = create_status_list_token(
                    read_status_list(connection, number, row.size),
                    uri=status_list_uri(settings.url, number),
                    key=signer.key,
                    key_id=signer.key_id,
                    issued_at=now,
                    expires_at=now + settings.status_lifetime,
                    time_to_live=settings.status_time_to_live,
                )
                signed = _Signed(token, row.version, signer.key_id, now + settings.status_lifetime / 2)
                self._signed[number] = signed
            return signed.token


def read_status_list(connection: Connection, number: int, size: int) -> StatusList:
    """The list `number` as the register has it."""
    rows = connection.execute(
        select(copies.c.idx, credentials.c.status)
        .join(credentials, credentials.c.id == copies.c.credential)
        .where(copies.c.list == number, credentials.c.status != Status.VALID)
    )
    return StatusList.all_valid(STATUS_BITS, size).with_statuses({row.idx: row.status for row in rows})


def _list_with_room(connection: Connection, list_size: int) -> tuple[int, int]:
    newest = select(func.coalesce(func.max(status_lists.c.number), 0))
    has_room = status_lists.c.allocated < status_lists.c.size * 3 / 4
    while True:
        number = connection.execute(newest).scalar_one()
        size = connection.execute(
            update(status_lists)
            .where(status_lists.c.number == number, has_room)
            .values(allocated=status_lists.c.allocated + 1)
            .returning(status_lists.c.size)
        ).scalar_one_or_none()
        if size is not None:
            return number, size
        # Somebody else may be making the next one. Whoever is later waits here, and finds room in that.
        with suppress(IntegrityError), connection.begin_nested():
            connection.execute(
                insert(status_lists).values(number=number + 1, size=list_size, allocated=1, version=0)
            )
            return number + 1, list_size
