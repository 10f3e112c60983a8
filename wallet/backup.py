"""A backup: everything the wallet holds and which ledgers it trusts, in one file that the 24 words open.

What is left out: what an issuer was asked for and did not send yet, because its access token is worth
something to a thief and nothing after a few days; and what is noted apart from the wallet, how old it is and
what was seen of the ledgers. The passphrase is not in it, either: a restored wallet gets a new one.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import msgspec

from ledger.trust import TrustedLedgers, encode_trusted_ledgers, parse_ledgers_file
from protocol.codes import Code
from protocol.errors import MalformedError, RefusedError, TallyError, UnavailableError
from storage.atomic_file import typed_disk_errors
from storage.sealed_archive import read_archive, require_archive, write_archive
from wallet.content import BackupNote, WalletContent
from wallet.recovery_phrase import derive_recovery_key, derive_seed
from wallet.vault import Vault

_FORMAT = "tallystick-backup"
_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """What is in a backup.

    Attributes:
        made_at: When it was made.
        content: What the wallet held then, without what was pending.
        ledgers: The ledgers it trusted.
        left_out: The hosts of the issuers whose pending credentials were left out.
    """

    made_at: datetime
    content: WalletContent
    ledgers: TrustedLedgers
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Stored:
    format: str
    version: int
    made_at: datetime
    content: WalletContent
    ledgers: str
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Label:
    format: str
    version: int


def make_backup(
    vault: Vault, ledgers: TrustedLedgers, path: Path, *, now: datetime, replacing: bool = False
) -> Backup:
    """Write what the wallet holds to the file `path`, read it back, and note in the wallet that it was done.

    Only if `replacing` it takes the place of a file of that name. When the note cannot be saved, the backup
    is whole all the same.

    Raises:
        RefusedError: there is something of that name, a folder perhaps, or no such folder; it is the wallet's
            own folder; another process holds the wallet.
        UnavailableError: full disk, or the disk's fault.
    """
    require_no_folder(path)
    if vault.file.is_in(path.absolute().parent):
        # Beside the wallet it would be lost with it; in its place, it would be the loss.
        raise RefusedError(Code.USAGE_INVALID, "a backup belongs outside of the wallet's folder")
    with vault.file.hold():
        held = vault.reload()
        note = BackupNote(made_at=now, credentials=len(held.credentials))
        backup = Backup(
            made_at=now,
            content=replace(held, pending=(), evidence=(), last_backup=note),
            ledgers=ledgers,
            left_out=tuple(dict.fromkeys(pending.issuer_host for pending in held.pending)),
        )
        recovery_key = derive_recovery_key(derive_seed(held.entropy))
        try:
            write_archive(path, encode_backup(backup), recovery_key=recovery_key, replacing=replacing)
        except RefusedError as error:
            raise _about_the_place(error, "there is no such folder") from error
        vault.change(lambda content: replace(content, last_backup=note))
    return backup


def require_no_folder(path: Path) -> None:
    """Check that a file can be at `path`, as far as a folder that is there goes.

    Raises:
        RefusedError: PATH_IS_FOLDER.
        UnavailableError: the disk's fault, or no file can be called that.
    """
    with typed_disk_errors("backup"):
        is_folder = path.is_dir()
    if is_folder:
        raise RefusedError(Code.PATH_IS_FOLDER)


def require_backup(path: Path) -> None:
    """Check that there is a backup at `path`, as far as that can be seen before anybody types 24 words.

    Raises:
        MalformedError: BACKUP_DAMAGED, or of another version.
        RefusedError: NOT_FOUND, or PATH_IS_FOLDER.
        UnavailableError: the disk's fault.
    """
    try:
        require_no_folder(path)
        is_there = path.is_file()
    except (OSError, UnavailableError):  # a name that no file can have
        is_there = False
    if not is_there:
        raise RefusedError(Code.NOT_FOUND, f"there is no backup at {path}")
    try:
        require_archive(path)
    except TallyError as error:
        raise _about_the_backup(error) from error


def open_backup(path: Path, entropy: bytes) -> Backup:
    """Read the backup in the file `path` with the 32 bytes behind the 24 words. Nothing is changed.

    Raises:
        MalformedError: damaged, of another version, or something other than a backup.
        VerificationError: altered.
        RefusedError: there is no such file, or the words do not open it.
        UnavailableError: the disk's fault.
    """
    try:
        body = read_archive(path, derive_recovery_key(derive_seed(entropy)))
    except TallyError as error:
        raise _about_the_backup(error) from error
    backup = parse_backup(body)
    # Only a faulty writer gets here with the keys of one wallet in the backup of another.
    if backup.content.entropy != entropy:
        raise MalformedError(Code.BACKUP_DAMAGED, "its content is of other words")
    return backup


def encode_backup(backup: Backup) -> bytes:
    """The backup as JSON, with the format and the version it is in; the ledgers as in `ledgers.toml`."""
    ledgers = encode_trusted_ledgers(backup.ledgers)
    return msgspec.json.encode(
        _Stored(_FORMAT, _VERSION, backup.made_at, backup.content, ledgers, backup.left_out)
    )


def parse_backup(body: bytes) -> Backup:
    """Read what `encode_backup` writes.

    Raises:
        MalformedError: of another version, or not a backup.
        RefusedError: the ledgers in it cannot be read.
    """
    try:
        label = msgspec.json.decode(body, type=_Label)
        if label.format != _FORMAT:
            raise MalformedError(Code.BACKUP_DAMAGED, "it holds something other than a backup")
        if label.version != _VERSION:
            raise MalformedError(Code.VAULT_VERSION)
        stored = msgspec.json.decode(body, type=_Stored)
    except msgspec.MsgspecError:
        # From None: the error may quote what is in the backup.
        raise MalformedError(Code.BACKUP_DAMAGED, "its content is not that of a backup") from None
    return Backup(
        made_at=stored.made_at,
        content=stored.content,
        ledgers=parse_ledgers_file(stored.ledgers.encode()),
        left_out=stored.left_out,
    )


def _about_the_place(error: RefusedError, missing: str) -> RefusedError:
    # What the file of a wallet is told when it is missing would lead astray here.
    return RefusedError(Code.NOT_FOUND, missing) if error.code is Code.VAULT_MISSING else error


def _about_the_backup(error: TallyError) -> TallyError:
    # And what it is told when it is damaged: to restore a backup.
    match error.code:
        case Code.VAULT_MISSING:
            return RefusedError(Code.NOT_FOUND, "there is no such file")
        case Code.VAULT_DAMAGED | Code.SIZE_EXCEEDED:
            return type(error)(Code.BACKUP_DAMAGED, error.detail)
        case Code.RECOVERY_PHRASE_INVALID:
            return RefusedError(error.code, "they do not open this file; it may be of another wallet")
        case _:
            return error
