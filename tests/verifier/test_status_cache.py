from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from threading import Barrier

import pytest

from protocol.codes import Code
from protocol.did.document import Relationship
from protocol.errors import TallyError, UnavailableError
from protocol.jws import parse_jws
from tests.attacks.artefacts import DID, ISSUER_KEY, NOW, OTHER_DID, OTHER_KEY, sign, verified_did, without
from tests.verifier.shop import STATUS_URI, Clock, StatusHost, status_token
from verifier import status_cache
from verifier.status_cache import DEFAULT_TIME_TO_LIVE, StatusListMemory, StatusLists

ISSUER = verified_did()


class Desk:
    """A verifier's status lists, with a host whose lists can be exchanged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = Clock()
        self.host = StatusHost()
        self.lists = self.restarted()

    def restarted(self) -> StatusLists:
        return StatusLists(self.host.fetch, memory=StatusListMemory(self.folder / "lists"))

    def publish(self, token: str, uri: str = STATUS_URI) -> str:
        self.host.tokens[uri] = token
        return token

    def find(self, uri: str = STATUS_URI, *, issuer: object = ISSUER) -> str:
        return self.lists.find(
            uri,
            issuer=issuer,  # type: ignore[arg-type]
            now=self.clock(),
            clock_skew=timedelta(seconds=60),
        )

    def refused(self, code: Code, issuer: object = ISSUER) -> None:
        with pytest.raises(TallyError) as refusal:
            self.find(issuer=issuer)
        assert refusal.value.code is code


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_list_is_fetched_once_while_its_time_to_live_lasts(desk: Desk) -> None:
    token = desk.publish(status_token(time_to_live=timedelta(seconds=300)))
    for _ in range(3):
        assert desk.find() == token
        desk.clock.advance(seconds=99)
    assert desk.host.asked == [STATUS_URI]
    desk.clock.advance(seconds=99)
    desk.find()
    assert desk.host.asked == [STATUS_URI] * 2


def test_list_is_asked_for_by_its_address_alone(desk: Desk) -> None:
    desk.publish(status_token())
    desk.find()
    assert desk.host.asked == ["https://issuer.example/status/1"]


def test_newer_list_replaces_the_kept_one(desk: Desk) -> None:
    desk.publish(status_token())
    desk.find()
    desk.clock.advance(minutes=6)
    newer = desk.publish(status_token(1, issued_at=desk.clock()))
    assert desk.find() == newer


def test_expired_list_is_fetched_anew_before_its_time_to_live_is_over(desk: Desk) -> None:
    desk.publish(status_token(lifetime=timedelta(minutes=2), time_to_live=timedelta(hours=1)))
    desk.find()
    desk.clock.advance(minutes=3)
    newer = desk.publish(status_token(issued_at=desk.clock()))
    assert desk.find() == newer


def test_list_of_a_key_that_was_rotated_out_is_fetched_anew(desk: Desk) -> None:
    desk.publish(status_token())
    desk.find()
    rotated = verified_did(key=OTHER_KEY)
    newer = desk.publish(status_token(key=OTHER_KEY, issued_at=desk.clock()))
    assert desk.find(issuer=rotated) == newer


@pytest.mark.parametrize("restart", [False, True])
def test_older_list_than_one_already_seen_is_a_rollback(desk: Desk, restart: bool) -> None:
    before = status_token(0, issued_at=NOW)
    desk.clock.advance(minutes=1)
    desk.publish(status_token(1, issued_at=desk.clock()))
    desk.find()
    desk.clock.advance(minutes=6)
    desk.publish(before)
    if restart:
        desk.lists = desk.restarted()
    desk.refused(Code.STATUS_ROLLBACK)
    desk.publish(status_token(1, issued_at=desk.clock()))
    desk.find()


def test_same_list_again_is_no_rollback(desk: Desk) -> None:
    token = desk.publish(status_token())
    desk.find()
    desk.clock.advance(minutes=6)
    assert desk.find() == token


@pytest.mark.parametrize(
    ("token", "code"),
    [
        pytest.param(status_token(key=OTHER_KEY), Code.STATUS_SIGNATURE_INVALID, id="other-key"),
        pytest.param(
            status_token(key_id=f"{OTHER_DID}#key-1"), Code.STATUS_SIGNATURE_INVALID, id="other-issuer"
        ),
        pytest.param(
            status_token(uri="https://issuer.example/status/2"), Code.STATUS_SUBJECT_MISMATCH, id="other-list"
        ),
        pytest.param(status_token(issued_at=NOW - timedelta(days=2)), Code.STATUS_EXPIRED, id="expired"),
        pytest.param(
            status_token(issued_at=NOW + timedelta(hours=1)), Code.NOT_YET_VALID, id="of-the-future"
        ),
        pytest.param("eyJ", Code.FORMAT_INVALID, id="no-token"),
    ],
)
def test_list_that_must_not_be_believed_is_neither_kept_nor_remembered(
    desk: Desk, token: str, code: Code
) -> None:
    desk.publish(token)
    desk.refused(code)
    honest = desk.publish(status_token())
    assert desk.find() == honest


def test_list_of_one_issuer_is_none_of_another(desk: Desk) -> None:
    desk.publish(status_token())
    desk.find()
    other = verified_did(OTHER_DID, OTHER_KEY)
    desk.refused(Code.STATUS_SIGNATURE_INVALID, issuer=other)
    authentication = verified_did(key=ISSUER_KEY, relationship=Relationship.AUTHENTICATION)
    desk.refused(Code.STATUS_SIGNATURE_INVALID, issuer=authentication)


def test_old_copy_does_not_stand_in_for_a_list_that_cannot_be_had(desk: Desk) -> None:
    desk.publish(status_token())
    desk.find()
    desk.clock.advance(minutes=6)
    desk.host.tokens.clear()
    desk.refused(Code.NETWORK_UNREACHABLE)


def test_many_at_once_wait_for_one_fetch(desk: Desk) -> None:
    desk.publish(status_token())
    start = Barrier(16)

    def find(_number: int) -> str:
        start.wait()
        return desk.find()

    with ThreadPoolExecutor(16) as threads:
        assert len(set(threads.map(find, range(16)))) == 1
    assert desk.host.asked == [STATUS_URI]


def test_oldest_list_makes_room_for_the_newest(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    uris = [f"https://issuer.example/status/{number}" for number in (1, 2, 3)]
    tokens = [desk.publish(status_token(uri=uri), uri) for uri in uris]
    monkeypatch.setattr(status_cache, "MAX_KEPT_CHARACTERS", len(tokens[0]) + len(tokens[1]))
    for uri in (*uris, uris[2], uris[1], uris[0]):
        desk.find(uri)
    assert desk.host.asked == [*uris, uris[0]]


def test_list_without_a_time_to_live_is_kept_for_minutes(desk: Desk) -> None:
    honest = parse_jws(status_token(), expected_typ="statuslist+jwt")
    desk.publish(sign(dict(honest.header), without(honest.payload_object(), "ttl"), ISSUER_KEY))
    desk.find()
    desk.clock.advance(seconds=DEFAULT_TIME_TO_LIVE.total_seconds() - 1)
    desk.find()
    assert len(desk.host.asked) == 1
    desk.clock.advance(seconds=1)
    desk.find()
    assert len(desk.host.asked) == 2


def test_memory_only_moves_forward(tmp_path: Path) -> None:
    memory = StatusListMemory(tmp_path / "lists")
    assert memory.recall(DID, STATUS_URI) is None
    for issued_at in (NOW, NOW + timedelta(hours=1), NOW - timedelta(days=1)):
        memory.remember(DID, STATUS_URI, issued_at)
    assert StatusListMemory(tmp_path / "lists").recall(DID, STATUS_URI) == NOW + timedelta(hours=1)
    assert memory.recall(DID, "https://issuer.example/status/2") is None
    assert memory.recall(OTHER_DID, STATUS_URI) is None


def test_memory_that_cannot_be_read_is_not_taken_for_none(tmp_path: Path) -> None:
    memory = StatusListMemory(tmp_path)
    memory.remember(DID, STATUS_URI, NOW)
    (file,) = tmp_path.iterdir()
    file.write_bytes(b"2026")
    with pytest.raises(UnavailableError) as unavailable:
        memory.recall(DID, STATUS_URI)
    assert unavailable.value.code is Code.DISK_ERROR


def test_times_are_whole_seconds(tmp_path: Path) -> None:
    memory = StatusListMemory(tmp_path)
    memory.remember(DID, STATUS_URI, NOW)
    (file,) = tmp_path.iterdir()
    assert file.read_text() == "2026-11-22T12:00:00Z"
    assert isinstance(memory.recall(DID, STATUS_URI), datetime)
