"""A node's own tables, beside those of the log it copies: what it cosigned and approved, what troubles it."""

from sqlalchemy import BigInteger, Column, LargeBinary, MetaData, String, Table, Text

from protocol.tlog.merkle import HASH_BYTES
from storage.database import TEXT

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
# The latest approval of each DID that names the node as a witness; `proof` is JSON.
APPROVAL = Table(
    "approval",
    METADATA,
    Column("scid", TEXT, primary_key=True),
    Column("leaf_index", BigInteger, nullable=False, unique=True),
    Column("version_id", TEXT, nullable=False),
    Column("proof", TEXT, nullable=False),
)
# Of how many entries of a log all that there is to approve was approved.
APPROVED = Table(
    "approved",
    METADATA,
    Column("origin", TEXT, primary_key=True),
    Column("tree_size", BigInteger, nullable=False),
)
