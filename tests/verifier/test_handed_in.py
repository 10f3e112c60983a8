"""Deciding without a network, from what was handed in."""

import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from doors.clock import now
from ledger.trust import TrustedLedgers
from protocol.codes import Code
from protocol.did.document import create_did_document
from protocol.did.verified import VerifiedDid
from protocol.did.webvh.author import deactivate_did, update_did
from protocol.encoding.time import encode_utc
from protocol.errors import MalformedError, RefusedError, TallyError, UnavailableError
from tests.attacks.artefacts import ISSUER_KEY, NOW, OTHER_DID, verified_did
from tests.command import run_tally
from tests.ledger.world import KEY, OTHER_KEY, Clock, World
from tests.processes import ROOT
from tests.verifier.desk import DID, ENTRY, Desk
from tests.verifier.shop import STATUS_URI, outcomes, status_token
from verifier.handed_in import (
    MAX_STATUS_LISTS,
    FirstReachable,
    FirstReachableList,
    HandedStatusLists,
)
from verifier.policy_file import encode_policy, trust_issuer
from verifier.status_cache import StatusListMemory

HOUR = timedelta(hours=1)
ISSUER = verified_did()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    (tmp_path / "verifier").mkdir(mode=0o700)
    (tmp_path / "ledger").mkdir()
    world = World(tmp_path / "ledger")
    world.create()
    desk = Desk(world, tmp_path)
    desk.policy.write_text(encode_policy(TrustedLedgers((world.ledger,), development=True)))
    trust_issuer(desk.policy, "degree", DID)
    desk.log(ENTRY)

    def refuse(*_arguments: object, **_options: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    yield desk
    world.close()


def detail(document: Any, check: str) -> str:
    return str(next(each["detail"] for each in document["checks"] if each["id"] == check))


def test_credential_is_verified_from_files_alone_and_their_kind_and_age_are_said(desk: Desk) -> None:
    text, proof, token = desk.credential(status=True), desk.proof(), desk.status_list()
    desk.world.clock.time += 5 * HOUR
    document = desk.check(text, proof, lists=(token,))
    assert (document["status"], document["claims"]["level"]) == ("verified", "master")
    assert set(outcomes(document["checks"]).values()) == {"passed", "skipped"}
    assert detail(document, "evidence_age").endswith("recently enough (handed in, 5 hours old).")


def test_evidence_is_too_old_after_the_time_of_the_policy(desk: Desk) -> None:
    text, proof = desk.credential(), desk.proof()
    desk.world.clock.time += 24 * HOUR
    assert desk.check(text, proof)["status"] == "verified"
    desk.world.clock.time += timedelta(seconds=1)
    assert desk.code(text, proof) == "log_stale"
    policy = desk.policy.read_text()
    assert "offline_evidence_max_age_seconds = 86400" in policy
    desk.policy.write_text(
        policy.replace("evidence_max_age_seconds = 86400", "evidence_max_age_seconds = 86401")
    )
    assert desk.check(text, proof)["status"] == "verified"


def test_missing_evidence_and_missing_status_list_are_named_and_nothing_is_valid(desk: Desk) -> None:
    text = desk.credential(status=True)
    document = desk.check(text)
    assert (document["status"], document["error"]["code"]) == ("unavailable", "evidence_missing")
    assert DID in document["error"]["message"]
    document = desk.check(text, desk.proof())
    assert (document["status"], document["error"]["code"]) == ("unavailable", "status_list_missing")
    assert STATUS_URI in document["error"]["message"]
    assert outcomes(document["checks"])["status"] == "unknown"
    desk.policy.write_text(desk.policy.read_text().replace('"when_present"', '"when_reachable"'))
    document = desk.check(text, desk.proof())
    assert (document["status"], outcomes(document["checks"])["status"]) == ("verified", "unknown")


def test_status_list_that_was_handed_in_is_checked_like_any_other(desk: Desk) -> None:
    text, proof = desk.credential(status=True), desk.proof()
    assert desk.code(text, proof, lists=(desk.status_list(1),)) == "credential_revoked"
    assert desk.code(text, proof, lists=(desk.status_list(key=OTHER_KEY),)) == "status_signature_invalid"
    assert desk.code(text, proof, lists=(desk.status_list(lifetime=-HOUR),)) == "status_expired"


def test_handed_in_key_that_was_rotated_out_is_good_for_what_it_signed_before(desk: Desk) -> None:
    text = desk.credential()
    desk.world.clock.time += HOUR
    changed = create_did_document(
        DID, {"key-2": OTHER_KEY.public_key}, assertion=["key-2"], authentication=[]
    )
    # Its author dates the rotation back to before the credential; what counts is when it was logged.
    rotated = update_did(ENTRY.version, key=KEY, time=ENTRY.version.time + HOUR, document=changed)
    old_proof = desk.proof()
    desk.log(rotated)
    assert desk.check(text, desk.proof())["status"] == "verified"
    late = desk.credential()
    assert desk.code(late, desk.proof()) == "issuer_key_not_authorized"
    # Within its age, evidence from before the rotation does not know of it.
    assert desk.check(late, old_proof)["status"] == "verified"


def test_past_is_judged_by_what_the_log_held_then(desk: Desk) -> None:
    start = desk.world.clock()
    text, token = desk.credential(status=True), desk.status_list()
    desk.world.clock.time += HOUR
    desk.log(*deactivate_did(ENTRY.version, key=KEY, time=ENTRY.version.time + HOUR))
    proof = desk.proof()
    assert desk.code(text, proof, lists=(token,)) == "did_deactivated"
    inside = start + HOUR / 2
    document = desk.check(text, proof, lists=(token,), at=inside)
    assert (document["status"], document["at"]) == ("verified", encode_utc(inside))
    for check in ("issuer_key", "validity", "status"):
        assert f"on {encode_utc(inside)}" in detail(document, check)
    assert desk.code(text, proof, at=start + HOUR) == "did_deactivated"
    assert desk.code(text, proof, at=start - HOUR) == "did_not_logged_then"
    today = desk.status_list(issued_at=desk.world.clock())
    assert desk.code(text, proof, lists=(today,), at=inside) == "status_then_unknown"


def test_moment_that_the_evidence_does_not_cover_is_refused(desk: Desk) -> None:
    text, proof = desk.credential(), desk.proof()
    desk.world.clock.time += 2 * HOUR
    at = desk.world.clock() - HOUR
    assert desk.code(text, proof, at=at) == "moment_not_covered"
    with pytest.raises(RefusedError) as refusal:
        desk.check(text, proof, at=desk.world.clock() + HOUR)
    assert refusal.value.code is Code.MOMENT_NOT_COVERED


def find(
    lists: HandedStatusLists, at: datetime = NOW, uri: str = STATUS_URI, issuer: VerifiedDid = ISSUER
) -> str:
    return lists.find(uri, issuer=issuer, now=at, clock_skew=timedelta(0))


def handed(tmp_path: Path, *tokens: str) -> HandedStatusLists:
    return HandedStatusLists(tokens, memory=StatusListMemory(tmp_path / "lists"), max_age=24 * HOUR)


def code_of(action: Callable[[], object]) -> Code:
    with pytest.raises(TallyError) as refusal:
        action()
    return refusal.value.code


def test_youngest_list_of_the_address_counts_and_an_older_one_no_more(tmp_path: Path) -> None:
    old, new = status_token(issued_at=NOW - HOUR), status_token(1)
    other = status_token(uri="https://issuer.example/status/2")
    assert find(handed(tmp_path, old, other)) == old
    assert find(handed(tmp_path, new, other, old)) == new
    assert code_of(lambda: find(handed(tmp_path, old))) is Code.STATUS_ROLLBACK
    assert code_of(lambda: find(handed(tmp_path, other))) is Code.STATUS_LIST_MISSING


def test_list_that_another_issuer_signed_for_the_address_makes_no_list_of_the_right_one_old(
    tmp_path: Path,
) -> None:
    other = verified_did(OTHER_DID, OTHER_KEY)
    foreign = status_token(key=OTHER_KEY, key_id=f"{OTHER_DID}#key-1")
    assert find(handed(tmp_path, foreign), issuer=other) == foreign
    genuine = status_token(issued_at=NOW - HOUR)
    assert find(handed(tmp_path, genuine)) == genuine


def test_list_is_too_old_after_the_age_of_the_policy(tmp_path: Path) -> None:
    lists = handed(tmp_path, status_token(lifetime=100 * HOUR))
    assert find(lists, NOW + 24 * HOUR)
    assert code_of(lambda: find(lists, NOW + 24 * HOUR + timedelta(seconds=1))) is Code.STATUS_LIST_STALE


def test_what_is_no_list_or_too_many_of_them_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MalformedError):
        handed(tmp_path, "no list")
    token = status_token()
    assert find(handed(tmp_path, *[token] * MAX_STATUS_LISTS)) == token
    assert code_of(lambda: handed(tmp_path, *[token] * (MAX_STATUS_LISTS + 1))) is Code.SIZE_EXCEEDED


