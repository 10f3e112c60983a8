"""The client side of a real ledger on loopback: client, memory, resolver, identity."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from doors.server import listen
from ledger import memory
from ledger.client import TOKEN_PREFIX, LedgerClient
from ledger.fetch import Fetched, Fetcher, FetchRules
from ledger.identity import (
    IdentityKeeper,
    SigningKeys,
    confirm_identity,
    create_identity,
    create_identity_keys,
    identity_key,
    resume_identity,
    rotate_identity,
)
from ledger.memory import CheckpointMemory
from ledger.resolver import LedgerResolver
from ledger.signer import CheckpointSigner, create_memory
from ledger.trust import (
    TrustedLedger,
    TrustedLedgers,
    encode_trusted_ledgers,
    fetch_trusted_ledger,
    parse_ledgers_file,
)
from protocol.codes import Code
from protocol.did.document import Relationship
from protocol.did.jwk import encode_did_jwk
from protocol.did.key import encode_did_key
from protocol.errors import MalformedError, RefusedError, TallyError, UnavailableError, VerificationError
from protocol.index.map_proof import PathStep
from protocol.index.proof import (
    TallyProof,
    VerifiedRecords,
    encode_tally_proof,
    parse_tally_proof,
)
from protocol.index.subject import did_subject
from protocol.keys import Ed25519PrivateKey
from protocol.records.accreditation import accreditation_subject
from protocol.records.key_compromise import create_key_compromised
from protocol.records.signed import Signer
from protocol.tlog.fork import VerifiedFork, parse_fork_evidence, verify_fork_evidence
from protocol.tlog.merkle import EMPTY_ROOT
from protocol.tlog.tiles import HashTile, parse_tile_path
from storage.atomic_file import replace_file
from storage.key_ring import KeyRing
from storage.management_key import create_management_key
from storage.passphrase import TEST_ONLY, Passphrase
from tests.ledger.world import KEY, World, create, names, record, update
from tests.signed_records import BOTH, accreditation


@dataclass
class Reader:
    """One who trusts the ledger of `world`, with a memory of its own."""

    world: World
    token: str
    fetcher: Fetcher
    folder: Path
    others: ExitStack

    def through(self, fetcher: Fetcher) -> Fetcher:
        """Closes `fetcher` in the end."""
        return self.others.enter_context(fetcher)

    @property
    def memory(self) -> CheckpointMemory:
        return CheckpointMemory(self.folder)

    def client(self, fetcher: Fetcher | None = None) -> LedgerClient:
        return LedgerClient(
            self.world.ledger, fetcher=self.through(fetcher) if fetcher else self.fetcher, memory=self.memory
        )

    def resolver(self, *ledgers: TrustedLedger, fetcher: Fetcher | None = None) -> LedgerResolver:
        return LedgerResolver(
            TrustedLedgers(ledgers or (self.world.ledger,), development=True),
            fetcher=self.through(fetcher) if fetcher else self.fetcher,
            memory=self.memory,
            clock=self.world.clock,
        )

    def log(self, *lines: str) -> None:
        for line in lines:
            self.client().submit(line.encode(), onboarding_token=self.token)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    world = World(tmp_path / "ledger")
    world.folder.mkdir()
    with (
        listen("127.0.0.1", 0) as listener,
        Fetcher(FetchRules(development=True)) as fetcher,
        ExitStack() as others,
    ):
        world.port = listener.socket.getsockname()[1]
        world.create()
        token, key = create_management_key(TOKEN_PREFIX)
        world.store().add_token(key)
        with world.serving(listener):
            yield Reader(world, token, fetcher, tmp_path / "memory", others)
        world.close()


class Liar(Fetcher):
    """Passes everything on, and changes the answers to paths that hold `part`."""

    def __init__(self, part: str, change: Callable[[Any], Any]) -> None:
        super().__init__(FetchRules(development=True))
        self._part = part
        self._change = change

    def fetch(self, url: str, **options: Any) -> Fetched:
        fetched = super().fetch(url, **options)
        if self._part not in url:
            return fetched
        return Fetched(fetched.status, fetched.content_type, self._change(fetched.body))


def code_of(action: Callable[[], object]) -> Code:
    with pytest.raises(TallyError) as caught:
        action()
    return caught.value.code


def first(reader: Reader, name: str = "university") -> Any:
    return create(name, port=reader.world.port)


def test_empty_ledger_gives_a_verified_checkpoint(reader: Reader) -> None:
    checkpoint = reader.client().checkpoint(now=reader.world.clock())
    assert (checkpoint.tree_size, checkpoint.root_hash) == (0, EMPTY_ROOT)
    assert checkpoint.time == reader.world.clock()


def test_growing_log_is_followed_with_consistency_proofs(reader: Reader) -> None:
    for number in range(5):
        reader.log(first(reader, f"name-{number}").line)
        assert reader.client().checkpoint(now=reader.world.clock()).tree_size == number + 1
    remembered = reader.memory.recall(reader.world.ledger.origin)
    assert remembered is not None
    assert remembered.tree_size == 5


def test_ledger_that_went_back_is_refused(reader: Reader) -> None:
    old = reader.client()
    old.checkpoint(now=reader.world.clock())
    empty = reader.fetcher.fetch_ok(f"{reader.world.ledger.url}/checkpoint", accept="text/plain").body
    reader.log(first(reader).line)
    old.checkpoint(now=reader.world.clock())
    liar = reader.client(Liar("/checkpoint", lambda _body: empty))
    assert code_of(lambda: liar.checkpoint(now=reader.world.clock())) is Code.LOG_ROLLBACK


@dataclass
class Fork:
    """A second history under the name and the keys of the reader's ledger."""

    world: World
    note: str

    def checkpoint_alone(self) -> Fetcher:
        """A server that shows this history's checkpoint, and the tiles of the other one."""
        return Liar("/checkpoint", lambda _body: self.note.encode())

    def whole(self) -> Fetcher:
        """A server that shows all of this history."""
        return Impostor(self)


