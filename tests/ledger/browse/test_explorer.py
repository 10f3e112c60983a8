from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from ledger.accreditation_book import AccreditationBook
from ledger.browse.explorer import PAGE_ENTRIES, Explorer, Found
from ledger.browse.question import DidQuestion, HashQuestion, IndexQuestion, NameQuestion, parse_question
from ledger.cosigners import Cosigners
from ledger.sequencer import Sequencer
from protocol.codes import Code
from protocol.errors import MalformedError, RefusedError
from protocol.records import DidRecord
from protocol.tlog.merkle import hash_leaf
from protocol.tlog.policy import LogPolicy
from tests.ledger.fake_node import quorum_of, running_nodes
from tests.ledger.world import NOW, World, append, history, names


def explorer_of(world: World, sequencer: Sequencer, policy: LogPolicy | None = None) -> Explorer:
    return Explorer(
        world.store(),
        book=AccreditationBook(world.store(), lambda: sequencer.published),
        published=lambda: sequencer.published,
        nodes=sequencer.node_states,
        policy=policy or world.ledger.policy,
        clock=world.clock,
    )


@contextmanager
def exploring(world: World, records: list[DidRecord]) -> Iterator[Explorer]:
    """An explorer of a ledger with these published, and one more that is not."""
    with world.sequencer() as sequencer:
        for answer in [sequencer.submit(each) for each in records]:
            answer.result()
        append(world.store(), names(1, "unpublished"))
        yield explorer_of(world, sequencer)


def test_pages_hold_every_published_entry_once_with_the_newest_first(world: World) -> None:
    records = names(2 * PAGE_ENTRIES + 1)
    with exploring(world, records) as explorer:
        pages = [explorer.entries(number) for number in (1, 2, 3)]
        assert [page.last for page in pages] == [3, 3, 3]
        shown = [entry.leaf_index for page in pages for entry in page.entries]
        assert shown == list(reversed(range(len(records))))
        assert pages[2].entries[0].leaf_hash == hash_leaf(records[0].leaf)
        for number in (0, 4, 10**17):
            with pytest.raises(RefusedError) as refusal:
                explorer.entries(number)
            assert refusal.value.code is Code.NOT_FOUND


def test_empty_log_has_one_empty_page(world: World) -> None:
    with world.sequencer() as sequencer:
        assert explorer_of(world, sequencer).entries(1).entries == ()


def test_entry_says_what_happened_to_whom(world: World) -> None:
    records = history("university", 2)
    with exploring(world, records) as explorer:
        shown = explorer.entry(1)
        assert shown.entry.event == "version 2: changed"
        assert (shown.entry.label, shown.entry.subject) == ("university", records[1].subject)
        assert (shown.entry.stated, shown.entry.logged) == ("2026-01-01T01:00:00Z", NOW)
        assert shown.tree_size == 2
        with pytest.raises(RefusedError) as refusal:
            explorer.entry(2)
        assert refusal.value.code is Code.NOT_FOUND


def test_did_is_shown_anew_when_it_has_grown(world: World) -> None:
    records = history("university", 3)
    did = records[0].did.did
    with world.sequencer() as sequencer:
        explorer = explorer_of(world, sequencer)
        for count, each in enumerate(records, start=1):
            sequencer.submit(each).result()
            assert len(explorer.did(did).entries) == count
            assert explorer.did(did) is explorer.did(did)


def test_did_that_is_not_published_is_not_there(world: World) -> None:
    with exploring(world, names(1)) as explorer:
        with pytest.raises(RefusedError) as refusal:
            explorer.did(names(1, "unpublished")[0].did.did)
        assert refusal.value.code is Code.DID_NOT_FOUND


def test_question_finds_what_is_published_and_nothing_else(world: World) -> None:
    records = names(12)
    dids = [each.did.did for each in records]
    hidden = names(1, "unpublished")[0]
    with exploring(world, records) as explorer:
        assert explorer.find(DidQuestion(dids[3])) == Found(dids=(dids[3],))
        assert explorer.find(NameQuestion("did-3")) == Found(dids=(dids[3],))
        assert explorer.find(NameQuestion("did-1")) == Found(dids=(dids[1], dids[10], dids[11]))
        assert explorer.find(IndexQuestion(11)) == Found(entries=(11,))
        assert explorer.find(HashQuestion(hash_leaf(records[5].leaf))) == Found(entries=(5,))
        for question in (
            DidQuestion(hidden.did.did),
            NameQuestion("unpub"),
            NameQuestion("%"),
            IndexQuestion(12),
            HashQuestion(hash_leaf(hidden.leaf)),
            HashQuestion(bytes(32)),
        ):
            assert explorer.find(question) == Found(), question


def test_name_of_digits_is_found_beside_the_index(world: World) -> None:
    [record, *_] = history("0", 1)
    with exploring(world, [record]) as explorer:
        assert explorer.find(IndexQuestion(0)) == Found((record.did.did,), (0,))


@pytest.mark.parametrize(
    ("text", "question"),
    [
        (" did:webvh:x ", DidQuestion("did:webvh:x")),
        ("/city-university", NameQuestion("/city-university")),
        ("007", IndexQuestion(7)),
        ("9" * 19, NameQuestion("9" * 19)),
        ("Ab" * 32, HashQuestion(b"\xab" * 32)),
        ("ab" * 31, NameQuestion("ab" * 31)),
        ("٣", NameQuestion("٣")),
    ],
)
def test_question_is_known_by_its_form(text: str, question: object) -> None:
    assert parse_question(text) == question


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("  ", Code.INPUT_REQUIRED),
        ("x" * 1025, Code.SIZE_EXCEEDED),
        ("a\x00b", Code.FORMAT_INVALID),
        ("a\ud800", Code.FORMAT_INVALID),
    ],
)
def test_question_that_asks_for_nothing_is_refused(text: str, code: Code) -> None:
    with pytest.raises(MalformedError) as refusal:
        parse_question(text)
    assert refusal.value.code is code


def test_head_is_as_old_as_its_cosignatures_say(world: World) -> None:
    with exploring(world, names(3)) as explorer:
        world.clock.time = NOW + timedelta(minutes=2)
        head = explorer.head()
        assert (head.tree_size, head.time, head.age) == (3, NOW, timedelta(minutes=2))
        [operator] = head.cosigners
        assert (operator.name, operator.cosigned, operator.lag(3)) == ("operator", NOW, None)


def test_node_that_is_away_is_shown_as_far_behind_as_it_is(world: World) -> None:
    with running_nodes(3, world.clock) as nodes:
        nodes[2].is_away = True
        policy = replace(quorum_of(nodes, 2), logs=world.ledger.policy.logs)
        cosigners = Cosigners(policy, clock=world.clock)
        with world.sequencer(cosigners=cosigners) as sequencer:
            for answer in [sequencer.submit(each) for each in names(3)]:
                answer.result()
            head = explorer_of(world, sequencer, policy).head()
    assert [(each.name, each.lag(head.tree_size)) for each in head.cosigners] == [
        ("node-1", 0),
        ("node-2", 0),
        ("node-3", 3),
    ]
    assert [each.cosigned for each in head.cosigners] == [NOW, NOW, None]
