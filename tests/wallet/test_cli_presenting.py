import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from doors.exit_code import ExitCode
from protocol.codes import Code
from protocol.did.key import encode_did_key, encode_did_key_method
from protocol.errors import UnavailableError
from protocol.openid4vp.client_id import ClientId, ClientIdPrefix
from protocol.openid4vp.dcql.query import parse_dcql_query
from protocol.openid4vp.match_code import match_code
from protocol.openid4vp.request import RequestStatement
from protocol.openid4vp.response import ErrorResponse, parse_response
from tests.wallet.holder import Holder, names_sent
from tests.wallet.parties import (
    DEGREE,
    NOW,
    REQUEST,
    RESPONSE_URI,
    STRANGER_KEY,
    UNKNOWN_TYPE,
    VERIFIER,
    asking_for,
    signed,
    unsigned,
)
from wallet.content import ActivityKind
from wallet.held import Standing, StandingWord
from wallet.vault import Vault

STRANGER = encode_did_key(STRANGER_KEY.public_key)
OPTIONAL = ("Also share? 1 Grade (numbers with blanks, or Enter for none):", "\n")
QUESTION = "Share 2 facts with “Northgate”, verifier.example? [y/N]"


@pytest.fixture
def graduate(holder: Holder) -> Holder:
    """A holder with a degree."""
    holder.hold()
    return holder


def key_signed() -> str:
    """A request signed with a key of which nobody knows whose it is."""
    client_id = ClientId(ClientIdPrefix.DECENTRALIZED_IDENTIFIER, STRANGER)
    fragment = encode_did_key_method(STRANGER_KEY.public_key).partition("#")[2]
    return signed(replace(REQUEST, client_id=client_id), key=STRANGER_KEY, key_id=fragment)


def test_signed_request_is_answered_with_the_form_scripts_rely_on(graduate: Holder) -> None:
    graduate.outside.acknowledgement = (200, {"redirect_uri": "https://verifier.example/done#1"})
    ended = graduate.run("present", signed(), "--yes", "--json")
    assert (ended.status, ended.stderr) == (0, "")
    assert ended.json == {
        "outcome": "presented",
        "disclosed": ["title", "field"],
        "redirect_uri": "https://verifier.example/done#1",
        "client_id": f"decentralized_identifier:{VERIFIER}",
        "checked_by": "did",
        "verified": True,
        "trusted": False,
        "match_code": match_code(f"decentralized_identifier:{VERIFIER}", REQUEST.nonce),
        "hints": [],
        "credentials": [{"credential": "degree-0001", "disclosed": ["title", "field"]}],
    }
    assert names_sent(graduate) == {"title", "field"}


def test_consent_screen_says_who_why_what_and_what_not_in_this_order(graduate: Holder) -> None:
    screen = graduate.run("present", signed(), "--yes").stderr
    code = match_code(f"decentralized_identifier:{VERIFIER}", REQUEST.nonce)
    expected = [
        "Who asks        “Northgate” (their own words)\n",
        "                ✓ They signed as northgate on ledger.example, which a ledger you trust confirms\n",
        "Answer goes to  verifier.example, which you never answered before\n",
        f"Match code      {code} (their screen must show the same)\n",
        "Why             “To see whether you may apply” (their own words)\n",
        "They keep it    for 30 days (their promise)\n",
        "They need       from your Degree degree-0001, issued by city-university on ledger.example\n",
        f"  [=] Degree                   {DEGREE.example['title']}\n",
        f"  [=] Field of study           {DEGREE.example['field']}\n",
        "Optional        off, unless you add it\n",
        f"  [ ] Grade                    {DEGREE.example['grade']}\n",
        "Stays hidden    ",
        "Linkable        no: a copy nobody has seen, 2 left\n",
        "2 facts will be sent.\n",
    ]
    places = [screen.find(line) for line in expected]
    assert -1 not in places
    assert places == sorted(places)
    hidden = screen[screen.index("Stays hidden") : screen.index("Linkable")]
    assert "Date of birth" in hidden
    for shown in ("Degree", "Field of study", "Grade", DEGREE.example["birth_date"]):
        assert str(shown) not in hidden