class Impostor(Fetcher):
    def __init__(self, fork: Fork) -> None:
        super().__init__(FetchRules(development=True))
        self._fork = fork

    def fetch(self, url: str, **_options: Any) -> Fetched:
        path = url.removeprefix(f"{self._fork.world.ledger.url}/")
        if path == "checkpoint":
            return Fetched(200, "text/plain", self._fork.note.encode())
        tile = parse_tile_path(path)
        assert isinstance(tile, HashTile)
        return Fetched(200, "application/octet-stream", self._fork.world.store().read_tiles([tile])[0])


@pytest.fixture
def fork(reader: Reader, tmp_path: Path) -> Iterator[Callable[[int], Fork]]:
    """Makes a fork with so many entries."""
    worlds = []

    def make(size: int) -> Fork:
        world = World(tmp_path / f"fork-{size}", port=reader.world.port)
        worlds.append(world)
        world.folder.mkdir()
        world.create()
        with world.sequencer() as sequencer:
            for record in names(size, "fork", port=world.port):
                sequencer.submit(record).result()
            return Fork(world, sequencer.published.log.note)

    yield make
    for world in worlds:
        world.close()


def kept(reader: Reader) -> list[str]:
    """What was kept beside the memory, but for the memory itself."""
    files = [file for file in reader.folder.iterdir() if file.suffix != ".checkpoint" and file.name != "lock"]
    return sorted(file.read_text() for file in files)


def fork_in_evidence(reader: Reader) -> VerifiedFork:
    [text] = kept(reader)
    [file] = reader.folder.glob("*.fork-evidence")
    assert file.read_text() == text
    return verify_fork_evidence(parse_fork_evidence(text))


@pytest.mark.parametrize(("seen", "shown"), [(1, 2), (2, 3), (3, 5), (3, 300)])
def test_ledger_with_another_past_is_refused_and_the_fork_proven(
    reader: Reader, fork: Callable[[int], Fork], seen: int, shown: int
) -> None:
    reader.log(*[first(reader, f"name-{number}").line for number in range(seen)])
    before = reader.client().checkpoint(now=reader.world.clock())
    liar = reader.client(fork(shown).whole())
    assert code_of(lambda: liar.checkpoint(now=reader.world.clock())) is Code.LOG_CONSISTENCY_INVALID
    remembered = reader.memory.recall(before.origin)
    assert remembered is not None
    assert remembered.tree_size == seen
    proven = fork_in_evidence(reader)
    assert proven.log_key == reader.world.ledger.policy.logs[0].key
    assert (proven.smaller.root_hash, proven.larger.tree_size) == (before.root_hash, shown)


def test_fork_whose_tiles_cannot_be_had_leaves_both_signed_states(
    reader: Reader, fork: Callable[[int], Fork]
) -> None:
    reader.log(first(reader, "one").line)
    before = reader.client().checkpoint(now=reader.world.clock())
    forked = fork(2)

    class Away(Impostor):
        asked = 0

        def fetch(self, url: str, **options: Any) -> Fetched:
            # The tile is there for the check, and no more for the evidence.
            Away.asked += "/tile/" in url
            if Away.asked > 1:
                raise UnavailableError(Code.NETWORK_UNREACHABLE)
            return super().fetch(url, **options)

    liar = reader.client(Away(forked))
    assert code_of(lambda: liar.checkpoint(now=reader.world.clock())) is Code.LOG_CONSISTENCY_INVALID
    assert kept(reader) == sorted([before.note, forked.note])


def test_fork_that_is_shown_with_wrong_tiles_leaves_both_signed_states(
    reader: Reader, fork: Callable[[int], Fork]
) -> None:
    reader.log(first(reader, "one").line, first(reader, "two").line)
    early = reader.client().checkpoint(now=reader.world.clock())
    reader.log(first(reader, "three").line)
    forked = fork(3)
    liar = reader.client(forked.checkpoint_alone())
    assert code_of(lambda: liar.checkpoint(now=reader.world.clock())) is Code.LOG_CONSISTENCY_INVALID
    assert kept(reader) == sorted([early.note, forked.note])


def test_fork_of_the_same_size_is_refused_and_proven(reader: Reader, fork: Callable[[int], Fork]) -> None:
    reader.log(first(reader, "one").line)
    reader.client().checkpoint(now=reader.world.clock())
    liar = reader.client(fork(1).checkpoint_alone())
    assert code_of(lambda: liar.checkpoint(now=reader.world.clock())) is Code.LOG_FORK
    proven = fork_in_evidence(reader)
    assert proven.smaller.tree_size == proven.larger.tree_size == 1


