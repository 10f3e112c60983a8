from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.accreditation import (
    MAX_LISTS,
    VerifiedAccreditation,
    link_document,
    verify_accreditation,
    verify_rests_on,
)
from protocol.codes import Code
from protocol.errors import UnavailableError, VerificationError
from protocol.index.leaf import IndexEntry
from protocol.index.proof import SubjectEntry, VerifiedRecords
from protocol.records import Record
from protocol.records.accreditation import (
    AccreditationRecord,
    Action,
    accreditation_subject,
    create_withdrawal,
)
from protocol.tlog.policy import VerifiedCheckpoint
from tests.signed_records import (
    BEGIN,
    BELOW,
    BOTH,
    DEGREE,
    DIPLOMA,
    END,
    MIDDLE_DID,
    ROOT_DID,
    SCHOOL_DID,
    STRANGER_DID,
    TOP,
    accreditation,
    signer,
)

DAY = timedelta(days=1)
NOON = datetime(2026, 12, 1, 12, tzinfo=BEGIN.tzinfo)
Log = Sequence[tuple[Record, datetime]]


def reader(log: Log) -> Callable[[str], VerifiedRecords]:
    """All records about a DID, as they were proven."""

    def read(did: str) -> VerifiedRecords:
        subject = accreditation_subject(did)
        entries = tuple(
            SubjectEntry(index, time, record.leaf)
            for index, (record, time) in enumerate(log)
            if record.subject == subject
        )
        state = IndexEntry("log", len(log), NOON, bytes(32), bytes(32))
        checkpoint = VerifiedCheckpoint("log/index", 1, bytes(32), NOON, "")
        return VerifiedRecords(subject, entries, state, checkpoint)

    return read


def verify(
    log: Log,
    *,
    did: str = SCHOOL_DID,
    action: Action = Action.ISSUE,
    vct: str = DEGREE,
    root: str = ROOT_DID,
    moment: datetime = NOON,
    begun_by: datetime | None = None,
    least_depth: int = 0,
    read: Callable[[str], VerifiedRecords] | None = None,
) -> VerifiedAccreditation:
    return verify_accreditation(
        did,
        action=action,
        vct=vct,
        root=root,
        moment=moment,
        begun_by=begun_by,
        least_depth=least_depth,
        read_records=read or reader(log),
    )


def refusal(log: Log, **asked: object) -> tuple[Code, str]:
    with pytest.raises(VerificationError) as caught:
        verify(log, **asked)  # type: ignore[arg-type]
    return caught.value.code, caught.value.detail.split(":")[0]


def name(record: AccreditationRecord) -> str:
    return record.leaf_hash.hex()


CHAIN: Log = [(TOP, BEGIN + DAY), (BELOW, BEGIN + 2 * DAY)]


def test_chain_names_each_accreditation_with_its_times() -> None:
    verified = verify(CHAIN)
    assert [link.record for link in verified.links] == [BELOW, TOP]
    assert [(link.logged, link.withdrawn) for link in verified.links] == [
        (BEGIN + 2 * DAY, None),
        (BEGIN + DAY, None),
    ]
    assert [(link.since, link.until) for link in verified.links] == [
        (BEGIN + 2 * DAY, END),
        (BEGIN + DAY, END),
    ]
    assert verified.root == ROOT_DID
    assert verify(CHAIN, did=MIDDLE_DID, action=Action.ACCREDIT, vct=DIPLOMA).links[0].record == TOP


@pytest.mark.parametrize(
    "asked",
    [{"vct": DIPLOMA}, {"action": Action.ACCREDIT}, {"did": STRANGER_DID}],
)
def test_what_nobody_was_accredited_for_is_refused(asked: dict[str, object]) -> None:
    assert refusal(CHAIN, **asked)[0] is Code.ACCREDITATION_MISSING


