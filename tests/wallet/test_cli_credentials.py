import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from doors.exit_code import ExitCode
from storage.passphrase import WEAKEST_ACCEPTED
from tests.processes import ROOT
from tests.wallet.holder import NO_LEDGERS, PASSPHRASE, Holder
from tests.wallet.parties import DEGREE, ISSUER, ISSUER_URL, NOW, UNKNOWN_TYPE, Outside, signed
from wallet.content import ActivityKind
from wallet.held import Standing, StandingWord

DAY = timedelta(days=1)
LIST_CALL = (
    "import atexit, sys, tally; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); "
    "sys.argv = ['tally', 'list']; sys.exit(tally.main())"
)
HEAVY = {
    "fastapi",
    "httpcore2",
    "httpx2",
    "jsonschema",
    "ledger",
    "pydantic",
    "sqlalchemy",
    "starlette",
    "textual",
}


def standing(word: str) -> Standing:
    return Standing(word=StandingWord(word), checked_at=NOW - DAY)


def test_empty_wallet_lists_nothing_and_says_what_to_do(holder: Holder) -> None:
    assert holder.run("list", "--json").json["credentials"] == []
    ended = holder.run("list")
    assert (ended.status, ended.stdout) == (0, "")
    assert "tally add" in ended.stderr


def test_list_has_the_form_scripts_rely_on(holder: Holder) -> None:
    holder.hold(copies=3)
    ended = holder.run("list", "--json")
    assert (ended.status, ended.stderr) == (0, "")
    assert ended.json == {
        "credentials": [
            {
                "id": "degree-0001",
                "type": "degree",
                "vct": DEGREE.vct,
                "issuer": ISSUER,
                "status": "valid",
                "checked_at": "2026-11-22T12:00:00Z",
                "expires_at": "2027-11-22T12:00:00Z",
                "copies_left": 3,
                "issuer_blocked": False,
                "refillable": False,
            }
        ],
        "pending": [],
    }


def test_list_puts_what_can_be_used_first_and_marks_every_standing(holder: Holder) -> None:
    holder.hold("revoked-0001", standing=standing("revoked"))
    holder.hold("expired-0001", lifetime=-DAY)
    holder.hold("suspended-0001", standing=standing("suspended"))
    holder.hold("unknown-0001", standing=None)
    holder.hold("valid-0002", vct=UNKNOWN_TYPE, claims={"seat": "12"})
    holder.hold("valid-0001", lifetime=6 * DAY)
    listed = holder.run("list", "--json").json["credentials"]
    assert [(each["id"], each["status"]) for each in listed] == [
        ("valid-0001", "valid"),
        ("valid-0002", "valid"),
        ("unknown-0001", "unknown"),
        ("suspended-0001", "suspended"),
        ("expired-0001", "expired"),
        ("revoked-0001", "revoked"),
    ]
    assert listed[1]["type"] == UNKNOWN_TYPE
    lines = holder.run("list").stdout.splitlines()
    assert [line.split()[0] for line in lines[::3]] == ["✓", "✓", "?", "!", "✗", "✗"]
    assert lines[0].split() == ["✓", "valid", "Degree", "valid-0001"]
    assert [line.strip() for line in lines[1:3]] == [
        "from city-university on ledger.example",
        "! ends in 6 days, 2 of 2 copies left, asked just now",
    ]


@pytest.mark.parametrize(
    ("age", "status", "asked"),
    [
        pytest.param(timedelta(hours=3), "valid", "asked 3 hours ago", id="new"),
        pytest.param(7 * DAY, "valid", "asked 7 days ago", id="as old as may be"),
        pytest.param(7 * DAY + timedelta(seconds=1), "unknown", "asked 7 days ago", id="too old"),
        pytest.param(None, "unknown", "its issuer not asked yet", id="never"),
    ],
)
def test_good_news_of_long_ago_is_no_news(
    holder: Holder, age: timedelta | None, status: str, asked: str
) -> None:
    known = None if age is None else Standing(word=StandingWord.VALID, checked_at=NOW - age)
    holder.hold(standing=known)
    (listed,) = holder.run("list", "--json").json["credentials"]
    assert listed["status"] == status
    ended = holder.run("list")
    assert ended.stdout.splitlines()[2].endswith(f", {asked}")
    assert ("tally status" in ended.stderr) is (status == "unknown")
    assert holder.run("show", "degree-0001").stdout.splitlines()[1].endswith(f", {asked}")