def test_old_state_shown_again_is_kept_once_and_proves_no_fork(reader: Reader) -> None:
    old = reader.client().checkpoint(now=reader.world.clock())
    reader.log(first(reader).line)
    new = reader.client().checkpoint(now=reader.world.clock())
    liar = reader.client(Liar("/checkpoint", lambda _body: old.note.encode()))
    for _ in range(2):
        assert code_of(lambda: liar.checkpoint(now=reader.world.clock())) is Code.LOG_ROLLBACK
    assert kept(reader) == sorted([old.note, new.note])


def test_contradiction_to_what_was_forgotten_meanwhile_is_kept_alone(
    reader: Reader, fork: Callable[[int], Fork]
) -> None:
    note = fork(1).note
    log_key = reader.world.ledger.policy.logs[0].key
    files = reader.memory.keep_evidence(note, log_key=log_key, hash_reader=lambda _size: lambda _nodes: [])
    assert [file.read_text() for file in files] == [note]


def test_checkpoint_that_another_thread_has_outrun_is_no_step_back(reader: Reader) -> None:
    def outrun(body: bytes) -> bytes:
        reader.log(first(reader, "two").line)
        reader.client().checkpoint(now=reader.world.clock())
        return body

    reader.log(first(reader, "one").line)
    reader.client().checkpoint(now=reader.world.clock())
    slow = reader.client(Liar("/checkpoint", outrun))
    assert slow.checkpoint(now=reader.world.clock()).tree_size == 1
    remembered = reader.memory.recall(reader.world.ledger.origin)
    assert remembered is not None
    assert remembered.tree_size == 2
    assert kept(reader) == []


def test_fork_that_another_thread_has_outrun_is_refused_and_proven(
    reader: Reader, fork: Callable[[int], Fork]
) -> None:
    forked = fork(1)

    def outrun(_body: bytes) -> bytes:
        reader.log(first(reader, "one").line, first(reader, "two").line)
        reader.client().checkpoint(now=reader.world.clock())
        return forked.note.encode()

    liar = reader.client(Liar("/checkpoint", outrun))
    assert code_of(lambda: liar.checkpoint(now=reader.world.clock())) is Code.LOG_CONSISTENCY_INVALID
    proven = fork_in_evidence(reader)
    assert (proven.smaller.tree_size, proven.larger.tree_size) == (1, 2)