class Raising:
    """Answers every question with an error."""

    def __init__(self, code: Code) -> None:
        self._error = UnavailableError(code)

    def __call__(self, did: str, *, at: datetime | None = None) -> VerifiedDid:
        raise self._error

    def find(self, uri: str, *, issuer: VerifiedDid, now: datetime, clock_skew: timedelta) -> str:
        raise self._error


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (Code.NETWORK_LEDGER_UNREACHABLE, None, None),
        (Code.DID_NOT_FOUND, None, Code.DID_NOT_FOUND),
        (Code.NETWORK_UNREACHABLE, Code.EVIDENCE_MISSING, Code.NETWORK_UNREACHABLE),
        (Code.NETWORK_UNREACHABLE, Code.DID_NOT_FOUND, Code.DID_NOT_FOUND),
    ],
)
def test_evidence_counts_only_where_the_ledger_cannot_be_reached(
    first: Code, second: Code | None, expected: Code | None
) -> None:
    def answer(did: str, *, at: datetime | None = None) -> VerifiedDid:
        return ISSUER

    resolver = FirstReachable(Raising(first), answer if second is None else Raising(second))
    if expected is None:
        assert resolver(ISSUER.did) == ISSUER
    else:
        assert code_of(lambda: resolver(ISSUER.did)) is expected


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (Code.NETWORK_UNREACHABLE, None, None),
        (Code.STATUS_LIST_MISSING, None, None),
        (Code.STATUS_LIST_STALE, None, Code.STATUS_LIST_STALE),
        (Code.NETWORK_UNREACHABLE, Code.STATUS_LIST_MISSING, Code.NETWORK_UNREACHABLE),
        (Code.NETWORK_UNREACHABLE, Code.STATUS_LIST_STALE, Code.STATUS_LIST_STALE),
    ],
)
def test_list_that_was_handed_in_counts_only_where_none_can_be_fetched(
    tmp_path: Path, first: Code, second: Code | None, expected: Code | None
) -> None:
    token = status_token(key=ISSUER_KEY)
    lists = FirstReachableList(Raising(first), handed(tmp_path, token) if second is None else Raising(second))

    def ask() -> str:
        return lists.find(STATUS_URI, issuer=ISSUER, now=NOW, clock_skew=timedelta(0))

    if expected is None:
        assert ask() == token
    else:
        assert code_of(ask) is expected