def test_list_asks_nobody(holder: Holder) -> None:
    holder.hold()
    holder.outside.status = 1
    assert holder.run("list", "--json").json["credentials"][0]["status"] == "valid"


def test_list_loads_nothing_heavy(tmp_path: Path) -> None:
    holder = Holder(tmp_path)
    holder.create(kdf=WEAKEST_ACCEPTED)
    finished = subprocess.run(
        [sys.executable, "-c", LIST_CALL],
        cwd=ROOT,
        env=holder.environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    modules = set(finished.stderr.split())
    loaded = {name.split(".")[0] for name in modules}
    assert {"nacl", "wallet"} <= loaded
    assert loaded & HEAVY == set()
    # Nothing of what other commands need to ask, to receive or to present.
    assert {name for name in modules if name.startswith(("wallet.cli.", "wallet.door."))} == {
        "wallet.cli.access",
        "wallet.cli.credentials",
        "wallet.door.agent",
        "wallet.door.place",
        "wallet.door.wording",
    }


def test_show_tells_all_a_credential_says(holder: Holder) -> None:
    holder.hold()
    ended = holder.run("show", "degree-0001")
    assert ended.status == 0
    lines = ended.stdout.splitlines()
    assert lines[0] == "Degree  degree-0001"
    assert lines[1] == "✓ valid, until 2027-11-22, asked just now"
    facts = [line.split("  ")[1].strip() for line in lines[3 : 3 + len(DEGREE.example)]]
    assert facts[:4] == ["Given name", "Family name", "Date of birth", "Over 18"]
    assert f"  Family name              {DEGREE.example['family_name']}" in lines
    assert "  copies left              2 of 2" in lines


def test_show_gives_programs_the_claims_as_they_were_issued(holder: Holder) -> None:
    holder.hold()
    shown = holder.run("show", "degree-0001", "--json").json
    (listed,) = holder.run("list", "--json").json["credentials"]
    assert {name: shown.pop(name) for name in listed} == listed
    assert shown == {
        "copies": 2,
        "credential_issuer": ISSUER_URL,
        "received_at": "2026-11-22T12:00:00Z",
        "claims": DEGREE.example,
    }


@pytest.mark.parametrize("command", ["show", "status", "remove"])
def test_credential_that_is_not_there_is_not_found(holder: Holder, command: str) -> None:
    ended = holder.run(command, "degree-9999", "--json")
    assert (ended.status, ended.stdout) == (ExitCode.NOT_FOUND, "")
    assert ended.error == "credential_not_found"


@pytest.mark.parametrize(("status", "word"), [(0, "valid"), (1, "revoked"), (2, "suspended"), (3, "unknown")])
def test_status_asks_the_issuer_and_remembers_the_answer(holder: Holder, status: int, word: str) -> None:
    holder.hold(standing=None)
    holder.outside.status = status
    asked = holder.run("status", "--json").json["credentials"]
    assert [each["status"] for each in asked] == [word]
    assert holder.run("list", "--json").json["credentials"] == asked
    assert ("not understood" in holder.run("status").stderr) is (word == "unknown")


def test_long_type_of_a_stranger_does_not_break_the_columns(holder: Holder) -> None:
    holder.hold("degree-0001")
    holder.hold("pass-0001", vct="urn:city-university:example:library-pass:1", claims={"seat": "12"})
    first, second = holder.run("list").stdout.splitlines()[::3]
    assert first.index("degree-0001") == second.index("pass-0001")
    assert "urn:city-university:ex…" in second


def test_status_that_nobody_can_be_asked_for_stays_what_it_was_when_somebody_was(holder: Holder) -> None:
    holder.hold("degree-0001", standing=Standing(word=StandingWord.VALID, checked_at=NOW - DAY / 8))
    holder.hold("degree-0002", standing=None)
    before = holder.run("list", "--json").json
    holder.outside.status = None
    ended = holder.run("status", "--json")
    assert (ended.status, ended.json) == (ExitCode.NETWORK, before)
    shown = holder.run("status")
    lines = [line.strip() for line in shown.stdout.splitlines()]
    assert lines[2].endswith(", asked 3 hours ago")
    assert lines[6].endswith(", its issuer not asked yet")
    assert lines[3] == lines[7] == "! could not be asked now"
    assert "Not asked: a status list or its ledger was away" in shown.stderr
    assert holder.run("list", "--json").json == before


def test_status_of_nothing_needs_nobody(holder: Holder) -> None:
    holder.outside.status = None
    assert holder.run("status").status == 0


def test_status_of_one_credential_is_that_of_no_other(holder: Holder) -> None:
    holder.hold("degree-0001")
    holder.hold("degree-0002")
    (asked,) = holder.run("status", "degree-0002", "--json").json["credentials"]
    assert asked["id"] == "degree-0002"


def test_removed_credential_is_gone_and_the_history_says_so(holder: Holder) -> None:
    holder.hold()
    ended = holder.run("remove", "degree-0001", "--yes", "--json")
    assert (ended.status, ended.json) == (0, {"removed": "degree-0001"})
    assert holder.run("list", "--json").json["credentials"] == []
    with holder.vault() as vault:
        (entry,) = vault.content.activity
    assert (entry.kind, entry.party) == (ActivityKind.REMOVED, ISSUER)


def test_remove_is_not_asked_for_without_a_person(holder: Holder) -> None:
    holder.hold()
    ended = holder.run("remove", "degree-0001", "--json")
    assert (ended.status, ended.error) == (ExitCode.USAGE, "input_required")
    assert holder.run("list", "--json").json["credentials"] != []


@pytest.mark.parametrize(("typed", "left"), [("degree-0001\n", 0), ("y\n", 1), ("\n", 1)])
def test_remove_needs_the_id_typed(holder: Holder, typed: str, left: int) -> None:
    holder.hold()
    finished = holder.converse("remove", "degree-0001", answers=[("Type degree-0001 to go on:", typed)])
    assert "This removes Degree from city-university on ledger.example for good, 2 copies." in finished.stdout
    assert finished.status == (0 if left == 0 else ExitCode.DECLINED)
    with holder.vault() as vault:
        assert len(vault.content.credentials) == left


COMMANDS: dict[str, list[str]] = {
    "list": ["list"],
    "show": ["show", "degree-0001"],
    "add": ["add", Outside().offer(), "--yes"],
    "present": ["present", signed(), "--yes"],
    "status": ["status"],
    "remove": ["remove", "degree-0001", "--yes"],
    "refill": ["refill", "degree-0001"],
    "activity": ["activity"],
    "key": ["key"],
    "words": ["key", "words", "--reveal"],
}


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS.keys())
def test_wrong_passphrase_opens_nothing(holder: Holder, arguments: list[str]) -> None:
    holder.passphrase_file.write_text("wrong\n")
    ended = holder.run(*arguments, "--json")
    assert (ended.status, ended.stdout, ended.error) == (ExitCode.LOCKED, "", "passphrase_wrong")
    assert holder.outside.sent == []