def test_chain_to_another_root_is_refused() -> None:
    assert refusal(CHAIN, root=MIDDLE_DID) == (Code.ACCREDITATION_NOT_ROOTED, name(TOP))
    own = accreditation(STRANGER_DID, SCHOOL_DID)
    assert refusal([(own, BEGIN)]) == (Code.ACCREDITATION_NOT_ROOTED, name(own))


def test_accreditation_counts_from_when_it_was_logged_until_it_ends() -> None:
    logged, late = BEGIN + 5 * DAY, timedelta(seconds=1)
    log = [(TOP, BEGIN), (BELOW, logged)]
    assert refusal(log, moment=logged - late) == (Code.ACCREDITATION_OUT_OF_TIME, name(BELOW))
    assert verify(log, moment=logged).links[0].since == logged
    assert verify(log, moment=END - late).links[0].until == END
    assert refusal(log, moment=END) == (Code.ACCREDITATION_OUT_OF_TIME, name(BELOW))


def test_accreditation_that_begins_after_it_was_logged_counts_from_its_beginning() -> None:
    later = accreditation(ROOT_DID, SCHOOL_DID, valid_from=NOON + DAY)
    assert refusal([(later, BEGIN)]) == (Code.ACCREDITATION_OUT_OF_TIME, name(later))
    assert verify([(later, BEGIN)], moment=NOON + DAY).links[0].record == later


def test_link_that_is_out_of_time_above_is_named() -> None:
    log = [(BELOW, BEGIN), (TOP, NOON + DAY)]
    assert refusal(log) == (Code.ACCREDITATION_OUT_OF_TIME, name(TOP))


@pytest.mark.parametrize(("gone", "by"), [(BELOW, MIDDLE_DID), (BELOW, ROOT_DID), (TOP, ROOT_DID)])
def test_accreditation_counts_until_its_withdrawal_or_one_above_was_logged(
    gone: AccreditationRecord, by: str
) -> None:
    withdrawal = create_withdrawal(gone, signer=signer(by), reason=None, time=BEGIN)
    log = [*CHAIN, (withdrawal, NOON)]
    assert refusal(log) == (Code.ACCREDITATION_WITHDRAWN, name(BELOW))
    verified = verify(log, moment=NOON - DAY)
    assert verified.links[0].until == NOON
    assert verified.links[1].withdrawn == (NOON if gone is TOP else None)


def test_first_of_two_withdrawals_along_a_chain_is_the_one_that_counts() -> None:
    below = create_withdrawal(BELOW, signer=signer(MIDDLE_DID), reason=None, time=BEGIN)
    top = create_withdrawal(TOP, signer=signer(ROOT_DID), reason=None, time=BEGIN)
    for log in ([(below, NOON), (top, NOON + DAY)], [(top, NOON), (below, NOON + DAY)]):
        assert verify([*CHAIN, *log], moment=NOON - DAY).links[0].withdrawn == NOON


def test_another_accreditation_that_holds_is_enough() -> None:
    again = accreditation(MIDDLE_DID, SCHOOL_DID, valid_until=END - DAY, under=TOP)
    withdrawal = create_withdrawal(BELOW, signer=signer(MIDDLE_DID), reason=None, time=BEGIN)
    for log in ([*CHAIN, (again, BEGIN)], [(TOP, BEGIN), (again, BEGIN), (BELOW, BEGIN)]):
        assert verify([*log, (withdrawal, NOON)]).links[0].record == again


def test_failure_of_the_chain_that_came_nearest_is_told() -> None:
    foreign = accreditation(STRANGER_DID, SCHOOL_DID)
    for log in ([*CHAIN, (foreign, BEGIN)], [(foreign, BEGIN), *CHAIN]):
        assert refusal(log, moment=END) == (Code.ACCREDITATION_OUT_OF_TIME, name(BELOW))


def test_accreditation_under_one_that_is_not_there_is_refused() -> None:
    assert refusal([(BELOW, BEGIN)]) == (Code.ACCREDITATION_INVALID, name(BELOW))
    stray = accreditation(STRANGER_DID, SCHOOL_DID, under=TOP)
    assert refusal([(TOP, BEGIN), (stray, BEGIN)]) == (Code.ACCREDITATION_INVALID, name(stray))