def test_memory_moves_only_forward_whoever_writes_at_the_same_time(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = reader.client().checkpoint(now=reader.world.clock())
    reader.log(first(reader).line)
    [file] = reader.folder.glob("*.checkpoint")
    file.unlink()
    large = reader.client().checkpoint(now=reader.world.clock())
    file.unlink()
    other = threading.Thread(target=lambda: reader.memory.remember(large.note))

    def overtaken(path: Path, data: bytes) -> None:
        monkeypatch.setattr(memory, "replace_file", replace_file)
        other.start()
        other.join(timeout=0.3)
        replace_file(path, data)

    monkeypatch.setattr(memory, "replace_file", overtaken)
    reader.memory.remember(small.note)
    other.join()
    remembered = reader.memory.recall(large.origin)
    assert remembered is not None
    assert remembered.tree_size == large.tree_size


def test_damaged_memory_is_not_taken_for_a_first_contact(reader: Reader) -> None:
    reader.client().checkpoint(now=reader.world.clock())
    [file] = reader.folder.glob("*.checkpoint")
    file.write_text("nothing")
    assert code_of(lambda: reader.client().checkpoint(now=reader.world.clock())) is Code.DISK_ERROR


def test_memory_of_a_larger_log_is_not_overwritten_by_a_smaller_one(reader: Reader) -> None:
    small = reader.client().checkpoint(now=reader.world.clock())
    reader.log(first(reader).line)
    large = reader.client().checkpoint(now=reader.world.clock())
    reader.memory.remember(small.note)
    remembered = reader.memory.recall(large.origin)
    assert remembered is not None
    assert remembered.root_hash == large.root_hash


def test_did_is_resolved_with_evidence_from_the_log(reader: Reader) -> None:
    entry = first(reader)
    reader.log(entry.line)
    verified = reader.resolver().resolve(entry.version.did)
    assert verified.current_key(f"{verified.did}#key-1", Relationship.ASSERTION) == KEY.public_key
    assert verified.evidence is not None
    assert verified.evidence.origin == reader.world.ledger.origin
    assert verified.evidence.tree_size == 1
    assert verified.evidence.time == reader.world.clock()


def test_history_is_read_again_only_when_the_log_has_grown(reader: Reader) -> None:
    entry = first(reader)
    reader.log(entry.line)
    read: list[bytes] = []

    def count(body: bytes) -> bytes:
        read.append(body)
        return body

    resolver = reader.resolver(fetcher=Liar("/evidence", count))
    before = resolver.resolve(entry.version.did)
    reader.world.clock.time += timedelta(seconds=60)
    again = resolver.resolve(entry.version.did)
    assert len(read) == 1
    assert (again.document, again.keys) == (before.document, before.keys)
    reader.log(update(entry.version).line)
    after = resolver.resolve(entry.version.did)
    assert len(read) == 2
    assert after.evidence is not None
    assert after.evidence.tree_size == 2


@pytest.mark.parametrize(
    ("ttl", "expected"),
    [
        pytest.param(None, Code.DID_ROLLBACK, id="NT-D31-shorter"),
        pytest.param(90, Code.DID_FORK, id="NT-D31-another-entry"),
    ],
)
def test_history_that_is_not_the_one_seen_before_is_refused(
    reader: Reader, monkeypatch: pytest.MonkeyPatch, ttl: int | None, expected: Code
) -> None:
    """What only a quorum of liars could prove."""
    entry = first(reader)
    reader.log(entry.line, update(entry.version).line)
    resolver = reader.resolver()
    resolver.resolve(entry.version.did)
    reader.log(first(reader, "other").line)
    honest = LedgerClient.read_history

    def rewrite(client: LedgerClient, did: str, *, now: datetime) -> VerifiedRecords:
        records = honest(client, did, now=now)
        begun, second = records.entries
        if ttl is None:
            return replace(records, entries=(begun,))
        rival = replace(second, leaf=record(update(entry.version, ttl=ttl)).leaf)
        return replace(records, entries=(begun, rival))

    monkeypatch.setattr(LedgerClient, "read_history", rewrite)
    assert code_of(lambda: resolver.resolve(entry.version.did)) is expected


def _swap(proof: TallyProof) -> TallyProof:
    return replace(proof, entries=proof.entries[::-1])


def _foreign_entry(proof: TallyProof) -> TallyProof:
    leaf = proof.entries[0].leaf.replace(b"key-1", b"key-2")
    return replace(proof, entries=(replace(proof.entries[0], leaf=leaf), *proof.entries[1:]))


def _newest_held_back(proof: TallyProof) -> TallyProof:
    return replace(proof, entries=proof.entries[:-1])


def _other_index(proof: TallyProof) -> TallyProof:
    return replace(proof, entries=(proof.entries[0], replace(proof.entries[1], leaf_index=1)))


def _other_path(proof: TallyProof) -> TallyProof:
    step = PathStep(proof.map_proof.path[0].position, bytes(32))
    return replace(proof, map_proof=replace(proof.map_proof, path=(step, *proof.map_proof.path[1:])))


def _nothing(proof: TallyProof) -> TallyProof:
    return replace(proof, entries=())


def _unsigned(proof: TallyProof) -> TallyProof:
    return replace(proof, checkpoint=proof.checkpoint.replace("/index\n4\n", "/index\n5\n"))


def _other_size(proof: TallyProof) -> TallyProof:
    return replace(proof, index_entry=replace(proof.index_entry, tree_size=4))


def in_proof(change: Callable[[TallyProof], TallyProof]) -> Callable[[bytes], bytes]:
    return lambda body: encode_tally_proof(change(parse_tally_proof(body))).encode()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_swap, Code.INDEX_PROOF_INVALID),
        (_foreign_entry, Code.INDEX_PROOF_INVALID),
        (_newest_held_back, Code.INDEX_PROOF_INVALID),
        (_other_index, Code.INDEX_PROOF_INVALID),
        (_other_path, Code.INDEX_PROOF_INVALID),
        (_nothing, Code.INDEX_PROOF_INVALID),
        (_unsigned, Code.LOG_SIGNATURE_INVALID),
        (_other_size, Code.LOG_PROOF_INVALID),
    ],
)
def test_altered_evidence_is_refused(
    reader: Reader, change: Callable[[TallyProof], TallyProof], expected: Code
) -> None:
    entry = first(reader)
    reader.log(entry.line, first(reader, "other").line, update(entry.version).line)
    resolver = reader.resolver(fetcher=Liar("/evidence", in_proof(change)))
    assert code_of(lambda: resolver.resolve(entry.version.did)) is expected


def test_index_of_another_log_than_the_one_that_is_shown_is_refused(reader: Reader, tmp_path: Path) -> None:
    """A quorum that cosigns an index of one history beside a checkpoint of another."""
    entry = first(reader)
    reader.log(entry.line)
    memory_of_another = tmp_path / "another"
    create_memory(memory_of_another, reader.world.keys.origin)
    shown = CheckpointSigner(reader.world.keys, memory_of_another).sign(
        1, bytes(32), now=reader.world.clock()
    )
    liar = Liar("/checkpoint", lambda body: body if b"/index" in body else shown.encode())
    assert code_of(lambda: reader.resolver(fetcher=liar).resolve(entry.version.did)) is Code.LOG_FORK


class Answering(Fetcher):
    """Passes everything on, but for the paths that hold `part`: those get this status and body."""

    def __init__(self, part: str, status: int, body: bytes) -> None:
        super().__init__(FetchRules(development=True))
        self._part = part
        self._answer = Fetched(status, "application/problem+json", body)

    def fetch(self, url: str, **options: Any) -> Fetched:
        return self._answer if self._part in url else super().fetch(url, **options)


