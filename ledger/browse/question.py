"""What a person can look for: a DID, its name, a type of credential, an entry's place or leaf hash."""

import re
from dataclasses import dataclass
from typing import TypeAlias

from protocol.codes import Code
from protocol.errors import MalformedError
from protocol.index.subject import MAX_NAME_BYTES

_INDEX = re.compile(r"[0-9]{1,18}", re.ASCII)
_HASH = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class DidQuestion:
    """The history of a DID."""

    did: str


@dataclass(frozen=True, slots=True)
class NameQuestion:
    """The DIDs with this name, or one that begins with it; or the type of credential that is called so."""

    name: str


@dataclass(frozen=True, slots=True)
class IndexQuestion:
    """The entry at this place."""

    leaf_index: int


@dataclass(frozen=True, slots=True)
class HashQuestion:
    """The entry with this leaf hash."""

    leaf_hash: bytes


Question: TypeAlias = DidQuestion | NameQuestion | IndexQuestion | HashQuestion


def parse_question(text: str) -> Question:
    """What `text` asks for.

    Raises:
        MalformedError: nothing, more than the longest DID, or characters that cannot be seen.
    """
    text = text.strip()
    if not text:
        raise MalformedError(
            Code.INPUT_REQUIRED, "a DID, a name, a type, the index of an entry, or a leaf hash"
        )
    if len(text) > MAX_NAME_BYTES:
        raise MalformedError(Code.SIZE_EXCEEDED, "longer than any DID")
    if not text.isprintable():
        raise MalformedError(Code.FORMAT_INVALID, "what cannot be seen is in no name")
    if text.startswith("did:"):
        return DidQuestion(text)
    if _HASH.fullmatch(text):
        return HashQuestion(bytes.fromhex(text))
    if _INDEX.fullmatch(text):
        return IndexQuestion(int(text))
    return NameQuestion(text)
