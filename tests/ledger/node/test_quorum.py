"""A ledger and its nodes, each behind its own door: what is published was read and checked by the quorum."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from demo.world import find_free_ports
from doors.server import listen, running
from ledger.fetch import Fetcher, FetchRules
from ledger.front_end import FrontEnd
from ledger.node.folder import NodeFolder
from ledger.node.http import create_node_app
from ledger.node.running import run_node
from ledger.node_policy import parse_node_line
from ledger.store import LedgerStore
from ledger.trust import TrustedLedger
from protocol.codes import Code
from protocol.errors import TallyError
from protocol.records import DidRecord
from protocol.tlog.note import parse_note
from protocol.tlog.policy import Group, LogPolicy, Witness, verify_checkpoint
from tests.ledger.node.followed_log import wait_until
from tests.ledger.node.node_door import keys_of, make_node
from tests.ledger.world import NOW, Clock, World, append, create, names, record

NAMES = ("alice", "bob", "carol", "dave")


@dataclass
class NodeWorld(World):
    """A ledger whose policy wants three of four nodes."""

    nodes: tuple[Witness, ...] = ()

    @property
    def ledger(self) -> TrustedLedger:
        own = super().ledger
        members = tuple(node.name for node in self.nodes)
        policy = LogPolicy(own.policy.logs, self.nodes, (Group("nodes", 3, members),), "nodes")
        return TrustedLedger(own.url, policy)


@dataclass
class Federation:
    """The ledger, running, and its nodes, each of which can be started."""

    world: NodeWorld
    folders: dict[str, NodeFolder]
    ports: dict[str, int]
    started: ExitStack
    front_end: FrontEnd = field(init=False)

    def start(self, *nodes: str) -> None:
        for name in nodes:
            self.started.enter_context(self._node(name))

    @contextmanager
    def _node(self, name: str) -> Iterator[None]:
        with (
            listen("127.0.0.1", self.ports[name], name=f"{name}.localhost") as listener,
            Fetcher(FetchRules(development=True)) as fetcher,
            run_node(
                self.folders[name], keys_of(name), url=listener.url, fetcher=fetcher, clock=Clock()
            ) as app,
            running(create_node_app(app), listener),
        ):
            yield

    def log(self, *records: DidRecord) -> None:
        for answer in [self.front_end.submit(each) for each in records]:
            answer.result(20)

    def cosigners(self) -> set[str]:
        note = self.front_end.published.log.note
        verify_checkpoint(note, policy=self.world.ledger.policy, now=NOW)
        return {line.key_name.split(".")[0] for line in parse_note(note).signatures} & {*NAMES}


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Callable[..., Federation]]:
    """Starts a ledger with the nodes that are named, of the four in its policy.

    So many entries were `committed` before, and not signed.
    """
    with ExitStack() as stack:

        def start(*nodes: str, committed: int = 0) -> Federation:
            ports = dict(zip(NAMES, find_free_ports(len(NAMES)), strict=True))
            listener = stack.enter_context(listen("127.0.0.1", 0))
            (tmp_path / "log").mkdir()
            world = NodeWorld(tmp_path / "log", port=listener.socket.getsockname()[1])
            # Of a policy a node reads the log alone: it can be made before it is in one.
            alone = World(world.folder, port=world.port).ledger
            folders = {name: make_node(tmp_path, alone, name=name) for name in NAMES}
            for name, folder in folders.items():
                line = parse_node_line(folder.policy_line.read_text())
                world.nodes += (replace(line, name=name, url=f"http://{name}.localhost:{ports[name]}"),)
            world.create()
            if committed:
                append(world.store(), names(committed, "committed", port=world.port))
            stack.callback(world.close)
            started = stack.enter_context(ExitStack())
            federation = Federation(world, folders, ports, started)
            federation.start(*nodes)
            federation.front_end = stack.enter_context(world.serving(listener))
            return federation

        yield start


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
