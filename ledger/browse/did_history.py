"""The history of a DID as people are shown it: its versions, and which key it had from when to when."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger.browse.entry import ShownEntry, did_label, show_entry
from protocol.did.document import Relationship
from protocol.did.verified import DatedKey
from protocol.did.webvh.history import date_keys, verify_history
from protocol.did.webvh.identifier import parse_webvh
from protocol.did.webvh.witness import APPROVED_BY_LOG
from protocol.errors import TallyError
from protocol.index.proof import SubjectEntry
from protocol.keys import PublicKey
from protocol.keys.multikey import encode_multikey
from protocol.records import split_history
from protocol.records.key_compromise import compromised_keys

_USES = {Relationship.ASSERTION: "issues", Relationship.AUTHENTICATION: "proves who acts"}


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A key of a DID.

    Attributes:
        id: Its DID URL.
        key: The public key as a multikey.
        use: What it is for, in words.
        valid_from: When the version that listed it was logged.
        valid_until: When the version was that did so no more, or ended the DID; None while it is listed.
        compromised: Since when it is in other hands, by its owner's mark; None where there is none.
    """

    id: str
    key: str
    use: str
    valid_from: datetime
    valid_until: datetime | None
    compromised: datetime | None


@dataclass(frozen=True, slots=True)
class ShownDid:
    """A DID with everything that the log holds about it.

    Attributes:
        did: The DID.
        label: Its name on the ledger.
        path: Where on the ledger its did.jsonl is.
        entries: Its entries, the first one first.
        keys: Every key that it ever had; none where the history is not to be trusted.
        deactivated: When it was logged that its owner ended it; None if that has not happened.
        trouble: Why its history must not be trusted; None where it was verified.
    """

    did: str
    label: str
    path: str
    entries: tuple[ShownEntry, ...]
    keys: tuple[ShownKey, ...]
    deactivated: datetime | None
    trouble: TallyError | None


def show_did(did: str, entries: Sequence[SubjectEntry], *, now: datetime) -> ShownDid:
    """`did` with its `entries`, all that the log holds about it: at least one.

    The history is verified from the first entry on, with its signatures. Where that fails, the entries are
    shown all the same, and why.

    Raises:
        MalformedError: not a did:webvh.
    """
    parsed = parse_webvh(did)
    label, path = did_label(parsed), parsed.log_path()
    shown = tuple(show_entry(entry.leaf_index, entry.leaf, logged=entry.time) for entry in entries)
    try:
        lines, marks = split_history(entry.leaf for entry in entries)
        logged = set(lines)
        times = [entry.time for entry in entries if entry.leaf in logged]
        history = verify_history(lines, did=did, now=now, witness_proofs=APPROVED_BY_LOG)
        dated = date_keys(history.versions, times)
    except TallyError as error:
        return ShownDid(did, label, path, shown, (), None, error)
    end = times[-1] if history.deactivated else None
    return ShownDid(did, label, path, shown, _keys(dated, end, compromised_keys(marks)), end, None)


def _keys(
    dated: Iterable[DatedKey], end: datetime | None, compromised: Mapping[PublicKey, datetime]
) -> tuple[ShownKey, ...]:
    """The keys, each once for all its uses in one interval; `end` is when the DID ended."""
    uses: dict[tuple[str, PublicKey, datetime, datetime | None], list[str]] = {}
    for key in dated:
        listed = (key.id, key.public_key, key.valid_from, key.valid_until or end)
        uses.setdefault(listed, []).append(_USES[key.relationship])
    return tuple(
        ShownKey(key_id, encode_multikey(key), ", ".join(words), begin, until, compromised.get(key))
        for (key_id, key, begin, until), words in uses.items()
    )