# The command, as people have it.


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Desk]:
    (tmp_path / "verifier").mkdir(mode=0o700)
    (tmp_path / "ledger").mkdir()
    world = World(tmp_path / "ledger", Clock(now()))
    world.create()
    desk = Desk(world, tmp_path)
    desk.policy.write_text(encode_policy(TrustedLedgers((world.ledger,), development=True)))
    trust_issuer(desk.policy, "degree", DID)
    desk.log(ENTRY)
    (tmp_path / "credential").write_text(desk.credential(status=True))
    (tmp_path / "proof").write_bytes(desk.proof())
    (tmp_path / "list").write_text(desk.status_list())
    yield desk
    world.close()


def arguments(desk: Desk, *options: str) -> list[str]:
    named = {"--evidence": "proof", "--status-list": "list"}
    given = [each for option in options for each in (option, str(desk.path / named[option]))]
    return ["verifier", "check", str(desk.path / "credential"), *given]


def test_command_checks_offline_and_says_how_to_get_what_is_missing(files: Desk) -> None:
    whole = arguments(files, "--evidence", "--status-list")
    assert run_tally(files.path, *whole, "--offline").status == 0
    without = run_tally(files.path, *arguments(files), "--offline")
    assert (without.status, f"tally ledger evidence {DID}" in without.stderr) == (7, True)
    without = run_tally(files.path, *arguments(files, "--evidence"), "--offline")
    assert (without.status, f"curl -o status-list.jwt {STATUS_URI}" in without.stderr) == (7, True)
    # Nothing of the ledger listens, so what was handed in counts without being told that it must.
    (files.path / "credential").write_text(files.credential())
    assert run_tally(files.path, *arguments(files, "--evidence")).status == 0


def test_file_that_is_no_evidence_is_refused_by_its_name(files: Desk) -> None:
    other = str(files.path / "list")
    told = run_tally(files.path, *arguments(files, "--evidence"), "--evidence", other, "--offline")
    assert (told.status, f"({other}: first line, " in told.stderr) == (1, True), told


def test_command_says_of_which_day_it_speaks(files: Desk) -> None:
    at = encode_utc(files.world.clock())
    said = run_tally(files.path, *arguments(files, "--evidence", "--status-list"), "--offline", "--at", at)
    assert (said.status, said.stdout.splitlines()[0]) == (0, f"✓ Verified as of {at}")
    wrong = run_tally(files.path, *arguments(files), "--at", "yesterday", "--json")
    assert (wrong.status, wrong.error) == (2, "usage_invalid")


def test_command_checks_where_there_is_no_network_interface_at_all(files: Desk) -> None:
    unshare = shutil.which("unshare")
    if (
        unshare is None
        or subprocess.run([unshare, "-n", "true"], check=False, capture_output=True).returncode
    ):
        pytest.skip("this machine does not let us make a network namespace")
    command = [sys.executable, "-m", "tally", *arguments(files, "--evidence", "--status-list"), "--offline"]
    ended = subprocess.run(
        [unshare, "-n", *command],
        cwd=ROOT,
        env={"TALLY_HOME": str(files.path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("✓ Verified")