@pytest.mark.parametrize(
    "widened",
    [
        accreditation(MIDDLE_DID, SCHOOL_DID, types=(DEGREE, "https://types.example/other"), under=TOP),
        accreditation(MIDDLE_DID, SCHOOL_DID, valid_from=BEGIN - DAY, under=TOP),
        accreditation(MIDDLE_DID, SCHOOL_DID, valid_until=END + DAY, under=TOP),
        accreditation(MIDDLE_DID, SCHOOL_DID, actions=BOTH, depth=1, under=TOP),
    ],
)
def test_widened_link_is_refused(widened: AccreditationRecord) -> None:
    assert refusal([(TOP, BEGIN), (widened, BEGIN)]) == (Code.ACCREDITATION_INVALID, name(widened))


def test_link_below_an_issuer_is_refused() -> None:
    below_issuer = accreditation(SCHOOL_DID, STRANGER_DID, under=BELOW)
    log = [*CHAIN, (below_issuer, BEGIN)]
    assert refusal(log, did=STRANGER_DID) == (Code.ACCREDITATION_INVALID, name(below_issuer))


def test_link_whose_author_is_not_the_one_above_accredits_is_refused() -> None:
    stray = accreditation(STRANGER_DID, SCHOOL_DID, under=TOP)
    with pytest.raises(VerificationError) as caught:
        verify_rests_on(stray, [TOP])
    assert caught.value.code is Code.ACCREDITATION_INVALID


def test_did_that_stands_twice_in_a_chain_is_refused() -> None:
    top = accreditation(ROOT_DID, MIDDLE_DID, actions=BOTH, depth=2)
    below = accreditation(MIDDLE_DID, SCHOOL_DID, actions=BOTH, depth=1, under=top)
    for did in (ROOT_DID, MIDDLE_DID):
        circle = accreditation(SCHOOL_DID, did, under=below)
        log = [(top, BEGIN), (below, BEGIN), (circle, BEGIN + DAY)]
        if did == ROOT_DID:
            assert refusal(log, did=did) == (Code.ACCREDITATION_INVALID, name(circle))
        with pytest.raises(VerificationError):
            verify_rests_on(circle, [below, top])


def test_first_moment_of_a_span_at_which_the_whole_chain_counted_is_the_one_that_is_told() -> None:
    log = [(TOP, NOON), (BELOW, NOON + DAY)]
    assert verify(log, moment=NOON - DAY, begun_by=NOON + DAY).moment == NOON + DAY
    assert verify(log, moment=NOON + 2 * DAY, begun_by=NOON + 3 * DAY).moment == NOON + 2 * DAY
    assert verify(log, moment=NOON + 2 * DAY).moment == NOON + 2 * DAY
    late = {"moment": NOON - DAY, "begun_by": NOON + DAY - timedelta(seconds=1)}
    assert refusal(log, **late) == (Code.ACCREDITATION_OUT_OF_TIME, name(BELOW))


def test_chain_of_which_one_link_ended_before_another_began_never_counted() -> None:
    withdrawal = create_withdrawal(TOP, signer=signer(ROOT_DID), reason=None, time=BEGIN)
    log: Log = [(TOP, BEGIN), (withdrawal, NOON), (BELOW, NOON + DAY)]
    span = {"moment": BEGIN, "begun_by": NOON + 2 * DAY}
    assert refusal(log, **span) == (Code.ACCREDITATION_WITHDRAWN, name(BELOW))
    brief = accreditation(ROOT_DID, MIDDLE_DID, actions=BOTH, depth=1, valid_until=NOON)
    below = accreditation(MIDDLE_DID, SCHOOL_DID, valid_until=NOON, under=brief)
    log = [(brief, BEGIN), (below, NOON + DAY)]
    assert refusal(log, **span) == (Code.ACCREDITATION_OUT_OF_TIME, name(below))


