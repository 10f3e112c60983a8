"""A root that accredits an accreditor, which accredits a school, on a ledger at any port and at any time."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from protocol.records import Record
from protocol.records.accreditation import AccreditationRecord
from tests.ledger.world import NOW, PORT, create, record
from tests.signed_records import BOTH, DEGREE, accreditation

YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Institutions:
    """Their DIDs, the records that log those, and the two accreditations."""

    root: str
    middle: str
    school: str
    stranger: str
    entries: tuple[Record, ...]
    top: AccreditationRecord
    below: AccreditationRecord

    @property
    def records(self) -> tuple[Record, ...]:
        """All of it in an order that a ledger admits."""
        return (*self.entries, self.top, self.below)


def found_institutions(
    port: int = PORT, *, types: tuple[str, ...] = (DEGREE,), time: datetime = NOW
) -> Institutions:
    entries = [create(name, port=port) for name in ("root", "middle", "school", "stranger")]
    root, middle, school, stranger = (entry.version.did for entry in entries)
    span = {"valid_from": time - YEAR, "valid_until": time + YEAR, "time": time}
    top = accreditation(root, middle, actions=BOTH, types=types, depth=1, **span)  # type: ignore[arg-type]
    below = accreditation(middle, school, types=types, under=top, **span)  # type: ignore[arg-type]
    logged = tuple(record(entry) for entry in entries)
    return Institutions(root, middle, school, stranger, logged, top, below)
