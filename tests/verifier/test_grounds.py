import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fastapi import FastAPI, Response

from doors.server import listen, running
from ledger.trust import TrustedLedger, TrustedLedgers
from protocol.codes import Code
from protocol.errors import MalformedError, RefusedError, TallyError, UnavailableError, VerificationError
from tests.attacks.artefacts import ISSUER_KEY, KEY_ID, NOW, verified_did
from tests.ledger.world import POLICY, URL
from tests.openid_parties import ISSUER
from tests.verifier.shop import Clock, status_token
from verifier.grounds import Grounds, PolicyGrounds
from verifier.policy_file import encode_policy, trust_issuer


@dataclass
class Host:
    """The issuer's web server, which answers every address with the same."""

    url: str
    body: bytes = b""
    kind: str = "application/statuslist+jwt"
    location: str | None = None
    asked: list[str] = field(default_factory=list)


@contextmanager
def host() -> Iterator[Host]:
    app = FastAPI()
    with listen("127.0.0.1", 0, name="issuer.localhost") as listener:
        served = Host(listener.url)

        @app.get("/{path:path}")
        def answer(path: str) -> Response:
            served.asked.append(path)
            headers = {} if served.location is None else {"Location": served.location}
            return Response(served.body, 302 if headers else 200, headers, served.kind)

        with running(app, listener):
            yield served


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    file = tmp_path / "policy.toml"
    file.write_text(encode_policy(TrustedLedgers((), development=True)))
    return file


@pytest.fixture
def opened(policy: Path, tmp_path: Path) -> Iterator[PolicyGrounds]:
    with PolicyGrounds(policy, state=tmp_path / "state", clock=Clock()) as grounds:
        yield grounds


def find(grounds: Grounds, uri: str) -> str:
    return grounds.status_lists.find(
        uri, issuer=verified_did(), now=NOW, clock_skew=grounds.policy.clock_skew
    )


def test_status_list_comes_over_http_whole(opened: PolicyGrounds) -> None:
    with host() as served:
        uri = f"{served.url}/status/1"
        token = status_token(uri=uri, key=ISSUER_KEY, key_id=KEY_ID)
        served.body = token.encode()
        assert [find(opened(), uri), find(opened(), uri)] == [token, token]
        assert served.asked == ["status/1"]


@pytest.mark.parametrize(
    ("body", "kind", "location", "code"),
    [
        pytest.param(b"x", "text/html", None, Code.NETWORK_CONTENT_TYPE, id="another-kind"),
        pytest.param(b"", "text/html", "/elsewhere", Code.NETWORK_REDIRECT_FORBIDDEN, id="redirect"),
        pytest.param(b"\xff", "application/statuslist+jwt", None, Code.TEXT_INVALID, id="no-text"),
    ],
)
def test_answer_that_is_no_status_list_is_not_kept(
    opened: PolicyGrounds, body: bytes, kind: str, location: str | None, code: Code
) -> None:
    with host() as served:
        served.body, served.kind, served.location = body, kind, location
        for _ in range(2):
            with pytest.raises(TallyError) as refusal:
                find(opened(), f"{served.url}/status/1")
            assert refusal.value.code is code
            is_unavailable = code is not Code.TEXT_INVALID
            assert isinstance(refusal.value, UnavailableError if is_unavailable else MalformedError)
        assert len(served.asked) == 2


def test_this_machine_is_reached_in_development_alone(opened: PolicyGrounds, policy: Path) -> None:
    with host() as served:
        policy.write_text(policy.read_text().replace("development = true", "development = false"))
        assert not opened().development
        with pytest.raises(UnavailableError) as refusal:
            find(opened(), f"{served.url}/status/1")
        assert refusal.value.code is Code.NETWORK_HOST_FORBIDDEN
        assert served.asked == []


def test_policy_is_read_again_when_it_changes_and_not_before(opened: PolicyGrounds, policy: Path) -> None:
    first = opened()
    assert opened() is first
    trust_issuer(policy, "degree", ISSUER)
    second = opened()
    assert second is not first
    assert list(second.policy.trusted_issuers.values()) == [{ISSUER}]
    # In place, of the same length, as some editors write.
    state = policy.stat()
    policy.write_text(policy.read_text().replace('"degree"', '"degre3"'))
    os.utime(policy, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    for _ in range(2):
        with pytest.raises(RefusedError) as refusal:
            opened()
        assert refusal.value.code is Code.POLICY_INVALID
    policy.unlink()
    with pytest.raises(RefusedError) as refusal:
        opened()
    assert refusal.value.code is Code.NOT_INITIALIZED


def test_dids_of_ledgers_that_are_not_trusted_are_not_looked_up(opened: PolicyGrounds) -> None:
    with pytest.raises(VerificationError) as refusal:
        opened().resolve_did(verified_did().did)
    assert refusal.value.code is Code.LEDGER_NOT_TRUSTED
    assert opened().resolve_did(ISSUER).did == ISSUER


def test_ledger_that_is_trusted_is_asked(policy: Path, tmp_path: Path) -> None:
    policy.write_text(encode_policy(TrustedLedgers((TrustedLedger(URL, POLICY),), development=False)))
    with PolicyGrounds(policy, state=tmp_path / "state", clock=Clock()) as grounds:
        did = f"{verified_did().did.rpartition(':')[0]}:ledger.localhost%3A8101:x"
        # Out of development the name leads nowhere; that it was tried is what shows.
        with pytest.raises(RefusedError) as refusal:
            grounds().resolve_did(did)
        assert refusal.value.code is Code.NETWORK_HOST_FORBIDDEN


def test_list_seen_before_a_restart_is_remembered(policy: Path, tmp_path: Path) -> None:
    from datetime import timedelta

    with host() as served:
        uri = f"{served.url}/status/1"
        for issued_at, code in ((NOW, None), (NOW - timedelta(minutes=1), Code.STATUS_ROLLBACK)):
            served.body = status_token(uri=uri, issued_at=issued_at).encode()
            with PolicyGrounds(policy, state=tmp_path / "state", clock=Clock()) as grounds:
                if code is None:
                    find(grounds(), uri)
                else:
                    with pytest.raises(VerificationError) as refusal:
                        find(grounds(), uri)
                    assert refusal.value.code is code