def test_person_who_agrees_sends_what_was_shown(graduate: Holder) -> None:
    finished = graduate.converse("present", signed(), answers=[OPTIONAL, (QUESTION, "y\n")])
    assert finished.status == 0
    assert "Sent 2 facts to “Northgate”, verifier.example." in finished.stdout
    assert "sent: ['vp_token=" in finished.stdout
    with graduate.vault() as vault:
        (entry,) = vault.content.activity
        assert len(vault.content.credential("degree-0001").unused_copies) == 1
    assert (entry.kind, entry.outcome) == (ActivityKind.PRESENTED, None)


@pytest.mark.parametrize(
    ("answer", "tell", "sent", "said"),
    [
        ("n\n", "n\n", "sent: []", "They were not told."),
        ("\n", "\n", "sent: []", "They were not told."),
        ("\x04", "\x04", "sent: []", "They were not told."),
        ("no\n", "y\n", "sent: ['error=access_denied", "They were told."),
    ],
)
def test_person_who_declines_sends_nothing_unless_they_want_it_known(
    graduate: Holder, answer: str, tell: str, sent: str, said: str
) -> None:
    answers = [OPTIONAL, (QUESTION, answer), ("Tell them that you declined? [y/N]", tell)]
    finished = graduate.converse("present", signed(), answers=answers)
    assert finished.status == ExitCode.DECLINED
    assert sent in finished.stdout
    assert f"You declined to “Northgate”, verifier.example; no fact was sent. {said}" in finished.stdout
    with graduate.vault() as vault:
        assert [entry.kind for entry in vault.content.activity] == [ActivityKind.DECLINED]
        assert len(vault.content.credential("degree-0001").unused_copies) == 2


def test_no_that_was_decided_before_looks_at_nothing_and_announces_nothing(graduate: Holder) -> None:
    ended = graduate.run("present", signed(), "--decline")
    assert (
        ended.stdout == "You declined to “Northgate”, verifier.example; no fact was sent. They were told.\n"
    )
    assert ended.stderr == ""


def test_offer_is_no_request(graduate: Holder) -> None:
    ended = graduate.run("present", graduate.outside.offer(), "--yes", "--json")
    assert (ended.status, ended.error) == (ExitCode.USAGE, "usage_invalid")
    assert "this is an offer; take it with `tally add`" in ended.stderr


def test_link_that_a_shell_has_cut_is_said_to_be_incomplete(graduate: Holder) -> None:
    ended = graduate.run("present", signed().partition("&")[0], "--yes")
    assert ended.status == ExitCode.USAGE
    assert "the link is incomplete; put it in quotes" in ended.stderr


def test_program_declines_and_says_so(graduate: Holder) -> None:
    ended = graduate.run("present", signed(), "--decline", "--json")
    assert ended.status == ExitCode.DECLINED
    assert (ended.json["outcome"], ended.json["disclosed"]) == ("declined", [])
    answer = parse_response(graduate.outside.sent[0][1])
    assert isinstance(answer, ErrorResponse)
    assert answer.error.error == "access_denied"


def test_request_that_nothing_answers_is_declined_like_any_other(holder: Holder) -> None:
    unanswered = holder.run("present", signed(), "--decline", "--json")
    assert (unanswered.status, unanswered.json["outcome"]) == (ExitCode.DECLINED, "declined")
    holder.hold()
    answered = holder.run("present", signed(), "--decline", "--json")
    assert answered.json == unanswered.json
    first, second = holder.outside.sent
    assert first == second


@pytest.mark.parametrize("flag", ["--json", "--no-input"])
def test_nothing_is_sent_for_a_program_that_did_not_agree(graduate: Holder, flag: str) -> None:
    ended = graduate.run("present", signed(), flag)
    assert (ended.status, ended.stdout) == (ExitCode.USAGE, "")
    assert "--yes" in ended.stderr
    assert graduate.outside.sent == []


