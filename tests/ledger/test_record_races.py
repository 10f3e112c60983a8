import threading
from concurrent.futures import Future

import pytest

from ledger.admission import Admission
from ledger.node.chunk import ChunkAdmission
from ledger.placement import Logged
from ledger.store import LedgerStore
from ledger.stored_tree import Head
from protocol.codes import Code
from protocol.did.document import create_did_document
from protocol.did.webvh.author import update_did
from protocol.errors import TallyError
from protocol.records import Record, parse_leaf
from protocol.records.accreditation import create_withdrawal
from protocol.records.timestamp import create_timestamp
from tests.ledger.world import AUTHORITY, KEY, NOW, OTHER_KEY, World, append, record
from tests.signed_records import BELOW, NAMES, ROOT, ROOT_DID, TOP, signer

SECONDS = 20
WITHDRAWAL = create_withdrawal(TOP, signer=signer(ROOT_DID), reason=None, time=NOW)
ROTATION = record(
    update_did(
        ROOT.version,
        key=KEY,
        time=NOW,
        document=create_did_document(
            ROOT_DID, {"key-2": OTHER_KEY.public_key}, assertion=["key-2"], authentication=["key-2"]
        ),
    )
)
STAMPS = [create_timestamp(bytes([number]) * 32) for number in range(3)]


class _Slow(LedgerStore):
    """A store whose first append waits, so that what is submitted meanwhile is one batch."""

    def __init__(self, world: World) -> None:
        super().__init__(world.engine)
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.appends: list[int] = []

    def append(self, records: "list[Record]", *, after: Head, then: Head) -> None:  # type: ignore[override]
        self.begun.set()
        assert self.go_on.wait(SECONDS)
        self.appends.append(len(records))
        super().append(records, after=after, then=then)


def outcome(answer: "Future[Logged]") -> int | Code:
    try:
        return answer.result(SECONDS).leaf_index
    except TallyError as error:
        return error.code


@pytest.mark.both_engines
@pytest.mark.parametrize(
    ("before", "submitted", "expected"),
    [
        ([TOP], [WITHDRAWAL, BELOW], [6, Code.ACCREDITATION_WITHDRAWN]),
        ([TOP], [BELOW, WITHDRAWAL], [6, 7]),
        ([], [ROTATION, TOP], [5, Code.ISSUER_KEY_NOT_AUTHORIZED]),
        ([], [TOP, ROTATION], [5, 6]),
        ([], [TOP, TOP, STAMPS[1], STAMPS[1], BELOW], [5, 5, 6, 6, 7]),
        ([TOP], [WITHDRAWAL, STAMPS[1], BELOW, TOP, STAMPS[2]], [6, 7, Code.ACCREDITATION_WITHDRAWN, 4, 8]),
    ],
)
def test_what_was_admitted_before_its_rival_was_logged_is_refused_where_it_would_stand(
    world: World, before: list[Record], submitted: list[Record], expected: list[int | Code]
) -> None:
    append(world.store(), [*(record(entry) for entry in NAMES), *before])
    store = _Slow(world)
    admission = Admission(world.store(), authority=AUTHORITY)
    with world.sequencer(store) as sequencer:
        held = sequencer.submit(STAMPS[0])
        assert store.begun.wait(SECONDS)
        for each in submitted[:2]:
            # Each alone is admissible when it is submitted.
            admission.admit(each, now=NOW)
        answers = [sequencer.submit(each) for each in submitted]
        store.go_on.set()
        assert outcome(held) == 4 + len(before)
        assert [outcome(answer) for answer in answers] == expected
        assert sequencer.failure is None
    _require_copied(world)


def _require_copied(world: World) -> None:
    """A node takes all of what was logged."""
    store = world.store()
    leaves = store.read_leaves(0, store.head().tree_size)
    copy = World(world.folder / "copy")
    copy.folder.mkdir()
    copy.create()
    admission = ChunkAdmission(copy.store(), authority=AUTHORITY)
    size = 0
    while size < len(leaves):
        chunk = admission.admit(leaves[size:], first_index=size, now=NOW)
        assert chunk.refusal is None
        append(copy.store(), chunk.records)
        size += len(chunk.records)
    assert copy.store().head() == store.head()
    assert [parse_leaf(leaf).leaf for leaf in leaves] == leaves
    copy.close()