@pytest.mark.parametrize(
    "arguments", [*COMMANDS.values(), ["trust"], ["passwd", "--new-passphrase-file", "x"]]
)
def test_without_a_wallet_nothing_works_and_no_passphrase_is_asked(
    tmp_path_factory: pytest.TempPathFactory, arguments: list[str]
) -> None:
    holder = Holder(tmp_path_factory.mktemp("home"))
    before = set(holder.home.rglob("*"))
    ended = holder.run(*arguments, "--json")
    assert (ended.status, ended.error) == (ExitCode.NOT_FOUND, "vault_missing")
    assert set(holder.home.rglob("*")) - before <= {holder.passphrase_file}


@pytest.mark.parametrize("name", ["add", "present", "status"])
def test_wallet_that_trusts_no_ledger_asks_nobody_and_says_so(tmp_path: Path, name: str) -> None:
    holder = Holder(tmp_path)
    holder.create(ledgers=NO_LEDGERS)
    ended = holder.run(*COMMANDS[name])
    assert ended.status == ExitCode.UNTRUSTED
    assert "this wallet trusts no ledger yet" in ended.stderr
    assert "`tally trust URL`" in ended.stderr
    assert holder.outside.sent == []


def test_wrong_passphrase_typed_by_a_person_is_not_shown(holder: Holder) -> None:
    answers = [("Passphrase:", "canary-7f3a\n")] * 3
    finished = holder.converse("list", answers=answers, asks_passphrase=True)
    assert finished.status == ExitCode.LOCKED
    assert "passphrase_wrong" in finished.stdout
    assert "canary-7f3a" not in finished.stdout


