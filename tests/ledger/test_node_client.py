from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.fetch import Fetcher, FetchRules
from ledger.node_client import Candidate, NodeClient
from ledger.signer import CheckpointSigner, create_memory
from protocol.codes import Code
from protocol.errors import MalformedError, TallyError, UnavailableError, VerificationError
from protocol.tlog.checkpoint import Checkpoint
from protocol.tlog.cosignature import verify_cosignature
from protocol.tlog.note import NoteKey, SignatureType, parse_note
from tests.ledger.fake_node import FakeNode, Reply, running_nodes
from tests.ledger.world import KEYS, NOW, Clock

LOG = NoteKey(KEYS.origin, SignatureType.ED25519, KEYS.log.public_key)
ROOT = bytes(range(32))


@pytest.fixture
def node() -> Iterator[FakeNode]:
    with running_nodes(1, Clock()) as [node]:
        yield node


@pytest.fixture
def client(node: FakeNode) -> Iterator[NodeClient]:
    with Fetcher(FetchRules(development=True)) as fetcher:
        yield NodeClient(node.witness, fetcher)


@pytest.fixture
def candidate(tmp_path: Path) -> Candidate:
    create_memory(tmp_path / "memory", KEYS.origin)
    note = CheckpointSigner(KEYS, tmp_path / "memory").sign(1, ROOT, now=NOW)
    return Candidate(LOG, Checkpoint(KEYS.origin, 1, ROOT), note, lambda _old: ())


def refusal(client: NodeClient, candidate: Candidate) -> TallyError:
    with pytest.raises(TallyError) as caught:
        client.cosign(candidate, now=NOW)
    return caught.value


def test_cosignature_of_an_honest_node_is_verified_and_its_size_known(
    node: FakeNode, client: NodeClient, candidate: Candidate
) -> None:
    signature = client.cosign(candidate, now=NOW)
    assert verify_cosignature(parse_note(candidate.note).text, signature, node.witness.key) == NOW
    assert client.sizes == {KEYS.origin: 1}
    seen = client.seen(LOG)
    assert seen is not None
    assert (seen.checkpoint, seen.note) == (candidate.checkpoint, candidate.note)


@pytest.mark.parametrize(
    ("reply", "kind", "code", "detail"),
    [
        (
            Reply(422, '{"code": "log_fork", "detail": "entry 7"}', "application/problem+json"),
            VerificationError,
            Code.NODE_REFUSED,
            "node-1 answers 422: log_fork entry 7",
        ),
        (Reply(422, "entry 7: no"), VerificationError, Code.NODE_REFUSED, "node-1 answers 422: entry 7: no"),
        (Reply(403, "\x1b[31mred"), VerificationError, Code.NODE_REFUSED, "node-1 answers 403"),
        (Reply(400, "é"), VerificationError, Code.NODE_REFUSED, "node-1 answers 400"),
        (Reply(404), VerificationError, Code.NODE_REFUSED, "node-1 answers 404"),
        (Reply(409, "5\n"), VerificationError, Code.NODE_REFUSED, "node-1 answers 409: 5"),
        (
            Reply(409, "5\n", "text/x.tlog.size"),
            VerificationError,
            Code.NODE_REFUSED,
            "node-1 names a size it does not prove",
        ),
        (
            Reply(409, "1\n", "text/x.tlog.size"),
            VerificationError,
            Code.NODE_REFUSED,
            "node-1 keeps naming other sizes",
        ),
        (Reply(409, "05\n", "text/x.tlog.size"), MalformedError, Code.LOG_NOTE_MALFORMED, "not a decimal"),
        (Reply(503, "catching up"), UnavailableError, Code.NETWORK_BUSY, "node-1 answers 503: catching up"),
        (Reply(200, "hello\n"), MalformedError, Code.LOG_NOTE_MALFORMED, "signature line"),
        (Reply(200, "{}", "application/json"), UnavailableError, Code.NETWORK_CONTENT_TYPE, "expected"),
    ],
)
def test_refusal_is_told_in_the_words_of_the_node_if_they_can_be_shown(
    node: FakeNode,
    client: NodeClient,
    candidate: Candidate,
    reply: Reply,
    kind: type[TallyError],
    code: Code,
    detail: str,
) -> None:
    node.before_answer = lambda _body: reply
    error = refusal(client, candidate)
    assert type(error) is kind
    assert error.code is code
    assert error.detail.startswith(detail)
    if code is Code.NODE_REFUSED:
        assert error.detail == detail


def test_what_a_node_has_seen_counts_only_with_the_signature_of_the_log(
    node: FakeNode, client: NodeClient, candidate: Candidate
) -> None:
    assert client.seen(LOG) is None
    unsigned = candidate.note.replace(f"— {KEYS.origin} ", "— somebody.example ", 1)
    text, _, signatures = candidate.note.partition("\n\n")
    altered = f"{text.replace(KEYS.origin, KEYS.origin)[:-1]}A\n\n{signatures}"
    for note, code in [
        (unsigned, Code.LOG_SIGNATURE_INVALID),
        ("nonsense", Code.LOG_NOTE_MALFORMED),
        (altered, None),
    ]:
        node.notes[KEYS.origin] = note
        with pytest.raises((VerificationError, MalformedError)) as caught:
            client.seen(LOG)
        assert code is None or caught.value.code is code
    other = NoteKey("other.example", SignatureType.ED25519, KEYS.log.public_key)
    node.notes = {"other.example": candidate.note}
    with pytest.raises(VerificationError) as mismatch:
        client.seen(other)
    assert mismatch.value.code is Code.LOG_ORIGIN_MISMATCH
