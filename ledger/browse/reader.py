"""The ledger as it is seen from outside, by anybody: all that this gives was verified, or is refused."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import TypeAlias
from urllib.parse import quote

from ledger.accredited import ProvenAccreditations, search_accreditations
from ledger.browse.bundle import verify_bundle
from ledger.browse.did_history import ShownDid, show_did
from ledger.browse.entry import ShownEntry, show_entry
from ledger.browse.head import ShownHead, show_head
from ledger.browse.question import DidQuestion, HashQuestion, IndexQuestion, NameQuestion, Question
from ledger.client import LedgerClient
from ledger.fetch import Fetcher
from ledger.log_files import MAX_NOTE_BYTES, LogFiles
from ledger.trust import errors_of_ledger
from ledger.type_records import LoggedType, read_type_records
from protocol.codes import Code
from protocol.did.webvh.history import MAX_LOG_BYTES, split_log
from protocol.encoding.strict_json import decode_utf8
from protocol.errors import RefusedError, UnavailableError, VerificationError
from protocol.records import parse_record
from protocol.tlog.policy import VerifiedCheckpoint
from protocol.tlog.proof import parse_log_proof
from protocol.tlog.tiles import TILE_WIDTH, EntryBundle

_TEXT = "text/plain"
_JSON_LINES = "text/jsonl"


@dataclass(frozen=True, slots=True)
class ProvenDid:
    """A DID with its complete history.

    Attributes:
        shown: The DID.
        time: When the quorum saw that this is all; None where the policy asks for no time.
    """

    shown: ShownDid
    time: datetime | None


@dataclass(frozen=True, slots=True)
class ProvenTrees:
    """Accreditations as trees.

    Attributes:
        about: The DID or the type that they all concern; None for all of them.
        said: What was said of the type, if it is one.
        found: The accreditations.
        now: The moment at which they stand as it is said.
    """

    about: str | None
    said: tuple[LoggedType, ...]
    found: ProvenAccreditations
    now: datetime


Finding: TypeAlias = ShownEntry | ProvenDid | ProvenTrees
"""What a question leads to."""


class LedgerReader:
    """Reads one ledger for a person to look at. Not for several threads at once.

    Every method raises UnavailableError where the ledger cannot be reached, MalformedError where an answer
    cannot be read, and VerificationError where one does not hold.
    """

    def __init__(self, client: LedgerClient, *, fetcher: Fetcher, clock: Callable[[], datetime]) -> None:
        self._client = client
        self._fetcher = fetcher
        self._files = LogFiles(client.ledger.url, fetcher)
        self._clock = clock
        self._checkpoint: VerifiedCheckpoint | None = None
        self._bundles: dict[EntryBundle, tuple[bytes, ...]] = {}

    @property
    def origin(self) -> str:
        """The name of the log."""
        return self._client.ledger.origin

    def head(self) -> ShownHead:
        """How far the log reaches now; the entries are read as of then."""
        now = self._clock()
        self._checkpoint = self._client.checkpoint(now=now)
        return show_head(self._checkpoint, self._client.ledger.policy, (), now=now)

    def entries(self, end: int) -> tuple[ShownEntry, ...]:
        """Some of the entries before `end`, the newest first: those that come in one file with the last."""
        if end <= 0:
            return ()
        bundle, leaves = self._bundle_of(end - 1)
        begin = bundle.index * TILE_WIDTH
        shown = [
            show_entry(index, leaf, logged=None)
            for index, leaf in enumerate(leaves[: end - begin], start=begin)
        ]
        return tuple(reversed(shown))

    def entry(self, leaf_index: int) -> ShownEntry:
        """The entry at `leaf_index`.

        Raises:
            RefusedError: NOT_FOUND, the log has none there.
        """
        bundle, leaves = self._bundle_of(leaf_index)
        return show_entry(leaf_index, leaves[leaf_index - bundle.index * TILE_WIDTH], logged=None)

    def did(self, did: str) -> ProvenDid:
        """The complete history of `did`.

        Raises:
            UnavailableError: DID_NOT_FOUND, it is proven that the log holds nothing about it.
        """
        now = self._clock()
        records = self._client.read_history(did, now=now)
        return ProvenDid(show_did(did, records.entries, now=now), records.time)

    def accreditations(self, did: str | None = None) -> ProvenTrees:
        """What `did` was given and gave, and all that rests on it; all accreditations without it.

        That nobody is missing whom somebody else accredited is the word of the ledger.
        """
        now = self._clock()
        return ProvenTrees(did, (), search_accreditations(self._client, did=did, now=now), now)

    def type(self, vct: str) -> ProvenTrees:
        """All that was said of the type `vct`, and who is accredited for it.

        Raises:
            RefusedError: NOT_FOUND, nothing and nobody.
        """
        now = self._clock()
        said = read_type_records(self._client, vct, now=now)
        found = search_accreditations(self._client, vct=vct, now=now)
        if not said and not found.trees:
            raise RefusedError(Code.NOT_FOUND, "no name and no type that is called so")
        return ProvenTrees(vct, said, found, now)

    def find(self, question: Question) -> Finding:
        """What `question` asks for.

        Raises:
            RefusedError: NOT_FOUND; that there is no such name or hash is the word of the ledger.
        """
        match question:
            case DidQuestion(did):
                return self.did(did)
            case IndexQuestion(leaf_index):
                return self.entry(leaf_index)
            case HashQuestion(leaf_hash):
                return self._entry_with(leaf_hash)
            case NameQuestion(name):
                return self._called(name)

    def _entry_with(self, leaf_hash: bytes) -> ShownEntry:
        proof = self._ask(f"proof/{leaf_hash.hex()}", _TEXT, MAX_NOTE_BYTES)
        leaf_index = parse_log_proof(decode_utf8(proof)).leaf_index
        if leaf_index >= self._seen().tree_size:
            self.head()
        entry = self.entry(leaf_index)
        if entry.leaf_hash != leaf_hash:
            raise VerificationError(Code.LOG_PROOF_INVALID, "the entry has another leaf hash")
        return entry

    def _called(self, name: str) -> ProvenDid | ProvenTrees:
        try:
            return self._did_called(name.strip("/"))
        except RefusedError as error:
            if error.code is not Code.NOT_FOUND:
                raise
            missing = error
        try:
            return self.type(name)
        except UnavailableError as failure:
            if failure.code is not Code.NETWORK_STATUS:
                raise
            # A mirror has no evidence.
            raise missing from failure

    def _did_called(self, name: str) -> ProvenDid:
        # Which DID it is, the ledger says; whether that lives there under this name, its history.
        path = f"{quote(name)}/did.jsonl"
        record = parse_record(split_log(self._ask(path, _JSON_LINES, MAX_LOG_BYTES))[0])
        proven = self.did(record.subject.name)
        if proven.shown.path != f"/{path}":
            raise VerificationError(Code.DID_SCID_MISMATCH, "the DID has another name")
        return proven

    def _ask(self, path: str, accept: str, max_bytes: int) -> bytes:
        with errors_of_ledger():
            url = f"{self._client.ledger.url}/{path}"
            answer = self._fetcher.fetch(url, accept=accept, max_bytes=max_bytes)
        if answer.status == HTTPStatus.NOT_FOUND:
            raise RefusedError(Code.NOT_FOUND, "the ledger says so, and gives no proof of it")
        if answer.status != HTTPStatus.OK:
            raise UnavailableError(Code.NETWORK_STATUS, str(answer.status))
        return answer.body

    def _bundle_of(self, leaf_index: int) -> tuple[EntryBundle, tuple[bytes, ...]]:
        checkpoint = self._seen()
        size = checkpoint.tree_size
        if not 0 <= leaf_index < size:
            raise RefusedError(Code.NOT_FOUND, f"the log has {size} entries, counted from 0")
        index = leaf_index // TILE_WIDTH
        bundle = EntryBundle(index, min(TILE_WIDTH, size - index * TILE_WIDTH))
        if bundle not in self._bundles:
            leaves = self._files.read_bundle(bundle)
            verify_bundle(leaves, bundle, checkpoint=checkpoint, read_tiles=self._files.read_tiles)
            self._bundles[bundle] = leaves
        return bundle, self._bundles[bundle]

    def _seen(self) -> VerifiedCheckpoint:
        if self._checkpoint is None:
            self.head()
        assert self._checkpoint is not None
        return self._checkpoint
