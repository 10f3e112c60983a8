"""Which document describes a type of credential, said by somebody who signs it.

{"type": "tallystick/type-metadata@v1", "by", "time", "proof",
 "vct": <text>, "integrity": "sha256-<base64 of 32 bytes>"}
"""

from dataclasses import dataclass
from datetime import datetime

from protocol.codes import Code
from protocol.encoding.base64 import decode_base64
from protocol.encoding.members import text_member
from protocol.encoding.strict_json import JsonObject, parse_json_object
from protocol.errors import MalformedError
from protocol.index.subject import Subject
from protocol.records.accreditation import type_subject
from protocol.records.signed import Authorship, Signer, parse_authorship, sign_record

TYPE_METADATA = "tallystick/type-metadata@v1"
_ALGORITHM = "sha256-"
_DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class TypeMetadataRecord:
    """The metadata of the type `vct` is the document with this `integrity`, its author says."""

    authorship: Authorship
    vct: str
    integrity: str
    leaf: bytes

    @property
    def subject(self) -> Subject:
        """What the index knows it by."""
        return type_subject(self.vct)


def parse_type_metadata_record(source: JsonObject, leaf: bytes) -> TypeMetadataRecord:
    """Read such a record, whose canonical bytes are `leaf`.

    Raises:
        MalformedError: a member is missing, unknown, or has another form.
    """
    authorship = parse_authorship(source, members=frozenset({"vct", "integrity"}))
    vct, integrity = text_member(source, "vct"), text_member(source, "integrity")
    type_subject(vct)
    digest = decode_base64(integrity.removeprefix(_ALGORITHM))
    if not integrity.startswith(_ALGORITHM) or len(digest) != _DIGEST_BYTES:
        raise MalformedError(Code.MEMBER_INVALID, "integrity")
    return TypeMetadataRecord(authorship, vct, integrity, leaf)


def create_type_metadata_record(
    vct: str, *, integrity: str, signer: Signer, time: datetime
) -> TypeMetadataRecord:
    """Sign that the metadata of `vct` is the document with this `integrity`.

    Raises:
        MalformedError: it breaks the rules of its form.
        ValueError: the key is not an Ed25519 key.
    """
    leaf = sign_record({"type": TYPE_METADATA, "vct": vct, "integrity": integrity}, signer=signer, time=time)
    return parse_type_metadata_record(parse_json_object(leaf), leaf)
