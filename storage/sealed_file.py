"""A file whose content only its owner can read or change, and that survives whatever dies while it is saved.

The wallet, and the key rings of issuers, verifiers and ledgers, each keep their bytes in one of these. Beside
`wallet.sealed` stand `wallet.sealed.previous`, the generation before, and `wallet.sealed.lock`, which is
locked while somebody writes; the newest generation seen is noted in a folder of its own.
"""

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from protocol.codes import Code
from protocol.errors import RefusedError, UnavailableError, VerificationError
from storage.atomic_file import Folder, close_unwritten, make_private_folder
from storage.generation_mark import load_mark, save_mark
from storage.passphrase import KEY_BYTES, WEAKEST_ACCEPTED, KdfParameters, Passphrase
from storage.sealed_format import Content, seal
from storage.sealed_header import (
    FILE_ID_BYTES,
    Header,
    MasterKey,
    RecoveryKey,
    Secret,
    create_header,
    create_master_key,
    create_passphrase_slot,
)
from storage.sealed_snapshot import (
    Snapshot,
    digest,
    open_snapshot,
    previous_name,
    read_current,
    read_newest,
)


class Freshness(StrEnum):
    """What is known about the age of a file that was opened.

    CONFIRMED: not older than the newest generation seen here.
    UNKNOWN: there is no note of any; the user has to be told.
    """

    CONFIRMED = "confirmed"
    UNKNOWN = "unknown"


