"""One generation of a sealed file in memory, and how the newest readable one is found on the disk."""

import hashlib
from dataclasses import dataclass, replace

from protocol.codes import Code
from protocol.errors import TallyError, VerificationError
from storage.atomic_file import Folder
from storage.generation_mark import GenerationMark
from storage.passphrase import KdfParameters
from storage.sealed_format import MAX_FILE_BYTES, Content, open_content, parse_sealed
from storage.sealed_header import Header, MasterKey, Secret, open_slot

# What the previous generation can stand in for. A wrong passphrase is not among them: the previous file may
# still open with the one before.
_RECOVERABLE = frozenset({Code.VAULT_DAMAGED, Code.VAULT_MISSING, Code.SIZE_EXCEEDED})


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One generation in memory.

    Attributes:
        save_id: The stream header, random and new with every save.
        current_digest: Of what stood under the name when this was read, intact or not; None for nothing.
        recovered: Whether this is the previous generation, because the newest was damaged or missing.
    """

    header: Header
    master_key: MasterKey
    content: Content
    save_id: bytes
    current_digest: bytes | None
    recovered: bool

    @property
    def mark(self) -> GenerationMark:
        """What is noted of it outside the file."""
        return GenerationMark(self.content.generation, self.save_id)

    def is_older_than(self, seen: GenerationMark) -> bool:
        """Whether this is an earlier generation than `seen`, or one of the same number but another save: that
        is an older file which was put back, and then saved somewhere else.
        """
        return self.mark.generation < seen.generation or (
            self.mark.generation == seen.generation and self.mark.save_id != seen.save_id
        )

    def require_not_older(self, seen: GenerationMark) -> None:
        """Check that this is `seen` or a later generation.

        Raises:
            VerificationError: `vault_rollback`.
        """
        if self.is_older_than(seen):
            which = "the newest is damaged, the one before it" if self.recovered else "this one"
            raise VerificationError(
                Code.VAULT_ROLLBACK,
                f"{which} is generation {self.mark.generation}, last seen was {seen.generation}",
            )


def previous_name(name: str) -> str:
    """Where the generation before the newest stays."""
    return f"{name}.previous"


def open_snapshot(data: bytes, master_key: MasterKey) -> Snapshot:
    """The generation in `data`, every byte of it checked.

    Raises:
        MalformedError, VerificationError: damaged, altered, or sealed with another key.
    """
    parts = parse_sealed(data)
    content = open_content(parts, master_key)
    return Snapshot(parts.header, master_key, content, parts.stream_header, digest(data), recovered=False)


def _read(folder: Folder, name: str, secret: Secret, weakest_kdf: KdfParameters) -> Snapshot:
    data = folder.read(name, max_bytes=MAX_FILE_BYTES)
    return open_snapshot(data, open_slot(parse_sealed(data).header, secret, weakest_kdf=weakest_kdf))


def read_newest(folder: Folder, name: str, secret: Secret, weakest_kdf: KdfParameters) -> Snapshot:
    """The newest generation, or, when that is damaged or missing, the one before it.

    Raises:
        TallyError: as `SealedFile.open`; what is wrong with the newest when neither can be read.
    """
    try:
        return _read(folder, name, secret, weakest_kdf)
    except TallyError as damage:
        if damage.code not in _RECOVERABLE:
            raise
        try:
            previous = _read(folder, previous_name(name), secret, weakest_kdf)
        except TallyError:
            raise damage from None
        return replace(previous, current_digest=digest(read_current(folder, name)), recovered=True)


def read_current(folder: Folder, name: str) -> bytes | None:
    """What stands under the name, intact or not; None for nothing that can be read as a file."""
    try:
        return folder.read(name, max_bytes=MAX_FILE_BYTES)
    except TallyError as damage:
        if damage.code not in _RECOVERABLE:
            raise
        return None


def digest(data: bytes | None) -> bytes | None:
    """SHA-256, and None of nothing."""
    return None if data is None else hashlib.sha256(data).digest()