def test_did_the_ledger_does_not_know_is_unavailable(reader: Reader) -> None:
    with pytest.raises(UnavailableError) as unknown:
        reader.resolver().resolve(first(reader).version.did)
    assert unknown.value.code is Code.DID_NOT_FOUND


@pytest.mark.parametrize(
    "answer",
    [(404, b"<html>"), (404, b'{"code":"did_not_found"}'), (503, b'{"code":"disk_full"}'), (502, b"")],
)
def test_other_failure_to_answer_says_nothing_about_the_did(
    reader: Reader, answer: tuple[int, bytes]
) -> None:
    resolver = reader.resolver(fetcher=Answering("/evidence", *answer))
    with pytest.raises(UnavailableError) as failed:
        resolver.resolve(first(reader).version.did)
    assert (failed.value.code, failed.value.detail) == (Code.NETWORK_STATUS, str(answer[0]))


def test_did_on_an_unknown_ledger_is_refused_without_asking_anybody(reader: Reader) -> None:
    stranger = create("university", host="ledger.example", port=None)
    assert code_of(lambda: reader.resolver().resolve(stranger.version.did)) is Code.LEDGER_NOT_TRUSTED


def test_dids_that_are_their_own_keys_are_resolved_without_asking_anybody(reader: Reader) -> None:
    key = Ed25519PrivateKey(bytes(32)).public_key
    for did in (encode_did_key(key), encode_did_jwk(key)):
        assert reader.resolver().resolve(did).evidence is None


@pytest.mark.parametrize(
    ("did", "kind", "code"),
    [
        ("did:web:example.com", VerificationError, Code.DID_METHOD_UNSUPPORTED),
        ("https://example.com", MalformedError, Code.DID_INVALID),
        ("did:webvh:nothing", MalformedError, Code.DID_INVALID),
    ],
)
def test_other_identifiers_are_refused(reader: Reader, did: str, kind: type[TallyError], code: Code) -> None:
    with pytest.raises(kind) as caught:
        reader.resolver().resolve(did)
    assert caught.value.code is code


def test_policy_without_quorum_gives_no_time_and_so_no_evidence(reader: Reader) -> None:
    entry = first(reader)
    reader.log(entry.line)
    table = encode_trusted_ledgers(TrustedLedgers((reader.world.ledger,), development=True))
    careless = parse_ledgers_file(table.replace("quorum operator", "quorum none").encode())
    assert code_of(lambda: reader.resolver(*careless.ledgers).resolve(entry.version.did)) is Code.LOG_STALE


def test_refusal_of_the_ledger_arrives_as_its_code(reader: Reader) -> None:
    entry = first(reader)
    client = reader.client()
    wrong_token, _ = create_management_key(TOKEN_PREFIX)
    assert (
        code_of(lambda: client.submit(entry.line.encode(), onboarding_token=wrong_token))
        is Code.WRITER_NOT_AUTHORIZED
    )


@pytest.mark.parametrize(
    "code",
    [
        "database_busy",
        "database_damaged",
        "database_refused",
        "database_unavailable",
        "disk_error",
        "disk_full",
        "internal_error",
    ],
)
def test_trouble_of_the_ledgers_machine_is_not_taken_for_ones_own(reader: Reader, code: str) -> None:
    client = reader.client(Answering("/entries", 503, f'{{"code":"{code}"}}'.encode()))
    with pytest.raises(UnavailableError) as trouble:
        client.submit(b"{}", onboarding_token=reader.token)
    assert trouble.value.code is Code.NETWORK_STATUS
    assert trouble.value.detail == f"{reader.world.ledger.authority}: {code}"


def test_ledger_that_is_away_is_named_with_its_port(reader: Reader) -> None:
    away = TrustedLedger("http://ledger.localhost:1", reader.world.ledger.policy)
    client = LedgerClient(away, fetcher=reader.fetcher, memory=reader.memory)
    did = first(reader).version.did
    for ask in (
        lambda: client.checkpoint(now=reader.world.clock()),
        lambda: client.read_history(did, now=reader.world.clock()),
        lambda: client.submit(b"{}", onboarding_token=reader.token),
        lambda: fetch_trusted_ledger(away.url, fetcher=reader.fetcher),
    ):
        with pytest.raises(UnavailableError) as failed:
            ask()
        assert failed.value.code is Code.NETWORK_LEDGER_UNREACHABLE
        assert failed.value.detail == "ledger.localhost:1"


@pytest.mark.parametrize(
    ("status", "code", "detail"),
    [
        (404, Code.NETWORK_CONTENT_TYPE, "{url} is no ledger"),
        (503, Code.NETWORK_STATUS, "503"),
    ],
)
def test_address_that_gives_no_policy_says_why(reader: Reader, status: int, code: Code, detail: str) -> None:
    url = reader.world.ledger.url
    with pytest.raises(UnavailableError) as failed:
        fetch_trusted_ledger(url, fetcher=reader.through(Answering("/policy", status, b"")))
    assert (failed.value.code, failed.value.detail) == (code, detail.format(url=url))


def test_ledger_is_asked_for_its_own_policy(reader: Reader) -> None:
    assert fetch_trusted_ledger(reader.world.ledger.url, fetcher=reader.fetcher) == reader.world.ledger


