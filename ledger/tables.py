"""The tables of a ledger's database, plain enough for SQLite and PostgreSQL alike.

`entry` holds each logged record once; `did` names who lives here. There are two Merkle trees, that of the log
and that of its index: `tile` holds their hashes, and `head` and `checkpoint` have one row for each of them,
how far it reaches and what was published of it. `index_entry` holds the entries of the index log. `approver`
and `witness_proof` hold what the nodes say as witnesses of did:webvh. No root covers that, so each row has a
digest of its own.

Where several front ends share a database, the one row of `lease` says whose turn it is to write, and
`waiting` holds what the others were given.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
)

from protocol.index.subject import KEY_BYTES
from protocol.tlog.merkle import HASH_BYTES
from storage.database import TEXT

METADATA = MetaData()
# On SQLite only an INTEGER primary key is the table's own order; BIGINT would be an index beside it.
_INDEX = BigInteger().with_variant(Integer, "sqlite")

ENTRY = Table(
    "entry",
    METADATA,
    Column("leaf_index", _INDEX, primary_key=True, autoincrement=False),
    Column("leaf_hash", LargeBinary(HASH_BYTES), nullable=False, unique=True),
    # Of entries of a history; nothing else has a version.
    Column("scid", TEXT),
    Column("version_number", Integer),
    Column("subject_key", LargeBinary(KEY_BYTES), nullable=False, index=True),
    Column("leaf", LargeBinary, nullable=False),
    UniqueConstraint("scid", "version_number"),
)
DID = Table(
    "did",
    METADATA,
    Column("scid", TEXT, primary_key=True),
    Column("did", TEXT, nullable=False, unique=True),
    Column("log_path", TEXT, nullable=False, unique=True),
)
INDEX_ENTRY = Table(
    "index_entry",
    METADATA,
    Column("leaf_index", _INDEX, primary_key=True, autoincrement=False),
    Column("leaf", LargeBinary, nullable=False),
)
TILE = Table(
    "tile",
    METADATA,
    Column("tree", TEXT, primary_key=True),
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("tile_index", _INDEX, primary_key=True, autoincrement=False),
    Column("hashes", LargeBinary, nullable=False),
)
HEAD = Table(
    "head",
    METADATA,
    Column("tree", TEXT, primary_key=True),
    Column("tree_size", BigInteger, nullable=False),
    Column("root_hash", LargeBinary(HASH_BYTES), nullable=False),
    # Whoever writes under another one has lost its turn.
    Column("epoch", BigInteger, nullable=False, default=0),
)
LEASE = Table(
    "lease",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("epoch", BigInteger, nullable=False),
    Column("holder", TEXT, nullable=False),
    Column("expires", DateTime(timezone=True), nullable=False),
)
WAITING = Table(
    "waiting",
    METADATA,
    Column("ticket", _INDEX, primary_key=True, autoincrement=True),
    Column("leaf", LargeBinary, nullable=False),
    # Of the leaf that was admitted: it is not looked at as closely again.
    Column("leaf_hash", LargeBinary(HASH_BYTES), nullable=False),
    # What came of it: its place in the log, or an error. Neither, while it waits.
    Column("leaf_index", BigInteger),
    Column("error_kind", TEXT),
    Column("error_code", TEXT),
    Column("error_detail", TEXT),
    Column("answered", DateTime(timezone=True)),
)
CHECKPOINT = Table(
    "checkpoint",
    METADATA,
    Column("tree", TEXT, primary_key=True),
    Column("tree_size", BigInteger, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("note", TEXT, nullable=False),
)
TOKEN = Table(
    "token",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("digest", LargeBinary(HASH_BYTES), nullable=False),
)
APPROVER = Table(
    "approver",
    METADATA,
    # Of the node, as the policy writes it.
    Column("cosigner", TEXT, primary_key=True),
    Column("did", TEXT, nullable=False),
    Column("statement", TEXT, nullable=False),
    Column("collected", BigInteger, nullable=False),
    Column("digest", LargeBinary(HASH_BYTES), nullable=False),
)
WITNESS_PROOF = Table(
    "witness_proof",
    METADATA,
    Column("scid", TEXT, primary_key=True),
    Column("witness", TEXT, primary_key=True),
    Column("version_number", Integer, primary_key=True, autoincrement=False),
    Column("version_id", TEXT, nullable=False),
    Column("proof", TEXT, nullable=False),
    Column("digest", LargeBinary(HASH_BYTES), nullable=False),
)
