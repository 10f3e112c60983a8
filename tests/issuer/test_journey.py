"""The whole way with real processes: a ledger, `tally issuer`, and a wallet that checks all it is given."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from doors.clock import now
from doors.server import listen
from issuer.folder import IssuerFolder
from ledger.client import LedgerClient
from ledger.fetch import Fetcher, FetchRules
from protocol.codes import Code
from protocol.errors import UnavailableError, VerificationError
from protocol.openid4vci.offer import PRE_AUTHORIZED_CODE
from protocol.openid4vci.proof import create_proof
from protocol.policy import StatusRule, VerificationPolicy
from protocol.presentation import verify_credential
from storage.passphrase import WEAKEST_ACCEPTED
from tests.browser import FORM, Browser, bearer
from tests.command import run_tally, run_tally_alone, serving
from tests.issuer.anchored import PASSPHRASE, Anchor, anchored
from tests.issuer.university import EXAMPLE, holder_key
from tests.ledger.world import Clock
from tests.processes import Finished

VCT = "urn:tallystick:degree:1"


@dataclass(frozen=True, slots=True)
class Campus:
    """A founded institution: its home, and the ledger it is on."""

    home: Path
    anchor: Anchor
    passphrase: tuple[str, str]

    @property
    def did(self) -> str:
        return IssuerFolder(self.home / "issuer", self.home / "state").load_settings().did

    def run(self, *arguments: str, stdin: str = "") -> Finished:
        ended = run_tally(self.home, "issuer", *arguments, "--json", stdin=stdin)
        assert ended.status == 0, ended.stderr
        return ended

    def fetch_credentials(self, url: str, count: int) -> list[str]:
        """What an honest wallet does with a new offer."""
        offer = self.run("offer", "--type", "degree", "--claims", "-", "--tx-code", stdin=json.dumps(EXAMPLE))
        browser = Browser(url)
        reference = offer.json["offer"].rpartition("%2F")[2]
        grant = browser.get(f"/offers/{reference}").json["grants"][PRE_AUTHORIZED_CODE]
        form = {
            "grant_type": PRE_AUTHORIZED_CODE,
            "pre-authorized_code": grant["pre-authorized_code"],
            "tx_code": offer.json["tx_code"],
        }
        token = browser.post("/token", urlencode(form), kind=FORM).json["access_token"]
        nonce = browser.post("/nonce").json["c_nonce"]
        proofs = [
            create_proof(holder_key(number), audience=url, nonce=nonce, issued_at=now(), algorithms=["EdDSA"])
            for number in range(1, count + 1)
        ]
        body = {"credential_configuration_id": "degree", "proofs": {"jwt": proofs}}
        answer = browser.post_json("/credential", body, **bearer(token))
        assert answer.status == 200, answer.body
        return [item["credential"] for item in answer.json["credentials"]]

    def verify(self, credential: str) -> None:
        """Every check a holder makes, with the real ledger and the real status list."""
        self.anchor.world.clock.time = now()
        policy = VerificationPolicy(
            trusted_issuers={VCT: frozenset({self.did})}, status=StatusRule.REQUIRED, expiry_required=True
        )
        with self.anchor.resolver() as resolver, Fetcher(FetchRules(development=True)) as fetcher:
            verify_credential(
                credential,
                policy=policy,
                now=now(),
                resolve_did=resolver.resolve,
                fetch_status_list=lambda uri: fetcher.fetch_ok(
                    uri, accept="application/statuslist+jwt"
                ).body.decode(),
            )


@pytest.fixture
def campus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Campus]:
    monkeypatch.setattr("storage.passphrase.calibrate_kdf", lambda: WEAKEST_ACCEPTED)
    secret = tmp_path / "passphrase"
    secret.touch(mode=0o600)
    secret.write_text(PASSPHRASE.text)
    (tmp_path / "home").mkdir(mode=0o700)
    with anchored(tmp_path, Clock(now())) as anchor:
        (tmp_path / "token").write_text(anchor.token)
        yield Campus(tmp_path / "home", anchor, ("--passphrase-file", str(secret)))


def initialize(campus: Campus, tmp_path: Path, *options: str) -> Finished:
    return run_tally(
        campus.home,
        "issuer",
        *("init", "--name", "City University", "--slug", "city-university"),
        *("--ledger", campus.anchor.world.ledger.url),
        *("--onboarding-token-file", str(tmp_path / "token")),
        *campus.passphrase,
        *options,
        "--json",
    )


def test_ledger_without_nodes_gives_a_did_no_witnesses(campus: Campus, tmp_path: Path) -> None:
    refused = initialize(campus, tmp_path, "--witnessed")
    assert (refused.status, refused.error) == (1, "quorum_unsafe")
    assert initialize(campus, tmp_path).status == 0


def test_institution_issues_revokes_and_rotates_through_its_commands(campus: Campus, tmp_path: Path) -> None:
    founded = initialize(campus, tmp_path)
    assert (founded.status, founded.stderr) == (0, "")
    assert founded.json == {
        "name": "City University",
        "did": campus.did,
        "url": "http://issuer.localhost:8102",
        "witnessed": False,
    }
    again = initialize(campus, tmp_path)
    assert (again.status, again.error) == (1, "vault_exists")

    campus.run("type", "add", "degree")
    with serving(campus.home, "issuer", *campus.passphrase) as url:
        assert urlsplit(url).hostname == "issuer.localhost"
        first, second = campus.fetch_credentials(url, 2)
        campus.verify(first)
        campus.verify(second)
        (old,) = campus.run("list").json["credentials"]

        locked = run_tally_alone(campus.home, "issuer", "serve", "--port", "0", *campus.passphrase, "--json")
        assert (locked.status, locked.error) == (5, "vault_locked")

        campus.anchor.world.clock.time = now() + timedelta(seconds=2)
        key_id = campus.run("rotate", "--yes").json["key_id"]
        assert key_id.startswith(f"{campus.did}#z6Mk")
        (third,) = campus.fetch_credentials(url, 1)
        for credential in (first, second, third):
            campus.verify(credential)

        assert len(campus.run("list").json["credentials"]) == 2
        campus.run("suspend", old["id"])
        with pytest.raises(VerificationError) as suspended:
            campus.verify(first)
        assert suspended.value.code is Code.CREDENTIAL_SUSPENDED
        campus.run("reinstate", old["id"])
        campus.verify(first)
        campus.run("revoke", old["id"], "--yes")
        for credential in (first, second):
            with pytest.raises(VerificationError) as revoked:
                campus.verify(credential)
            assert revoked.value.code is Code.CREDENTIAL_REVOKED
        campus.verify(third)

    unreachable = run_tally_alone(campus.home, "issuer", "list", "--json")
    assert (unreachable.status, unreachable.error) == (7, "network_unreachable")


def test_server_that_runs_already_is_not_told_to_take_another_port(campus: Campus, tmp_path: Path) -> None:
    initialize(campus, tmp_path)
    folder = IssuerFolder(campus.home / "issuer", campus.home / "state")
    with listen("127.0.0.1", 0) as taken, folder.open_keys(PASSPHRASE) as ring, folder.served_once(ring):
        port = str(taken.socket.getsockname()[1])
        ended = run_tally_alone(campus.home, "issuer", "serve", "--port", port, *campus.passphrase)
    assert ended.status == 5
    assert "it is running already" in ended.stderr


def test_institution_needs_a_name(campus: Campus, tmp_path: Path) -> None:
    arguments = ("--name", " ", "--slug", "x", "--ledger", campus.anchor.world.ledger.url)
    token = ("--onboarding-token-file", str(tmp_path / "token"))
    ended = run_tally(campus.home, "issuer", "init", *arguments, *token, *campus.passphrase, "--json")
    assert (ended.status, ended.error) == (2, "usage_invalid")


def test_server_without_its_ledger_says_so_and_serves(
    campus: Campus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    initialize(campus, tmp_path)
    served: list[str] = []
    monkeypatch.setattr("doors.server.serve", lambda _app, listener, _terminal: served.append(listener.url))

    def away(*_arguments: object, **_more: object) -> None:
        raise UnavailableError(Code.NETWORK_UNREACHABLE, "ledger.localhost")

    monkeypatch.setattr(LedgerClient, "read_history", away)
    ended = run_tally(campus.home, "issuer", "serve", "--port", "0", *campus.passphrase)
    assert ended.status == 0
    assert "Nobody could tell whether the ledger lists your key" in ended.stderr
    assert served
