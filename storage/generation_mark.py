"""The newest generation of a sealed file that was seen here, kept apart from the file.

A thief of the disk, a synchronized folder or a restored backup can put yesterday's file in the place of
today's, and every byte of it is genuine. Only a note in another place can tell. It cannot help when both are
put back together; the threat model says so.
"""

import hmac
from dataclasses import dataclass
from pathlib import Path

from protocol.codes import Code
from protocol.encoding.base64url import decode_base64url, encode_base64url
from protocol.encoding.jcs import canonicalize
from protocol.encoding.members import integer_member, text_member
from protocol.encoding.strict_json import JsonObject, parse_json_object
from protocol.errors import MalformedError, RefusedError
from storage.atomic_file import Folder, make_private_folder

_MAX_BYTES = 1024


@dataclass(frozen=True, slots=True)
class GenerationMark:
    """A generation, and the stream header of the save that made it: two saves may share a number after one
    was rolled back, but never that.
    """

    generation: int
    save_id: bytes


def load_mark(folder: Path, *, file_id: bytes, mark_key: bytes) -> GenerationMark | None:
    """The mark of the file `file_id`; None when there is none, or none that this file's owner wrote.

    Raises:
        RefusedError: `folder` or the mark is open to other users.
        UnavailableError: the disk's fault.
    """
    try:
        with Folder(folder, private=True) as opened:
            source = parse_json_object(opened.read(_name(file_id), max_bytes=_MAX_BYTES))
        mark = GenerationMark(
            integer_member(source, "generation"), decode_base64url(text_member(source, "save_id"))
        )
        genuine = hmac.compare_digest(_encode(mark, mark_key), canonicalize(source))
    except MalformedError:
        return None
    except RefusedError as error:
        if error.code is not Code.VAULT_MISSING:
            raise
        return None
    return mark if genuine else None


def save_mark(folder: Path, mark: GenerationMark, *, file_id: bytes, mark_key: bytes) -> None:
    """Keep `mark` for the file `file_id`. The folder is made when it is missing.

    Raises:
        RefusedError: `folder` is open to other users.
        UnavailableError: full disk, or the disk's fault.
    """
    make_private_folder(folder)
    with Folder(folder, private=True) as opened:
        opened.remove_leftovers(_name(file_id))
        opened.replace(_name(file_id), _encode(mark, mark_key))


def _name(file_id: bytes) -> str:
    return f"{file_id.hex()}.mark"


def _encode(mark: GenerationMark, mark_key: bytes) -> bytes:
    # Keyed, so that whoever can write here but not open the file can remove a mark, but not make one.
    members: JsonObject = {"generation": mark.generation, "save_id": encode_base64url(mark.save_id)}
    mac = hmac.digest(mark_key, canonicalize(members), "sha256")
    return canonicalize({**members, "mac": encode_base64url(mac)})
