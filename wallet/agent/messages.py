r"""What the agent is asked and answers: one JSON object in one line each way, then the connection is over.

    {"ask":"key","version":1}
    {"key":"<43 characters of base64url>","unlocked_for":17,"version":1}

    {"ask":"status","version":1}
    {"locks_in":583,"pid":4711,"unlocked_for":17,"version":1}

    {"ask":"lock","version":1}
    {"version":1}

Durations are whole seconds by a stopwatch, so that a clock which is set back makes no unlock younger. What
the agent gets to begin with, from the command that starts it, is `{"idle":600,"key":…,"version":1}`.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from protocol.codes import Code
from protocol.encoding.base64url import decode_base64url, encode_base64url
from protocol.encoding.jcs import canonicalize
from protocol.encoding.members import integer_member, text_member
from protocol.encoding.strict_json import JsonObject, parse_json_object
from protocol.errors import MalformedError
from storage.passphrase import KEY_BYTES
from storage.sealed_header import MasterKey

MAX_BYTES = 512
"""No honest message is longer."""

_VERSION = 1
_SECOND = timedelta(seconds=1)


class Ask(StrEnum):
    """What the agent can be asked."""

    KEY = "key"
    STATUS = "status"
    LOCK = "lock"


@dataclass(frozen=True, slots=True)
class AgentKey:
    """What opens the wallet, and how long ago somebody gave its passphrase for that."""

    master_key: MasterKey
    unlocked_for: timedelta


@dataclass(frozen=True, slots=True)
class AgentStatus:
    """How the agent is.

    Attributes:
        pid: Its process.
        unlocked_for: How long ago somebody gave the passphrase.
        locks_in: How long it still waits for somebody to want the key.
    """

    pid: int
    unlocked_for: timedelta
    locks_in: timedelta


@dataclass(frozen=True, slots=True)
class Handover:
    """What the agent begins with.

    Attributes:
        master_key: What it keeps.
        idle: How long it waits for somebody to want that, before it locks.
    """

    master_key: MasterKey
    idle: timedelta


def encode_ask(ask: Ask) -> bytes:
    """A question, with its line end."""
    return _encode({"ask": ask.value})


def parse_ask(line: bytes) -> Ask:
    """Read a question.

    Raises:
        MalformedError: it is none.
    """
    word = text_member(_parse(line, {"ask"}), "ask")
    if word not in list(Ask):
        raise MalformedError(Code.MEMBER_INVALID, "ask")
    return Ask(word)


def encode_key(answer: AgentKey) -> bytes:
    """The answer to KEY, with its line end."""
    return _encode(
        {"key": encode_base64url(answer.master_key.raw), "unlocked_for": answer.unlocked_for // _SECOND}
    )


def parse_key(line: bytes) -> AgentKey:
    """Read the answer to KEY.

    Raises:
        MalformedError: it is none.
    """
    source = _parse(line, {"key", "unlocked_for"})
    return AgentKey(_take_key(source), _take_duration(source, "unlocked_for"))


def encode_status(answer: AgentStatus) -> bytes:
    """The answer to STATUS, with its line end."""
    return _encode(
        {
            "pid": answer.pid,
            "unlocked_for": answer.unlocked_for // _SECOND,
            "locks_in": answer.locks_in // _SECOND,
        }
    )


def parse_status(line: bytes) -> AgentStatus:
    """Read the answer to STATUS.

    Raises:
        MalformedError: it is none.
    """
    source = _parse(line, {"pid", "unlocked_for", "locks_in"})
    return AgentStatus(
        integer_member(source, "pid", minimum=1),
        _take_duration(source, "unlocked_for"),
        _take_duration(source, "locks_in"),
    )


def encode_locked() -> bytes:
    """The answer to LOCK, with its line end."""
    return _encode({})


def parse_locked(line: bytes) -> None:
    """Read the answer to LOCK.

    Raises:
        MalformedError: it is none.
    """
    _parse(line, set())


def encode_handover(handover: Handover) -> bytes:
    """What the agent begins with, with its line end."""
    return _encode({"key": encode_base64url(handover.master_key.raw), "idle": handover.idle // _SECOND})


def parse_handover(line: bytes) -> Handover:
    """Read what the agent begins with.

    Raises:
        MalformedError: it is none.
    """
    source = _parse(line, {"key", "idle"})
    return Handover(_take_key(source), _take_duration(source, "idle"))


def _encode(members: JsonObject) -> bytes:
    return canonicalize({**members, "version": _VERSION}) + b"\n"


def _parse(line: bytes, names: set[str]) -> JsonObject:
    if len(line) > MAX_BYTES or not line.endswith(b"\n"):
        raise MalformedError(Code.FORMAT_INVALID, f"one line of at most {MAX_BYTES} bytes")
    source = parse_json_object(line[:-1])
    if integer_member(source, "version") != _VERSION or set(source) != names | {"version"}:
        raise MalformedError(Code.FORMAT_INVALID, "another version")
    return source


def _take_key(source: JsonObject) -> MasterKey:
    raw = decode_base64url(text_member(source, "key"))
    if len(raw) != KEY_BYTES:
        raise MalformedError(Code.MEMBER_INVALID, f"key has {KEY_BYTES} bytes")
    return MasterKey(raw)


def _take_duration(source: JsonObject, name: str) -> timedelta:
    try:
        return integer_member(source, name) * _SECOND
    except OverflowError as error:
        raise MalformedError(Code.MEMBER_INVALID, name) from error