@dataclass
class Institution:
    reader: Reader
    keeper: IdentityKeeper

    def create(self) -> str:
        return create_identity(
            self.keeper, name="city-university", witnessed=False, now=self.reader.world.clock()
        )


@pytest.fixture
def institution(reader: Reader, tmp_path: Path) -> Iterator[Institution]:
    keys = create_identity_keys(now=reader.world.clock())
    with KeyRing.create(
        tmp_path / "issuer" / "keys.sealed",
        passphrase=Passphrase("correct horse"),
        keys=keys,
        kdf=TEST_ONLY,
        mark_folder=tmp_path / "marks",
    ) as ring:
        prepared = tmp_path / "prepared-entry"
        yield Institution(reader, IdentityKeeper(ring, prepared, reader.client(), lambda: reader.token))


def test_identity_is_anchored_under_its_name(institution: Institution) -> None:
    did = institution.create()
    verified = institution.reader.resolver().resolve(did)
    own = identity_key(institution.keeper.ring, did)
    assert did.endswith(f":ledger.localhost%3A{institution.reader.world.port}:city-university")
    assert verified.current_key(own.key_id, Relationship.ASSERTION) == own.key.public_key
    assert verified.current_key(own.key_id, Relationship.AUTHENTICATION) == own.key.public_key


def test_identity_that_was_not_written_down_is_made_only_once(institution: Institution) -> None:
    did = institution.create()
    assert institution.create() == did
    confirm_identity(institution.keeper)
    assert not institution.keeper.prepared_entry.exists()
    assert institution.reader.client().checkpoint(now=institution.reader.world.clock()).tree_size == 1


def test_rotation_interrupted_before_its_entry_was_kept_begins_again(institution: Institution) -> None:
    did = institution.create()
    keeper = institution.keeper
    confirm_identity(keeper)
    keys = create_identity_keys(now=institution.reader.world.clock())
    keeper.ring.save({**keeper.ring.keys, **{f"prepared-{name}": key for name, key in keys.items()}})
    old = identity_key(keeper.ring, did)
    new = rotate_identity(keeper, did, now=institution.reader.world.clock())
    assert new == identity_key(keeper.ring, did) != old
    verified = institution.reader.resolver().resolve(did)
    assert verified.current_key(new.key_id, Relationship.ASSERTION) == new.key.public_key


def test_rotated_key_replaces_the_old_one_which_stays_good_for_what_it_signed(
    institution: Institution,
) -> None:
    did = institution.create()
    old = identity_key(institution.keeper.ring, did)
    signed_at = institution.reader.world.clock()
    institution.reader.world.clock.time += timedelta(hours=1)
    new = rotate_identity(institution.keeper, did, now=institution.reader.world.clock())
    assert new == identity_key(institution.keeper.ring, did) != old
    verified = institution.reader.resolver().resolve(did)
    assert verified.current_key(new.key_id, Relationship.ASSERTION) == new.key.public_key
    assert verified.key_used_at(old.key_id, Relationship.ASSERTION, signed_at) == old.key.public_key
    with pytest.raises(VerificationError):
        verified.current_key(old.key_id, Relationship.ASSERTION)


def test_stolen_key_is_good_only_for_what_it_signed_before_its_owner_says_it_was_stolen(
    institution: Institution,
) -> None:
    reader, did = institution.reader, institution.create()
    resolver = reader.resolver()
    old = identity_key(institution.keeper.ring, did)
    honest = reader.world.clock()
    resolver.resolve(did)
    reader.world.clock.time += timedelta(hours=2)
    new = rotate_identity(institution.keeper, did, now=reader.world.clock())
    stolen = reader.world.clock() - timedelta(hours=1)
    assert resolver.resolve(did).key_used_at(old.key_id, Relationship.ASSERTION, stolen) == old.key.public_key
    mark = create_key_compromised(
        old.key_id,
        old.key.public_key,
        signer=Signer(did, new.key, new.key_id),
        since=stolen,
        time=reader.world.clock(),
    )
    reader.log(mark.leaf.decode())
    for verified in (resolver.resolve(did), resolver.resolve(did, at=honest)):
        assert verified.key_used_at(old.key_id, Relationship.ASSERTION, honest) == old.key.public_key
        with pytest.raises(VerificationError) as refusal:
            verified.key_used_at(old.key_id, Relationship.ASSERTION, stolen)
        assert refusal.value.code is Code.KEY_COMPROMISED


def test_identity_is_rotated_twice_within_one_second(institution: Institution) -> None:
    did = institution.create()
    now = institution.reader.world.clock()
    first_key, second_key = (rotate_identity(institution.keeper, did, now=now) for _ in range(2))
    assert first_key != second_key
    document = institution.reader.resolver().resolve(did).document
    assert document.key(second_key.key_id, Relationship.ASSERTION) == second_key.key.public_key


