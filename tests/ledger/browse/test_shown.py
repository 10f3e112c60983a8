"""What is shown of entries, DIDs and checkpoints, wherever it was read."""

from dataclasses import replace
from datetime import timedelta

import pytest

from doors.screen.text import Folded
from ledger.browse.did_history import ShownDid, show_did
from ledger.browse.entry import show_entry
from ledger.browse.head import age_words, show_head
from ledger.browse.json_text import readable_json
from ledger.browse.pages import did_page
from ledger.browse.reader import ProvenDid
from ledger.browse.tui.lines import did_lines
from ledger.cosigners import NodeState
from ledger.node_policy import CosignerKind
from protocol.codes import Code
from protocol.did.document import create_did_document
from protocol.did.webvh.author import NewEntry, update_did
from protocol.encoding.strict_json import JsonObject, parse_json_object
from protocol.errors import UnavailableError
from protocol.index.proof import SubjectEntry
from protocol.records.key_compromise import create_key_compromised
from protocol.records.signed import Signer
from protocol.tlog.policy import verify_checkpoint
from tests.ledger.browse.hostile import hostile_did
from tests.ledger.fake_node import FakeNode, quorum_of
from tests.ledger.world import KEY, NOW, OTHER_KEY, START, Clock, World, create
from tests.wallet.test_cli_hostile_text import harmless

DAY = timedelta(days=1)
LOGGED = START + timedelta(days=100)


def shown(*entries: NewEntry) -> ShownDid:
    """The DID with these entries, each logged a day after the one before."""
    leaves = [
        SubjectEntry(7 * place, LOGGED + place * DAY, entry.line.encode())
        for place, entry in enumerate(entries)
    ]
    return show_did(entries[-1].version.did, leaves, now=NOW)


def rotated() -> tuple[NewEntry, NewEntry]:
    first = create("university")
    did = first.version.did
    keys = {"key-1": KEY.public_key, "key-2": OTHER_KEY.public_key}
    document = create_did_document(did, keys, assertion=["key-2"], authentication=["key-1"])
    return first, update_did(first.version, key=KEY, time=START + DAY, document=document)


def test_key_is_shown_with_every_interval_in_which_the_log_had_it_listed() -> None:
    view = shown(*rotated())
    assert view.trouble is None
    assert [(key.id.partition("#")[2], key.use, key.valid_from, key.valid_until) for key in view.keys] == [
        ("key-1", "issues", LOGGED, LOGGED + DAY),
        ("key-1", "proves who acts", LOGGED, None),
        ("key-2", "issues", LOGGED + DAY, None),
    ]
    assert [entry.leaf_index for entry in view.entries] == [0, 7]


def test_keys_of_a_deactivated_did_end_with_it() -> None:
    first = create("school")
    ended: JsonObject = {"deactivated": True, "updateKeys": []}
    last = update_did(first.version, key=KEY, time=START + DAY, parameters=ended)
    view = shown(first, last)
    assert view.deactivated == LOGGED + DAY
    assert {key.valid_until for key in view.keys} == {LOGGED + DAY}
    assert view.entries[1].event == "version 2: deactivated"


def test_key_in_other_hands_is_shown_as_that_from_the_earliest_time_on() -> None:
    first, second = rotated()
    did = first.version.did
    signer = Signer(did, OTHER_KEY, f"{did}#key-2")
    leaves = [first.line.encode(), second.line.encode()]
    leaves += [
        create_key_compromised(f"{did}#key-1", KEY.public_key, signer=signer, since=since, time=NOW).leaf
        for since in (START + 2 * DAY, START + DAY, START + 3 * DAY)
    ]
    entries = [SubjectEntry(index, LOGGED + index * DAY, leaf) for index, leaf in enumerate(leaves)]
    view = show_did(did, entries, now=NOW)
    assert [(key.use, key.compromised) for key in view.keys] == [
        ("issues", START + DAY),
        ("proves who acts", START + DAY),
        ("issues", None),
    ]
    assert len(view.entries) == 5
    assert "2026-01-02 00:00:00Z" in did_page(view, origin="log.example")
    assert "✗ in other hands since 2026-01-02T00:00:00Z" in Folded(did_lines(ProvenDid(view, NOW))).plain


def test_history_that_does_not_hold_is_shown_without_keys_and_with_the_reason() -> None:
    first, second = rotated()
    broken = replace(second, line=second.line.replace("key-2", "key-3"))
    view = shown(first, broken)
    assert view.trouble is not None
    assert view.trouble.code is Code.DID_CHAIN_BROKEN
    assert (view.keys, len(view.entries)) == ((), 2)


@pytest.mark.parametrize(
    "leaf", [b"", b"\xff\xfe\n<b>", b"[1]", b'{"type":"tomorrow"}', b'{"a":1}', b"{" * 99]
)
def test_leaf_that_nobody_knows_can_be_shown(leaf: bytes) -> None:
    entry = show_entry(3, leaf, logged=None)
    assert entry.subject is None
    assert entry.event.startswith("cannot be read here: ")
    assert harmless(entry.text)


def test_json_for_people_says_the_same_and_hides_nothing() -> None:
    _, [_, record] = hostile_did()
    text = readable_json(record.leaf)
    assert parse_json_object(text) == parse_json_object(record.leaf)
    assert harmless(text)
    for escape in ("\\u202e", "\\u200b", "\\u009b", "\\u007f", "\\u001b", "\\u0301"):
        assert escape in text
    assert readable_json('{"name":"Zoë Żółć 東京"}'.encode()) == '{\n  "name": "Zoë Żółć 東京"\n}'


def test_cosigners_are_shown_with_their_lag_and_their_trouble(world: World) -> None:
    nodes = [FakeNode(number, Clock()) for number in (1, 2, 3)]
    with world.sequencer() as sequencer:
        note = sequencer.published.log.note
    checkpoint = replace(verify_checkpoint(note, policy=world.ledger.policy, now=NOW), tree_size=100)
    asked = quorum_of(nodes, 2)
    policy = replace(
        asked,
        logs=world.ledger.policy.logs,
        witnesses=(*asked.witnesses, *world.ledger.policy.witnesses),
    )
    away = UnavailableError(Code.NETWORK_UNREACHABLE)
    states = [
        NodeState("node-1", {checkpoint.origin: 100}, None),
        NodeState("node-2", {checkpoint.origin: 60, "another": 3}, away),
        NodeState("node-3", {}, None),
    ]
    head = show_head(checkpoint, policy, states, now=NOW)
    assert [(each.name, each.kind, each.lag(100), each.trouble, each.counts) for each in head.cosigners] == [
        ("node-1", CosignerKind.COPY, 0, None, True),
        ("node-2", CosignerKind.COPY, 40, away, True),
        ("node-3", CosignerKind.COPY, 100, None, True),
        ("operator", CosignerKind.OPERATOR, None, None, False),
    ]
    assert [each.cosigned for each in head.cosigners] == [None, None, None, NOW]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 seconds"), (1, "1 second"), (119, "1 minute"), (7200, "2 hours"), (86_400 * 3 + 1, "3 days")],
)
def test_age_is_told_in_one_number(seconds: int, words: str) -> None:
    assert age_words(timedelta(seconds=seconds)) == words
