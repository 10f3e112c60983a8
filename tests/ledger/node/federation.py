"""A ledger and its nodes, each behind its own door."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from demo.world import find_free_ports
from doors.server import Listener, listen, running
from ledger.fetch import Fetcher, FetchRules
from ledger.front_end import FrontEnd
from ledger.node.folder import NodeFolder
from ledger.node.http import create_node_app
from ledger.node.running import run_node
from ledger.node_policy import parse_node_line
from ledger.trust import TrustedLedger
from protocol.records import DidRecord
from protocol.tlog.note import parse_note
from protocol.tlog.policy import Group, LogPolicy, Witness, verify_checkpoint
from tests.ledger.node.node_door import keys_of, make_node
from tests.ledger.world import NOW, Clock, World, append, names

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
    listener: Listener
    started: dict[str, ExitStack] = field(default_factory=dict)
    front_end: FrontEnd = field(init=False)

    def start(self, *nodes: str) -> None:
        for name in nodes:
            self.started[name] = ExitStack()
            self.started[name].enter_context(self._node(name))

    def stop(self, *nodes: str) -> None:
        for name in nodes:
            self.started.pop(name).close()

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


@contextmanager
def federated(folder: Path, *nodes: str, committed: int = 0) -> Iterator[Federation]:
    """A ledger with four nodes in its policy, of which those that are named are started.

    So many entries were `committed` before, and not signed.
    """
    with ExitStack() as stack:
        ports = dict(zip(NAMES, find_free_ports(len(NAMES)), strict=True))
        listener = stack.enter_context(listen("127.0.0.1", 0))
        (folder / "log").mkdir()
        world = NodeWorld(folder / "log", port=listener.socket.getsockname()[1])
        # It copies whoever counts: it can be made before it is in a policy.
        alone = World(world.folder, port=world.port).ledger
        folders = {name: make_node(folder, alone, name=name) for name in NAMES}
        for name, made in folders.items():
            line = parse_node_line(made.policy_line.read_text())
            world.nodes += (replace(line, name=name, url=f"http://{name}.localhost:{ports[name]}"),)
        for made in folders.values():
            made.replace_policy(world.ledger)
        world.create()
        if committed:
            append(world.store(), names(committed, "committed", port=world.port))
        stack.callback(world.close)
        federation = Federation(world, folders, ports, listener)
        stack.callback(lambda: federation.stop(*list(federation.started)))
        federation.start(*nodes)
        federation.front_end = stack.enter_context(world.serving(listener))
        yield federation


@contextmanager
def hurried() -> Iterator[None]:
    """Let nobody pause for long between two looks at what is approved."""
    with pytest.MonkeyPatch.context() as hurry:
        for name in ("_FIRST_PAUSE", "_LONGEST_PAUSE"):
            hurry.setattr(f"ledger.approvals.collector.{name}", 0.1)
        hurry.setattr("ledger.node.approving._PAUSE_SECONDS", 0.1)
        yield
