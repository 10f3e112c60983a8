import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet.door.strength import strength_line
from wallet.passphrase_strength import Strength, Weakness, estimate_strength
from wallet.recovery_phrase import word_list

HOUR, DAY, YEAR = 3600, 86_400, 31_557_600


@pytest.mark.parametrize(
    ("passphrase", "weakness"),
    [
        ("password", Weakness.COMMON),
        ("Passw0rd", Weakness.COMMON),
        ("iloveyou1", Weakness.COMMON),
        ("correcthorsebatterystaple", Weakness.COMMON),
        ("12345678", Weakness.RUN),
        ("zyxwvuts", Weakness.RUN),
        ("Qwertyuiop", Weakness.RUN),
        ("lkjhgfdsa", Weakness.RUN),
        ("aaaaaaaaaaaaaaaaaaaa", Weakness.REPEATED),
        ("abcabcabcabc", Weakness.REPEATED),
        ("passwordpassword", Weakness.REPEATED),
        ("1111111122222222", Weakness.REPEATED),
        ("Ada!Ada!Ada", Weakness.REPEATED),
    ],
)
def test_what_is_tried_first_holds_out_for_no_day_and_is_named(passphrase: str, weakness: Weakness) -> None:
    strength = estimate_strength(passphrase)
    assert strength.weakness is weakness
    assert strength.seconds < DAY


@pytest.mark.parametrize(
    ("passphrase", "least", "most"),
    [
        ("maria1987", DAY, 100 * DAY),
        ("gx7!kQz0pLw2", 1000 * YEAR, 10_000 * YEAR),
        ("ozone fabric lunch orbit", 1000 * YEAR, math.inf),
    ],
)
def test_what_is_none_of_these_holds_out_by_its_length(passphrase: str, least: float, most: float) -> None:
    strength = estimate_strength(passphrase)
    assert strength.weakness is None
    assert least < strength.seconds < most


def test_word_counts_as_a_word_however_long_it_is() -> None:
    words = word_list()
    for word in (min(words, key=len), max(words, key=len)):
        assert estimate_strength(word).guesses_log10 <= math.log10(len(words)) + 0.01


@given(st.text(max_size=40), st.text(max_size=10))
def test_estimate_is_never_more_than_that_of_the_characters(beginning: str, end: str) -> None:
    strength = estimate_strength(beginning + end)
    # One character may become several in NFKC.
    assert 0 <= strength.guesses_log10 <= 64


def test_longer_text_than_anybody_types_is_estimated_at_once() -> None:
    began = time.perf_counter()
    assert estimate_strength("ab-" * 100_000).weakness is Weakness.REPEATED
    assert estimate_strength("".join(map(chr, range(33, 126))) * 1000).weakness is Weakness.RUN
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.1, "✗ A program guesses this at once."),
        (5 * 60, "✗ A program guesses this in about 5 minutes."),
        (5 * HOUR, "✗ A program guesses this in about 5 hours."),
        (3 * DAY, "! A program guesses this in about 3 days."),
        (1.45 * YEAR, "! A program guesses this in about 17 months."),
        (50 * YEAR, "! A program guesses this in about 50 years."),
        (150 * YEAR, "! A program needs centuries for this."),
        (5000 * YEAR, "✓ A program needs thousands of years for this."),
        (5e6 * YEAR, "✓ A program needs millions of years for this."),
        (1e300 * YEAR, "✓ A program needs millions of years for this."),
    ],
)
def test_line_says_it_in_words_with_a_mark(seconds: float, shown: str) -> None:
    line = strength_line(Strength(math.log10(seconds * 10)))
    assert "".join(part if isinstance(part, str) else part.text for part in line) == shown


def test_line_says_why() -> None:
    line = strength_line(estimate_strength("qwertyuiop"))
    assert line[-1] == " It is a row of keys, or counted."