def test_creation_is_finished_when_the_ledger_was_away(institution: Institution) -> None:
    keeper = institution.keeper
    gone = Liar("/nowhere", lambda body: body)
    unreachable = TrustedLedger("http://ledger.localhost:1", institution.reader.world.ledger.policy)
    away = IdentityKeeper(
        keeper.ring,
        keeper.prepared_entry,
        LedgerClient(unreachable, fetcher=institution.reader.through(gone), memory=institution.reader.memory),
        keeper.onboarding_token,
    )
    now = institution.reader.world.clock()
    with pytest.raises(UnavailableError):
        create_identity(away, name="city-university", witnessed=False, now=now)
    # The entry was made for the unreachable ledger; a person who corrects the address begins again.
    keeper.prepared_entry.unlink()
    assert institution.reader.resolver().resolve(institution.create()).did


@pytest.mark.parametrize("was_logged", [True, False])
def test_creation_that_is_refused_after_a_lost_answer_is_looked_for_in_the_log(
    institution: Institution, was_logged: bool
) -> None:
    keeper, reader = institution.keeper, institution.reader

    class Forgetful(LedgerClient):
        attempts = 0

        def submit(self, line: bytes, *, onboarding_token: str) -> Any:
            self.attempts += 1
            if self.attempts > 1:
                raise RefusedError(Code.ENTRY_NOT_ADMITTED)
            if was_logged:
                super().submit(line, onboarding_token=onboarding_token)
            raise UnavailableError(Code.NETWORK_TIMEOUT)

    forgetful = IdentityKeeper(
        keeper.ring,
        keeper.prepared_entry,
        Forgetful(reader.world.ledger, fetcher=reader.fetcher, memory=reader.memory),
        keeper.onboarding_token,
    )
    again = Institution(reader, forgetful)
    assert code_of(again.create) is Code.NETWORK_TIMEOUT
    if was_logged:
        assert reader.resolver().resolve(again.create()).did
    else:
        assert code_of(again.create) is Code.ENTRY_NOT_ADMITTED
    assert keeper.prepared_entry.exists() is was_logged


def test_rotation_keeps_its_keys_while_the_ledger_shows_nothing_of_the_did(institution: Institution) -> None:
    did = institution.create()
    keeper, reader = institution.keeper, institution.reader

    class Restored(LedgerClient):
        def submit(self, line: bytes, *, onboarding_token: str) -> Any:
            def gone(*_arguments: object, **_more: object) -> Any:
                raise UnavailableError(Code.DID_NOT_FOUND)

            self.read_history = gone  # type: ignore[method-assign]
            raise RefusedError(Code.ENTRY_NOT_ADMITTED)

    restored = IdentityKeeper(
        keeper.ring,
        keeper.prepared_entry,
        Restored(reader.world.ledger, fetcher=reader.fetcher, memory=reader.memory),
        keeper.onboarding_token,
    )
    now = reader.world.clock()
    assert code_of(lambda: rotate_identity(restored, did, now=now)) is Code.DID_NOT_FOUND
    assert keeper.prepared_entry.exists()
    assert rotate_identity(keeper, did, now=now) == identity_key(keeper.ring, did)


def test_institution_that_its_ledger_has_forgotten_is_told_so(institution: Institution) -> None:
    now = institution.reader.world.clock()
    keys = SigningKeys(institution.keeper, first(institution.reader).version.did, now=now)
    with pytest.raises(VerificationError) as forgotten:
        keys.verify_listed(now)
    assert forgotten.value.code is Code.DID_NOT_FOUND


def test_rotation_interrupted_after_logging_is_resumed_with_the_same_key(institution: Institution) -> None:
    did = institution.create()
    keeper = institution.keeper

    class PowerCutError(Exception):
        pass

    class Dying(LedgerClient):
        def submit(self, line: bytes, *, onboarding_token: str) -> Any:
            super().submit(line, onboarding_token=onboarding_token)
            raise PowerCutError

    reader = institution.reader
    dying = IdentityKeeper(
        keeper.ring,
        keeper.prepared_entry,
        Dying(reader.world.ledger, fetcher=reader.fetcher, memory=reader.memory),
        keeper.onboarding_token,
    )
    now = reader.world.clock()
    with pytest.raises(PowerCutError):
        rotate_identity(dying, did, now=now)
    assert keeper.prepared_entry.exists()
    resume_identity(keeper, now=now)
    own = identity_key(keeper.ring, did)
    assert (
        reader.resolver().resolve(did).current_key(own.key_id, Relationship.ASSERTION) == own.key.public_key
    )
    assert not keeper.prepared_entry.exists()
    resume_identity(keeper, now=now)


def test_refused_rotation_changes_nothing(institution: Institution) -> None:
    did = institution.create()
    keeper = institution.keeper
    before = dict(keeper.ring.keys)

    class Refusing(LedgerClient):
        def submit(self, line: bytes, *, onboarding_token: str) -> Any:
            raise RefusedError(Code.ENTRY_NOT_ADMITTED)

    reader = institution.reader
    refusing = IdentityKeeper(
        keeper.ring,
        keeper.prepared_entry,
        Refusing(reader.world.ledger, fetcher=reader.fetcher, memory=reader.memory),
        keeper.onboarding_token,
    )
    assert (
        code_of(lambda: rotate_identity(refusing, did, now=reader.world.clock())) is Code.ENTRY_NOT_ADMITTED
    )
    assert dict(keeper.ring.keys) == before
    assert not keeper.prepared_entry.exists()


