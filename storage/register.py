"""What the registers of institutions have in common: who is let in; how ids and secrets are made and kept.

A register keeps codes, tokens, nonces and references as SHA-256 only, and what is in it for a time lies there
sealed (`storage.seal`). What it is about is in the tables of its role.
"""

import hashlib
from collections.abc import Callable
from typing import TypeAlias

from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, insert, select
from sqlalchemy.engine import Connection, Engine

from protocol.codes import Code
from protocol.encoding.base64url import encode_base64url
from protocol.errors import RefusedError
from storage.database import TEXT, LockName, lock_name, open_database, read_only
from storage.management_key import ManagementKey

Entropy: TypeAlias = Callable[[int], bytes]
"""So many fresh random bytes: `secrets.token_bytes`, or a counted source in tests."""

_shared_tables = MetaData()
_management_keys = Table(
    "management_keys",
    _shared_tables,
    Column("id", TEXT, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
)

_owners = Table(
    "owner",
    _shared_tables,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("mark", LargeBinary, nullable=False),
)


def open_register(address: str, tables: MetaData, *, mark: bytes | None = None) -> Engine:
    """The register in the database at `address`, with the tables of its role, made when they are missing.

    `mark` stands for the institution that it belongs to, from the first time that it is opened with one.

    Raises:
        RefusedError: it belongs to another institution; nothing was changed in it.
        UnavailableError: the disk's or the server's fault, or not a database.
        ValueError: not an address of a database.
    """
    engine = open_database(address)
    try:
        with engine.begin() as connection:
            lock_name(connection, LockName.TABLES)
            _shared_tables.create_all(connection)
            if mark is not None:
                _claim(connection, mark)
            tables.create_all(connection)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _claim(connection: Connection, mark: bytes) -> None:
    owner = connection.execute(select(_owners.c.mark)).scalar_one_or_none()
    if owner is None:
        connection.execute(insert(_owners).values(id=1, mark=mark))
    elif owner != mark:
        raise RefusedError(Code.VAULT_EXISTS, "the database is the register of another institution")


def replace_management_key(register: Engine, key: ManagementKey) -> None:
    """Let one management key in, and no other any more."""
    with register.begin() as connection:
        lock_name(connection, LockName.MANAGEMENT_KEY)
        connection.execute(_management_keys.delete())
        connection.execute(insert(_management_keys).values(id=key.id, digest=key.digest))


def find_management_key(register: Engine, key_id: str) -> ManagementKey | None:
    """The management key with this id."""
    with read_only(register).begin() as connection:
        row = connection.execute(
            select(_management_keys).where(_management_keys.c.id == key_id)
        ).one_or_none()
    return None if row is None else ManagementKey(row.id, row.digest)


def digest(value: str) -> bytes:
    """What a register keeps of a code, token, nonce or reference."""
    return hashlib.sha256(value.encode("utf-8", "backslashreplace")).digest()


def new_id(entropy: Entropy) -> str:
    """A random id of a record for its owner: 16 hex digits, which never look like an option."""
    return entropy(8).hex()


def new_secret(entropy: Entropy) -> str:
    """A random value of 128 bits that lets its bearer in, in base64url."""
    return encode_base64url(entropy(16))
