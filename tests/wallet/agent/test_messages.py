import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from protocol.errors import MalformedError
from tests.wallet.agent.place import KEY
from wallet.agent.messages import (
    MAX_BYTES,
    AgentKey,
    AgentStatus,
    Ask,
    Handover,
    encode_ask,
    encode_handover,
    encode_key,
    encode_locked,
    encode_status,
    parse_ask,
    parse_handover,
    parse_key,
    parse_locked,
    parse_status,
)

ANSWER = AgentKey(KEY, timedelta(seconds=17))
STATUS = AgentStatus(4711, timedelta(seconds=17), timedelta(minutes=9))
HANDOVER = Handover(KEY, timedelta(minutes=60))


def test_messages_come_back_as_they_were_sent() -> None:
    assert [parse_ask(encode_ask(ask)) for ask in Ask] == list(Ask)
    assert parse_key(encode_key(ANSWER)) == ANSWER
    assert parse_status(encode_status(STATUS)) == STATUS
    assert parse_handover(encode_handover(HANDOVER)) == HANDOVER
    parse_locked(encode_locked())


def test_messages_are_as_the_page_of_the_module_shows_them() -> None:
    assert encode_ask(Ask.KEY) == b'{"ask":"key","version":1}\n'
    assert encode_status(STATUS) == b'{"locks_in":540,"pid":4711,"unlocked_for":17,"version":1}\n'
    assert encode_locked() == b'{"version":1}\n'
    assert set(json.loads(encode_key(ANSWER))) == {"key", "unlocked_for", "version"}


def test_no_key_shows_in_what_a_traceback_would_print() -> None:
    assert repr(bytes(KEY.raw))[2:-1] not in repr([ANSWER, HANDOVER])


WRONG = [
    pytest.param(b"", id="empty"),
    pytest.param(b"\n", id="empty-line"),
    pytest.param(b"[]\n", id="list"),
    pytest.param(b'{"version":2}\n', id="other-version"),
    pytest.param(b'{"version":true}\n', id="version-true"),
    pytest.param(b'{"version":1}', id="no-line-end"),
    pytest.param(b'{"version":1,"version":1}\n', id="twice"),
    pytest.param(b'{"version":1,"more":1}\n', id="unknown-member"),
    pytest.param(b'{"ask":"keys","version":1}\n', id="other-question"),
    pytest.param(b'{"ask":1,"version":1}\n', id="question-number"),
    pytest.param(b'{"key":"AAAA","unlocked_for":1,"version":1}\n', id="short-key"),
    pytest.param(b'{"key":"' + b"A" * 43 + b'","unlocked_for":-1,"version":1}\n', id="negative"),
    pytest.param(b'{"key":"' + b"A" * 43 + b'","unlocked_for":1e2,"version":1}\n', id="not-whole"),
    pytest.param(
        b'{"key":"' + b"A" * 43 + b'","unlocked_for":9007199254740991,"version":1}\n', id="too-many-seconds"
    ),
    pytest.param(b'{"idle":60,"key":"","version":1}\n', id="no-key"),
    pytest.param(b'{"locks_in":1,"pid":0,"unlocked_for":1,"version":1}\n', id="no-process"),
    pytest.param(b"\xff\n", id="not-utf-8"),
    pytest.param(b"{" * 400 + b"\n", id="deep"),
    pytest.param(encode_ask(Ask.KEY)[:-2] + b" " * MAX_BYTES + b"}\n", id="too-long"),
]


@pytest.mark.parametrize("line", WRONG)
@pytest.mark.parametrize("parse", [parse_ask, parse_key, parse_status, parse_handover])
def test_anything_else_is_refused(parse: Callable[[bytes], object], line: bytes) -> None:
    with pytest.raises(MalformedError):
        parse(line)


@pytest.mark.parametrize("line", [encode_ask(Ask.LOCK), encode_status(STATUS), b"", b"{}\n"])
def test_lock_is_answered_by_nothing_else(line: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_locked(line)
