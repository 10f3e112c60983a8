"""DIDs whose witnesses are the nodes of a ledger, resolved by did-webvh from what the ledger serves."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger.fetch import Fetcher, FetchRules
from ledger.memory import CheckpointMemory
from ledger.mirror import mirror_ledger
from ledger.mirror_folder import MirrorFolder
from protocol.did.webvh.author import NewEntry, update_did
from protocol.did.webvh.parameters import WitnessRule, encode_witness_rule
from protocol.encoding.strict_json import JsonObject
from tests.browser import Browser
from tests.interop.stranger import Stranger, stranger
from tests.ledger.node.federation import NAMES, Federation, federated, hurried
from tests.ledger.node.followed_log import wait_until
from tests.ledger.node.node_door import keys_of
from tests.ledger.world import KEY, NOW, create, record, update

APPROVERS = tuple(str(keys_of(name).approver_did) for name in NAMES)


@pytest.fixture(scope="module")
def resolver() -> Iterator[Stranger]:
    with stranger("ask_did_webvh") as resolver:
        yield resolver


@pytest.fixture(scope="module")
def federation(resolver: Stranger, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """Four nodes, one of them away."""
    with hurried(), federated(tmp_path_factory.mktemp("federation"), "alice", "bob", "carol") as federation:
        yield federation


def rule(threshold: int, *approvers: str) -> JsonObject:
    return {"witness": encode_witness_rule(WitnessRule(threshold, approvers or APPROVERS))}


@pytest.fixture(scope="module")
def served(federation: Federation, tmp_path_factory: pytest.TempPathFactory) -> tuple[NewEntry, Path]:
    """The last of three entries, and the two files as they are served, all of them approved by the nodes."""
    made = create("university", port=federation.world.port, parameters=rule(3))
    second = update(made.version)
    third = update(second.version)
    federation.log(record(made), record(second), record(third))
    folder = tmp_path_factory.mktemp("served")
    fetch(federation, "university", folder, lines=3)
    return third, folder


def fetch(federation: Federation, name: str, folder: Path, *, lines: int) -> None:
    """Save what a resolver would fetch, once there are so many entries."""
    browser = Browser(federation.listener.url)
    wait_until(lambda: browser.get(f"/{name}/did.jsonl").body.count(b"\n") == lines)
    for file in ("did.jsonl", "did-witness.json"):
        (folder / file).write_bytes(browser.get(f"/{name}/{file}").body)


def resolve(resolver: Stranger, folder: Path, entry: NewEntry) -> Any:
    return resolver.ask(did=entry.version.did, folder=str(folder))


def assert_refused(found: Any, problem: str, *, error: str = "invalidDid") -> None:
    assert found["didDocument"] is None
    assert found["didResolutionMetadata"]["error"] == error
    assert found["didResolutionMetadata"]["problemDetails"]["type"].endswith(f"#{problem}")


def test_did_whose_witnesses_are_the_nodes_is_resolved_by_did_webvh(
    served: tuple[NewEntry, Path], resolver: Stranger
) -> None:
    entry, folder = served
    found = resolve(resolver, folder, entry)
    assert found["didResolutionMetadata"] is None
    assert found["didDocument"] == entry.version.state
    assert found["didDocumentMetadata"]["versionId"] == entry.version.version_id
    # One proof of the latest entry for each node that approves; there may be older ones that it replaced.
    *_, item = json.loads((folder / "did-witness.json").read_bytes())
    assert item["versionId"] == entry.version.version_id
    assert len(item["proof"]) == 3


def test_did_in_the_files_of_a_mirror_is_resolved_by_did_webvh(
    federation: Federation, served: tuple[NewEntry, Path], resolver: Stranger, tmp_path: Path
) -> None:
    entry, _folder = served
    rules = FetchRules(development=True, allowed_ports=frozenset({federation.world.port}))
    with MirrorFolder(tmp_path / "mirror") as folder, Fetcher(rules) as fetcher:
        memory = CheckpointMemory(tmp_path / "seen")
        mirror_ledger(federation.world.ledger, folder, fetcher=fetcher, memory=memory, now=NOW)
    found = resolve(resolver, tmp_path / "mirror" / "university", entry)
    assert found["didDocumentMetadata"]["versionId"] == entry.version.version_id


def drop_one(proofs: list[Any]) -> list[Any]:
    return proofs[1:]


def repeat_one(proofs: list[Any]) -> list[Any]:
    return [proofs[0], proofs[0], proofs[1]]


def forge_one(proofs: list[Any]) -> list[Any]:
    """In the name of the node that was away, which signed nothing."""
    absent = APPROVERS[NAMES.index("dave")]
    method = f"{absent}#{absent.removeprefix('did:key:')}"
    return [*proofs[1:], proofs[0] | {"verificationMethod": method}]


@pytest.mark.parametrize("change", [drop_one, repeat_one, forge_one])
def test_did_is_refused_by_did_webvh_when_a_proof_is_missing(
    served: tuple[NewEntry, Path],
    resolver: Stranger,
    tmp_path: Path,
    change: Callable[[list[Any]], list[Any]],
) -> None:
    entry, folder = served
    *older, item = json.loads((folder / "did-witness.json").read_bytes())
    (tmp_path / "did.jsonl").write_bytes((folder / "did.jsonl").read_bytes())
    (tmp_path / "did-witness.json").write_text(json.dumps([*older, item | {"proof": change(item["proof"])}]))
    assert_refused(resolve(resolver, tmp_path, entry), "witness-verification-failed")


def test_did_is_refused_by_did_webvh_when_the_file_of_the_witnesses_is_gone(
    served: tuple[NewEntry, Path], resolver: Stranger, tmp_path: Path
) -> None:
    entry, folder = served
    (tmp_path / "did.jsonl").write_bytes((folder / "did.jsonl").read_bytes())
    assert_refused(resolve(resolver, tmp_path, entry), "missing-log", error="notFound")


def test_entry_that_the_ledger_never_logged_is_refused_by_did_webvh(
    served: tuple[NewEntry, Path], resolver: Stranger, tmp_path: Path
) -> None:
    entry, folder = served
    # By whoever has the keys of the institution and of the server, and no node.
    secret = update(entry.version)
    (tmp_path / "did.jsonl").write_bytes((folder / "did.jsonl").read_bytes() + secret.line.encode() + b"\n")
    (tmp_path / "did-witness.json").write_bytes((folder / "did-witness.json").read_bytes())
    assert_refused(resolve(resolver, tmp_path, secret), "witness-verification-failed")


def test_replaced_witnesses_approve_their_replacement_for_did_webvh(
    federation: Federation, resolver: Stranger, tmp_path: Path
) -> None:
    port = federation.world.port
    made = create("college", port=port, parameters=rule(2, *APPROVERS[:2]))
    replaced = update_did(
        made.version,
        key=KEY,
        time=made.version.time + timedelta(hours=1),
        parameters=rule(2, *APPROVERS[1:3]),
    )
    federation.log(record(made), record(replaced))
    fetch(federation, "college", tmp_path, lines=2)
    assert resolve(resolver, tmp_path, replaced)["didDocument"] == replaced.version.state
    after = update(replaced.version)
    federation.log(record(after))
    fetch(federation, "college", tmp_path, lines=3)
    found = resolve(resolver, tmp_path, after)
    assert found["didDocumentMetadata"]["versionId"] == after.version.version_id
