import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from doors.server import listen
from protocol.codes import Code
from protocol.did.document import create_did_document
from protocol.did.webvh.author import NewEntry, create_did, deactivate_did, update_did
from protocol.did.webvh.history import VerifiedHistory, split_log, verify_history
from protocol.did.webvh.parameters import WitnessRule, encode_witness_rule
from protocol.did.webvh.witness import (
    create_witness_proof,
    encode_witness_file,
    parse_witness_file,
)
from protocol.encoding.jcs import canonicalize
from protocol.encoding.strict_json import JsonObject
from protocol.encoding.time import parse_utc
from protocol.errors import VerificationError
from protocol.keys import Ed25519PrivateKey
from tests.interop.served_log import ServedLog, publish
from tests.interop.stranger import Stranger, stranger
from tests.ledger.world import HOST, NOW, PORT, START, World, record
from tests.webvh_logs import HOUR, KEY, NEXT_KEY, STRANGER, THIRD_KEY, first, forge_next, multikey

A, B, C = (Ed25519PrivateKey(bytes([number]) * 32) for number in (11, 12, 13))


@dataclass(frozen=True)
class Hosted:
    """The history of a DID as it was served, and as we read it."""

    lines: Sequence[bytes]
    history: VerifiedHistory


def document(did: str, *keys: Ed25519PrivateKey) -> JsonObject:
    methods = {f"key-{number}": key.public_key for number, key in enumerate(keys, 1)}
    return create_did_document(did, methods, assertion=[*methods], authentication=[])


def university() -> list[NewEntry]:
    """A history in which keys are rotated twice, each time to ones that were committed to before."""
    made = create_did(
        HOST,
        PORT,
        ("university",),
        document=lambda did: document(did, KEY),
        key=KEY,
        next_keys=[NEXT_KEY.public_key],
        time=START,
    )
    did = made.version.did
    rotated = update_did(
        made.version,
        key=NEXT_KEY,
        time=START + HOUR,
        document=document(did, KEY, NEXT_KEY),
        next_keys=[THIRD_KEY.public_key],
    )
    again = update_did(
        rotated.version,
        key=THIRD_KEY,
        time=START + 2 * HOUR,
        document=document(did, NEXT_KEY, THIRD_KEY),
        next_keys=[KEY.public_key],
    )
    return [made, rotated, again]


def closed() -> list[NewEntry]:
    """A history that ends with the DID deactivated."""
    made = create_did(
        HOST,
        PORT,
        ("closed",),
        document=lambda did: document(did, KEY),
        key=KEY,
        next_keys=[NEXT_KEY.public_key],
        time=START,
    )
    return [made, *deactivate_did(made.version, key=NEXT_KEY, time=START + HOUR)]


@pytest.fixture(scope="module")
def resolver() -> Iterator[Stranger]:
    with stranger("ask_did_webvh") as resolver:
        yield resolver


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Hosted]:
    """The two histories, read from a ledger that serves them."""
    world = World(tmp_path_factory.mktemp("ledger"))
    world.create()
    found = {}
    with listen("127.0.0.1", 0) as listener, world.serving(listener) as front_end:
        for name, entries in (("university", university()), ("closed", closed())):
            publish(front_end, [record(entry) for entry in entries])
            with urlopen(f"{listener.url}/{name}/did.jsonl", timeout=20) as answer:
                lines = split_log(answer.read())
            found[name] = Hosted(lines, read(entries[0].version.did, lines))
    world.close()
    return found


def read(did: str, lines: Sequence[bytes], witness_file: bytes = b"[]") -> VerifiedHistory:
    """The history as we read it."""
    return verify_history(lines, did=did, now=NOW, witness_proofs=parse_witness_file(witness_file))


