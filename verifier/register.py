"""The register: what was asked, and what became of it.

Of a request it keeps what was asked, its purpose, its times and its outcome with every check. What was
presented lies there sealed, and goes when its time is over. The references by which wallets reach requests,
and the response codes by which browsers come back, are there as SHA-256 only.

A request is answered once: its state changes by compare-and-swap, an UPDATE that names the state it expects,
in the same transaction as the outcome. Whoever changed one row has won; everyone else changed none.
"""

from enum import StrEnum

from sqlalchemy import BigInteger, Boolean, Column, LargeBinary, MetaData, Table

from storage.database import TEXT


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


TABLES = MetaData()

# `asked` is what `verifier.request` writes; `checks` is JSON; `error` is the code of a refusal.
# `overdue_at` is when the present state ends: a pending request expires, a browser is not waited for any
# more, or what was presented is deleted. None when nothing is left to do.
requests = Table(
    "requests",
    TABLES,
    Column("id", TEXT, primary_key=True),
    Column("reference_digest", LargeBinary, nullable=False, unique=True),
    Column("asked", TEXT, nullable=False),
    Column("is_signed", Boolean, nullable=False),
    Column("redirect_uri", TEXT),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("retention_seconds", BigInteger, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("overdue_at", BigInteger, index=True),
    Column("answered_at", BigInteger),
    Column("response_code_digest", LargeBinary, unique=True),
    Column("checks", TEXT),
    Column("error", TEXT),
    Column("sealed", LargeBinary),
)