@pytest.mark.parametrize("link", [unsigned(), key_signed()], ids=["unsigned", "signed-by-a-key-of-nobody"])
@pytest.mark.parametrize(
    "allowed", [(), ("--allow-unverified", "other.example"), ("--allow-unverified", "verifier.example.")]
)
def test_yes_does_not_answer_somebody_whom_nobody_knows(
    graduate: Holder, link: str, allowed: tuple[str, ...]
) -> None:
    ended = graduate.run("present", link, "--yes", "--json", *allowed)
    assert (ended.status, ended.stdout, ended.error) == (
        ExitCode.UNTRUSTED,
        "",
        "request_client_unverified",
    )
    assert "--allow-unverified verifier.example" in ended.stderr
    assert graduate.outside.sent == []


@pytest.mark.parametrize("link", [unsigned(), key_signed()], ids=["unsigned", "signed-by-a-key-of-nobody"])
def test_host_that_was_named_is_answered_although_nobody_knows_it(graduate: Holder, link: str) -> None:
    ended = graduate.run("present", link, "--yes", "--allow-unverified", "verifier.example")
    assert ended.status == 0
    assert "! Not verified" in ended.stderr
    assert "✓ They signed" not in ended.stderr
    assert names_sent(graduate) == {"title", "field"}


@pytest.mark.parametrize(
    ("typed", "status"), [("verifier.example\n", 0), ("y\n", ExitCode.DECLINED), ("\n", ExitCode.DECLINED)]
)
def test_person_types_the_host_of_somebody_whom_nobody_knows(
    graduate: Holder, typed: str, status: int
) -> None:
    answers = [OPTIONAL, (QUESTION, "y\n"), ("Type verifier.example to go on:", typed)]
    if status:
        answers.append(("Tell them", "n\n"))
    finished = graduate.converse("present", unsigned(), answers=answers)
    assert finished.status == status
    assert ("vp_token" in finished.stdout) is (status == 0)


@pytest.mark.parametrize(
    ("link", "code", "status"),
    [
        (signed(key=STRANGER_KEY), "signature_invalid", ExitCode.NOT_VALID),
        (signed() + "x", "encoding_invalid", ExitCode.FAILURE),
        ("openid4vp://?client_id=pre-registered&nonce=n", "request_invalid", ExitCode.FAILURE),
    ],
    ids=["wrong-key", "altered", "no-prefix"],
)
def test_failed_check_is_never_overridden(graduate: Holder, link: str, code: str, status: int) -> None:
    ended = graduate.run("present", link, "--yes", "--allow-unverified", "verifier.example", "--json")
    assert (ended.status, ended.stdout, ended.error) == (status, "", code)
    assert graduate.outside.sent == []


def test_optional_fact_is_sent_only_when_it_is_named(graduate: Holder) -> None:
    ended = graduate.run("present", signed(), "--yes", "--claim", "grade")
    assert f"  [x] Grade                    {DEGREE.example['grade']}\n" in ended.stderr
    assert "3 facts will be sent." in ended.stderr
    assert names_sent(graduate) == {"title", "field", "grade"}


def test_fact_that_was_not_asked_for_cannot_be_added(graduate: Holder) -> None:
    ended = graduate.run("present", signed(), "--yes", "--claim", "birth_date", "--json")
    assert (ended.status, ended.error) == (ExitCode.USAGE, "usage_invalid")
    assert graduate.outside.sent == []


def test_request_without_claims_gets_no_fact(graduate: Holder) -> None:
    ended = graduate.run("present", signed(asking_for(DEGREE.vct)), "--yes")
    assert ended.status == 0
    assert "no fact, only that you have it" in ended.stderr
    assert "No fact about you will be sent" in ended.stderr
    assert names_sent(graduate) == set()


def test_request_of_which_a_part_is_missing_gets_nothing(graduate: Holder) -> None:
    parts: list[Any] = [
        {"id": "one", "format": "dc+sd-jwt", "meta": {"vct_values": [DEGREE.vct]}},
        {"id": "two", "format": "dc+sd-jwt", "meta": {"vct_values": [UNKNOWN_TYPE]}},
    ]
    request = replace(REQUEST, query=parse_dcql_query({"credentials": parts}))
    ended = graduate.run("present", signed(request), "--yes", "--json")
    assert (ended.status, ended.stdout, ended.error) == (ExitCode.NOT_FOUND, "", "nothing_matches")
    assert graduate.outside.sent == []


