import json
from pathlib import Path

import pytest

from doors.exit_code import ExitCode
from tests.wallet.holder import Holder
from tests.wallet.parties import DEGREE, ISSUER, UNKNOWN_TYPE, Outside


def test_credential_is_added_with_the_form_scripts_rely_on(holder: Holder) -> None:
    ended = holder.run("add", holder.outside.offer(), "--yes", "--json")
    assert (ended.status, ended.stderr) == (0, "")
    (added,) = ended.json["added"]
    assert added.pop("id").startswith("degree-")
    assert added == {"type": "degree", "vct": DEGREE.vct, "issuer": ISSUER, "copies": 3}
    assert holder.run("list", "--json").json["credentials"][0]["copies_left"] == 3


def test_person_reads_who_offers_what_before_anything_is_sent(holder: Holder) -> None:
    offer = Outside(offered=(DEGREE.vct, UNKNOWN_TYPE)).offer()
    finished = holder.converse(
        "add", Outside().offer(), answers=[("Get it from issuer.example? [y/N]", "n\n")]
    )
    assert finished.status == ExitCode.DECLINED
    for line in ("issuer.example", " offers you:", "“Degree”", "It calls itself “City University”."):
        assert line in finished.stdout
    assert "sent: []" in finished.stdout
    assert offer != Outside().offer()


def test_person_who_agrees_gets_the_credential(holder: Holder) -> None:
    finished = holder.converse("add", Outside().offer(), answers=[("[y/N]", "y\n")])
    assert finished.status == 0
    assert "from city-university on ledger.example is yours: degree-" in finished.stdout


@pytest.mark.parametrize("flag", ["--json", "--no-input"])
def test_nothing_is_sent_for_a_program_that_did_not_agree(holder: Holder, flag: str) -> None:
    ended = holder.run("add", holder.outside.offer(), flag)
    assert (ended.status, ended.stdout) == (ExitCode.USAGE, "")
    assert "input_required" in ended.stderr
    assert holder.outside.sent == []


def test_transaction_code_is_asked_for_where_there_is_one(holder: Holder) -> None:
    holder.outside.transaction_code = "266641"
    offer = holder.outside.offer()
    missing = holder.run("add", offer, "--yes", "--json")
    assert (missing.status, missing.error) == (ExitCode.USAGE, "input_required")
    assert "--tx-code" in missing.stderr
    assert holder.outside.sent == []
    wrong = holder.run("add", offer, "--yes", "--tx-code", "000000", "--json")
    assert (wrong.status, wrong.error) == (ExitCode.FAILURE, "transaction_code_wrong")
    assert holder.run("add", offer, "--yes", "--tx-code", "266641", "--json").status == 0


def test_person_is_asked_for_the_transaction_code_while_tries_are_left(holder: Holder) -> None:
    holder.outside.transaction_code = "266641"
    question = "Transaction code (6 digits):"
    answers = [("[y/N]", "y\n"), *((question, f"26664{number}\n") for number in range(3))]
    finished = holder.converse("add", holder.outside.offer(), answers=answers)
    # The university of the other process expects no code: each was sent, as typed.
    assert finished.status == ExitCode.FAILURE
    for told in ("2 tries left", "1 tries left", "that was the last try", "transaction_code_wrong"):
        assert told in finished.stdout
    assert "The issuer says about the code: “" in finished.stdout


@pytest.mark.parametrize("typed", ["12", "abcdef", "2666411", "٢٦٦٦٤١"])
def test_transaction_code_of_another_form_than_the_offer_says_costs_no_try(
    holder: Holder, typed: str
) -> None:
    holder.outside.transaction_code = "266641"
    question = "Transaction code (6 digits):"
    answers = [("[y/N]", "y\n"), (question, f"{typed}\n"), (question, "\n")]
    finished = holder.converse("add", holder.outside.offer(), answers=answers)
    assert "Nothing was sent: it has to be 6 digits." in finished.stdout
    assert "transaction_code_required" in finished.stdout
    assert "sent: []" in finished.stdout


def test_empty_transaction_code_is_not_sent(holder: Holder) -> None:
    holder.outside.transaction_code = "266641"
    answers = [("[y/N]", "y\n"), ("Transaction code", "\n")]
    finished = holder.converse("add", holder.outside.offer(), answers=answers)
    assert "transaction_code_required" in finished.stdout
    assert "sent: []" in finished.stdout


def test_as_many_copies_come_as_were_asked_for(holder: Holder) -> None:
    (added,) = holder.run("add", holder.outside.offer(), "--yes", "--copies", "2", "--json").json["added"]
    assert added["copies"] == 2


@pytest.mark.parametrize("way", ["file", "stdin", "json"])
def test_offer_comes_by_link_file_or_pipe(holder: Holder, tmp_path: Path, way: str) -> None:
    offer = holder.outside.offer()
    file = tmp_path / "offer.txt"
    file.write_text(f"{offer}\n")
    document = {
        "credential_issuer": "https://issuer.example",
        "credential_configuration_ids": ["type-0"],
        "grants": {"urn:ietf:params:oauth:grant-type:pre-authorized_code": {"pre-authorized_code": "code"}},
    }
    source = {"file": str(file), "stdin": "-", "json": json.dumps(document)}[way]
    ended = holder.run("add", source, "--yes", "--json", stdin=f"{offer}\n" if way == "stdin" else "")
    assert len(ended.json["added"]) == 1


