"""A node's own tables, beside those of the log it copies: what it cosigned last, and what troubles it."""

from sqlalchemy import BigInteger, Column, LargeBinary, MetaData, String, Table, Text

from protocol.tlog.merkle import HASH_BYTES

METADATA = MetaData()

# One row for each log the node cosigns. `note` is the checkpoint with the log's signature and the node's own.
COSIGNED = Table(
    "cosigned",
    METADATA,
    Column("origin", Text, primary_key=True),
    Column("tree_size", BigInteger, nullable=False),
    Column("root_hash", LargeBinary(HASH_BYTES), nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
)
# One row for a log that cannot be followed, as long as that lasts, and how much of it was copied then.
TROUBLE = Table(
    "trouble",
    METADATA,
    Column("origin", Text, primary_key=True),
    Column("since", BigInteger, nullable=False),
    Column("copied_size", BigInteger, nullable=False),
    Column("code", String(64), nullable=False),
    Column("detail", Text, nullable=False),
)
