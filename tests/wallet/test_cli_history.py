import pytest

from doors.exit_code import ExitCode
from tests.wallet.holder import Holder
from tests.wallet.parties import DEGREE, ISSUER, VERIFIER, signed


@pytest.fixture
def busy(holder: Holder) -> Holder:
    """A holder who got a degree, showed it once, and once not."""
    assert holder.run("add", holder.outside.offer(), "--yes").status == 0
    assert holder.run("present", signed(), "--yes").status == 0
    assert holder.run("present", signed(), "--decline").status == ExitCode.DECLINED
    return holder


def test_activity_lists_who_what_and_why_the_latest_first(busy: Holder) -> None:
    declined, presented, received = busy.run("activity", "--json").json["activity"]
    assert [each["kind"] for each in (declined, presented, received)] == ["declined", "presented", "received"]
    assert sorted(presented.pop("claims")) == ["field", "title"]
    assert presented == {
        "time": "2026-11-22T12:00:00Z",
        "kind": "presented",
        "party": f"decentralized_identifier:{VERIFIER}",
        "name": "Northgate",
        "type": "degree",
        "vct": DEGREE.vct,
        "purpose": "To see whether you may apply",
        "retention_seconds": 30 * 86_400,
        "outcome": None,
    }
    assert (received["party"], received["purpose"]) == (ISSUER, None)


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_activity_never_holds_a_value(busy: Holder, flags: tuple[str, ...]) -> None:
    listed = busy.run("activity", *flags).stdout
    for value in DEGREE.example.values():
        if isinstance(value, str) and len(value) > 3:
            assert value not in listed


def test_person_reads_names_and_labels(busy: Holder) -> None:
    lines = busy.run("activity").stdout.splitlines()
    assert "  Degree declined to “Northgate”, northgate on ledger.example" in lines[0]
    assert "    “To see whether you may apply”, kept for 30 days" in lines
    assert any("Field of study" in line for line in lines)


def test_no_to_a_request_that_nothing_answers_is_listed_with_what_was_asked(holder: Holder) -> None:
    assert holder.run("present", signed(), "--decline").status == ExitCode.DECLINED
    (entry,) = holder.run("activity", "--json").json["activity"]
    assert (entry["kind"], entry["type"], entry["vct"]) == ("declined", "degree", DEGREE.vct)
    assert entry["claims"] == ["title", "field", "grade"]
    assert "Z  Degree declined to “Northgate”, northgate on ledger.example" in holder.run("activity").stdout


def test_answer_that_went_wrong_says_why(busy: Holder) -> None:
    busy.outside.acknowledgement = (400, {"error": "invalid_request"})
    busy.run("present", signed(), "--yes")
    assert busy.run("activity", "--json").json["activity"][0]["outcome"] == "response_refused"
    assert "response_refused" in busy.run("activity").stdout


def test_history_is_erased_only_when_it_is_wanted(busy: Holder) -> None:
    unasked = busy.run("activity", "forget", "--json")
    assert (unasked.status, unasked.error) == (ExitCode.USAGE, "input_required")
    assert busy.run("activity", "forget", "--yes", "--json").json == {"forgotten": 3}
    assert busy.run("activity", "--json").json == {"activity": []}
    assert "Nothing yet." in busy.run("activity").stderr
    assert len(busy.run("list", "--json").json["credentials"]) == 1