def test_pipe_that_gives_no_text_is_refused(holder: Holder) -> None:
    ended = holder.run("add", "-", "--yes", "--json", stdin=b"\xff")
    assert (ended.status, ended.error) == (ExitCode.FAILURE, "text_invalid")


@pytest.mark.parametrize(
    ("source", "status", "code"),
    [
        ("/nowhere/offer.txt", ExitCode.USAGE, "link_invalid"),
        ("OpenID4VP://?client_id=x", ExitCode.USAGE, "usage_invalid"),
        ("zero\0byte", ExitCode.USAGE, "link_invalid"),
        ("https://issuer.example/offer", ExitCode.FAILURE, "offer_invalid"),
        ("{", ExitCode.FAILURE, "offer_invalid"),
        ("-", ExitCode.FAILURE, "size_exceeded"),
    ],
)
def test_what_is_no_offer_is_refused(holder: Holder, source: str, status: ExitCode, code: str) -> None:
    ended = holder.run("add", source, "--yes", "--json", stdin="x" * 300_000)
    assert (ended.status, ended.stdout, ended.error) == (status, "", code)


def test_several_credentials_of_one_offer_are_all_added(holder: Holder) -> None:
    holder.outside.offered = (DEGREE.vct, UNKNOWN_TYPE)
    added = holder.run("add", holder.outside.offer(), "--yes", "--json").json["added"]
    assert [each["type"] for each in added] == ["degree", UNKNOWN_TYPE]


def test_status_that_could_not_be_asked_is_said_to_be_unknown(holder: Holder) -> None:
    holder.outside.status = None
    ended = holder.run("add", holder.outside.offer(), "--yes")
    assert ended.status == 0
    assert "Its status could not be asked." in ended.stderr
    assert holder.run("list", "--json").json["credentials"][0]["status"] == "unknown"


def test_revoked_credential_is_not_kept(holder: Holder) -> None:
    holder.outside.status = 1
    ended = holder.run("add", holder.outside.offer(), "--yes", "--json")
    assert (ended.status, ended.error) == (ExitCode.NOT_VALID, "credential_revoked")
    assert holder.run("list", "--json").json["credentials"] == []


def test_interrupted_issuance_is_mentioned_until_it_is_completed(holder: Holder) -> None:
    holder.outside.status = 1
    stopped = holder.run("add", holder.outside.offer(), "--yes")
    assert "Not here yet, and not lost: “Degree” from issuer.example." in stopped.stderr
    listed = holder.run("list", "--json").json
    assert listed == {
        "credentials": [],
        "pending": [
            {
                "credential_issuer": "https://issuer.example",
                "begun_at": "2026-11-22T12:00:00Z",
                "types": ["degree"],
            }
        ],
    }
    assert "Run `tally add` to go on." in holder.run("list").stderr
    findings = holder.run("doctor", "--json").json["findings"]
    (finding,) = [finding for finding in findings if finding["check"] == "pending"]
    assert finding["health"] == "warn"
    holder.outside.status = 0
    (added,) = holder.run("add", "--json").json["added"]
    assert (added["type"], added["copies"]) == ("degree", 3)
    assert holder.run("list", "--json").json["pending"] == []


def test_same_offer_again_goes_on_without_asking(holder: Holder) -> None:
    holder.outside.status = 1
    assert holder.run("add", holder.outside.offer(), "--yes", "--json").status == ExitCode.NOT_VALID
    holder.outside.status = 0
    holder.outside.sent.clear()
    ended = holder.run("add", holder.outside.offer(), "--json")
    assert len(ended.json["added"]) == 1
    assert "https://issuer.example/token" not in [address for address, _ in holder.outside.sent]


def test_offer_that_was_taken_leads_to_what_came_from_it(holder: Holder) -> None:
    offer = holder.outside.offer()
    first = holder.run("add", offer, "--yes", "--json").json
    holder.outside.sent.clear()
    assert holder.run("add", offer, "--json").json == first
    (added,) = first["added"]
    assert holder.run("add", offer).stdout == f"✓ You have it already: Degree {added['id']}.\n"
    assert holder.outside.sent == []
    holder.run("remove", added["id"], "--yes")
    assert holder.run("add", offer, "--json").error == "input_required"


def test_issuer_that_is_away_does_not_keep_the_others_waiting(holder: Holder) -> None:
    holder.outside.status = 1
    for number in range(2):
        holder.run("add", holder.outside.offer() + f"&number={number}", "--yes", "--json")
    holder.outside.status = 0
    holder.outside.lost = 1
    ended = holder.run("add", "--json")
    assert (ended.status, ended.error) == (ExitCode.NETWORK, "network_unreachable")
    assert len(ended.json["added"]) == 1
    listed = holder.run("list", "--json").json
    assert (len(listed["credentials"]), len(listed["pending"])) == (1, 1)


def test_without_an_offer_there_has_to_be_something_to_go_on_with(holder: Holder) -> None:
    ended = holder.run("add", "--json")
    assert (ended.status, ended.stdout, ended.error) == (ExitCode.USAGE, "", "usage_invalid")
