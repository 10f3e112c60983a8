"""The register: what was offered and issued, and never what it said.

It keeps ids, types, times, status indices and the thumbprint of each holder key. Codes, tokens and nonces
are there as SHA-256 only; the claims of an open offer lie there sealed, and go when it closes, or when the
time is over in which further copies may be fetched.

What may be used once changes by compare-and-swap: an UPDATE that names the state it expects, in the same
transaction as its effect. Whoever changed one row has won; everyone else changed none.

Whoever decides by more than that locks the offer before anything else (`lock_offers`): what belongs to one
offer, its tokens, its credential and their copies, changes for one transaction at a time.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    Table,
    UniqueConstraint,
    func,
    select,
    update,
)
from sqlalchemy.engine import Connection, Engine

from protocol.codes import Code
from protocol.encoding.time import from_seconds
from protocol.errors import RefusedError
from protocol.status_list import Status
from storage.database import TEXT, read_only


class OfferState(StrEnum):
    """How far an offer is.

    OPEN: its code waits. GRANTED: the code was used, the wallet has the access token. REDEEMED: the
    credential was issued. EXPIRED: nobody came in time. BLOCKED: the transaction code was wrong too often.
    WITHDRAWN: the institution took it back.
    """

    OPEN = "open"
    GRANTED = "granted"
    REDEEMED = "redeemed"
    EXPIRED = "expired"
    BLOCKED = "blocked"
    WITHDRAWN = "withdrawn"


TABLES = MetaData()

# `expires_at` is when `sealed` goes at the latest: when the code expires, then the access token, then the
# time that a wallet has to complete what it began. `refill_until` is null where no further copies may be had.
offers = Table(
    "offers",
    TABLES,
    Column("id", TEXT, primary_key=True),
    Column("type", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("copies", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("reference_digest", LargeBinary, nullable=False, unique=True),
    Column("code_digest", LargeBinary, nullable=False, unique=True),
    Column("tx_code_required", Boolean, nullable=False),
    Column("tries_left", Integer, nullable=False),
    Column("refill_until", BigInteger),
    Column("sealed", LargeBinary),
)
# Looked through once a minute, however many offers there have been.
Index(
    "open_offers",
    offers.c.expires_at,
    sqlite_where=offers.c.sealed.is_not(None),
    postgresql_where=offers.c.sealed.is_not(None),
)

# `refill` is 0 for what the code of the offer brings, and counts the refills from 1; so for copies.
access_tokens = Table(
    "access_tokens",
    TABLES,
    Column("digest", LargeBinary, primary_key=True),
    Column("offer", TEXT, ForeignKey("offers.id"), nullable=False),
    Column("refill", Integer, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    Column("used_at", BigInteger),
)

# The refresh token `number` came with the access token of the refill `number`, and is there for the next one.
# Spent ones stay, so that they are recognized.
refresh_tokens = Table(
    "refresh_tokens",
    TABLES,
    Column("digest", LargeBinary, primary_key=True),
    Column("offer", TEXT, ForeignKey("offers.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("spent_at", BigInteger),
    UniqueConstraint("offer", "number"),
)

nonces = Table(
    "nonces",
    TABLES,
    Column("digest", LargeBinary, primary_key=True),
    Column("expires_at", BigInteger, nullable=False, index=True),
    Column("used_at", BigInteger),
)

credentials = Table(
    "credentials",
    TABLES,
    Column("id", TEXT, primary_key=True),
    Column("type", TEXT, nullable=False, index=True),
    Column("offer", TEXT, ForeignKey("offers.id"), nullable=False, unique=True),
    Column("issued_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("status", Integer, nullable=False),
    Column("status_changed_at", BigInteger, nullable=False),
    Column("notification_digest", LargeBinary, nullable=False, unique=True),
    Column("notified", TEXT),
)

# `version` grows with every change of a status in the list, so that a signed copy can be told to be old.
status_lists = Table(
    "status_lists",
    TABLES,
    Column("number", Integer, primary_key=True),
    Column("size", Integer, nullable=False),
    Column("allocated", Integer, nullable=False),
    Column("version", Integer, nullable=False),
)

# The primary key is what keeps two credentials from ever sharing a status.
copies = Table(
    "copies",
    TABLES,
    Column("list", Integer, ForeignKey("status_lists.number"), primary_key=True),
    Column("idx", Integer, primary_key=True),
    Column("credential", TEXT, ForeignKey("credentials.id"), nullable=False, index=True),
    Column("refill", Integer, nullable=False),
    Column("holder_key", TEXT, nullable=False),
)


@dataclass(frozen=True, slots=True)
class CredentialRecord:
    """What the register knows of an issued credential: one redemption, with all its copies.

    `refill_until` is until when its wallet may fetch further copies, and its claims stay sealed; None: never.
    """

    id: str
    type: str
    offer: str
    status: Status
    status_changed_at: datetime
    issued_at: datetime
    expires_at: datetime | None
    copies: int
    refill_until: datetime | None
    notified: str | None


def list_credentials(register: Engine, *, type_name: str | None = None) -> list[CredentialRecord]:
    """Everything that was issued, or everything of one type, the latest first."""
    chosen = _records().order_by(credentials.c.issued_at.desc(), credentials.c.id)
    if type_name is not None:
        chosen = chosen.where(credentials.c.type == type_name)
    with read_only(register).begin() as connection:
        return [_record(row) for row in connection.execute(chosen)]


def find_credential(connection: Connection, credential_id: str) -> CredentialRecord:
    """The record of one credential.

    Raises:
        RefusedError: there is none of this id.
    """
    row = connection.execute(_records().where(credentials.c.id == credential_id)).one_or_none()
    if row is None:
        raise RefusedError(Code.CREDENTIAL_NOT_FOUND)
    return _record(row)


def lock_offers(connection: Connection, which: ColumnElement[bool]) -> None:
    """Let nobody else change the offers that `which` selects, or what belongs to them, until this transaction
    ends. It comes first in a transaction, for who has other locks already could be waited for by one of them.
    """
    in_order = select(offers.c.id).where(which).order_by(offers.c.id)
    connection.execute(in_order.with_for_update())


def forget_claims(connection: Connection, which: ColumnElement[bool]) -> None:
    """Forget the claims of the offers that `which` selects. Nothing is issued for them any more, no further
    copies either.
    """
    of_them = select(offers.c.id).where(which)
    connection.execute(refresh_tokens.delete().where(refresh_tokens.c.offer.in_(of_them)))
    connection.execute(update(offers).where(which).values(sealed=None, refill_until=None))


def _records() -> Any:  # noqa: ANN401 (a Select of these columns, whose type has no shorter spelling)
    return (
        select(credentials, offers.c.refill_until, func.count().label("copies"))
        .join(copies, copies.c.credential == credentials.c.id)
        .join(offers, offers.c.id == credentials.c.offer)
        .group_by(credentials.c.id, offers.c.id)
    )


def _record(row: Row[Any]) -> CredentialRecord:
    return CredentialRecord(
        id=row.id,
        type=row.type,
        offer=row.offer,
        status=Status(row.status),
        status_changed_at=from_seconds(row.status_changed_at),
        issued_at=from_seconds(row.issued_at),
        expires_at=None if row.expires_at is None else from_seconds(row.expires_at),
        copies=row.copies,
        refill_until=None if row.refill_until is None else from_seconds(row.refill_until),
        notified=row.notified,
    )