def test_rotation_without_permission_waits_for_a_new_token(institution: Institution) -> None:
    did = institution.create()
    keeper = institution.keeper
    wrong, _ = create_management_key(TOKEN_PREFIX)
    barred = IdentityKeeper(keeper.ring, keeper.prepared_entry, keeper.client, lambda: wrong)
    now = institution.reader.world.clock()
    assert code_of(lambda: rotate_identity(barred, did, now=now)) is Code.WRITER_NOT_AUTHORIZED
    assert keeper.prepared_entry.exists()
    assert rotate_identity(keeper, did, now=now) == identity_key(keeper.ring, did)


def test_servers_fault_is_not_taken_for_a_refusal(institution: Institution) -> None:
    did = institution.create()
    keeper = institution.keeper

    class Broken(Fetcher):
        def fetch(self, url: str, **options: Any) -> Fetched:
            if url.endswith("/entries"):
                return Fetched(502, "text/html", b"<html>")
            return super().fetch(url, **options)

    reader = institution.reader
    broken = Broken(FetchRules(development=True))
    through = IdentityKeeper(
        keeper.ring, keeper.prepared_entry, reader.client(broken), keeper.onboarding_token
    )
    with pytest.raises(UnavailableError):
        rotate_identity(through, did, now=reader.world.clock())
    assert keeper.prepared_entry.exists()


def test_refusal_of_an_entry_that_was_logged_before_does_not_cost_its_keys(institution: Institution) -> None:
    did = institution.create()
    keeper, reader = institution.keeper, institution.reader

    class Forgetful(LedgerClient):
        attempts = 0

        def submit(self, line: bytes, *, onboarding_token: str) -> Any:
            self.attempts += 1
            if self.attempts > 1:
                raise RefusedError(Code.NOT_FOUND)
            super().submit(line, onboarding_token=onboarding_token)
            raise UnavailableError(Code.NETWORK_TIMEOUT)

    forgetful = IdentityKeeper(
        keeper.ring,
        keeper.prepared_entry,
        Forgetful(reader.world.ledger, fetcher=reader.fetcher, memory=reader.memory),
        keeper.onboarding_token,
    )
    now = reader.world.clock()
    assert code_of(lambda: rotate_identity(forgetful, did, now=now)) is Code.NETWORK_TIMEOUT
    own = rotate_identity(forgetful, did, now=now)
    document = reader.resolver().resolve(did).document
    assert document.key(own.key_id, Relationship.ASSERTION) == own.key.public_key
    assert rotate_identity(keeper, did, now=now) != own


def test_process_killed_after_a_refusal_begins_the_rotation_again(
    institution: Institution, monkeypatch: pytest.MonkeyPatch
) -> None:
    did = institution.create()
    keeper, reader = institution.keeper, institution.reader

    class KilledError(Exception):
        pass

    class Refusing(LedgerClient):
        def submit(self, line: bytes, *, onboarding_token: str) -> Any:
            monkeypatch.setattr(keeper.ring, "save", killed_after(keeper.ring.save))
            raise RefusedError(Code.DID_TIME_INVALID)

    def killed_after(save: Callable[..., None]) -> Callable[..., None]:
        def saved(keys: Any) -> None:
            save(keys)
            raise KilledError

        return saved

    refusing = IdentityKeeper(
        keeper.ring,
        keeper.prepared_entry,
        Refusing(reader.world.ledger, fetcher=reader.fetcher, memory=reader.memory),
        keeper.onboarding_token,
    )
    now = reader.world.clock()
    with pytest.raises(KilledError):
        rotate_identity(refusing, did, now=now)
    monkeypatch.undo()
    resume_identity(keeper, now=now)
    own = rotate_identity(keeper, did, now=now)
    document = reader.resolver().resolve(did).document
    assert document.key(own.key_id, Relationship.ASSERTION) == own.key.public_key


def test_proofs_about_an_issuer_are_its_history_and_every_accreditation_it_rests_on(reader: Reader) -> None:
    root, middle, school, stranger = (
        create(name, port=reader.world.port) for name in ("root", "middle", "school", "stranger")
    )
    dids = [entry.version.did for entry in (root, middle, school, stranger)]
    top = accreditation(dids[0], dids[1], actions=BOTH, depth=1)
    below = accreditation(dids[1], dids[2], under=top)
    reader.log(*[entry.line for entry in (root, middle, school, stranger)])
    reader.log(top.leaf.decode(), below.leaf.decode())
    resolver = reader.resolver()
    proofs = [parse_tally_proof(proof) for proof in resolver.prove_issuer(dids[2])]
    assert [proof.subject for proof in proofs] == [
        did_subject(dids[2]),
        accreditation_subject(dids[2]),
        accreditation_subject(dids[1]),
    ]
    assert [entry.leaf for proof in proofs for entry in proof.entries] == [
        school.line.encode(),
        below.leaf,
        top.leaf,
    ]
    assert [parse_tally_proof(proof).subject for proof in resolver.prove_issuer(dids[3])] == [
        did_subject(dids[3])
    ]
    assert resolver.prove_issuer(encode_did_key(Ed25519PrivateKey(bytes(32)).public_key)) == ()
