import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from doors.clock import now
from ledger.remote import RemoteServer
from ledger.trust import TrustedLedgers
from protocol.did.key import encode_did_key_method
from protocol.encoding.strict_json import JsonObject
from protocol.keys import Ed25519PrivateKey
from protocol.keys.jwk import encode_jwk
from protocol.presentation import Check
from protocol.sdjwt.key_binding import create_key_binding
from protocol.sdjwt.parse import SdJwt
from protocol.sdjwt_vc import issue_sd_jwt_vc
from storage.database_address import REGISTER
from tests.attacks.artefacts import DID
from tests.command import run_tally
from tests.openid_parties import HOLDER_KEY, ISSUER, ISSUER_KEY, OTHER_KEY
from tests.processes import Finished, converse
from tests.verifier.door import Door, open_door
from tests.verifier.shop import DEGREE, issue, link_parameters, outcomes, reference_of
from verifier.folder import VerifierFolder
from verifier.register import TABLES
from verifier.request import CreatedRequest

HOSTILE = "\x1b[2J\u202eevil\u200b"
NONCE = "n-0S6_WzA2MjTz9LwNfZpQ"


@dataclass(frozen=True, slots=True)
class Counter:
    """The shop's folder, its running server, and the commands that belong to both."""

    home: Path
    door: Door

    def run(self, *arguments: str) -> Finished:
        return run_tally(self.home, "verifier", *arguments)

    def ask(self, *arguments: str) -> CreatedRequest:
        claim = () if "--claim" in arguments else ("--claim", "level")
        ended = self.run("request", "--type", "degree", *claim, "--purpose", "Job", *arguments, "--json")
        assert (ended.status, ended.stderr) == (0, "")
        assert ended.json.keys() == {"id", "request", "match_code", "expires_at"}
        return CreatedRequest(ended.json["id"], ended.json["request"], ended.json["match_code"], now())


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    home = tmp_path_factory.mktemp("home")
    path = home / "verifier"
    path.mkdir(mode=0o700)
    with open_door(path) as door:
        folder = VerifierFolder(path, home / "state")
        folder.save_policy(TrustedLedgers((), development=True))
        folder.write("management.key", door.key["Authorization"].removeprefix("Bearer "))
        folder.save_address(door.shop.url)
        yield Counter(home, door)


def test_request_and_result_are_shaped_for_scripts(counter: Counter) -> None:
    created = counter.ask("--claim", "level", "--claim", "field")
    pending = counter.run("result", created.id, "--json")
    assert (pending.status, pending.json["status"]) == (0, "pending")
    counter.door.answer(created, "level", "field")
    result = counter.run("result", created.id, "--json")
    assert (result.status, result.stderr) == (0, "")
    assert result.json["status"] == "verified"
    assert result.json["claims"] == {"level": "master", "field": "Computer Science"}
    assert all(check.keys() == {"id", "outcome", "detail"} for check in result.json["checks"])


def test_result_shows_people_every_check_and_the_claims(counter: Counter) -> None:
    created = counter.ask()
    counter.door.answer(created, credential=issue(level=HOSTILE))
    shown = counter.run("result", created.id)
    assert shown.status == 0
    lines = shown.stdout.splitlines()
    assert lines[0] == "✓ Verified"
    assert [line.split()[1] for line in lines[1:-1]] == [*Check, "request_expiry", "query", "same_person"]
    assert lines[-1] == "level  �[2J�evil�"
    assert not any(character in shown.stdout for character in HOSTILE if not character.isprintable())


def test_refused_result_ends_with_3_and_says_why(counter: Counter) -> None:
    created = counter.ask()
    counter.door.answer(created, key=OTHER_KEY)
    result = counter.run("result", created.id, "--json")
    assert (result.status, result.error) == (3, "key_binding_signature_invalid")
    assert (result.json["status"], result.json["claims"]) == ("refused", {})
    shown = counter.run("result", created.id)
    assert shown.status == 3
    assert shown.stdout.splitlines()[0] == "✗ Refused"
    assert "✗ key_binding " in shown.stdout
    assert shown.stderr.splitlines()[-1] == "key_binding_signature_invalid"


