"""Recovery words while a person types them: one by one, several at once, or all 24 pasted.

A number says which word follows it, as in `7 width`: so a word is corrected, and a numbered list can be
pasted as it was shown. Words without one go where words are missing, in their order.
"""

import difflib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from protocol.codes import Code
from protocol.errors import MalformedError
from wallet.recovery_phrase import WORDS, parse_recovery_phrase, word_list

_NUMBER = re.compile(r"([0-9]{1,3})[.:)]?")
_MAX_SUGGESTIONS = 3
_TELLING_LETTERS = 4
"""No two words of the list begin with the same four letters."""


@dataclass(frozen=True, slots=True)
class UnknownWord:
    """A word that is not in the list: which one it was to be, how it was typed, and what may be meant."""

    number: int
    typed: str = field(repr=False)
    suggestions: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class PhraseEntry:
    """What was typed so far.

    Attributes:
        words: 24 of them, None for one that is missing.
        unknown: What of the last line is not in the list; those words are still missing.
    """

    words: tuple[str | None, ...] = field(default=(None,) * WORDS, repr=False)
    unknown: tuple[UnknownWord, ...] = ()

    @property
    def missing(self) -> tuple[int, ...]:
        """The numbers of the words that are missing, from 1."""
        return tuple(number for number, word in enumerate(self.words, 1) if word is None)

    def with_line(self, line: str) -> "PhraseEntry":
        """With what is in one more line, in any case.

        Raises:
            MalformedError: more words than are missing, or a number beyond 24 or without a word; nothing of
                the line is taken then.
        """
        known = frozenset(word_list())
        words, unknown = list(self.words), list[UnknownWord]()
        for number, word in _numbered(line, iter(self.missing)):
            words[number - 1] = word if word in known else None
            if word not in known:
                unknown.append(UnknownWord(number, word, suggest_words(word)))
        return replace(self, words=tuple(words), unknown=tuple(unknown))

    def entropy(self) -> bytes:
        """The 32 bytes behind the words.

        Raises:
            MalformedError: words are missing, or do not belong together.
        """
        return parse_recovery_phrase(" ".join(word for word in self.words if word is not None))


def suggest_words(typed: str) -> tuple[str, ...]:
    """The words of the list that are most like what was typed, the likeliest first; at most three."""
    listed, start = word_list(), typed[:_TELLING_LETTERS]
    swapped = [word for word in listed if sorted(word) == sorted(typed)]
    begun = [word for word in listed if len(start) == _TELLING_LETTERS and word.startswith(start)]
    alike = difflib.get_close_matches(typed, listed, _MAX_SUGGESTIONS)
    return tuple(dict.fromkeys((*swapped, *begun, *alike)))[:_MAX_SUGGESTIONS]


def _numbered(line: str, missing: Iterator[int]) -> Iterator[tuple[int, str]]:
    named: int | None = None
    given = set[int]()
    for part in unicodedata.normalize("NFKD", line).lower().split():
        found = _NUMBER.fullmatch(part)
        if found is None:
            number = next((free for free in missing if free not in given), None) if named is None else named
            if number is None:
                raise MalformedError(Code.RECOVERY_PHRASE_INVALID, f"more than {WORDS} words")
            given.add(number)
            yield number, part
            named = None
        elif named is None and 1 <= int(found[1]) <= WORDS:
            named = int(found[1])
        else:
            raise MalformedError(Code.RECOVERY_PHRASE_INVALID, f"{part} is not the number of a word")
    if named is not None:
        raise MalformedError(Code.RECOVERY_PHRASE_INVALID, f"no word behind the number {named}")
