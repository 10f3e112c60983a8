import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from doors.exit_code import ExitCode
from issuer.folder import IssuerFolder
from ledger.trust import TrustedLedgers
from protocol.encoding.strict_json import JsonObject
from tests.command import run_tally, run_tally_alone
from tests.issuer.door import Door, open_door, request
from tests.issuer.university import EXAMPLE, SCHEMAS
from tests.processes import Finished

HOSTILE = "\x1b[2J\u202eevil\u200b"


@dataclass(frozen=True, slots=True)
class Office:
    """The institution's folder, its running server, and the commands that belong to both."""

    home: Path
    door: Door

    def run(self, *arguments: str, stdin: str = "") -> Finished:
        return run_tally(self.home, "issuer", *arguments, stdin=stdin)

    def issue(self) -> str:
        """The id of a new credential."""
        self.door.credential(self.door.token(), request(self.door.university.proof()))
        credentials = self.door.browser.get("/manage/credentials", **self.door.key).json["credentials"]
        return str(max(credentials, key=lambda credential: credential["issued_at"])["id"])


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    home = tmp_path_factory.mktemp("home")
    path = home / "issuer"
    path.mkdir(mode=0o700)
    with open_door(path) as door:
        folder = IssuerFolder(path, home / "state")
        folder.save_ledgers(TrustedLedgers((), development=True))
        folder.write("management.key", door.key["Authorization"].removeprefix("Bearer "))
        folder.save_address(door.university.url)
        yield Office(home, door)


def claims_file(folder: Path, claims: JsonObject) -> str:
    file = folder / "claims.json"
    file.write_text(json.dumps(claims))
    return str(file)


def test_offer_gives_a_link_and_a_code_for_scripts(office: Office, tmp_path: Path) -> None:
    claims = claims_file(tmp_path, EXAMPLE)
    ended = office.run("offer", "--type", "degree", "--claims", claims, "--tx-code", "--json")
    assert (ended.status, ended.stderr) == (0, "")
    assert {"id", "offer", "tx_code"} <= set(ended.json)
    assert ended.json["offer"].startswith("openid-credential-offer://?credential_offer_uri=")
    assert len(ended.json["tx_code"]) == 6


def test_offer_without_a_transaction_code_is_one_line(office: Office) -> None:
    ended = office.run("offer", "--type", "degree", "--claims", "-", stdin=json.dumps(EXAMPLE))
    assert len(ended.stdout.splitlines()) == 1


def test_offer_gives_a_link_and_a_code_for_people(office: Office) -> None:
    arguments = ("offer", "--type", "degree", "--claims", "-", "--tx-code", "--copies", "2", "--minutes", "5")
    ended = office.run(*arguments, stdin=json.dumps(EXAMPLE))
    assert ended.status == 0
    link, code = ended.stdout.splitlines()
    assert link.startswith("openid-credential-offer://")
    assert code.startswith("Transaction code, to be sent another way: ")
    assert "stands until 2026-11-22T17:41:44Z" in ended.stderr


def test_list_and_show_know_the_same(office: Office) -> None:
    credential = office.issue()
    (row,) = [row for row in office.run("list", "--json").json["credentials"] if row["id"] == credential]
    assert office.run("show", credential, "--json").json == row
    assert office.run("list", "--type", "passport", "--json").json == {"credentials": []}
    assert "Nothing yet" in office.run("list", "--type", "passport").stderr
    assert credential in office.run("list").stdout
    shown = office.run("show", credential).stdout
    assert "valid" in shown
    assert str(EXAMPLE["given_name"]) not in shown


def test_open_offers_are_listed_and_one_is_withdrawn(office: Office) -> None:
    created = office.door.offer()
    office.issue()
    listed = office.run("offers", "--json").json["offers"]
    assert {offer["state"] for offer in listed} == {"open"}
    assert created["id"] in [offer["id"] for offer in listed]
    shown = office.run("offers", "--type", "degree").stdout
    assert f"{created['id']}  degree" in shown
    assert f"open until {created['expires_at']}" in shown
    assert str(EXAMPLE["given_name"]) not in shown
    withdrawn = office.run("withdraw", created["id"], "--yes", "--json")
    assert (withdrawn.status, withdrawn.json["state"]) == (0, "withdrawn")
    assert created["id"] not in office.run("offers").stdout
    states = {offer["id"]: offer["state"] for offer in office.run("offers", "--all", "--json").json["offers"]}
    assert states[created["id"]] == "withdrawn"
    assert "redeemed" in states.values()
    assert "None." in office.run("offers", "--type", "passport").stderr


def test_status_changes_and_revocation_is_final(office: Office) -> None:
    credential = office.issue()
    for arguments, status in (
        (("suspend", credential), "suspended"),
        (("reinstate", credential), "valid"),
        (("revoke", credential, "--yes"), "revoked"),
    ):
        ended = office.run(*arguments, "--json")
        assert (ended.status, ended.json["status"]) == (0, status)
    refused = office.run("reinstate", credential, "--json")
    assert (refused.status, refused.stdout, refused.error) == (ExitCode.FAILURE, "", "status_final")


def test_what_is_kept_for_further_copies_is_forgotten(office: Office) -> None:
    credential = office.issue()
    asked = office.run("forget", credential, "--json")
    assert (asked.status, asked.error) == (ExitCode.USAGE, "input_required")
    ended = office.run("forget", credential, "--yes", "--json")
    assert (ended.status, ended.json["id"], ended.json["refill_until"]) == (0, credential, None)


def test_rotation_names_the_new_key(office: Office) -> None:
    assert office.run("rotate", "--yes", "--json").json["key_id"].startswith("did:example#")