def test_passphrase_typed_by_a_person_opens_the_wallet(holder: Holder) -> None:
    holder.hold()
    finished = holder.converse("list", answers=[("Passphrase:", f"{PASSPHRASE}\n")], asks_passphrase=True)
    assert finished.status == 0
    assert "degree-0001" in finished.stdout


@pytest.mark.parametrize("name", ["remove", "status", "add"])
def test_wallet_that_another_process_holds_is_not_changed(holder: Holder, name: str) -> None:
    holder.hold()
    with holder.vault() as vault, vault.file.hold():
        ended = holder.run(*COMMANDS[name], "--json")
        assert holder.run("list").status == 0
    assert (ended.status, ended.error) == (ExitCode.LOCKED, "vault_locked")


def flip(data: bytes) -> bytes:
    return data[:-20] + bytes([data[-20] ^ 1]) + data[-19:]


def test_damaged_wallet_is_opened_from_the_generation_before(holder: Holder) -> None:
    holder.hold()
    file = holder.folder.vault
    file.write_bytes(flip(file.read_bytes()))
    ended = holder.run("list")
    # The generation before lacks only the credential; it is older than the newest one seen here.
    assert (ended.status, ended.stdout) == (ExitCode.FAILURE, "")
    assert "vault_rollback" in ended.stderr
    accepted = holder.run("doctor", "--accept-rollback", "--json").json["findings"]
    assert {"check": "vault", "health": "warn"}.items() <= one(accepted, "vault").items()
    listed = holder.run("list")
    assert listed.status == 0
    assert "the wallet before its last change" in listed.stderr


def test_wallet_damaged_in_every_generation_is_not_opened(holder: Holder) -> None:
    holder.hold()
    for file in holder.folder.path.glob("wallet.sealed*"):
        if file.stat().st_size:
            file.write_bytes(flip(file.read_bytes()))
    ended = holder.run("list", "--json")
    assert ended.status != 0
    assert (ended.stdout, ended.error) == ("", "vault_damaged")


@pytest.mark.parametrize("name", ["", "wallet.sealed"])
def test_wallet_that_is_open_to_others_is_refused(holder: Holder, name: str) -> None:
    place = holder.folder.path / name
    place.chmod(place.stat().st_mode | 0o040)
    ended = holder.run("list", "--json")
    assert (ended.status, ended.error) == (ExitCode.LOCKED, "vault_permissions")


def one(findings: list[dict[str, Any]], check: str) -> dict[str, Any]:
    """The one finding of this check."""
    (finding,) = [finding for finding in findings if finding["check"] == check]
    return finding


def test_wallet_without_a_note_of_its_age_is_opened_with_a_warning(holder: Holder) -> None:
    for mark in holder.folder.state.glob("*.mark"):
        mark.unlink()
    ended = holder.run("list")
    assert ended.status == 0
    assert "how old the wallet should be" in ended.stderr
    assert holder.run("list", "--json").json["credentials"] == []
