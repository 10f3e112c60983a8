"""Accrediting from the command line: three institutions with homes of their own, before a real ledger."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest

from doors.clock import now
from doors.exit_code import ExitCode
from ledger.client import LedgerClient, Receipt
from protocol.codes import Code
from protocol.errors import UnavailableError
from protocol.tlog.merkle import hash_leaf
from schemas import credential_type
from tests.ledger.institutions import Home, Town, town
from tests.ledger.world import create

DEGREE, DIPLOMA = "urn:example:degree:1", "urn:example:diploma:1"
UNTIL = f"{now() + timedelta(days=365):%Y-%m-%d}"
SOONER = f"{now() + timedelta(days=100):%Y-%m-%d}"
LATER = f"{now() + timedelta(days=500):%Y-%m-%d}"


@dataclass(frozen=True)
class Realm:
    """A ministry that accredited a council, which accredited a university."""

    town: Town
    ministry: Home
    council: Home
    university: Home
    top: Any
    below: Any


@pytest.fixture(scope="module")
def realm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Realm]:
    with town(tmp_path_factory.mktemp("realm")) as place:
        ministry, council, university = (place.settle(name) for name in ("ministry", "council", "university"))
        both = ("--action", "accredit", "--action", "issue", "--depth", "1")
        types = ("--type", DIPLOMA, "--type", DEGREE)
        top = accredit(ministry, council, *both, *types, "--until", UNTIL)
        below = accredit(council, university, "--under", top["record"])
        yield Realm(place, ministry, council, university, top, below)


def accredit(by: Home, accredited: Home, *options: str) -> Any:
    return by.answer(*accrediting(accredited, *options))


def accrediting(accredited: Home, *options: str) -> tuple[str, ...]:
    """The command, with what is not said in `options`."""
    given = {"--type": DEGREE, "--action": "issue", "--until": SOONER}
    missing = [part for name, value in given.items() if name not in options for part in (name, value)]
    return ("ledger", "accredit", accredited.did, *missing, *options, "--yes")


def test_accreditation_is_logged_as_it_was_said_and_listed_as_a_tree(realm: Realm) -> None:
    top, below = realm.top, realm.below
    assert (top["by"], top["did"], top["under"]) == (realm.ministry.did, realm.council.did, None)
    assert (top["actions"], top["depth"]) == (["accredit", "issue"], 1)
    assert top["types"] == [DEGREE, DIPLOMA]
    assert top["valid_until"] == f"{UNTIL}T00:00:00Z"
    assert (below["under"], below["actions"], below["depth"]) == (top["record"], ["issue"], None)
    found = realm.university.answer("ledger", "issuers", "--root", realm.ministry.did)
    listed = {each["record"]: each for each in found["accreditations"]}
    assert listed[top["record"]]["counts"] is True
    assert listed[top["record"]]["index"] == top["index"]
    assert listed[below["record"]]["since"] >= listed[below["record"]]["valid_from"]
    told = realm.university.tally("ledger", "issuers", "--root", realm.ministry.did)
    assert told.status == ExitCode.SUCCESS
    lines = told.stdout.splitlines()
    assert lines[:4] == ["ministry, a root", realm.ministry.did, "  └ council", f"    {realm.council.did}"]
    assert lines[4].startswith("    may accredit and issue (depth 1), since ")
    assert f"      {realm.university.did}" in lines
    assert f"      record {below['record']}" in lines


def test_list_is_read_with_a_policy_by_somebody_who_has_no_institution(realm: Realm) -> None:
    nobody = Home(realm.town.path / "nobody", "")
    policy = str(realm.town.policy)
    by_policy = nobody.answer("ledger", "issuers", "--policy", policy)
    by_own_word = nobody.answer("ledger", "issuers", realm.town.world.ledger.url)
    assert realm.below["record"] in {each["record"] for each in by_policy["accreditations"]}
    assert by_policy["accreditations"] == by_own_word["accreditations"]
    assert nobody.refusal("ledger", "issuers")[:2] == (ExitCode.NOT_FOUND, "not_initialized")


def test_list_of_a_type_has_nobody_else(realm: Realm) -> None:
    found = realm.ministry.answer("ledger", "issuers", "--root", realm.ministry.did, "--type", DIPLOMA)
    assert realm.top["record"] in {each["record"] for each in found["accreditations"]}
    assert realm.below["record"] not in {each["record"] for each in found["accreditations"]}
    assert realm.ministry.answer("ledger", "issuers", "--type", "urn:nothing")["accreditations"] == []
    told = realm.ministry.tally("ledger", "issuers", "--type", "urn:nothing")
    assert "Nobody" in told.stderr
    assert "--all" in told.stderr


def test_list_below_one_who_is_no_root_is_empty(realm: Realm) -> None:
    found = realm.ministry.answer("ledger", "issuers", "--root", realm.council.did, "--all")
    assert found["accreditations"] == []


@pytest.mark.parametrize("command", [("issuers", "--root"), ("type", DEGREE, "--by")])
def test_name_that_is_no_did_is_wrong_usage_and_not_somebody_who_said_nothing(
    realm: Realm, command: tuple[str, ...]
) -> None:
    refused = realm.ministry.refusal("ledger", *command, "ministry")
    assert refused[:2] == (ExitCode.USAGE, "usage_invalid")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--type", "urn:example:other:1"), "accreditation_invalid"),
        (("--until", LATER), "accreditation_invalid"),
        (("--from", "2020-01-01"), "accreditation_invalid"),
        (("--action", "accredit", "--depth", "1"), "accreditation_invalid"),
    ],
)
def test_accreditor_gives_no_more_than_it_has(realm: Realm, options: tuple[str, ...], code: str) -> None:
    command = accrediting(realm.university, "--under", realm.top["record"], *options)
    assert realm.council.refusal(*command)[:2] == (ExitCode.NOT_VALID, code)


def test_nobody_accredits_on_what_another_was_given(realm: Realm) -> None:
    command = accrediting(realm.ministry, "--under", realm.top["record"])
    assert realm.university.refusal(*command)[:2] == (ExitCode.NOT_VALID, "accreditation_missing")


def test_issuer_that_may_not_accredit_accredits_nobody(realm: Realm) -> None:
    stranger = accrediting(realm.ministry, "--under", realm.below["record"])
    assert realm.university.refusal(*stranger)[:2] == (ExitCode.NOT_VALID, "accreditation_invalid")


def test_accreditor_who_speaks_as_a_root_is_told_what_it_could_rest_on(realm: Realm) -> None:
    told = realm.council.tally(*accrediting(realm.university, "--type", "urn:example:own:1"))
    assert told.status == ExitCode.SUCCESS
    assert "You speak as a root." in told.stderr
    assert f"--under {realm.top['record']}" in told.stderr


def test_did_that_is_not_on_the_ledger_is_not_accredited(realm: Realm) -> None:
    mistyped = Home(realm.ministry.path, realm.council.did.replace("council", "counsel"))
    assert realm.ministry.refusal(*accrediting(mistyped))[:2] == (ExitCode.NOT_FOUND, "did_not_found")
    assert "\nCheck the DID; if it is your own, " in realm.ministry.tally(*accrediting(mistyped)).stderr


def test_did_of_another_ledger_is_accredited_and_that_is_said(realm: Realm) -> None:
    elsewhere = Home(realm.ministry.path, create("city", host="ledger.example", port=None).version.did)
    told = realm.ministry.tally(*accrediting(elsewhere))
    assert told.status == ExitCode.SUCCESS
    assert "another ledger" in told.stderr


def test_type_that_comes_along_is_named_by_its_name(realm: Realm) -> None:
    given = accredit(realm.ministry, realm.university, "--type", "degree")
    assert given["types"] == [credential_type("degree").vct]
    for name in ("degree", credential_type("degree").vct):
        found = realm.university.answer("ledger", "issuers", "--type", name)
        assert [each["record"] for each in found["accreditations"]] == [given["record"]]
        assert realm.university.tally("ledger", "type", name).status == ExitCode.SUCCESS


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        (("--depth", "1"), ExitCode.USAGE, "usage_invalid"),
        (("--action", "accredit", "--depth", "5"), ExitCode.USAGE, "usage_invalid"),
        (("--until", "soon"), ExitCode.USAGE, "usage_invalid"),
        (("--until", "2001-01-01"), ExitCode.USAGE, "usage_invalid"),
        (("--from", LATER), ExitCode.USAGE, "usage_invalid"),
        (("--under", "f00"), ExitCode.USAGE, "usage_invalid"),
        (("--type", ""), ExitCode.USAGE, "usage_invalid"),
        (("--type", "degre"), ExitCode.USAGE, "usage_invalid"),
        (("--type", "urn:\x1b[31m"), ExitCode.USAGE, "usage_invalid"),
    ],
)
def test_accreditation_that_makes_no_sense_is_refused(
    realm: Realm, options: tuple[str, ...], status: int, code: str
) -> None:
    assert realm.ministry.refusal(*accrediting(realm.council, *options))[:2] == (status, code)


def test_nobody_accredits_themselves(realm: Realm) -> None:
    assert realm.ministry.refusal(*accrediting(realm.ministry))[:2] == (ExitCode.USAGE, "usage_invalid")


def test_nothing_is_logged_without_a_yes(realm: Realm) -> None:
    command = accrediting(realm.council)[:-1]
    assert realm.ministry.refusal(*command)[:2] == (ExitCode.USAGE, "input_required")


def test_answer_that_got_lost_is_no_reason_to_say_it_again(realm: Realm) -> None:
    def lose(client: LedgerClient, line: bytes, *, onboarding_token: str) -> Receipt:
        submit(client, line, onboarding_token=onboarding_token)
        raise UnavailableError(Code.NETWORK_TIMEOUT, "ledger.localhost")

    submit, heir = LedgerClient.submit, realm.town.settle("heir")
    with mock.patch.object(LedgerClient, "submit", lose):
        told = realm.ministry.tally(*accrediting(heir))
    assert told.status == ExitCode.NETWORK
    assert "look with `tally ledger issuers --all` before you say it again" in told.stderr
    assert heir.did in realm.ministry.tally("ledger", "issuers", "--all").stdout


def test_home_without_an_institution_accredits_nobody(realm: Realm) -> None:
    nobody = Home(realm.town.path / "nobody", "")
    status, code, words = nobody.refusal(*accrediting(realm.council))
    assert (status, code) == (ExitCode.NOT_FOUND, "not_initialized")
    assert "tally issuer init" in words
    told = nobody.tally(*accrediting(realm.council))
    assert "Run `tally issuer init`" in told.stderr
    assert "tally ledger init" not in told.stderr


def test_keys_from_before_the_last_rotation_accredit_nobody_and_that_is_said(realm: Realm) -> None:
    home = realm.town.settle("moving")
    left_behind = Home(realm.town.path / "left-behind", home.did)
    shutil.copytree(home.path, left_behind.path)
    home.answer("issuer", "key", "compromised", "current", "--since", "2026-01-01", "--yes")
    status, code, _words = left_behind.refusal(*accrediting(realm.council))
    assert (status, code) == (ExitCode.NOT_VALID, "signing_key_replaced")


def test_withdrawal_ends_an_accreditation_with_all_that_rests_on_it(realm: Realm) -> None:
    top = accredit(realm.ministry, realm.council, "--action", "accredit")
    below = accredit(realm.council, realm.university, "--under", top["record"])
    command = ("ledger", "withdraw", top["record"], "--yes")
    assert realm.university.refusal(*command)[:2] == (ExitCode.FAILURE, "entry_not_admitted")
    done = realm.ministry.answer(*command, "--reason", "closed <b>\u2019")
    assert (done["withdrawn"], done["did"]) == (top["record"], realm.council.did)
    assert realm.ministry.refusal(*command)[:2] == (ExitCode.FAILURE, "entry_not_admitted")
    ours = ("ledger", "issuers", "--root", realm.ministry.did)
    now_counting = {each["record"] for each in realm.council.answer(*ours)["accreditations"]}
    assert not now_counting & {top["record"], below["record"]}
    ever = {each["record"]: each for each in realm.council.answer(*ours, "--all")["accreditations"]}
    for each in (top, below):
        assert ever[each["record"]]["withdrawn"] == done["time"]
        assert ever[each["record"]]["counts"] is False
    assert "withdrawn 2" in realm.council.tally(*ours, "--all").stdout
    rested = accrediting(realm.university, "--under", top["record"])
    assert realm.council.refusal(*rested)[:2] == (ExitCode.NOT_VALID, "accreditation_withdrawn")


def test_accreditation_that_has_not_begun_is_listed_as_that(realm: Realm) -> None:
    made = accredit(realm.ministry, realm.university, "--from", SOONER, "--until", UNTIL)
    ours = ("ledger", "issuers", "--root", realm.ministry.did)
    assert made["record"] not in realm.ministry.tally(*ours).stdout
    told = realm.ministry.tally(*ours, "--all").stdout
    assert "not yet: since " in told
    assert made["record"] in told
    above = accredit(
        realm.ministry, realm.council, "--from", SOONER, "--until", UNTIL, "--action", "accredit"
    )
    command = accrediting(realm.university, "--under", above["record"], "--from", SOONER, "--until", UNTIL)
    assert realm.council.refusal(*command)[:2] == (ExitCode.NOT_VALID, "accreditation_out_of_time")


@pytest.mark.parametrize("record", ["0" * 64, "university", ""])
def test_withdrawal_of_what_is_no_accreditation_is_refused(realm: Realm, record: str) -> None:
    status, code, _ = realm.ministry.refusal("ledger", "withdraw", record, "--yes")
    is_hash = len(record) == 64
    expected = (ExitCode.NOT_FOUND, "not_found") if is_hash else (ExitCode.USAGE, "usage_invalid")
    assert (status, code) == expected


@pytest.mark.parametrize("reason", ["", "a" * 201, "\x1b[31m"])
def test_reason_that_cannot_be_logged_is_wrong_usage(realm: Realm, reason: str) -> None:
    command = ("ledger", "withdraw", realm.top["record"], "--reason", reason, "--yes")
    status, code, words = realm.ministry.refusal(*command)
    assert (status, code) == (ExitCode.USAGE, "usage_invalid")
    assert "1 to 200 characters" in words


def test_withdrawal_of_an_entry_of_another_kind_is_refused(realm: Realm) -> None:
    [first] = realm.town.world.store().read_leaves(0, 1)
    refused = realm.ministry.refusal("ledger", "withdraw", hash_leaf(first).hex(), "--yes")
    assert refused[:2] == (ExitCode.NOT_FOUND, "not_found")
