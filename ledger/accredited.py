"""Who is accredited, read from outside: the ledger says whom to look at, and the evidence says the rest."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from ledger.accreditations import LoggedRecord, Trees, about, of_type, plant_trees, read_logged
from ledger.client import LedgerClient
from protocol.records.accreditation import AccreditationRecord, accreditation_subject


@dataclass(frozen=True, slots=True)
class ProvenAccreditations:
    """Accreditations, each of them proven to be in the log, with every withdrawal that is there.

    Attributes:
        trees: Each below the one that it rests on.
        time: When the quorum saw the oldest of the evidence; None where there is none, or no time in it.
    """

    trees: Trees
    time: datetime | None


def read_accreditations(client: LedgerClient, dids: Iterable[str], *, now: datetime) -> ProvenAccreditations:
    """All that these `dids` were given, and all that it rests on. What they gave is in other lists.

    Raises:
        MalformedError: an answer is not in its form.
        VerificationError: a proof does not hold, or an accreditation does not rest on what it says.
        UnavailableError: the ledger cannot be reached.
    """
    # Each with how much of the log its list must cover: the log grows while it is read, and what an
    # accreditation rests on was logged before it.
    waiting = [(did, 0) for did in dids]
    covered: dict[str, int] = {}
    logged: dict[int, LoggedRecord] = {}
    times: list[datetime] = []
    while waiting:
        did, least = waiting.pop()
        if covered.get(did, -1) >= least:
            continue
        records = client.read_records(accreditation_subject(did), now=now)
        covered[did] = records.log.tree_size
        times += [] if records.time is None else [records.time]
        for each in read_logged(records.entries):
            logged[each.leaf_index] = each
            if isinstance(each.record, AccreditationRecord) and each.record.under is not None:
                waiting.append((each.record.authorship.by, each.leaf_index))
    return ProvenAccreditations(plant_trees(logged.values()), min(times, default=None))


def search_accreditations(
    client: LedgerClient, *, did: str | None = None, vct: str | None = None, now: datetime
) -> ProvenAccreditations:
    """What `did` was given and gave, and all that rests on it, for `vct` or any type; without it, everything.

    What is not proven: that nobody is missing whom another institution accredited. Whom to look at is the
    ledger's word. What `did` itself was given is complete.

    Raises:
        MalformedError, VerificationError, UnavailableError: as `read_accreditations`.
    """
    dids = client.list_accredited(did=did, vct=vct)
    proven = read_accreditations(client, dids if did is None else [did, *dids], now=now)
    trees = proven.trees if did is None else about(proven.trees, did)
    return replace(proven, trees=trees if vct is None else of_type(trees, vct))