def test_every_credential_of_an_answer_is_shown(graduate: Holder) -> None:
    graduate.hold("ticket-0001", vct=UNKNOWN_TYPE, claims={"seat_number": "12"})
    parts: list[Any] = [
        {"id": "one", "format": "dc+sd-jwt", "meta": {"vct_values": [DEGREE.vct]}},
        {
            "id": "two",
            "format": "dc+sd-jwt",
            "meta": {"vct_values": [UNKNOWN_TYPE]},
            "claims": [{"path": ["seat_number"]}],
        },
    ]
    request = replace(REQUEST, query=parse_dcql_query({"credentials": parts}))
    ended = graduate.run("present", signed(request), "--yes")
    assert ended.status == 0
    assert "  [=] Seat number              12\n" in ended.stderr
    assert "Stays hidden    ticket-0001: nothing\n" in ended.stderr
    assert "1 fact will be sent." in ended.stderr


def test_chosen_credential_is_the_one_that_is_sent(graduate: Holder) -> None:
    graduate.hold("degree-0002")
    chosen = graduate.run("present", signed(), "--yes", "--credential", "degree-0002", "--json")
    assert chosen.json["credentials"][0]["credential"] == "degree-0002"


@pytest.mark.parametrize(
    ("credential", "code"), [("ticket-0001", "nothing_matches"), ("degree-9999", "credential_not_found")]
)
def test_chosen_credential_is_not_exchanged_for_another(graduate: Holder, credential: str, code: str) -> None:
    graduate.hold("ticket-0001", vct=UNKNOWN_TYPE, claims={"seat": "12"})
    ended = graduate.run("present", signed(), "--yes", "--credential", credential, "--json")
    assert (ended.status, ended.error) == (ExitCode.NOT_FOUND, code)
    assert graduate.outside.sent == []


def test_revoked_credential_is_not_shown_and_the_reason_is_said(holder: Holder) -> None:
    holder.hold(standing=Standing(word=StandingWord.REVOKED, checked_at=NOW))
    ended = holder.run("present", signed(), "--yes", "--json")
    assert (ended.stdout, ended.error) == ("", "credential_revoked")


def test_suspended_credential_is_refused_with_how_to_ask_whether_it_still_is(holder: Holder) -> None:
    holder.hold(standing=Standing(word=StandingWord.SUSPENDED, checked_at=NOW))
    ended = holder.run("present", signed(), "--yes")
    assert "credential_suspended" in ended.stderr
    assert "`tally status`" in ended.stderr
    assert holder.run("status").status == 0
    assert holder.run("present", signed(), "--yes").status == 0


def test_copy_that_was_shown_before_is_said_to_be_linkable(holder: Holder) -> None:
    holder.hold(copies=1)
    assert holder.run("present", signed(), "--yes").status == 0
    ended = holder.run("present", signed(), "--yes")
    assert "Linkable        ! yes: every copy was shown before." in ended.stderr
    assert "verifier.example, known since 2026-11-22\n" in ended.stderr


@pytest.mark.parametrize(
    ("statement", "lines"),
    [
        (None, ["Why             ! They do not say\n", "They keep it    ! They do not say for how long\n"]),
        (
            RequestStatement("Age", timedelta(0)),
            ["Why             “Age” (their own words)\n", "They keep it    not at all (their promise)\n"],
        ),
    ],
)
def test_what_the_verifier_does_not_say_is_marked(
    graduate: Holder, statement: RequestStatement | None, lines: list[str]
) -> None:
    request = replace(REQUEST, statement=statement, client_name=None)
    screen = graduate.run("present", signed(request), "--yes").stderr
    for line in ["Who asks        They give no name\n", *lines]:
        assert line in screen


