"""The whole verified history of a did:webvh DID: what it was at which time, and which keys it had when.

Every entry is verified, also those nobody asks for: a resolver that looks at the last one only believes
whoever wrote the ones before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from protocol.codes import Code
from protocol.did.document import Relationship
from protocol.did.verified import DatedKey, LogEvidence, VerifiedDid
from protocol.did.webvh.entry import parse_entry
from protocol.did.webvh.identifier import parse_webvh
from protocol.did.webvh.parameters import encode_witness_rule
from protocol.did.webvh.version import VerifiedVersion, verify_first_entry, verify_next_entry
from protocol.did.webvh.witness import WitnessProofs, verify_witnesses
from protocol.encoding.strict_json import JsonObject
from protocol.errors import MalformedError, UnavailableError, VerificationError
from protocol.keys import PublicKey

MAX_LOG_BYTES = 5 << 20
MAX_ENTRIES = 2000


@dataclass(frozen=True, slots=True)
class VerifiedHistory:
    """All versions of the DID `did`, in order and without a gap; at least one of them is called `did`.

    What is missing at the end cannot be seen here: that the history is complete and current is proven by the
    ledger it is logged on.
    """

    did: str
    versions: tuple[VerifiedVersion, ...]

    @property
    def latest(self) -> VerifiedVersion:
        """The last version."""
        return self.versions[-1]

    @property
    def created(self) -> datetime:
        """The time of the first version."""
        return self.versions[0].time

    @property
    def updated(self) -> datetime:
        """The time of the last version."""
        return self.latest.time

    @property
    def scid(self) -> str:
        """The self-certifying identifier."""
        return self.latest.parameters.scid

    @property
    def portable(self) -> bool:
        """Whether the DID may move to another place on the web."""
        return self.latest.parameters.portable

    @property
    def deactivated(self) -> bool:
        """Whether the owner has deactivated the DID."""
        return self.latest.parameters.deactivated

    @property
    def ttl(self) -> timedelta:
        """For how long a resolver may keep this history without looking again."""
        return timedelta(seconds=self.latest.parameters.ttl)

    def version_numbered(self, number: int) -> VerifiedVersion:
        """The version with this number, from 1.

        Raises:
            UnavailableError: there is none.
        """
        if not 1 <= number <= len(self.versions):
            raise UnavailableError(Code.DID_NOT_FOUND, "no such version")
        return self.versions[number - 1]

    def version_with_id(self, version_id: str) -> VerifiedVersion:
        """The version with exactly this id.

        Raises:
            UnavailableError: there is none.
        """
        for version in self.versions:
            if version.version_id == version_id:
                return version
        raise UnavailableError(Code.DID_NOT_FOUND, "no such version")

    def version_at(self, moment: datetime) -> VerifiedVersion:
        """The version that was the last one at `moment`.

        Raises:
            UnavailableError: the DID is younger.
        """
        for version in reversed(self.versions):
            if version.time <= moment:
                return version
        raise UnavailableError(Code.DID_NOT_FOUND, "the DID did not exist at that time")

    def metadata(self, version: VerifiedVersion) -> JsonObject:
        """The DID document metadata of `version`; numbers are text there (DID Resolution)."""
        parameters = self.latest.parameters
        metadata: JsonObject = {
            "versionId": version.version_id,
            "versionTime": _encode_time(version.time),
            "created": _encode_time(self.created),
            "updated": _encode_time(self.updated),
            "scid": self.scid,
            "portable": self.portable,
            "deactivated": self.deactivated,
            "ttl": str(parameters.ttl),
        }
        if parameters.witness is not None:
            rule = encode_witness_rule(parameters.witness)
            metadata["witness"] = rule | {"threshold": str(parameters.witness.threshold)}
        if parameters.watchers:
            metadata["watchers"] = list(parameters.watchers)
        return metadata

    def verified_did(self, *, evidence: LogEvidence | None) -> VerifiedDid:
        """The present document, and every key there ever was with the interval in which it was listed.

        A key that is replaced under its id, or listed again later, has an interval for each time. The times
        are the owner's word; where a log vouches for others, there is `logged.LoggedHistory`.

        Raises:
            MalformedError: the document of a version breaks the rules of DID documents.
            VerificationError: the DID was deactivated.
        """
        if self.deactivated:
            raise VerificationError(Code.DID_DEACTIVATED)
        keys = date_keys(self.versions, [version.time for version in self.versions])
        return VerifiedDid(self.did, self.latest.document(), keys, evidence)


def split_log(data: bytes) -> list[bytes]:
    """The lines of a did.jsonl file; the last one may lack its line end.

    Raises:
        MalformedError: more than 5 MiB.
    """
    if len(data) > MAX_LOG_BYTES:
        raise MalformedError(Code.SIZE_EXCEEDED, "did.jsonl")
    return data.removesuffix(b"\n").split(b"\n")


def verify_history(
    lines: Sequence[str | bytes], *, did: str, now: datetime, witness_proofs: WitnessProofs | None
) -> VerifiedHistory:
    """Verify the whole history of `did` from its first entry (did:webvh 1.0, Read).

    `lines` are the entries in order. `witness_proofs` is did-witness.json as read by `parse_witness_file`;
    `NO_WITNESS_PROOFS` where there is none, `APPROVED_BY_LOG` where the entries are proven to be in a log.
    Not checked: that the history is complete and current.

    Raises:
        MalformedError: `did` is not a did:webvh, there are no or more than 2,000 entries, or one of them
            cannot be read.
        VerificationError: an entry does not follow from those before it, the history is that of another DID,
            or its own witnesses did not approve it.
    """
    scid = parse_webvh(did).scid
    if not lines:
        raise MalformedError(Code.FORMAT_INVALID, "an empty log")
    first = verify_first_entry(parse_entry(lines[0]), now=now)
    if first.parameters.scid != scid:
        raise VerificationError(Code.DID_SCID_MISMATCH, "the history of another DID")
    versions = _verify_following(first, lines[1:], now)
    verify_witnesses(versions, witness_proofs)
    if all(version.did != did for version in versions):
        raise VerificationError(Code.DID_SCID_MISMATCH, "the DID was never called that")
    return VerifiedHistory(did, versions)


def extend_history(
    history: VerifiedHistory,
    lines: Sequence[str | bytes],
    *,
    now: datetime,
    witness_proofs: WitnessProofs | None,
) -> VerifiedHistory:
    """Verify the entries `lines` that follow a history verified before, and nothing again.

    Raises:
        MalformedError: an entry cannot be read, or there are more than 2,000 in all.
        VerificationError: an entry does not follow from those before it, or the witnesses did not approve it.
    """
    added = _verify_following(history.latest, lines, now)[1:]
    verify_witnesses(added, witness_proofs)
    return VerifiedHistory(history.did, history.versions + added)


def _verify_following(
    version: VerifiedVersion, lines: Sequence[str | bytes], now: datetime
) -> tuple[VerifiedVersion, ...]:
    if version.number + len(lines) > MAX_ENTRIES:
        raise MalformedError(Code.SIZE_EXCEEDED, "log entries")
    versions = [version]
    for line in lines:
        version = verify_next_entry(version, parse_entry(line), now=now)
        versions.append(version)
    return tuple(versions)


def date_keys(versions: Sequence[VerifiedVersion], times: Sequence[datetime]) -> tuple[DatedKey, ...]:
    """Every key that `versions` list, with the interval in which they do; `times` says when each began.

    Raises:
        MalformedError: the document of a version breaks the rules of DID documents.
    """
    keys: list[DatedKey] = []
    listed: dict[tuple[str, Relationship, PublicKey], int] = {}  # where in `keys` its open interval is
    for version, time in zip(versions, times, strict=True):
        document = version.document()
        uses = [
            (method.id, relationship, method.public_key)
            for method in document.verification_methods
            for relationship in Relationship
            if method.id in document.relationships[relationship]
        ]
        for use in listed.keys() - set(uses):
            position = listed.pop(use)
            keys[position] = replace(keys[position], valid_until=time)
        for use in uses:
            if use not in listed:
                listed[use] = len(keys)
                key_id, relationship, key = use
                keys.append(DatedKey(key_id, key, relationship, time, None))
    return tuple(keys)


def _encode_time(moment: datetime) -> str:
    # With the fraction of a second, if the entry had one: a question for this very time must find it.
    return moment.isoformat().removesuffix("+00:00") + "Z"
