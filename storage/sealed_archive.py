"""A sealed file that is written once and opens with the recovery key alone: a backup.

Nobody works in it, so it has no previous generation, no lock and no mark; and it may lie anywhere, on a
stick for example, where nothing is said about the folder. See docs/formats/sealed-file.md.
"""

import secrets
from pathlib import Path

from protocol.codes import Code
from protocol.errors import MalformedError, UnavailableError
from storage.atomic_file import Folder
from storage.passphrase import KEY_BYTES, WEAKEST_ACCEPTED
from storage.sealed_format import (
    MAX_FILE_BYTES,
    Content,
    SealedParts,
    open_content,
    parse_sealed,
    require_whole,
    seal,
)
from storage.sealed_header import (
    FILE_ID_BYTES,
    RecoveryKey,
    create_master_key,
    create_recovery_header,
    open_slot,
)


def write_archive(path: Path, body: bytes, *, recovery_key: RecoveryKey, replacing: bool) -> None:
    """Seal `body` into the file `path`, mode 0600, and read it back.

    When this returns, it is on the disk. When it raises, there is no new file, or, when only the last flush
    or the reading failed, perhaps a whole one. Only if `replacing` it takes the place of another file.

    Raises:
        RefusedError: there is something of this name (`vault_exists`), or no such folder (`vault_missing`).
        UnavailableError: full disk, or the disk's fault.
        ValueError: the body is too long.
    """
    master_key = create_master_key()
    header = create_recovery_header(
        master_key, file_id=secrets.token_bytes(FILE_ID_BYTES), recovery_key=recovery_key
    )
    data = seal(header, master_key, Content(1, secrets.token_bytes(KEY_BYTES), body))
    with Folder(path.absolute().parent, private=False) as folder:
        # Nobody else writes this name, or one of the two fails and says so.
        folder.remove_leftovers(path.name)
        if replacing:
            folder.replace(path.name, data)
        else:
            folder.create(path.name, data)
    if read_archive(path, recovery_key) != body:
        raise UnavailableError(Code.DISK_ERROR, f"{path.name} does not read back as it was written")


def require_archive(path: Path) -> None:
    """Check what can be checked of the file `path` without a key: its form, its header and its length.

    Raises:
        MalformedError: not an archive, damaged, or of another version.
        RefusedError: missing.
        UnavailableError: the disk's fault.
    """
    parts = _read_parts(path)
    require_whole(parts)
    if parts.header.recovery_slot is None:
        raise MalformedError(Code.VAULT_DAMAGED, "no recovery words open it")


def read_archive(path: Path, recovery_key: RecoveryKey) -> bytes:
    """What is sealed in the file `path`, every byte of it checked.

    Raises:
        MalformedError: damaged, or of another version.
        VerificationError: altered.
        RefusedError: missing, or `recovery_key` does not open it.
        UnavailableError: the disk's fault.
    """
    parts = _read_parts(path)
    return open_content(parts, open_slot(parts.header, recovery_key, weakest_kdf=WEAKEST_ACCEPTED)).body


def _read_parts(path: Path) -> SealedParts:
    with Folder(path.absolute().parent, private=False) as folder:
        return parse_sealed(folder.read(path.name, max_bytes=MAX_FILE_BYTES))