REFUSALS: dict[str, tuple[ExitCode, str, Callable[[Office], Finished]]] = {
    "revoke-unasked": (ExitCode.USAGE, "input_required", lambda o: o.run("revoke", o.issue(), "--json")),
    "revoke-unknown": (ExitCode.NOT_FOUND, "credential_not_found", lambda o: o.run("revoke", "x", "--json")),
    "withdraw-unasked": (
        ExitCode.USAGE,
        "input_required",
        lambda o: o.run("withdraw", o.door.offer()["id"], "--json"),
    ),
    "withdraw-unknown-unasked": (
        ExitCode.NOT_FOUND,
        "offer_not_found",
        lambda o: o.run("withdraw", "x", "--json"),
    ),
    "withdraw-unknown": (
        ExitCode.NOT_FOUND,
        "offer_not_found",
        lambda o: o.run("withdraw", "0123456789abcdef", "--yes", "--json"),
    ),
    "rotate-unasked": (ExitCode.USAGE, "input_required", lambda o: o.run("rotate", "--json")),
    "unknown-credential": (
        ExitCode.NOT_FOUND,
        "credential_not_found",
        lambda o: o.run("show", "0123456789abcdef", "--json"),
    ),
    "path-in-an-id": (ExitCode.NOT_FOUND, "not_found", lambda o: o.run("show", "../offers", "--json")),
    "unknown-type": (
        ExitCode.NOT_FOUND,
        "credential_type_unknown",
        lambda o: o.run("offer", "--type", "passport", "--claims", "-", "--json", stdin="{}"),
    ),
    "bad-claims": (
        ExitCode.FAILURE,
        "claims_invalid",
        lambda o: o.run("offer", "--type", "degree", "--claims", "-", "--json", stdin="{}"),
    ),
    "claims-no-json": (
        ExitCode.FAILURE,
        "json_invalid",
        lambda o: o.run("offer", "--type", "degree", "--claims", "-", "--json", stdin="{"),
    ),
    "no-claims-file": (
        ExitCode.USAGE,
        "usage_invalid",
        lambda o: o.run("offer", "--type", "degree", "--claims", "/nowhere", "--json"),
    ),
    "type-that-is-none": (
        ExitCode.USAGE,
        "usage_invalid",
        lambda o: o.run("type", "add", "./No Type", "--json"),
    ),
    "not-initialized": (
        ExitCode.NOT_FOUND,
        "not_initialized",
        lambda o: run_tally(o.home / "elsewhere", "issuer", "list", "--json"),
    ),
}


@pytest.mark.parametrize(("status", "error", "act"), REFUSALS.values(), ids=REFUSALS.keys())
def test_command_that_fails_says_why_and_ends_with_its_number(
    office: Office, status: ExitCode, error: str, act: Callable[[Office], Finished]
) -> None:
    ended = act(office)
    assert (ended.status, ended.stdout, ended.error) == (status, "", error)


def test_type_that_is_none_is_answered_with_those_there_are(office: Office) -> None:
    said = office.run("type", "add", "nothing").stderr
    assert "degree" in said
    assert "identity_card" in said


def test_folder_whose_name_cannot_name_a_type_is_refused(office: Office, tmp_path: Path) -> None:
    (tmp_path / "No Type").mkdir()
    assert office.run("type", "add", str(tmp_path / "No Type"), "--json").error == "type_metadata_invalid"


def test_command_in_a_process_of_its_own_ends_the_same(office: Office) -> None:
    for arguments in (("list", "--json"), ("show", "0123456789abcdef", "--json")):
        assert run_tally_alone(office.home, "issuer", *arguments) == office.run(*arguments)


@pytest.mark.parametrize("argument", ["\udc80", "\udcff/../offers"])
def test_argument_in_another_encoding_names_nothing(office: Office, argument: str) -> None:
    assert office.run("show", argument, "--json").error in ("credential_not_found", "not_found")
    refused = office.run("offer", "--type", argument, "--claims", "-", "--json", stdin="{}")
    assert refused.error == "credential_type_unknown"


@pytest.mark.parametrize("as_json", [True, False])
def test_hostile_text_never_reaches_the_terminal_raw(office: Office, as_json: bool) -> None:
    more = ["--json"] if as_json else []
    for ended in (
        office.run("offer", "--type", HOSTILE, "--claims", "-", *more, stdin="{}"),
        office.run(
            "offer", "--type", "degree", "--claims", "-", *more, stdin=json.dumps({**EXAMPLE, HOSTILE: 1})
        ),
        office.run("show", HOSTILE, *more),
        office.run("type", "add", f"/tmp/{HOSTILE}", *more),
    ):
        assert ended.status != 0
        for character in "\x1b\u202e\u200b":
            assert character not in ended.stdout + ended.stderr


def test_type_is_added_and_listed(tmp_path: Path) -> None:
    assert "None yet" in run_tally(tmp_path, "issuer", "type", "list").stderr
    added = run_tally(tmp_path, "issuer", "type", "add", "passport", "--valid-days", "3650", "--json")
    vct = "urn:tallystick:passport:1"
    assert added.json == {"name": "passport", "vct": vct, "valid_days": 3650, "refill_days": 0}
    again = run_tally(tmp_path, "issuer", "type", "add", str(SCHEMAS / "degree"), "--refill-days", "90")
    assert again.status == 0
    assert "fetch further copies for 90 days after the offer" in again.stderr
    listed = run_tally(tmp_path, "issuer", "type", "list", "--json").json["types"]
    assert [kind["name"] for kind in listed] == ["degree", "passport"]
    assert "urn:tallystick:degree:1" in run_tally(tmp_path, "issuer", "type", "list").stdout
