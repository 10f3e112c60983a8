"""What the endpoints of a ledger work with: what is shown of the log, and who may write to it."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from ledger.admission import Admission
from ledger.client import TOKEN_PREFIX
from ledger.front_end import FrontEnd
from ledger.published import Published
from ledger.publisher import REFRESH_AFTER
from ledger.store import LedgerStore
from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject
from protocol.encoding.time import encode_utc
from protocol.errors import TallyError, UnavailableError
from protocol.index.proof import SubjectEntry, TallyProof, create_tally_proof
from protocol.index.subject import Subject
from protocol.records import Record, parse_record
from storage.management_key import ManagementKey, verify_management_key


@dataclass(frozen=True, slots=True)
class LedgerApp:
    """A ledger as it is served.

    Attributes:
        store: The stored log.
        front_end: What is shown of it, and gets what is submitted logged.
        admission: The rules for what is written.
        policy: The text of the tlog-policy that trusts this log.
        clock: Tells the time.
    """

    store: LedgerStore
    front_end: FrontEnd
    admission: Admission
    policy: str
    clock: Callable[[], datetime]

    def published(self) -> Published:
        """What is published, signed anew if it has come of age."""
        if self.front_end.trouble is None and self.front_end.needs_refresh():
            # A ledger that cannot sign any more still shows what it signed; its age is for readers to judge.
            with suppress(TallyError):
                self.front_end.refresh().result()
        return self.front_end.published

    def health(self) -> JsonObject:
        """The state of the log.

        Raises:
            UnavailableError: the last attempt to write failed, or the checkpoint is not fresh.
        """
        if (trouble := self.front_end.trouble) is not None:
            raise UnavailableError(trouble.code, trouble.detail)
        publication = self.front_end.published.log
        if self.clock() - publication.time > 2 * REFRESH_AFTER:
            raise UnavailableError(Code.LOG_STALE)
        return {
            "tree_size": publication.tree_size,
            "checkpoint_time": encode_utc(publication.time),
            "writing": self.front_end.is_writing,
        }

    def verify_token(self, text: str) -> ManagementKey:
        """The onboarding token that `text` is.

        Raises:
            RefusedError: WRITER_NOT_AUTHORIZED.
        """
        return verify_management_key(
            text, prefix=TOKEN_PREFIX, find=self.store.find_token, code=Code.WRITER_NOT_AUTHORIZED
        )

    def admit(self, body: bytes) -> Record:
        """Read and admit a submitted record."""
        record = parse_record(body)
        self.admission.admit(record, now=self.clock())
        return record

    def evidence(self, subject: Subject) -> TallyProof:
        """All that is published about `subject`, and the proof that it is all.

        Raises:
            UnavailableError: nothing is published, or the database holds something else than the index says.
        """
        published = self.published()
        stored = self.store.entries_about(subject.key, published.log.tree_size)
        try:
            return create_tally_proof(
                subject,
                [
                    SubjectEntry(entry.leaf_index, published.times.of(entry.leaf_index), entry.leaf)
                    for entry in stored
                ],
                state=published.map,
                index_entry=published.index_entry,
                checkpoint=published.index.note,
                read_hashes=self.store.index.hash_reader(published.index.tree_size),
            )
        except ValueError as error:
            raise UnavailableError(Code.LOG_SELF_CHECK_FAILED, "the index and the entries") from error