def test_result_of_an_issuer_nobody_trusts_ends_with_8(counter: Counter) -> None:
    created = counter.ask()
    counter.door.answer(created, credential=issue(iss="did:key:z6Mk"))
    assert counter.run("result", created.id, "--json").status == 8


def test_result_that_waits_for_somebody_else_says_so(counter: Counter) -> None:
    created = counter.ask()
    counter.door.answer(created, credential=issue(status=True))
    result = counter.run("result", created.id, "--json")
    assert (result.status, result.stderr) == (0, "")
    assert (result.json["status"], result.json["error"]["code"]) == ("pending", "status_unavailable")


def test_unknown_request_ends_with_4(counter: Counter) -> None:
    for name in ("0123456789abcdef", "../requests", "%2e%2e", ""):
        ended = counter.run("result", name, "--json")
        assert (ended.status, ended.error) in [(4, "request_not_found"), (4, "not_found")]


def test_request_shows_people_the_link_alone_on_stdout(counter: Counter) -> None:
    shown = counter.run("request", "--type", "degree", "--purpose", "Job")
    (link,) = shown.stdout.splitlines()
    assert link.startswith("openid4vp://?client_id=decentralized_identifier%3A")
    assert "can be answered until" in shown.stderr
    assert re.search("Match code [A-Z]{3,6}-[A-Z]{3,6}: their wallet shows the same.", shown.stderr)


def test_request_is_drawn_where_the_window_has_room(counter: Counter) -> None:
    environment = {"TALLY_HOME": str(counter.home)}
    arguments = ("verifier", "request", "--type", "degree", "--purpose", "Job")
    wide = converse("tally", *arguments, environment=environment, columns=120, lines=60)
    assert wide.status == 0
    assert "▀" in wide.stdout
    assert "openid4vp://" in wide.stdout
    assert "▀" not in converse("tally", *arguments, environment=environment, lines=10).stdout


@pytest.mark.parametrize(
    ("arguments", "claims"),
    [
        (("--claim", "age_over_18=true"), [{"path": ["age_over_18"], "values": [True]}]),
        (("--claim", "level=master"), [{"path": ["level"], "values": ["master"]}]),
        (("--claim", "credits=90"), [{"path": ["credits"], "values": [90]}]),
        (("--claim", 'grade="5.6"'), [{"path": ["grade"], "values": ["5.6"]}]),
        (("--claim", "level", "--optional", "grade"), [{"path": ["level"]}, {"path": ["grade"]}]),
    ],
)
def test_claims_are_asked_for_as_they_were_typed(
    counter: Counter, arguments: tuple[str, ...], claims: list[JsonObject]
) -> None:
    created = counter.ask(*arguments, "--unsigned")
    (credential,) = json.loads(link_parameters(created.link)["dcql_query"])["credentials"]
    assert [{name: claim[name] for name in claim if name != "id"} for claim in credential["claims"]] == claims


def test_request_can_be_short_and_for_this_device(counter: Counter) -> None:
    created = counter.ask("--seconds", "120", "--same-device", "--retention-days", "0")
    redirect_uri = counter.door.answer(created).json["redirect_uri"]
    assert redirect_uri.startswith(f"{counter.door.shop.url}/done?response_code=")
    counter.door.browser.get(redirect_uri.removeprefix(counter.door.shop.url))
    assert counter.run("result", created.id, "--json").json["status"] == "verified"


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (("--type", "degre", "--purpose", "Job"), 4, "credential_type_unknown"),
        (("--type", "passport", "--purpose", "Job"), 8, "issuer_not_trusted"),
        (("--type", "degree", "--purpose", "Job", "--claim", "levl"), 1, "query_invalid"),
        (("--type", "degree", "--purpose", HOSTILE), 1, "member_invalid"),
        (("--type", "degree"), 2, "usage_invalid"),
        (("--type", "degree", "--purpose", "Job", "--retention-days", "-1"), 2, "usage_invalid"),
    ],
)
def test_request_that_cannot_be_made_says_why(
    counter: Counter, arguments: tuple[str, ...], status: int, code: str
) -> None:
    ended = counter.run("request", *arguments, "--json")
    assert (ended.status, ended.stdout, ended.error) == (status, "", code)


