"""Which checkpoints count: the logs, the witnesses, and how many of them must agree (C2SP tlog-policy).

    log <vkey> [<url>]
    witness <name> <vkey> [<url>]
    group <name> all|any|<k> <member>...
    quorum <name>|none

A line refers only to names of lines above it; `#` begins a comment line. Names are compared byte for byte.
We read the file as UTF-8, which the format recommends and does not demand.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from protocol.codes import Code
from protocol.errors import MalformedError, VerificationError
from protocol.tlog.checkpoint import parse_checkpoint
from protocol.tlog.cosignature import verify_cosignature
from protocol.tlog.lines import parse_decimal
from protocol.tlog.note import (
    NoteKey,
    SignatureType,
    encode_vkey,
    parse_note,
    parse_vkey,
    verify_note_signature,
)

NO_QUORUM: Final = "none"
MAX_POLICY_CHARACTERS = 64 * 1024
COSIGNATURE_CLOCK_SKEW = timedelta(minutes=5)

_FORBIDDEN_CHARACTER = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_WHITESPACE = re.compile(r"[ \t]+")


@dataclass(frozen=True, slots=True)
class PolicyLog:
    """A log whose checkpoints are accepted; the name of its key is its origin."""

    key: NoteKey
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Witness:
    """A cosigner that may count, under the name the policy gives it."""

    name: str
    key: NoteKey
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """At least `threshold` of `members`, each of them a witness or a group."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LogPolicy:
    """A policy that was read: every name is defined once and before its use, no key appears twice."""

    logs: tuple[PolicyLog, ...]
    witnesses: tuple[Witness, ...]
    groups: tuple[Group, ...]
    quorum: str


@dataclass(frozen=True, slots=True)
class VerifiedCheckpoint:
    """A checkpoint that satisfies a policy.

    Attributes:
        origin: The log's name.
        tree_size: How many entries the log holds.
        root_hash: The root hash over them, 32 bytes.
        time: The time the quorum vouches for: the median of its cosignatures. None when the policy demands
            no cosignatures.
        note: The signed note it was read from.
    """

    origin: str
    tree_size: int
    root_hash: bytes
    time: datetime | None
    note: str


def parse_log_policy(text: str) -> LogPolicy:
    """Read a policy file.

    Raises:
        MalformedError: a line that is not in its form, a name or key defined twice, a name used before it is
            defined, a member of two groups, an impossible threshold, or not exactly one quorum.
    """
    if len(text) > MAX_POLICY_CHARACTERS:
        raise MalformedError(Code.SIZE_EXCEEDED, "log policy")
    if _FORBIDDEN_CHARACTER.search(text):
        raise MalformedError(Code.LOG_POLICY_INVALID, "control character")
    if not text.endswith("\n"):
        raise MalformedError(Code.LOG_POLICY_INVALID, "the last line does not end in a newline")
    reader = _PolicyReader()
    for number, line in enumerate(text[:-1].split("\n"), start=1):
        words = [word for word in _WHITESPACE.split(line) if word]
        if words and not words[0].startswith("#"):
            try:
                reader.read_line(words)
            except MalformedError as error:
                raise MalformedError(Code.LOG_POLICY_INVALID, f"line {number}: {error.detail}") from error
    if reader.quorum is None:
        raise MalformedError(Code.LOG_POLICY_INVALID, "no quorum")
    return LogPolicy(tuple(reader.logs), tuple(reader.witnesses), tuple(reader.groups), reader.quorum)


def encode_log_policy(policy: LogPolicy) -> str:
    """Write `policy` as a policy file."""
    rows: list[list[str | None]] = [["log", encode_vkey(log.key), log.url] for log in policy.logs]
    rows += [["witness", witness.name, encode_vkey(witness.key), witness.url] for witness in policy.witnesses]
    rows += [["group", group.name, str(group.threshold), *group.members] for group in policy.groups]
    rows.append(["quorum", policy.quorum])
    return "".join(" ".join(word for word in row if word is not None) + "\n" for row in rows)


def verify_checkpoint(source: str | bytes, *, policy: LogPolicy, now: datetime) -> VerifiedCheckpoint:
    """Check that `source` is a checkpoint of one of the policy's logs with its quorum of cosignatures.

    A cosignature dated more than five minutes after `now` does not count. Not checked: how old the
    checkpoint is (`verify_freshness`), or whether it follows from an earlier one
    (`protocol.tlog.merkle.verify_consistency`).

    Raises:
        MalformedError: not a signed checkpoint.
        VerificationError: of another log, a known key's signature does not match, the log did not sign, or
            the quorum is missing.
    """
    note = parse_note(source)
    checkpoint = parse_checkpoint(note.text)
    log_keys = [log.key for log in policy.logs if log.key.name == checkpoint.origin]
    if not log_keys:
        raise VerificationError(Code.LOG_ORIGIN_MISMATCH, "the policy does not name its origin")
    known_logs = {(key.name, key.key_id): key for key in log_keys}
    known_witnesses = {(witness.key.name, witness.key.key_id): witness for witness in policy.witnesses}

    signed_by_log = False
    times: dict[str, list[datetime]] = {}
    for signature in note.signatures:
        line_key = (signature.key_name, signature.key_id)
        if line_key in known_logs:
            verify_note_signature(note.text, signature, known_logs[line_key])
            signed_by_log = True
        elif line_key in known_witnesses:
            witness = known_witnesses[line_key]
            time = verify_cosignature(note.text, signature, witness.key)
            if time <= now + COSIGNATURE_CLOCK_SKEW:
                # Two cosignatures of one witness are two true statements by one voice: the later one counts.
                times[witness.name] = [max(time, *times.get(witness.name, [time]))]
    if not signed_by_log:
        raise VerificationError(Code.LOG_SIGNATURE_INVALID, "the log did not sign")
    time_of_quorum = _time_of_quorum(policy, times)
    return VerifiedCheckpoint(
        checkpoint.origin,
        checkpoint.tree_size,
        checkpoint.root_hash,
        time_of_quorum,
        source if isinstance(source, str) else source.decode(),
    )


