"""A ledger and its nodes, each behind its own door: what is published was read and checked by the quorum."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from ledger.store import LedgerStore
from protocol.codes import Code
from protocol.errors import TallyError
from tests.ledger.node.federation import NAMES, Federation, federated
from tests.ledger.node.followed_log import wait_until
from tests.ledger.world import create, names, record


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Callable[..., Federation]]:
    """Starts a ledger with the nodes that are named, of the four in its policy.

    So many entries were `committed` before, and not signed.
    """
    with ExitStack() as stack:
        yield lambda *nodes, committed=0: stack.enter_context(
            federated(tmp_path, *nodes, committed=committed)
        )


def test_what_a_log_has_committed_before_its_start_is_published_in_its_first_round(
    federation: Callable[..., Federation], caplog: pytest.LogCaptureFixture
) -> None:
    """The nodes read it from a server that answers by then."""
    started = federation(*NAMES, committed=3)
    assert started.front_end.published.log.tree_size == 3
    assert len(started.cosigners()) >= 3
    assert caplog.records == []


def test_what_is_logged_is_published_with_the_word_of_the_nodes_that_hold_it(
    federation: Callable[..., Federation],
) -> None:
    started = federation(*NAMES)
    for count in (1, 300):
        started.log(*names(count, f"batch-{count}", port=started.world.port))
    assert started.front_end.published.log.tree_size == 301
    assert len(started.cosigners()) >= 3


def test_log_goes_on_without_one_node_and_that_one_catches_up(
    federation: Callable[..., Federation],
) -> None:
    started = federation("alice", "bob", "carol")
    started.log(*names(5, port=started.world.port))
    assert started.cosigners() == {"alice", "bob", "carol"}
    started.start("dave")
    for number in range(50):
        started.log(*names(1, f"later-{number}", port=started.world.port))
        if "dave" in started.cosigners():
            break
    # It may have been too late for the quorum each time, but it was asked, and copies all of it.
    engine = started.folders["dave"].open_database()
    wait_until(lambda: LedgerStore(engine).head().tree_size > 5)
    engine.dispose()


def test_log_that_writes_past_its_own_rules_publishes_nothing_any_more(
    federation: Callable[..., Federation], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.publisher.PATIENCE", timedelta(seconds=1))
    started = federation("alice", "bob", "carol")
    started.log(*names(2, port=started.world.port))
    with pytest.raises(TallyError) as caught:
        started.log(record(create("stranger", host="other.localhost")))
    assert caught.value.code is Code.LOG_QUORUM_MISSING
    assert started.front_end.published.log.tree_size == 2
