"""One entry of a did:webvh log: a line of JSON that is hashed, chained and signed.

    {"versionId": "<n>-<entry hash>", "versionTime": "2026-11-22T10:00:00Z", "parameters": {...},
     "state": {<DID document>}, "proof": [{...}]}

The entry hash is over the canonical entry without its proof, in which `versionId` is that of the entry before
(for the first entry: the SCID). The proof is over the same text with the entry's own `versionId`. So the
content is canonicalized once, and each text is put together from it.
"""

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import datetime

from protocol.codes import Code
from protocol.did.data_integrity import MAX_PROOFS
from protocol.did.webvh.identifier import MULTIHASH_SHA256, SCID_PLACEHOLDER
from protocol.encoding.base58btc import encode_base58btc
from protocol.encoding.jcs import canonicalize
from protocol.encoding.members import object_member, objects_member, text_member
from protocol.encoding.strict_json import JsonObject, parse_json_object
from protocol.encoding.time import encode_utc, parse_utc
from protocol.errors import MalformedError, VerificationError

MAX_ENTRY_BYTES = 1 << 20
# More than a document needs: an honest entry has fewer brackets than that altogether, so the reader sees from
# their number that it is not too deep, and does not walk it.
_MAX_DEPTH = 64
_MEMBERS = frozenset({"versionId", "versionTime", "parameters", "state", "proof"})
# ASCII digits without a leading zero, one dash, and a hash in base58btc. A hash of another length or kind is
# not the one computed here.
_VERSION_ID = re.compile(r"([1-9][0-9]{0,5})-[1-9A-HJ-NP-Za-km-z]{1,128}")


@dataclass(frozen=True, slots=True)
class LogEntry:
    """An entry that could be read; unverified. `content` is its canonical text up to `versionId`."""

    number: int
    version_id: str
    time: datetime
    time_text: str
    parameters: JsonObject
    state: JsonObject
    proofs: tuple[JsonObject, ...]
    content: bytes

    @property
    def entry_hash(self) -> str:
        """The part of the version id behind the number."""
        return self.version_id.partition("-")[2]

    def digest(self) -> bytes:
        """The half of the signed bytes that stands for the entry (`data_integrity.document_digest`)."""
        return hashlib.sha256(self._unsigned(self.version_id)).digest()

    def hash_after(self, predecessor: str) -> str:
        """The entry hash this entry has after the version id `predecessor`."""
        return multihash(self._unsigned(predecessor))

    def hash_as_first(self, scid: str) -> str:
        """The SCID that this first entry has when `scid` stands where its SCID belongs.

        Raises:
            VerificationError: the placeholder stands in the entry. Put there in place of the SCID, it would
                give two first entries the same SCID.
        """
        text = self._unsigned(SCID_PLACEHOLDER).decode("utf-8")
        if text.count(SCID_PLACEHOLDER) != 1:
            raise VerificationError(Code.DID_SCID_MISMATCH, f"{SCID_PLACEHOLDER} in a published entry")
        # The replacement can change the order of member names, so the text is canonicalized again.
        return multihash(canonicalize(parse_entry_json(text.replace(scid, SCID_PLACEHOLDER))))

    def _unsigned(self, version_id: str) -> bytes:
        # Version ids and times are plain ASCII by their patterns: nothing in them needs an escape.
        return b'%b,"versionId":"%b","versionTime":"%b"}' % (
            self.content,
            version_id.encode("ascii"),
            self.time_text.encode("ascii"),
        )


def parse_entry(line: str | bytes) -> LogEntry:
    """Read one line of did.jsonl. Nothing in it is verified.

    Raises:
        MalformedError: not strict JSON of at most 1 MiB, other members than the five, or one of another form;
            DID_TIME_INVALID for a time, DID_PROOF_INVALID where there is no array of 1 to 16 proofs.
    """
    source = parse_entry_json(line)
    if not source.keys() <= _MEMBERS:
        raise MalformedError(Code.MEMBER_INVALID, "a log entry has five members")
    version_id, time_text = text_member(source, "versionId"), text_member(source, "versionTime")
    match = _VERSION_ID.fullmatch(version_id)
    if match is None:
        raise MalformedError(Code.FORMAT_INVALID, "versionId")
    parameters, state = object_member(source, "parameters"), object_member(source, "state")
    return LogEntry(
        number=int(match[1]),
        version_id=version_id,
        time=_parse_time(time_text),
        time_text=time_text,
        parameters=parameters,
        state=state,
        proofs=_parse_proofs(source),
        content=_canonical_content(parameters, state),
    )


def parse_entry_json(text: str | bytes) -> JsonObject:
    """Read an entry, or a part of one, as strict JSON within the limits of an entry.

    Raises:
        MalformedError: not a strict JSON object of at most 1 MiB and 64 levels.
    """
    return parse_json_object(text, max_bytes=MAX_ENTRY_BYTES, max_depth=_MAX_DEPTH)


def create_entry(
    number: int, predecessor: str, *, time: datetime, parameters: JsonObject, state: JsonObject
) -> LogEntry:
    """A new entry, still without proof, that follows the version id `predecessor`; `time` to the second."""
    entry = LogEntry(
        number=number,
        version_id=predecessor,
        time=time,
        time_text=encode_utc(time),
        parameters=parameters,
        state=state,
        proofs=(),
        content=_canonical_content(parameters, state),
    )
    return replace(entry, version_id=f"{number}-{entry.hash_after(predecessor)}")


def encode_entry(entry: LogEntry) -> str:
    """Write the line of `entry` in canonical JSON, without the line end."""
    return canonicalize(
        {
            "versionId": entry.version_id,
            "versionTime": entry.time_text,
            "parameters": entry.parameters,
            "state": entry.state,
            "proof": list(entry.proofs),
        }
    ).decode("utf-8")


def multihash(data: bytes) -> str:
    """The SHA-256 of `data` as did:webvh writes hashes: base58btc over a multihash, without a prefix."""
    return encode_base58btc(MULTIHASH_SHA256 + hashlib.sha256(data).digest())


def _canonical_content(parameters: JsonObject, state: JsonObject) -> bytes:
    # In canonical order the two members stand before `versionId` and `versionTime`.
    return canonicalize({"parameters": parameters, "state": state})[:-1]


def _parse_time(text: str) -> datetime:
    try:
        # UTC may also be spelled as an offset of zero (Read, step 4).
        return parse_utc(text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text)
    except MalformedError as error:
        raise MalformedError(Code.DID_TIME_INVALID, "versionTime") from error


def _parse_proofs(source: JsonObject) -> tuple[JsonObject, ...]:
    try:
        proofs = objects_member(source, "proof", minimum=1)
    except MalformedError as error:
        raise MalformedError(Code.DID_PROOF_INVALID, "no array of proofs") from error
    if len(proofs) > MAX_PROOFS:
        raise MalformedError(Code.DID_PROOF_INVALID, "too many proofs")
    return tuple(proofs)