def test_accreditation_with_less_depth_than_is_asked_for_is_passed_over() -> None:
    deep = accreditation(ROOT_DID, MIDDLE_DID, actions=BOTH, types=(DEGREE, DIPLOMA), depth=2)
    asked = {"did": MIDDLE_DID, "action": Action.ACCREDIT, "least_depth": 2}
    assert refusal(CHAIN, **asked)[0] is Code.ACCREDITATION_MISSING
    for log in ([(deep, BEGIN), *CHAIN], [*CHAIN, (deep, BEGIN)]):
        assert verify(log, **asked).links[0].record == deep  # type: ignore[arg-type]


def test_each_list_is_read_once_however_many_accreditations_are_in_it() -> None:
    asked: list[str] = []
    others = [accreditation(MIDDLE_DID, SCHOOL_DID, types=(DEGREE, vct), under=TOP) for vct in "abcdef"]
    read = reader([(TOP, BEGIN), *((other, BEGIN) for other in others)])

    def count(did: str) -> VerifiedRecords:
        asked.append(did)
        return read(did)

    with pytest.raises(VerificationError):
        verify_accreditation(
            SCHOOL_DID, action=Action.ISSUE, vct=DEGREE, root=ROOT_DID, moment=NOON, read_records=count
        )
    assert asked == [SCHOOL_DID, MIDDLE_DID]


def test_chain_that_cannot_be_read_takes_nothing_away_from_one_that_can() -> None:
    hostile = accreditation(STRANGER_DID, SCHOOL_DID, under=TOP)
    asked: list[str] = []

    def read(did: str) -> VerifiedRecords:
        asked.append(did)
        if did == STRANGER_DID:
            raise UnavailableError(Code.EVIDENCE_MISSING, did)
        return reader(log)(did)

    log: Log = [*CHAIN, (hostile, NOON), (accreditation(STRANGER_DID, SCHOOL_DID, under=BELOW), NOON)]
    assert verify(log, read=read).links[0].record == BELOW
    assert asked == [SCHOOL_DID, STRANGER_DID, MIDDLE_DID]
    for log in ([(hostile, NOON)], [(TOP, END), (BELOW, END), (hostile, NOON)]):
        with pytest.raises(UnavailableError) as caught:
            verify(log, read=read)
        assert caught.value.code is Code.EVIDENCE_MISSING


def test_list_from_before_what_rests_on_it_says_nothing_and_a_later_one_that_lacks_it_refuses() -> None:
    def read(did: str) -> VerifiedRecords:
        return reader(CHAIN if did == SCHOOL_DID else older)(did)

    older: Log = []
    with pytest.raises(UnavailableError) as unknown:
        verify(CHAIN, read=read)
    assert unknown.value.code is Code.MOMENT_NOT_COVERED
    assert unknown.value.detail == f"accreditations of {MIDDLE_DID}"
    older = [(accreditation(ROOT_DID, STRANGER_DID), BEGIN)]
    with pytest.raises(VerificationError) as refused:
        verify(CHAIN, read=read)
    assert refused.value.code is Code.ACCREDITATION_INVALID


@pytest.mark.parametrize(
    "failure", [UnavailableError(Code.EVIDENCE_MISSING), VerificationError(Code.LOG_STALE)]
)
def test_list_that_cannot_be_read_or_believed_is_read_once_and_ends_only_the_chains_that_need_it(
    failure: UnavailableError | VerificationError,
) -> None:
    asked: list[str] = []

    def read(did: str) -> VerifiedRecords:
        asked.append(did)
        if did == STRANGER_DID:
            raise failure
        return reader(log)(did)

    hostile = [accreditation(STRANGER_DID, SCHOOL_DID, types=(DEGREE, vct), under=TOP) for vct in "abcdef"]
    log: Log = [(record, NOON) for record in hostile]
    with pytest.raises(type(failure)) as caught:
        verify(log, read=read)
    assert caught.value.code is failure.code
    assert asked == [SCHOOL_DID, STRANGER_DID]
    log = [*CHAIN, *log]
    assert verify(log, read=read).links[0].record == BELOW