@pytest.mark.parametrize(("honest", "status"), [(True, 0), (False, 3)])
def test_waiting_shows_the_request_and_then_its_result(
    counter: Counter, monkeypatch: pytest.MonkeyPatch, honest: bool, status: int
) -> None:
    unanswered: list[CreatedRequest] = []
    post = RemoteServer.post

    def create(server: RemoteServer, path: str, body: JsonObject) -> JsonObject:
        document = post(server, path, body)
        unanswered.append(CreatedRequest(str(document["id"]), str(document["request"]), "", now()))
        return document

    def answer(_seconds: float) -> None:
        counter.door.answer(unanswered.pop(), key=HOLDER_KEY if honest else OTHER_KEY)

    monkeypatch.setattr(RemoteServer, "post", create)
    monkeypatch.setattr("verifier.cli.asking.time.sleep", answer)
    arguments = ("request", "--type", "degree", "--claim", "level", "--purpose", "Job", "--wait", "--json")
    ended = counter.run(*arguments)
    assert ended.status == status
    created, result = map(json.loads, ended.stdout.splitlines())
    assert created["id"] == result["id"]
    assert result["status"] == ("verified" if honest else "refused")


def test_waiting_ends_when_nobody_answers_in_time(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "verifier.cli.asking.time.sleep", lambda _seconds: counter.door.shop.clock.advance(minutes=5)
    )
    ended = counter.run("request", "--type", "degree", "--purpose", "Job", "--wait")
    assert (ended.status, ended.stdout.splitlines()[-1]) == (1, "Nobody answered in time")


def test_server_that_does_not_run_ends_with_7(tmp_path: Path) -> None:
    folder = VerifierFolder(tmp_path / "verifier", tmp_path / "state")
    folder.path.mkdir(mode=0o700)
    folder.create_register(REGISTER, TABLES, seal_key=bytes(32))
    folder.save_address("http://verifier.localhost:1")
    ended = run_tally(tmp_path, "verifier", "result", "x", "--json")
    assert (ended.status, ended.error) == (7, "network_unreachable")


