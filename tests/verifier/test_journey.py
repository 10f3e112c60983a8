"""The whole way with real processes: a ledger, `tally verifier`, and a wallet built by hand."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from doors.clock import now
from doors.server import listen
from ledger.client import TOKEN_PREFIX, LedgerClient
from ledger.fetch import Fetcher, FetchRules
from ledger.memory import CheckpointMemory
from ledger.resolver import LedgerResolver
from ledger.trust import TrustedLedgers
from protocol.encoding.base64url import decode_base64url
from protocol.encoding.strict_json import JsonObject
from protocol.keys.jwk import encode_jwk
from protocol.openid4vp.invocation import RequestByReference, encode_fetch_body, parse_invocation
from protocol.openid4vp.request_object import DidClient, VerifiedRequest, verify_request_object
from protocol.openid4vp.response import encode_response
from protocol.sdjwt.key_binding import create_key_binding
from protocol.sdjwt.parse import SdJwt
from protocol.sdjwt.present import select_disclosures
from protocol.sdjwt_vc import issue_sd_jwt_vc
from schemas import credential_type
from storage.management_key import create_management_key
from storage.passphrase import WEAKEST_ACCEPTED
from tests.browser import FORM, Answer, Browser
from tests.command import run_tally, run_tally_alone, serving
from tests.ledger.world import KEY, Clock, World, create
from tests.openid_parties import HOLDER_KEY
from tests.processes import Finished

PASSPHRASE = "correct horse battery staple"


@dataclass(frozen=True, slots=True)
class Town:
    """A running ledger with a university on it, and the home of a verifier to be."""

    path: Path
    world: World
    token: str
    university: str

    @property
    def home(self) -> Path:
        return self.path / "home"

    @property
    def passphrase(self) -> tuple[str, str]:
        return "--passphrase-file", str(self.path / "passphrase")

    def initialize(self, *more: str) -> Finished:
        arguments = ("init", "--name", "Cinema", "--ledger", self.world.ledger.url, *more)
        return run_tally(self.home, "verifier", *arguments, *self.passphrase, "--json")

    def run(self, *arguments: str) -> Finished:
        return run_tally(self.home, "verifier", *arguments, "--json")

    def degree(self) -> SdJwt:
        kind = credential_type("degree")
        about: JsonObject = {
            "iss": self.university,
            "vct": kind.vct,
            "iat": int(now().timestamp()),
            "exp": int((now() + timedelta(days=1)).timestamp()),
            "cnf": {"jwk": encode_jwk(HOLDER_KEY.public_key)},
        }
        salts = iter(f"{number:022d}" for number in range(100))
        return issue_sd_jwt_vc(
            about | dict(kind.example),
            disclosable=[(name,) for name in kind.example],
            key=KEY,
            key_id=f"{self.university}#key-1",
            salts=lambda: next(salts),
        )


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    monkeypatch.setattr("storage.passphrase.calibrate_kdf", lambda: WEAKEST_ACCEPTED)
    (tmp_path / "passphrase").touch(mode=0o600)
    (tmp_path / "passphrase").write_text(PASSPHRASE)
    (tmp_path / "home").mkdir(mode=0o700)
    (tmp_path / "ledger").mkdir()
    world = World(tmp_path / "ledger", Clock(now()))
    with listen("127.0.0.1", 0) as listener:
        world.port = listener.socket.getsockname()[1]
        world.create()
        token, key = create_management_key(TOKEN_PREFIX)
        world.store().add_token(key)
        (tmp_path / "token").write_text(token)
        with world.serving(listener), Fetcher(FetchRules(development=True)) as fetcher:
            client = LedgerClient(world.ledger, fetcher=fetcher, memory=CheckpointMemory(tmp_path / "seen"))
            entry = create("university", port=world.port, time=now() - timedelta(days=1))
            client.submit(entry.line.encode(), onboarding_token=token)
            yield Town(tmp_path, world, token, entry.version.did)
    world.close()


class Wallet:
    """A holder who has never seen the verifier, and trusts the ledger."""

    def __init__(self, town: Town, fetcher: Fetcher) -> None:
        self.degree = town.degree()
        self._resolver = LedgerResolver(
            TrustedLedgers((town.world.ledger,), development=True),
            fetcher=fetcher,
            memory=CheckpointMemory(town.path / "wallet"),
            clock=town.world.clock,
        )

    def read(self, link: str, browser: Browser) -> VerifiedRequest:
        invocation = parse_invocation(link, development=True)
        assert isinstance(invocation, RequestByReference)
        assert invocation.by_post
        path = urlsplit(invocation.request_uri).path
        token = browser.post(path, encode_fetch_body("wallet-nonce"), kind=FORM).body.decode()
        return verify_request_object(
            token,
            expected_client_id=invocation.client_id,
            expected_wallet_nonce="wallet-nonce",
            now=now(),
            resolve_did=self._resolver.resolve,
            development=True,
        )

    def answer(self, verified: VerifiedRequest, browser: Browser) -> Answer:
        request = verified.request
        (query,) = request.query.credentials
        needed = [query.claims[index].path for index in query.claim_options[0]]
        shown = select_disclosures(self.degree, needed)
        binding = create_key_binding(
            shown, key=HOLDER_KEY, nonce=request.nonce, audience=verified.audience, issued_at=now()
        )
        body = encode_response(
            {query.id: [shown.encoded_without_key_binding + binding]}, state=request.reply_to.state
        )
        return browser.post(urlsplit(request.reply_to.response_uri).path, body, kind=FORM)


def test_verifier_asks_and_is_answered_through_its_commands(town: Town) -> None:
    made = town.initialize("--slug", "cinema", "--onboarding-token-file", str(town.path / "token"))
    assert (made.status, made.stderr) == (0, "")
    did = made.json["did"]
    assert did.endswith(f":ledger.localhost%3A{town.world.port}:cinema")
    assert made.json == {"name": "Cinema", "did": did, "url": "http://verifier.localhost:8103"}
    folder = town.home / "verifier"
    assert (folder / "management.key").stat().st_mode & 0o777 == 0o600
    assert not (folder / "prepared-entry").exists()
    again = town.initialize()
    assert (again.status, again.error) == (1, "vault_exists")

    assert town.run("trust", "degree", town.university).status == 0
    with (
        serving(town.home, "verifier", *town.passphrase) as url,
        Fetcher(FetchRules(development=True)) as fetcher,
    ):
        assert urlsplit(url).hostname == "verifier.localhost"
        browser, wallet = Browser(url), Wallet(town, fetcher)
        arguments = ("--type", "degree", "--claim", "level", "--optional", "grade", "--purpose", "Tickets")
        created = town.run("request", *arguments).json

        verified = wallet.read(created["request"], browser)
        assert isinstance(verified.client, DidClient)
        assert verified.client.did.did == did
        assert verified.request.client_name == "Cinema"
        answer = wallet.answer(verified, browser)
        assert (answer.status, answer.json) == (200, {})
        result = town.run("result", created["id"])
        assert (result.status, result.json["status"]) == (0, "verified")
        assert result.json["claims"] == {"level": "master"}
        assert result.json["credentials"][0]["issuer"] == town.university
        assert wallet.answer(verified, browser).status == 400

        locked = run_tally_alone(town.home, "verifier", "serve", "--port", "0", *town.passphrase, "--json")
        assert (locked.status, locked.error) == (5, "vault_locked")

        # The policy is read again when its owner changes it, while the server runs.
        policy = folder / "policy.toml"
        policy.write_text(policy.read_text().replace('type = "degree"', 'type = "passport"'))
        refused = town.run("request", *arguments)
        assert (refused.status, refused.error) == (8, "issuer_not_trusted")

        kept = folder / "register.sqlite"
        assert kept.stat().st_mode & 0o777 == 0o600
        assert b"master" not in kept.read_bytes()

    unreachable = town.run("result", created["id"])
    assert (unreachable.status, unreachable.error) == (7, "network_unreachable")
    with serving(town.home, "verifier", *town.passphrase):
        assert town.run("result", created["id"]).json["claims"] == {"level": "master"}


def test_verifier_rotates_and_asks_with_its_new_key(town: Town) -> None:
    made = town.initialize("--slug", "cinema", "--onboarding-token-file", str(town.path / "token"))
    town.run("trust", "degree", town.university)
    folder, marks = town.home / "verifier", town.home / "state" / "verifier"
    first_ring = (folder / "keys.sealed").read_bytes()
    arguments = ("request", "--type", "degree", "--claim", "level", "--purpose", "Tickets")
    with (
        serving(town.home, "verifier", *town.passphrase) as url,
        Fetcher(FetchRules(development=True)) as fetcher,
    ):
        browser, wallet = Browser(url), Wallet(town, fetcher)
        before = town.run(*arguments).json
        old_key = key_id_of(before["request"], browser)
        town.world.clock.time = now() + timedelta(seconds=2)
        asked = run_tally(town.home, "verifier", "rotate", "--json")
        assert (asked.status, asked.error) == (2, "input_required")
        rotated = town.run("rotate", "--yes")
        assert rotated.status == 0, rotated.stderr
        new_key = rotated.json["key_id"]
        assert new_key.startswith(f"{made.json['did']}#z6Mk")
        assert new_key != old_key

        # What was asked before is signed anew when a wallet fetches it.
        for created in (before, town.run(*arguments).json):
            assert key_id_of(created["request"], browser) == new_key
            answer = wallet.answer(wallet.read(created["request"], browser), browser)
            assert (answer.status, answer.json) == (200, {})

    # An old copy of the key ring, on a machine where nothing remembers how old it should be.
    for file in (*marks.glob("*.mark"), *folder.glob("keys.sealed*")):
        file.unlink()
    (folder / "keys.sealed").touch(mode=0o600)
    (folder / "keys.sealed").write_bytes(first_ring)
    stale = run_tally_alone(town.home, "verifier", "serve", "--port", "0", *town.passphrase, "--json")
    assert (stale.status, stale.error) == (3, "signing_key_replaced")


def key_id_of(link: str, browser: Browser) -> str:
    """The key that a request is signed with."""
    invocation = parse_invocation(link, development=True)
    assert isinstance(invocation, RequestByReference)
    token = browser.get(urlsplit(invocation.request_uri).path).body.decode()
    header = json.loads(decode_base64url(token.partition(".")[0]))
    return str(header["kid"])


def test_verifier_without_a_did_checks_and_asks_unsigned(town: Town) -> None:
    made = town.initialize("--url", "https://shop.example")
    assert (made.status, made.stderr) == (0, "")
    assert made.json == {"name": "Cinema", "did": None, "url": "https://shop.example"}
    text = town.degree().encoded
    stranger = run_tally(town.home, "verifier", "check", "-", "--json", stdin=text)
    assert (stranger.status, stranger.error) == (8, "issuer_not_trusted")
    town.run("trust", "degree", town.university)
    checked = run_tally(town.home, "verifier", "check", "-", "--json", stdin=text)
    assert (checked.status, checked.stderr) == (0, "")
    assert checked.json["issuer"] == town.university


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        pytest.param(("--slug", "cinema"), 2, "input_required", id="half-a-did"),
        pytest.param(("--url", "http://shop.example"), 1, "settings_invalid", id="url"),
        pytest.param(("--name", ""), 2, "usage_invalid", id="no-name"),
        pytest.param(("--name", "\x1b[2J"), 1, "settings_invalid", id="name"),
        pytest.param(("--ledger", "http://ledger.localhost:81010"), 2, "usage_invalid", id="no-address"),
        pytest.param(
            ("--ledger", "http://ledger.localhost:1"), 7, "network_ledger_unreachable", id="no-ledger"
        ),
    ],
)
def test_verifier_that_cannot_be_made_says_why(
    town: Town, more: tuple[str, ...], status: int, code: str
) -> None:
    arguments = ("init", "--name", "Cinema", "--ledger", town.world.ledger.url, *more)
    ended = run_tally(town.home, "verifier", *arguments, *town.passphrase, "--json")
    assert (ended.status, ended.error) == (status, code)
    assert not (town.home / "verifier" / "verifier.toml").exists()


def test_interrupted_init_goes_on_where_it_was(town: Town) -> None:
    (town.path / "wrong").write_text("tally_ledger_00000000_" + "x" * 43)
    refused = town.initialize("--slug", "cinema", "--onboarding-token-file", str(town.path / "wrong"))
    assert (refused.status, refused.error) == (5, "writer_not_authorized")
    folder = town.home / "verifier"
    # What was begun with a DID goes on with that DID.
    other = town.initialize("--slug", "theatre", "--onboarding-token-file", str(town.path / "token"))
    without = town.initialize()
    for ended in (other, without):
        assert (ended.status, ended.error) == (1, "vault_exists")
    policy, keys = (folder / "policy.toml").read_bytes(), (folder / "keys.sealed").read_bytes()
    made = town.initialize("--slug", "cinema", "--onboarding-token-file", str(town.path / "token"))
    assert made.status == 0, made.stderr
    assert ((folder / "policy.toml").read_bytes(), (folder / "keys.sealed").read_bytes()) == (policy, keys)