def resolve(
    resolver: Stranger, folder: Path, did: str, lines: Sequence[bytes], time: str | None = None
) -> Any:
    """What did-webvh resolves `did` to."""
    (folder / "did.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    return resolver.ask(did=did, folder=str(folder), version_time=time)


def assert_same(found: Any, history: VerifiedHistory, number: int) -> None:
    version = history.version_numbered(number)
    assert found["didResolutionMetadata"] is None
    assert found["didDocument"] == version.state
    ours, theirs = history.metadata(version), found["didDocumentMetadata"]
    same = ("versionId", "versionTime", "created", "updated", "scid", "portable")
    assert {name: theirs[name] for name in same} == {name: ours[name] for name in same}


def assert_refused(found: Any, problem: str, *, error: str = "invalidDid") -> None:
    assert found["didDocument"] is None
    assert found["didResolutionMetadata"]["error"] == error
    assert found["didResolutionMetadata"]["problemDetails"]["type"].endswith(f"#{problem}")


def edited(line: bytes, **members: Any) -> bytes:
    """`line` with other members, and everything else as it was signed."""
    return canonicalize(json.loads(line) | members)


def test_served_history_is_resolved_by_did_webvh_to_the_same_document(
    served: dict[str, Hosted], resolver: Stranger, tmp_path: Path
) -> None:
    hosted = served["university"]
    found = resolve(resolver, tmp_path, hosted.history.did, hosted.lines)
    assert_same(found, hosted.history, 3)


def test_history_in_the_files_of_a_mirror_is_resolved_by_did_webvh(
    mirrored: ServedLog, resolver: Stranger
) -> None:
    line = mirrored.entries[42].encode()
    did = json.loads(line)["state"]["id"]
    folder = f"{mirrored.url.removeprefix('file://')}/{did.rpartition(':')[2]}"
    assert_same(resolver.ask(did=did, folder=folder), read(did, [line]), 1)


@pytest.mark.parametrize(
    ("time", "number"),
    [("2026-01-01T00:00:00Z", 1), ("2026-01-01T00:59:59Z", 1), ("2026-01-01T01:00:00Z", 2)],
)
def test_older_keys_are_resolved_by_did_webvh_at_their_time(
    served: dict[str, Hosted], resolver: Stranger, tmp_path: Path, time: str, number: int
) -> None:
    hosted = served["university"]
    found = resolve(resolver, tmp_path, hosted.history.did, hosted.lines, time)
    assert_same(found, hosted.history, number)
    assert hosted.history.version_at(parse_utc(time)).number == number


def test_time_before_the_first_version_is_not_found_by_did_webvh(
    served: dict[str, Hosted], resolver: Stranger, tmp_path: Path
) -> None:
    hosted = served["university"]
    found = resolve(resolver, tmp_path, hosted.history.did, hosted.lines, "2025-12-31T23:59:59Z")
    assert (found["didDocument"], found["didResolutionMetadata"]["error"]) == (None, "notFound")


def test_deactivated_did_is_called_so_by_did_webvh(
    served: dict[str, Hosted], resolver: Stranger, tmp_path: Path
) -> None:
    hosted = served["closed"]
    found = resolve(resolver, tmp_path, hosted.history.did, hosted.lines)
    assert found["didDocumentMetadata"]["deactivated"] is hosted.history.deactivated is True
    assert found["didDocumentMetadata"]["versionId"] == hosted.history.latest.version_id
    # Here it is not strict: a resolver must not return the document (did:webvh 1.0, Deactivate).
    assert found["didDocument"] == hosted.history.latest.state


VERSIONS = [entry.version for entry in university()]
UNIVERSITY = [entry.line.encode() for entry in university()]
FIRST, SECOND, THIRD = UNIVERSITY
SIMPLE = first()
FALSE_PROOF = "proof-verification-failed"
LATER = "2026-01-01T01:30:00Z"
RESIGNED = json.loads(SECOND)["proof"][0] | {"proofValue": json.loads(THIRD)["proof"][0]["proofValue"]}
BY_STRANGER = forge_next(SIMPLE.version, keys=(STRANGER,)).encode()
UNCOMMITTED = forge_next(
    VERSIONS[0], {"updateKeys": [multikey(STRANGER)], "nextKeyHashes": []}, keys=(STRANGER,)
).encode()


@pytest.mark.parametrize(
    ("lines", "code", "problem"),
    [
        ([FIRST, edited(SECOND, state=VERSIONS[2].state), THIRD], Code.DID_CHAIN_BROKEN, "hash-chain-broken"),
        ([FIRST, edited(SECOND, versionTime=LATER), THIRD], Code.DID_CHAIN_BROKEN, "hash-chain-broken"),
        ([FIRST, edited(SECOND, proof=[RESIGNED]), THIRD], Code.DID_PROOF_INVALID, FALSE_PROOF),
        ([FIRST, THIRD], Code.DID_CHAIN_BROKEN, "version-mismatch"),
        ([FIRST, THIRD, SECOND], Code.DID_CHAIN_BROKEN, "version-mismatch"),
        ([SECOND, THIRD], Code.DID_CHAIN_BROKEN, "version-mismatch"),
        ([FIRST, UNCOMMITTED], Code.DID_PREROTATION_VIOLATED, "invalid-parameter"),
        ([SIMPLE.line.encode(), BY_STRANGER], Code.DID_KEY_NOT_AUTHORIZED, FALSE_PROOF),
    ],
    ids=[
        "another document",
        "another time",
        "another signature",
        "one left out",
        "another order",
        "the first left out",
        "a key nobody committed to",
        "a key of nobody",
    ],
)  # fmt: skip
def test_tampered_history_is_refused_by_did_webvh_and_by_us(
    resolver: Stranger, tmp_path: Path, lines: list[bytes], code: Code, problem: str
) -> None:
    did = json.loads(lines[0])["state"]["id"]
    assert_refused(resolve(resolver, tmp_path, did, lines), problem)
    with pytest.raises(VerificationError) as caught:
        read(did, lines)
    assert caught.value.code is code


def test_history_without_its_last_version_is_believed_by_did_webvh_and_by_us(
    served: dict[str, Hosted], resolver: Stranger, tmp_path: Path
) -> None:
    did, lines = served["university"].history.did, served["university"].lines[:2]
    assert_same(resolve(resolver, tmp_path, did, lines), read(did, lines), 2)


def test_history_of_another_did_is_refused_by_did_webvh(
    served: dict[str, Hosted], resolver: Stranger, tmp_path: Path
) -> None:
    found = resolve(resolver, tmp_path, served["closed"].history.did, UNIVERSITY)
    assert_refused(found, "did-log-id-mismatch")


RULE = encode_witness_rule(WitnessRule(2, tuple(f"did:key:{multikey(key)}" for key in (A, B, C))))
WITNESSED = first(parameters={"witness": RULE})
GROWN = update_did(WITNESSED.version, key=KEY, time=START + HOUR, parameters={"ttl": 60})


def approve(*approvals: tuple[int, Ed25519PrivateKey]) -> bytes:
    """did-witness.json with the word of these witnesses for these versions."""
    proofs: dict[str, list[JsonObject]] = {}
    for number, key in approvals:
        version_id = (WITNESSED, GROWN)[number - 1].version.version_id
        proofs.setdefault(version_id, []).append(create_witness_proof(version_id, key=key, created=START))
    return encode_witness_file(proofs)


def resolve_witnessed(resolver: Stranger, folder: Path) -> Any:
    return resolve(resolver, folder, WITNESSED.version.did, [WITNESSED.line.encode(), GROWN.line.encode()])


def read_witnessed(witness_file: bytes) -> VerifiedHistory:
    lines = [WITNESSED.line.encode(), GROWN.line.encode()]
    return read(WITNESSED.version.did, lines, witness_file)


@pytest.mark.parametrize(
    "approvals",
    [
        [(2, A), (2, B)],
        [(1, A), (1, B), (2, A), (2, B)],
        [(1, A), (2, C), (2, A)],
    ],
    ids=["two of three approve the last", "two approve each", "another two"],
)
def test_history_is_resolved_by_did_webvh_with_enough_proofs_of_its_witnesses(
    resolver: Stranger, tmp_path: Path, approvals: list[tuple[int, Ed25519PrivateKey]]
) -> None:
    witness_file = approve(*approvals)
    (tmp_path / "did-witness.json").write_bytes(witness_file)
    assert_same(resolve_witnessed(resolver, tmp_path), read_witnessed(witness_file), 2)


@pytest.mark.parametrize(
    "approvals",
    [[(1, A), (1, B)], [(2, A)], [(2, A), (2, A)], [(2, A), (2, STRANGER)], []],
    ids=["only the first is approved", "one alone", "one twice", "one and somebody else", "nobody"],
)
def test_history_is_refused_by_did_webvh_and_by_us_without_enough_proofs_of_its_witnesses(
    resolver: Stranger, tmp_path: Path, approvals: list[tuple[int, Ed25519PrivateKey]]
) -> None:
    witness_file = approve(*approvals)
    (tmp_path / "did-witness.json").write_bytes(witness_file)
    assert_refused(resolve_witnessed(resolver, tmp_path), "witness-verification-failed")
    with pytest.raises(VerificationError) as caught:
        read_witnessed(witness_file)
    assert caught.value.code is Code.DID_WITNESS_MISSING


def test_history_with_witnesses_is_refused_by_did_webvh_when_their_file_is_gone(
    resolver: Stranger, tmp_path: Path
) -> None:
    witness_file = tmp_path / "did-witness.json"
    witness_file.write_bytes(approve((2, A), (2, B)))
    assert resolve_witnessed(resolver, tmp_path)["didResolutionMetadata"] is None
    witness_file.unlink()
    assert_refused(resolve_witnessed(resolver, tmp_path), "missing-log", error="notFound")
