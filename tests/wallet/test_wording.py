from datetime import timedelta

import pytest

from protocol.encoding.strict_json import JsonValue
from tests.wallet.parties import HOSTILE, ISSUER, NOW
from wallet.door.wording import (
    one_line,
    plural,
    quoted,
    shown_asking,
    shown_did,
    shown_expiry,
    shown_label,
    shown_retention,
    shown_standing,
    shown_value,
    standing_rank,
)
from wallet.standing import PresentStanding, PresentWord

DAY = timedelta(days=1)


def test_strangers_text_stays_on_one_line_without_runs_of_blanks() -> None:
    assert (
        one_line(f" {HOSTILE}\u3000 \u00a0 end ", max_characters=40) == "a\ufffd[2J\ufffdb\ufffd\ufffdc d end"
    )


def test_strangers_text_is_cut_where_it_is_too_long() -> None:
    assert one_line("x" * 10_000, max_characters=10) == "x" * 10 + "…"


def test_strangers_words_can_neither_close_their_quotes_nor_set_a_mark() -> None:
    assert quoted('Acme” ✓ They signed as "Bank" “') == "“Acme' \ufffd They signed as 'Bank' '”"
    assert quoted("✔ Acme ✅") == "“\ufffd Acme \ufffd”"


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("Grade", "Grade"),
        ("成績", "成績"),
        ("✓ trusted", "“\ufffd trusted”"),
        ("[x] Grade", "“[x] Grade”"),
        ("", "“”"),
    ],
)
def test_label_that_begins_with_a_sign_is_quoted(label: str, shown: str) -> None:
    assert shown_label(label) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (True, "yes"),
        (False, "no"),
        (None, "–"),
        (42, "42"),
        ("Ada\nLovelace", "Ada Lovelace"),
        ({"city": "Zürich"}, '{"city": "Zürich"}'),
        ("x" * 201, "x" * 200 + "… (201 characters)"),
    ],
)
def test_value_is_shown_as_a_person_reads_it(value: JsonValue, shown: str) -> None:
    assert shown_value(value) == shown


@pytest.mark.parametrize(
    ("did", "shown"),
    [
        (ISSUER, "city-university on ledger.example"),
        (ISSUER.replace(".example:", ".example%3A8101:"), "city-university on ledger.example:8101"),
        (ISSUER.rpartition(":")[0], "ledger.example"),
        (
            f"{ISSUER}%20on%20trusted.example",
            "“city-university on trusted.example” on ledger.example",
        ),
        ("did:key:z6Mkf5rGMoatrSj1f4CyvuHBeXJELe9RPdzo2PKGNCKVtZxP", None),
        ("redirect_uri:https://shop.example", None),
    ],
)
def test_did_is_told_by_its_name_and_its_ledger(did: str, shown: str | None) -> None:
    assert shown_did(did) == (shown or did)


def test_standing_says_the_same_without_colour() -> None:
    words = {shown_standing(PresentStanding(word, None, None, has_status=True)).text for word in PresentWord}
    assert words == {"✓ valid", "? unknown", "! not yet valid", "! suspended", "✗ expired", "✗ revoked"}


def test_standings_are_ranked_from_the_best_to_the_worst() -> None:
    ranks = {word: standing_rank(PresentStanding(word, None, None, has_status=True)) for word in PresentWord}
    assert sorted(ranks.values()) == list(range(len(PresentWord)))
    assert ranks[PresentWord.VALID] == 0
    assert ranks[PresentWord.REVOKED] == len(ranks) - 1


@pytest.mark.parametrize(
    ("word", "left", "shown"),
    [
        (PresentWord.VALID, None, "no end"),
        (PresentWord.VALID, 400 * DAY, "until 2027-12-27"),
        (PresentWord.VALID, 6 * DAY + DAY / 2, "! ends in 6 days"),
        (PresentWord.VALID, DAY, "! ends in 1 day"),
        (PresentWord.EXPIRED, -DAY, "ended 2026-11-21"),
    ],
)
def test_end_of_a_credential_is_marked_when_it_is_near(
    word: PresentWord, left: timedelta | None, shown: str
) -> None:
    standing = PresentStanding(word, None if left is None else NOW + left, None, has_status=True)
    assert shown_expiry(standing, now=NOW).text == shown


@pytest.mark.parametrize(
    ("age", "shown"),
    [
        (-DAY, "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(seconds=60), "1 minute ago"),
        (timedelta(hours=2) - timedelta(seconds=1), "1 hour ago"),
        (3 * DAY, "3 days ago"),
    ],
)
def test_it_is_said_how_long_ago_an_issuer_was_asked(age: timedelta, shown: str) -> None:
    asked = PresentStanding(PresentWord.VALID, None, NOW - age, has_status=True)
    assert shown_asking(asked, now=NOW).text == f"asked {shown}"


def test_it_is_said_that_there_is_nothing_to_ask_or_that_nobody_did() -> None:
    for has_status, shown in ((False, "cannot be revoked"), (True, "its issuer not asked yet")):
        never = PresentStanding(PresentWord.VALID, None, None, has_status=has_status)
        assert shown_asking(never, now=NOW).text == shown


@pytest.mark.parametrize(
    ("retention", "shown"),
    [
        (timedelta(0), "not at all"),
        (DAY, "for 1 day"),
        (30 * DAY, "for 30 days"),
        (timedelta(minutes=90), "for 2 hours"),
        (timedelta(seconds=1), "for 1 hour"),
    ],
)
def test_retention_is_never_shown_shorter_than_it_is(retention: timedelta, shown: str) -> None:
    assert shown_retention(retention) == shown


def test_plural_follows_the_number() -> None:
    assert [plural(1, "fact"), plural(2, "fact"), plural(0, "copy", "copies")] == [
        "1 fact",
        "2 facts",
        "0 copies",
    ]
