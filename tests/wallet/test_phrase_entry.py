import pytest

from protocol.codes import Code
from tests.storage.place import code_of
from wallet.phrase_entry import PhraseEntry, suggest_words
from wallet.recovery_phrase import encode_recovery_phrase, word_list

ENTROPY = bytes(range(32))
PHRASE = encode_recovery_phrase(ENTROPY)
WORDS = PHRASE.split()


def typed(*lines: str) -> PhraseEntry:
    entry = PhraseEntry()
    for line in lines:
        entry = entry.with_line(line)
    return entry


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([PHRASE], id="at once"),
        pytest.param(WORDS, id="one by one"),
        pytest.param([f"  {PHRASE.upper()}  "], id="in capitals"),
        pytest.param([" ".join(WORDS[:9]), "", "   ", " ".join(WORDS[9:])], id="in lines"),
        pytest.param([" ".join(f"{n}. {word}" for n, word in enumerate(WORDS, 1))], id="numbered"),
        pytest.param(
            ["  ".join(f"{n} {WORDS[n - 1]}" for n in range(row, 25, 6)) for row in range(1, 7)],
            id="as they are shown",
        ),
    ],
)
def test_words_are_taken_in_any_portions(lines: list[str]) -> None:
    assert typed(*lines).entropy() == ENTROPY


def test_word_that_is_not_in_the_list_stays_missing_and_the_others_are_kept() -> None:
    spoilt = [*WORDS[:6], "widht", *WORDS[7:]]
    entry = typed(" ".join(spoilt))
    (unknown,) = entry.unknown
    assert (unknown.number, unknown.typed, entry.missing) == (7, "widht", (7,))
    assert "width" in unknown.suggestions
    assert entry.with_line(WORDS[6]).entropy() == ENTROPY
    assert entry.with_line(WORDS[6]).unknown == ()


def test_missing_words_are_filled_in_their_order() -> None:
    entry = typed(f"{WORDS[0]} xxxxx {WORDS[2]} yyyyy")
    assert entry.missing[:3] == (2, 4, 5)
    assert typed(f"{WORDS[0]} xxxxx {WORDS[2]} yyyyy", " ".join([WORDS[1], *WORDS[3:]])).entropy() == ENTROPY


def test_word_behind_one_with_a_number_in_the_same_line_does_not_take_its_place() -> None:
    entry = typed(f"2 {WORDS[1]} {WORDS[0]} {WORDS[2]}")
    assert entry.words[:4] == (*WORDS[:3], None)


def test_wrong_word_of_the_list_is_corrected_by_its_number() -> None:
    entry = typed(" ".join(["zoo", *WORDS[1:]]))
    assert entry.missing == ()
    assert code_of(entry.entropy) is Code.RECOVERY_PHRASE_INVALID
    assert entry.with_line(f"1 {WORDS[0]}").entropy() == ENTROPY


@pytest.mark.parametrize(
    "line",
    [PHRASE + " zoo", "25 zoo", "0 zoo", "7", "7 8 zoo", "999 zoo"],
    ids=["25 words", "number 25", "number 0", "no word", "two numbers", "number 999"],
)
def test_line_that_cannot_be_placed_is_refused_whole(line: str) -> None:
    assert code_of(lambda: typed(line)) is Code.RECOVERY_PHRASE_INVALID


def test_words_are_missed_until_there_are_24() -> None:
    assert PhraseEntry().missing == tuple(range(1, 25))
    assert code_of(PhraseEntry().entropy) is Code.RECOVERY_PHRASE_INVALID


@pytest.mark.parametrize(
    ("word", "meant"),
    [("caeg", "cage"), ("widht", "width"), ("abandom", "abandon"), ("abandonned", "abandon"), ("zo", "zoo")],
)
def test_likely_word_is_suggested_first(word: str, meant: str) -> None:
    assert suggest_words(word)[0] == meant


@pytest.mark.parametrize("word", ["qqqq", "ж", "", "a" * 500])
def test_nothing_is_suggested_for_what_is_like_no_word(word: str) -> None:
    assert len(suggest_words(word)) <= 3
    assert suggest_words("qqqq") == ()


def test_no_two_words_begin_with_the_same_four_letters() -> None:
    assert len({word[:4] for word in word_list()}) == len(word_list()) == 2048


def test_words_do_not_show_in_a_repr() -> None:
    assert WORDS[0] not in repr(typed(PHRASE))
    assert "widht" not in repr(typed("widht"))
