"""The register: what was asked, and what became of it.

Of a request it keeps what was asked, its purpose, its times and its outcome with every check. What was
presented lies there sealed, and goes when its time is over. The references by which wallets reach requests,
and the response codes by which browsers come back, are there as SHA-256 only.

A request is answered once: its state changes by compare-and-swap, an UPDATE that names the state it expects,
in the same transaction as the outcome. Whoever changed one row has won; everyone else changed none.
"""

import hashlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    LargeBinary,
    MetaData,
    Table,
    Text,
    insert,
    select,
)
from sqlalchemy.engine import Engine

from protocol.codes import Code
from protocol.encoding.base64url import encode_base64url
from protocol.errors import UnavailableError
from storage.database import open_database, read_only

Entropy: TypeAlias = Callable[[int], bytes]
"""So many fresh random bytes: `secrets.token_bytes`, or a counted source in tests."""


class RequestState(StrEnum):
    """How far a request is.

    PENDING: it can be answered, until it expires. RETURNING: answered and verified; the browser that began
    it has yet to come back with the response code. VERIFIED and REFUSED: what became of the answer.
    EXPIRED: no answer, or no browser, came in time.
    """

    PENDING = "pending"
    RETURNING = "returning"
    VERIFIED = "verified"
    REFUSED = "refused"
    EXPIRED = "expired"


_metadata = MetaData()

# `asked` is what `verifier.request` writes; `checks` is JSON; `error` is the code of a refusal.
# `overdue_at` is when the present state ends: a pending request expires, a browser is not waited for any
# more, or what was presented is deleted. None when nothing is left to do.
requests = Table(
    "requests",
    _metadata,
    Column("id", Text, primary_key=True),
    Column("reference_digest", LargeBinary, nullable=False, unique=True),
    Column("asked", Text, nullable=False),
    Column("is_signed", Boolean, nullable=False),
    Column("redirect_uri", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("retention_seconds", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("overdue_at", BigInteger, index=True),
    Column("answered_at", BigInteger),
    Column("response_code_digest", LargeBinary, unique=True),
    Column("checks", Text),
    Column("error", Text),
    Column("sealed", LargeBinary),
)

management_keys = Table(
    "management_keys",
    _metadata,
    Column("id", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
)


def open_register(path: Path) -> Engine:
    """The register in the file `path`, with its tables, made when they are missing.

    Raises:
        UnavailableError: the disk's fault, or not a database.
    """
    engine = open_database(str(path))
    with engine.begin() as connection:
        _metadata.create_all(connection)
    return engine


def replace_management_key(register: Engine, key_id: str, key_digest: bytes) -> None:
    """Let one management key in, and no other any more."""
    with register.begin() as connection:
        connection.execute(management_keys.delete())
        connection.execute(insert(management_keys).values(id=key_id, digest=key_digest))


def find_management_key(register: Engine, key_id: str) -> bytes | None:
    """The SHA-256 of the management key with this id, None if there is none."""
    with read_only(register).begin() as connection:
        found: bytes | None = connection.execute(
            select(management_keys.c.digest).where(management_keys.c.id == key_id)
        ).scalar_one_or_none()
    return found


def erase_traces(register: Engine) -> None:
    """Let nothing of what was deleted linger in the files of the database.

    The pages of the database are overwritten with a deletion; this cuts off the journal, where their old
    content would stand until something happens to be written over it. With another reader in the way it does
    nothing, so it is called again and again.

    Raises:
        UnavailableError: the disk's fault.
    """
    if register.dialect.name != "sqlite":
        return
    # Not in a transaction, as everything that SQLAlchemy executes is: there it would find itself in the way.
    with closing(register.raw_connection()) as connection:
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
        except sqlite3.Error as error:
            raise UnavailableError(Code.DISK_ERROR, "the journal of the database") from error


def digest(value: str) -> bytes:
    """What the register keeps of a reference or code."""
    return hashlib.sha256(value.encode("utf-8", "backslashreplace")).digest()


def new_id(entropy: Entropy) -> str:
    """A random id of a request for its owner: 16 hex digits, which never look like an option."""
    return entropy(8).hex()


def new_secret(entropy: Entropy) -> str:
    """A random value of 128 bits that lets its bearer in, in base64url."""
    return encode_base64url(entropy(16))