def test_foreign_accreditations_of_an_issuer_make_nobody_read_without_end() -> None:
    crowd = [f"{STRANGER_DID}{number}" for number in range(MAX_LISTS)]
    foreign: Log = [(accreditation(did, SCHOOL_DID, under=TOP), NOON) for did in crowd]
    asked: list[str] = []

    def read(did: str) -> VerifiedRecords:
        asked.append(did)
        return reader(log)(did)

    # Of a root's own word everything is known at once.
    log: Log = [(accreditation(ROOT_DID, SCHOOL_DID), BEGIN), *foreign]
    assert verify(log, read=read).root == ROOT_DID
    assert asked == [SCHOOL_DID]
    log = [*CHAIN, *foreign]
    asked.clear()
    with pytest.raises(UnavailableError) as caught:
        verify(log, read=read)
    assert caught.value.code is Code.ACCREDITATIONS_TOO_MANY
    assert len(asked) == MAX_LISTS


def test_link_is_told_with_all_that_it_says() -> None:
    assert link_document(verify(CHAIN).links[0]) == {
        "did": SCHOOL_DID,
        "by": MIDDLE_DID,
        "actions": ["issue"],
        "types": [DEGREE],
        "since": "2026-11-03T00:00:00Z",
        "until": "2027-11-01T00:00:00Z",
        "leaf_hash": name(BELOW),
    }


def test_records_about_somebody_else_are_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="something else"):
        verify_accreditation(
            SCHOOL_DID,
            action=Action.ISSUE,
            vct=DEGREE,
            root=ROOT_DID,
            moment=NOON,
            read_records=lambda _did: reader(CHAIN)(MIDDLE_DID),
        )


DIDS = [f"{ROOT_DID}{letter}" for letter in "abcdefgh"]
TYPES = [DEGREE, DIPLOMA, "https://types.example/other"]
LINK = st.tuples(
    st.integers(0, len(DIDS) - 1),
    st.sampled_from([(Action.ISSUE,), (Action.ACCREDIT,), BOTH]),
    st.sets(st.sampled_from(TYPES), min_size=1),
    st.integers(0, 4),
    st.integers(0, 3),
    st.integers(4, 7),
)


@given(st.lists(LINK, min_size=2, max_size=6), st.sampled_from(TYPES), st.integers(-1, 8))
@settings(max_examples=150, deadline=None)
def test_no_chain_ever_gives_more_than_any_of_its_links(
    drawn: list[tuple[int, tuple[Action, ...], set[str], int, int, int]], vct: str, day: int
) -> None:
    log: list[tuple[Record, datetime]] = []
    under: AccreditationRecord | None = None
    author = ROOT_DID
    for who, actions, types, depth, begin, end in drawn:
        record = accreditation(
            author,
            DIDS[who] if DIDS[who] != author else SCHOOL_DID,
            actions=actions,
            types=tuple(types),
            depth=depth if Action.ACCREDIT in actions else None,
            valid_from=BEGIN + begin * DAY,
            valid_until=BEGIN + end * DAY,
            under=under,
        )
        log.append((record, BEGIN))
        under, author = record, record.accredited
    moment = BEGIN + day * DAY
    try:
        links = verify(log, did=author, vct=vct, moment=moment).links
    except VerificationError:
        return
    depths = [link.record.depth for link in links]
    assert all(vct in link.record.types and link.since <= moment < link.until for link in links)
    assert all(Action.ACCREDIT in link.record.actions for link in links[1:])
    assert all(above is not None and (below is None or below < above) for below, above in pairwise(depths))
    assert links[-1].record.authorship.by == ROOT_DID
    assert len({link.record.accredited for link in links} | {ROOT_DID}) == len(links) + 1