def test_answer_that_may_have_arrived_is_said_to_be_uncertain(graduate: Holder) -> None:
    elsewhere = replace(REQUEST.reply_to, response_uri="https://gone.example/response")
    ended = graduate.run("present", signed(replace(REQUEST, reply_to=elsewhere)), "--yes")
    assert ended.status == ExitCode.NETWORK
    assert "Nobody knows whether your answer arrived. It is not sent again." in ended.stderr
    with graduate.vault() as vault:
        assert len(vault.content.credential("degree-0001").unused_copies) == 1


def test_answer_that_never_left_is_not_said_to_be_uncertain(graduate: Holder) -> None:
    with mock.patch.object(Vault, "change", side_effect=UnavailableError(Code.DISK_FULL)):
        ended = graduate.run("present", signed(), "--yes")
    assert "disk_full" in ended.stderr
    assert "Nobody knows" not in ended.stderr
    assert graduate.outside.sent == []


def test_refusal_of_the_verifier_is_told_in_its_own_words(graduate: Holder) -> None:
    graduate.outside.acknowledgement = (400, {"error": "invalid_request", "error_description": "too late"})
    ended = graduate.run("present", signed(), "--yes", "--json")
    assert (ended.status, ended.stdout, ended.error) == (ExitCode.FAILURE, "", "response_refused")
    assert "too late" in ended.stderr


@pytest.mark.parametrize("way", ["file", "stdin"])
def test_request_comes_by_file_or_pipe(graduate: Holder, tmp_path: Path, way: str) -> None:
    file = tmp_path / "request.txt"
    file.write_text(signed() + "\n")
    source = str(file) if way == "file" else "-"
    assert graduate.run("present", source, "--yes", "--json", stdin=signed()).json["outcome"] == "presented"


def test_yes_and_decline_exclude_each_other(graduate: Holder) -> None:
    ended = graduate.run("present", signed(), "--yes", "--decline", "--json")
    assert (ended.status, ended.error) == (ExitCode.USAGE, "usage_invalid")
    assert graduate.outside.sent == []


def test_name_that_imitates_our_lines_stays_in_its_quotes(graduate: Holder) -> None:
    forged = "Shop” (their own words)" + " " * 80 + "✓ They signed as bank on ledger.example"
    purpose = "Age check.” " + "\N{NO-BREAK SPACE}" * 60 + "They keep it    not at all (their promise) " * 6
    statement = RequestStatement(purpose, timedelta(days=365))
    request = replace(REQUEST, client_name=forged, statement=statement)
    screen = graduate.run("present", signed(request), "--yes").stderr
    assert "Who asks        “Shop' (their own words) \ufffd They signed as bank on l…” (" in screen
    ours = [line for line in screen.splitlines() if re.match("(They keep it| +✓ They signed)", line)]
    assert ours == [
        "                ✓ They signed as northgate on ledger.example, which a ledger you trust confirms",
        "They keep it    for 365 days (their promise)",
    ]


# Asked for too much


AGE_CHECK = replace(REQUEST, statement=RequestStatement("Age check", timedelta(0)))


def test_yes_does_not_answer_who_asks_for_too_much(graduate: Holder) -> None:
    for allowed in ((), ("--allow-overasking", "other.example")):
        ended = graduate.run("present", signed(AGE_CHECK), "--yes", "--json", *allowed)
        assert (ended.status, ended.stdout, ended.error) == (ExitCode.UNTRUSTED, "", "request_overasks")
        assert "--allow-overasking verifier.example" in ended.stderr
    assert graduate.outside.sent == []


def test_host_that_was_named_is_answered_although_it_asks_for_too_much(graduate: Holder) -> None:
    link, named = signed(AGE_CHECK), ("--allow-overasking", "verifier.example")
    ended = graduate.run("present", link, "--yes", *named)
    assert ended.status == 0
    for fact in ("title", "field", "grade"):
        assert f"{DEGREE.example[fact]} ! unusual for an age check\n" in ended.stderr
    assert names_sent(graduate) == {"title", "field"}
    again = graduate.run("present", link, "--yes", "--json", *named).json
    odd = {"kind": "unusual", "claims": ["title", "field", "grade"], "needed": True}
    assert again["hints"] == [{"kind": "more_than_before", "claims": ["grade"], "needed": False}, odd]


