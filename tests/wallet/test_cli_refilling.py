import pytest

from doors.exit_code import ExitCode
from tests.wallet.holder import Holder
from tests.wallet.parties import signed
from wallet.content import WalletContent


@pytest.fixture
def holder(holder: Holder) -> Holder:
    """A holder with a degree in two copies, of which the issuer gives further ones once."""
    holder.outside.refills = 1
    assert holder.run("add", holder.outside.offer(), "--yes", "--copies", "2").status == 0
    return holder


def degree(holder: Holder) -> str:
    """The id of the holder's degree."""
    with holder.vault() as vault:
        return vault.content.credentials[0].id


def present(holder: Holder) -> str:
    """What a person reads when the degree was shown."""
    ended = holder.run("present", signed(), "--yes")
    assert ended.status == 0, ended.stderr
    return ended.stderr


def test_copies_are_refilled_with_the_form_scripts_rely_on(holder: Holder) -> None:
    present(holder)
    ended = holder.run("refill", degree(holder), "--json")
    assert (ended.status, ended.stderr) == (0, "")
    (listed,) = holder.run("list", "--json").json["credentials"]
    assert ended.json == listed | {"added": 3}
    assert (listed["copies_left"], listed["refillable"]) == (4, True)


def test_person_reads_how_many_copies_came_and_how_many_there_are(holder: Holder) -> None:
    ended = holder.run("refill", degree(holder), "--copies", "1")
    assert ended.stdout == "✓ Degree from city-university on ledger.example: 1 new copy, 3 copies left.\n"


def test_refill_is_offered_while_few_copies_are_left(holder: Holder) -> None:
    offered = f"! few copies left, `tally refill {degree(holder)}` gets new ones"
    assert offered in holder.run("list").stdout
    holder.run("refill", degree(holder))
    assert "few copies left" not in holder.run("list").stdout
    assert f"`tally refill {degree(holder)}`" in holder.run("show", degree(holder)).stdout


def test_person_hears_when_the_last_copy_was_shown(holder: Holder) -> None:
    assert "was shown now" not in present(holder)
    last = present(holder)
    assert f"Every copy of your Degree {degree(holder)} was shown now." in last
    assert f"`tally refill {degree(holder)}` gets new ones." in last
    again = present(holder)
    assert f"every copy was shown before. `tally refill {degree(holder)}` gets new ones" in again


def test_where_there_is_no_refill_a_new_offer_is_what_helps(holder: Holder) -> None:
    with holder.vault() as vault:
        vault.change(lambda content: WalletContent.with_refresh_token(content, "refresh", None))
    present(holder)
    assert "Only a new offer of its issuer brings new ones." in present(holder)
    assert "every copy was shown before. Ask for a new offer" in present(holder)
    assert "few copies left" not in holder.run("list").stdout
    ended = holder.run("refill", degree(holder), "--json")
    assert (ended.status, ended.error) == (ExitCode.FAILURE, "refill_refused")


def test_issuer_that_gives_no_more_is_not_offered_again(holder: Holder) -> None:
    for status in (0, ExitCode.FAILURE):
        assert holder.run("refill", degree(holder), "--json").status == status
    assert holder.run("list", "--json").json["credentials"][0]["refillable"] is False


def test_interrupted_refill_is_mentioned_and_gone_on_with(holder: Holder) -> None:
    holder.outside.lost = 1
    stopped = holder.run("refill", degree(holder))
    assert stopped.status == ExitCode.NETWORK
    assert "Not here yet, and not lost: “Degree” from issuer.example." in stopped.stderr
    assert len(holder.run("list", "--json").json["pending"]) == 1
    (added,) = holder.run("add", "--json").json["added"]
    assert (added["id"], added["copies"]) == (degree(holder), 5)
    assert holder.run("list", "--json").json["pending"] == []


def test_unknown_credential_is_not_found(holder: Holder) -> None:
    ended = holder.run("refill", "x", "--json")
    assert (ended.status, ended.error) == (ExitCode.NOT_FOUND, "credential_not_found")