def verify_freshness(checkpoint: VerifiedCheckpoint, *, max_age: timedelta, now: datetime) -> datetime:
    """Check that the quorum saw `checkpoint` at most `max_age` before `now`, and return when.

    Raises:
        VerificationError: it is older, or the policy demands no cosignatures and so gives no time.
    """
    if checkpoint.time is None:
        raise VerificationError(Code.LOG_STALE, "no cosigned time")
    if now - checkpoint.time > max_age:
        raise VerificationError(Code.LOG_STALE)
    return checkpoint.time


class _PolicyReader:
    """Collects the lines of a policy and refuses what contradicts the lines before."""

    def __init__(self) -> None:
        self.logs: list[PolicyLog] = []
        self.witnesses: list[Witness] = []
        self.groups: list[Group] = []
        self.quorum: str | None = None
        self._names: set[str] = set()
        self._members: set[str] = set()

    def read_line(self, words: list[str]) -> None:
        match words:
            case ["log", vkey]:
                self._add_log(vkey, None)
            case ["log", vkey, url]:
                self._add_log(vkey, url)
            case ["witness", name, vkey]:
                self._add_witness(name, vkey, None)
            case ["witness", name, vkey, url]:
                self._add_witness(name, vkey, url)
            case ["group", name, threshold, first, *others]:
                self._add_group(name, threshold, (first, *others))
            case ["quorum", name]:
                self._set_quorum(name)
            case _:
                raise _invalid("neither log, witness, group nor quorum, or too few or many words")

    def _add_log(self, vkey: str, url: str | None) -> None:
        key = _parse_key(vkey, SignatureType.ED25519)
        if key.public_key in [log.key.public_key for log in self.logs]:
            raise _invalid("a log's key appears twice")
        self.logs.append(PolicyLog(key, url))

    def _add_witness(self, name: str, vkey: str, url: str | None) -> None:
        key = _parse_key(vkey, SignatureType.ED25519_COSIGNATURE)
        if key.public_key in [witness.key.public_key for witness in self.witnesses]:
            raise _invalid("a witness's key appears twice")
        self._define(name)
        self.witnesses.append(Witness(name, key, url))

    def _add_group(self, name: str, rule: str, members: tuple[str, ...]) -> None:
        for member in members:
            if member not in self._names:
                raise _invalid("a member is not defined above")
            if member in self._members:
                raise _invalid("a name is a member twice")
            self._members.add(member)
        match rule:
            case "all":
                threshold = len(members)
            case "any":
                threshold = 1
            case _:
                threshold = parse_decimal(rule, Code.LOG_POLICY_INVALID)
        if not 1 <= threshold <= len(members):
            raise _invalid("the threshold cannot be met, or needs nobody")
        self._define(name)
        self.groups.append(Group(name, threshold, members))

    def _set_quorum(self, name: str) -> None:
        if self.quorum is not None:
            raise _invalid("more than one quorum")
        if name != NO_QUORUM and name not in self._names:
            raise _invalid("the quorum is not defined above")
        self.quorum = name

    def _define(self, name: str) -> None:
        if name == NO_QUORUM or name in self._names:
            raise _invalid("the name is taken")
        self._names.add(name)


def _invalid(detail: str) -> MalformedError:
    return MalformedError(Code.LOG_POLICY_INVALID, detail)


def _parse_key(vkey: str, expected_type: SignatureType) -> NoteKey:
    key = parse_vkey(vkey)
    if key.signature_type is not expected_type:
        raise _invalid("a key of the wrong type")
    return key


def _time_of_quorum(policy: LogPolicy, times_of_witnesses: dict[str, list[datetime]]) -> datetime | None:
    """The median time of those who make up the quorum, the earlier of two: age is never understated."""
    if policy.quorum == NO_QUORUM:
        return None
    times = dict(times_of_witnesses)
    for group in policy.groups:
        agreeing = [times[member] for member in group.members if member in times]
        if len(agreeing) >= group.threshold:
            times[group.name] = [time for member_times in agreeing for time in member_times]
    if policy.quorum not in times:
        raise VerificationError(Code.LOG_QUORUM_MISSING)
    ordered = sorted(times[policy.quorum])
    return ordered[(len(ordered) - 1) // 2]