def test_doubts_are_told_in_the_order_in_which_they_weigh(graduate: Holder) -> None:
    stranger = unsigned(asking_for(DEGREE.vct, "student_number"))
    named = ("--allow-unverified", "verifier.example")
    assert graduate.run("present", stranger, "--yes", "--json").error == "request_client_unverified"
    assert graduate.run("present", stranger, "--yes", "--json", *named).error == "request_overasks"


@pytest.mark.parametrize(("typed", "status"), [("verifier.example\n", 0), ("y\n", ExitCode.DECLINED)])
def test_person_types_the_host_of_who_asks_for_too_much(graduate: Holder, typed: str, status: int) -> None:
    answers = [
        OPTIONAL,
        (QUESTION, "y\n"),
        ("Type verifier.example to go on:", typed),
    ]
    if status:
        answers.append(("Tell them", "n\n"))
    finished = graduate.converse("present", signed(AGE_CHECK), answers=answers)
    assert finished.status == status
    assert "Unusual for an age check: Degree, Field of study." in finished.stdout
    assert ("vp_token" in finished.stdout) is (status == 0)


def test_person_adds_optional_facts_by_number(graduate: Holder) -> None:
    question = OPTIONAL[0]
    answers = [(question, wrong) for wrong in ("grade\n", "2\n", "0 1\n")]
    answers += [(question, "1\n"), ("Share 3 facts with", "y\n")]
    finished = graduate.converse("present", signed(), answers=answers)
    assert finished.status == 0
    assert "3 facts will be sent." in finished.stdout
    assert "Sent 3 facts to" in finished.stdout


def test_person_who_named_optional_facts_is_not_asked_for_them(graduate: Holder) -> None:
    finished = graduate.converse(
        "present", signed(), "--claim", "grade", answers=[("Share 3 facts with", "y\n")]
    )
    assert (finished.status, "Also share?" in finished.stdout) == (0, False)


# Parties


def test_key_that_the_person_trusts_needs_no_second_yes(graduate: Holder) -> None:
    link = key_signed()
    assert graduate.run("present", link, "--decline").status == ExitCode.DECLINED
    assert graduate.run("party", "trust", STRANGER, "--yes").status == 0
    ended = graduate.run("present", link, "--yes", "--json")
    assert (ended.json["verified"], ended.json["trusted"]) == (True, True)
    assert graduate.run("present", link, "--decline", "--json").json["trusted"]
    ended = graduate.run("present", link, "--yes")
    assert "✓ They signed with the key that you trust\n" in ended.stderr
    assert "verifier.example, ✓ on your list, known since 2026-11-22\n" in ended.stderr


def test_blocked_party_is_refused_and_listed_so(graduate: Holder) -> None:
    assert graduate.run("present", signed(), "--yes").status == 0
    assert graduate.run("party", "block", "verifier.example").status == 0
    ended = graduate.run("present", signed(), "--yes", "--json")
    assert (ended.status, ended.error) == (ExitCode.UNTRUSTED, "party_blocked")
    assert len(graduate.outside.sent) == 1
    entry = graduate.run("activity", "--json").json["activity"][0]
    assert (entry["kind"], entry["outcome"]) == ("refused", "party_blocked")
    assert graduate.run("party", "unmark", "verifier.example").status == 0
    assert graduate.run("present", signed(), "--yes").status == 0


def test_other_key_at_the_same_host_is_refused_until_the_party_is_forgotten(graduate: Holder) -> None:
    named = ("--yes", "--allow-unverified", "verifier.example")
    assert graduate.run("present", signed(), "--yes").status == 0
    for link, who in ((key_signed(), STRANGER), (unsigned(), RESPONSE_URI)):
        ended = graduate.run("present", link, *named, "--json")
        assert (ended.status, ended.error) == (ExitCode.UNTRUSTED, "party_changed")
        for part in ("verifier.example was", VERIFIER, who):
            assert part in ended.stderr
    assert len(graduate.outside.sent) == 1
    assert graduate.run("party", "forget", "verifier.example", "--yes").status == 0
    assert graduate.run("present", key_signed(), *named).status == 0
