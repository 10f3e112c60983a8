"""What readers are shown of a ledger."""

from dataclasses import dataclass

from ledger.index import LogTimes
from ledger.stored_tree import Publication
from protocol.index.leaf import IndexEntry
from protocol.index.map import MapSnapshot


@dataclass(frozen=True, slots=True)
class Published:
    """What readers are shown, all of one moment.

    Attributes:
        log: The checkpoint of the log.
        index: The checkpoint of the index log.
        index_entry: What its last entry states.
        map: The map that it speaks of.
        times: When each entry of the log was logged.
    """

    log: Publication
    index: Publication
    index_entry: IndexEntry
    map: MapSnapshot
    times: LogTimes