class SealedFile:
    """An open sealed file: its `body` is the content when it was opened, reloaded or saved last.

    Any number of processes may have it open; only one can `hold` it, and a `save` fails when the file is not
    the one that was read. Give it back with `close` or a `with` statement. Not for two threads at once.

    Attributes:
        freshness: Whether it is known to be the newest generation.
    """

    def __init__(
        self, folder: Folder, name: str, mark_folder: Path, snapshot: Snapshot, *, patience: timedelta
    ) -> None:
        """Use `create` or `open`."""
        self._patience = patience
        self.freshness = Freshness.UNKNOWN
        self._folder = folder
        self._name = name
        self._mark_folder = mark_folder
        self._loaded: Snapshot | None = snapshot
        self._lock = -1
        self._holds = 0
        self._failed = False

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        passphrase: Passphrase,
        body: bytes,
        kdf: KdfParameters,
        mark_folder: Path,
        recovery_key: RecoveryKey | None = None,
    ) -> "SealedFile":
        """Make the file, and its folder for this user only, with generation 1. Nothing is overwritten.

        Raises:
            RefusedError: there is a file, or the previous generation of one; the folder is open to others;
                the passphrase is empty or too long.
            UnavailableError: full disk, the disk's fault, or not the memory for `kdf`.
            ValueError: the body is too long.
        """
        make_private_folder(path.parent)
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(Folder(path.parent, private=True))
            for name in (path.name, previous_name(path.name)):
                if folder.exists(name):
                    raise RefusedError(Code.VAULT_EXISTS, name)
            master_key = create_master_key()
            file_id = secrets.token_bytes(FILE_ID_BYTES)
            header = create_header(
                master_key, file_id=file_id, passphrase=passphrase, kdf=kdf, recovery_key=recovery_key
            )
            data = seal(header, master_key, Content(1, secrets.token_bytes(KEY_BYTES), body))
            folder.create(path.name, data)
            created = cls(
                folder, path.name, mark_folder, open_snapshot(data, master_key), patience=timedelta(0)
            )
            created._save_mark()
            stack.pop_all()
            return created

    @classmethod
    def open(
        cls,
        path: Path,
        secret: Secret,
        *,
        mark_folder: Path,
        weakest_kdf: KdfParameters = WEAKEST_ACCEPTED,
        accept_rollback: bool = False,
        patience: timedelta = timedelta(0),
    ) -> "SealedFile":
        """Open the file with the passphrase, the recovery key, or the master key of one that was open.

        When it is damaged or missing, the previous generation takes its place if that is not older than the
        newest one seen here. `accept_rollback` takes what there is, and notes it as the newest. A `hold`
        waits for another process as long as `patience` says.

        Raises:
            MalformedError: damaged, or of another version.
            VerificationError: altered, or older than the newest generation seen here; or `secret` is the
                master key of another file, or the one before a `rekey`.
            RefusedError: missing; `secret` does not open it; it or its folder is open to others; its
                passphrase costs less to try than `weakest_kdf`, or more than the ceiling.
            UnavailableError: the disk's fault, or not the memory to unlock it.
        """
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(Folder(path.parent, private=True))
            snapshot = read_newest(folder, path.name, secret, weakest_kdf)
            opened = cls(folder, path.name, mark_folder, snapshot, patience=patience)
            if accept_rollback:
                with opened.hold():
                    opened._save_mark()
            else:
                opened._compare_with_mark()
            stack.pop_all()
            return opened

    def __enter__(self) -> "SealedFile":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the content and the key. Python gives no way to wipe them from memory."""
        self._folder.close()
        self._loaded = None

    @property
    def body(self) -> bytes:
        """The content."""
        return self._snapshot.content.body

    @property
    def generation(self) -> int:
        """1 for a new file, and one more with every save."""
        return self._snapshot.content.generation

    @property
    def recovered(self) -> bool:
        """Whether the newest file was damaged or missing, so that this is the generation before it."""
        return self._snapshot.recovered

    @property
    def master_key(self) -> MasterKey:
        """What opens it without the passphrase, until it is given another one by `rekey`."""
        return self._snapshot.master_key

    def is_in(self, folder: Path) -> bool:
        """Whether it is kept in this folder."""
        return self._folder.is_at(folder)

    @property
    def has_recovery_slot(self) -> bool:
        """Whether a recovery key opens it, too."""
        return self._snapshot.header.recovery_slot is not None

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Keep every other writer out until the block ends. Holds may be nested.

        Raises:
            RefusedError: another process holds it (`vault_locked`).
            UnavailableError: the file system has no locks.
        """
        if not self._holds:
            self._lock = self._folder.take_lock(f"{self._name}.lock", patience=self._patience)
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1
            if not self._holds:
                close_unwritten(self._lock)

    def reload(self) -> bytes:
        """Read again what another process may have saved; the new `body`.

        Raises:
            MalformedError, UnavailableError: as `open`.
            RefusedError: it is gone, or was given another key (`vault_changed`).
            VerificationError: it is older than what was read before.
        """
        data = read_current(self._folder, self._name)
        if digest(data) == self._snapshot.current_digest:
            return self.body
        if data is None:
            raise RefusedError(Code.VAULT_CHANGED, "it is gone")
        try:
            snapshot = open_snapshot(data, self._snapshot.master_key)
        except VerificationError as error:
            raise RefusedError(Code.VAULT_CHANGED, "it has another key now") from error
        snapshot.require_not_older(self._snapshot.mark)
        self._loaded = snapshot
        return self.body

    def save(self, body: bytes) -> None:
        """Replace the content. When this returns, it is on the disk; when it raises, the old one still is.

        After a `disk_error` nothing more is saved through this object: what the disk holds is known only
        after the file was opened again.

        Raises:
            RefusedError: another process holds it, or has changed it since it was read.
            UnavailableError: full disk, or the disk's fault.
            ValueError: the body is too long.
        """
        self._write(self._snapshot.header, self._snapshot.master_key, body, keep_previous=True)

    def change_passphrase(self, passphrase: Passphrase, *, kdf: KdfParameters) -> None:
        """Let `passphrase` open the file instead of the one before; the recovery key stays.

        The master key stays, too: whoever has an older copy of the file and the old passphrase can still
        read later generations. `rekey` prevents that. The previous generation is removed.

        Raises:
            RefusedError, UnavailableError: as `save`; also when the passphrase is empty or too long.
        """
        header, master_key = self._snapshot.header, self._snapshot.master_key
        slot = create_passphrase_slot(master_key, file_id=header.file_id, passphrase=passphrase, kdf=kdf)
        self._write(replace(header, passphrase_slot=slot), master_key, self.body, keep_previous=False)

    def rekey(
        self, *, passphrase: Passphrase, kdf: KdfParameters, recovery_key: RecoveryKey | None = None
    ) -> None:
        """Give the file a new master key, so that nothing known before opens it any more.

        The previous generation is removed; copies elsewhere stay readable with the old passphrase.

        Raises:
            RefusedError, UnavailableError: as `change_passphrase`.
            ValueError: there is a recovery slot, and no `recovery_key` to make it anew.
        """
        if self.has_recovery_slot and recovery_key is None:
            raise ValueError("the recovery key is needed to keep the recovery slot")
        master_key = create_master_key()
        file_id = self._snapshot.header.file_id
        header = create_header(
            master_key, file_id=file_id, passphrase=passphrase, kdf=kdf, recovery_key=recovery_key
        )
        self._write(header, master_key, self.body, keep_previous=False)

    @property
    def _snapshot(self) -> Snapshot:
        if self._loaded is None:
            raise ValueError("the sealed file is closed")
        return self._loaded

    def _write(self, header: Header, master_key: MasterKey, body: bytes, *, keep_previous: bool) -> None:
        if self._failed:
            raise UnavailableError(Code.DISK_ERROR, "an earlier save failed; open the file again")
        with self.hold():
            if not self._is_unchanged():
                raise RefusedError(Code.VAULT_CHANGED)
            content = replace(self._snapshot.content, generation=self.generation + 1, body=body)
            data = seal(header, master_key, content)
            snapshot = open_snapshot(data, master_key)
            # When the current file is damaged, the previous one is the last good one and must stay.
            previous = previous_name(self._name) if keep_previous and not self.recovered else None
            try:
                self._folder.remove_leftovers(self._name)
                self._folder.replace(self._name, data, previous=previous)
                if not keep_previous:
                    self._folder.remove(previous_name(self._name))
            except UnavailableError as error:
                self._failed = error.code is Code.DISK_ERROR
                raise
            self._loaded = snapshot
            self._save_mark()

    def _is_unchanged(self) -> bool:
        return digest(read_current(self._folder, self._name)) == self._snapshot.current_digest

    def _compare_with_mark(self) -> None:
        file_id, mark_key = self._snapshot.header.file_id, self._snapshot.content.mark_key
        mark = load_mark(self._mark_folder, file_id=file_id, mark_key=mark_key)
        if mark is None:
            return
        if self._snapshot.is_older_than(mark):
            # Another process may have saved between our two reads: the file is written before its mark.
            self.reload()
        self._snapshot.require_not_older(mark)
        self.freshness = Freshness.CONFIRMED
        if self.generation > mark.generation:
            self._note_unfinished_save()

    def _note_unfinished_save(self) -> None:
        # A writer died between the file and its mark; or it is just there, and notes the mark itself.
        try:
            with self.hold():
                if self._is_unchanged():
                    self._save_mark()
        except RefusedError as error:
            if error.code is not Code.VAULT_LOCKED:
                raise

    def _save_mark(self) -> None:
        file_id, mark_key = self._snapshot.header.file_id, self._snapshot.content.mark_key
        save_mark(self._mark_folder, self._snapshot.mark, file_id=file_id, mark_key=mark_key)
        self.freshness = Freshness.CONFIRMED
