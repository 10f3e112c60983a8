"""What an entry of the log is about: a kind and a name. The index knows it by its key, 32 bytes."""

import hashlib
import re
from dataclasses import dataclass

from protocol.codes import Code
from protocol.errors import MalformedError

KEY_BYTES = 32
KEY_BITS = 8 * KEY_BYTES
MAX_NAME_BYTES = 1024

_KIND = re.compile(r"[a-z-]{1,32}")
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that entries of a log are about.

    Attributes:
        kind: What sort of thing, as `did`: 1 to 32 letters from a to z and hyphens.
        name: Which one: 1 to 1,024 bytes of UTF-8 without control characters. Two names are the same if their
            bytes are.

    Raises:
        MalformedError: kind or name is of another form.
    """

    kind: str
    name: str

    def __post_init__(self) -> None:
        if not _KIND.fullmatch(self.kind):
            raise MalformedError(Code.FORMAT_INVALID, "kind of a subject")
        try:
            length = len(self.name.encode())
        except UnicodeEncodeError as error:
            raise MalformedError(Code.FORMAT_INVALID, "name of a subject") from error
        if not 1 <= length <= MAX_NAME_BYTES or _CONTROL_CHARACTER.search(self.name):
            raise MalformedError(Code.FORMAT_INVALID, "name of a subject")

    @property
    def key(self) -> bytes:
        """Where the map has its value."""
        return hashlib.sha256(f"{self.kind}\n{self.name}".encode()).digest()


def did_subject(did: str) -> Subject:
    """The subject whose list is the history of `did`.

    Raises:
        MalformedError: longer than any DID, or no text that a subject can be called by.
    """
    return Subject("did", did)