@pytest.mark.parametrize(
    "arguments",
    [
        ("result", "x"),
        ("serve",),
        ("trust", "degree", DID),
        ("check", "-"),
        ("request", "--type", "degree", "--purpose", "Job"),
    ],
)
def test_nothing_works_before_init(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ended = run_tally(tmp_path, "verifier", *arguments, "--json")
    assert (ended.status, ended.error) == (4, "not_initialized")


# `check` and `trust` work on files alone.


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "verifier"
    folder.mkdir(mode=0o700)
    policy = f'development = true\n[[trust]]\ntype = "degree"\nissuers = ["{ISSUER}"]\n'
    (folder / "policy.toml").write_text(policy)
    return tmp_path


def credential(key: Ed25519PrivateKey = ISSUER_KEY, **changes: Any) -> SdJwt:
    """A degree of today; the issuer is a did:key, so that nobody has to be asked."""
    about: JsonObject = {
        "iss": ISSUER,
        "vct": DEGREE.vct,
        "exp": int((now() + timedelta(days=1)).timestamp()),
        "cnf": {"jwk": encode_jwk(HOLDER_KEY.public_key)},
        "level": "master",
    }
    return issue_sd_jwt_vc(
        about | changes,
        disclosable=[("level",)],
        key=key,
        key_id=encode_did_key_method(ISSUER_KEY.public_key),
        salts=lambda: "salt" * 6,
    )


UNREACHABLE: JsonObject = {"status_list": {"idx": 1, "uri": "http://issuer.localhost:1/status/1"}}


@pytest.mark.parametrize(
    ("changes", "status", "word", "code"),
    [
        pytest.param({}, 0, "verified", None, id="good"),
        pytest.param({"exp": 1}, 3, "refused", "expired", id="expired"),
        pytest.param({"key": OTHER_KEY}, 3, "refused", "signature_invalid", id="forged"),
        pytest.param({"vct": "urn:other"}, 8, "refused", "issuer_not_trusted", id="untrusted"),
        pytest.param({"status": UNREACHABLE}, 7, "unavailable", "status_unavailable", id="unavailable"),
    ],
)
def test_check_ends_with_the_number_of_its_verdict(
    home: Path, changes: dict[str, Any], status: int, word: str, code: str | None
) -> None:
    file = home / "credential.txt"
    file.write_text(credential(**changes).encoded + "\n")
    ended = run_tally(home, "verifier", "check", str(file), "--json")
    assert ended.status == status, ended.stderr
    assert ended.json["status"] == word
    assert list(outcomes(ended.json["checks"])) == list(Check)
    if code is None:
        assert ended.stderr == ""
        assert ended.json["claims"]["level"] == "master"
    else:
        assert ended.error == ended.json["error"]["code"] == code
        assert ended.json["claims"] == {}


def test_check_reads_from_a_pipe_and_shows_people_every_check(home: Path) -> None:
    ended = run_tally(home, "verifier", "check", "-", stdin=credential(level=HOSTILE).encoded)
    assert ended.status == 0
    lines = ended.stdout.splitlines()
    assert lines[0] == "✓ Verified"
    assert [line.split()[1] for line in lines[1:14]] == list(Check)
    assert "level  �[2J�evil�" in lines


def test_check_of_garbage_ends_with_3(home: Path) -> None:
    for garbage in ("", "eyJ", "\x1b[2J", "x" * 300_000):
        ended = run_tally(home, "verifier", "check", "-", "--json", stdin=garbage)
        assert ended.status == 3, garbage[:10]
        assert ended.json["status"] == "refused"


def test_check_of_a_presentation_needs_its_nonce_and_audience(home: Path) -> None:
    source = credential()
    binding = create_key_binding(
        source, key=HOLDER_KEY, nonce=NONCE, audience="https://shop.example", issued_at=now()
    )
    text = source.encoded + binding
    named = ("--nonce", NONCE, "--audience", "https://shop.example")
    good = run_tally(home, "verifier", "check", "-", *named, "--json", stdin=text)
    assert (good.status, outcomes(good.json["checks"])["key_binding"]) == (0, "passed")
    other = run_tally(home, "verifier", "check", "-", "--nonce", "x" * 22, *named[2:], "--json", stdin=text)
    assert (other.status, other.error) == (3, "nonce_mismatch")
    bare = run_tally(home, "verifier", "check", "-", "--json", stdin=text)
    assert (bare.status, bare.error) == (3, "key_binding_unexpected")
    half = run_tally(home, "verifier", "check", "-", *named[:2], "--json", stdin=text)
    assert (half.status, half.error) == (2, "input_required")


def test_check_takes_another_policy(home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text("[rules]\nexpiry_required = true\n")
    ended = run_tally(
        home, "verifier", "check", "-", "--policy", str(other), "--json", stdin=credential().encoded
    )
    assert (ended.status, ended.error) == (8, "issuer_not_trusted")
    other.write_text("[rule]\n")
    ended = run_tally(
        home, "verifier", "check", "-", "--policy", str(other), "--json", stdin=credential().encoded
    )
    assert (ended.status, ended.error) == (1, "policy_invalid")
    assert "did you mean rules?" in ended.stderr


def test_trust_lets_an_issuer_count(home: Path) -> None:
    stranger = credential(vct="urn:member:1").encoded
    assert run_tally(home, "verifier", "check", "-", stdin=stranger).status == 8
    ended = run_tally(home, "verifier", "trust", "urn:member:1", ISSUER, "--json")
    assert (ended.status, ended.stderr) == (0, "")
    assert ended.json == {"type": "urn:member:1", "issuer": ISSUER, "added": True}
    assert run_tally(home, "verifier", "check", "-", stdin=stranger).status == 0
    assert run_tally(home, "verifier", "trust", "urn:member:1", ISSUER, "--json").json["added"] is False
    assert "counted already" in run_tally(home, "verifier", "trust", "urn:member:1", ISSUER).stdout
    wrong = run_tally(home, "verifier", "trust", "degre", ISSUER, "--json")
    assert (wrong.status, wrong.error) == (4, "credential_type_unknown")
    wrong = run_tally(home, "verifier", "trust", "degree", "did:web:x", "--json")
    assert (wrong.status, wrong.error) == (1, "did_method_unsupported")


def test_link_of_a_request_leads_to_it(counter: Counter) -> None:
    created = counter.ask()
    assert counter.door.browser.get(f"/request/{reference_of(created)}").status == 200
