"""How long a passphrase would hold out against a program that guesses: an honest estimate, never a rule.

Estimated is the cheapest way to the text that such a program knows: what everybody takes, single words, rows
of keys, counting, years, the same again and again. What is none of these counts `_PER_CHARACTER` guesses for
each character, fewer than if it were random, because people do not type at random. Words count as words,
however long they are; of a language that is not known here, as their characters.

What nobody can see in a text is what it means: a name, a birthday or a line of a song is guessed much sooner
by somebody who knows its owner. Only the first `_MAX_CHARACTERS` count. The text is kept nowhere.
"""

import functools
import itertools
import math
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from wallet.recovery_phrase import word_list

GUESSES_PER_SECOND = 10
"""What an ordinary computer tries in a second on a stolen copy of the wallet: each try costs one Argon2id."""

_MAX_CHARACTERS = 64
_PER_CHARACTER = 10
_LEAST_RUN = 3
_RUNS = 40
_YEARS = 150
_CAPITALS, _LOOKALIKES = 2, 4
_LEAST_WORD = 3
# Tried first by everybody who guesses; the order does not matter much.
_COMMON = """
password passwort passphrase passw0rd secret letmein welcome iloveyou admin administrator login master
dragon monkey football baseball basketball soccer hockey superman batman princess sunshine shadow michael
jennifer jordan charlie daniel thomas jessica ashley nicole andrew joshua hunter ranger buster tigger pepper
ginger summer winter spring autumn flower freedom whatever trustno1 starwars computer internet killer cheese
cookie banana orange chocolate butterfly purple yellow silver golden diamond phoenix mustang ferrari porsche
mercedes corvette samsung google facebook hello hallo bonjour test guest root changeme default access wallet
tally tallystick bitcoin credential identity passport family forever blessed angel lovely loveme babygirl
october november december january february monday friday sunday london paris berlin correct horse battery
staple correcthorsebatterystaple
"""
_ROWS = (
    "qwertzuiop",
    "qwertyuiop",
    "azertyuiop",
    "asdfghjkl",
    "qsdfghjklm",
    "yxcvbnm",
    "zxcvbnm",
    "1234567890",
)
_LOOKALIKE = str.maketrans("013457@$!", "oleastasi")


class Weakness(StrEnum):
    """Why it is guessed sooner than its length says."""

    COMMON = "common"
    REPEATED = "repeated"
    RUN = "run"


@dataclass(frozen=True, slots=True)
class Strength:
    """An estimate.

    Attributes:
        guesses_log10: How many guesses it takes at most, as the power of ten.
        weakness: What makes up most of the text, if it is one of these.
    """

    guesses_log10: float
    weakness: Weakness | None = None

    @property
    def seconds(self) -> float:
        """How long that takes at `GUESSES_PER_SECOND`."""
        return float(10**self.guesses_log10) / GUESSES_PER_SECOND


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of the text that costs less as a whole than its characters do."""

    start: int
    end: int
    cost: float
    weakness: Weakness | None


def estimate_strength(passphrase: str) -> Strength:
    """How long `passphrase` holds out, as far as a program can tell."""
    text = unicodedata.normalize("NFKC", passphrase)[:_MAX_CHARACTERS]
    unit = _repeated_unit(text)
    if unit is None:
        return _cheapest(text)
    return Strength(_cheapest(unit).guesses_log10 + math.log10(len(text) / len(unit)), Weakness.REPEATED)


def _cheapest(text: str) -> Strength:
    """The cheapest way to make `text` of parts that are known and of single characters."""
    ending: dict[int, list[_Part]] = {}
    for part in (*_words(text), *_runs(text), *_years(text)):
        ending.setdefault(part.end, []).append(part)
    single = math.log10(_PER_CHARACTER)
    # For each length of the beginning: what it costs, and how many characters of it are of which weakness.
    best: list[tuple[float, Mapping[Weakness, int]]] = [(0.0, {})]
    for end in range(1, len(text) + 1):
        cost, weak = best[end - 1]
        options = [(cost + single, weak)]
        for part in ending.get(end, ()):
            cost, weak = best[part.start]
            if part.weakness is not None:
                weak = {**weak, part.weakness: weak.get(part.weakness, 0) + part.end - part.start}
            options.append((cost + part.cost, weak))
        best.append(min(options, key=lambda option: option[0]))
    cost, weak = best[-1]
    main = max(weak, key=lambda weakness: weak[weakness], default=None)
    return Strength(cost, main if main is not None and 2 * weak[main] > len(text) else None)


def _repeated_unit(text: str) -> str | None:
    """What the whole text is a repetition of, the last one perhaps cut."""
    for length in range(1, len(text) // 2 + 1):
        if text.startswith(text[length:]):
            return text[:length]
    return None


@functools.cache
def _known_words() -> Mapping[str, tuple[float, Weakness | None]]:
    """What each word costs that is known, and whether it is among the first that are tried."""
    common, listed = _COMMON.split(), word_list()
    return dict.fromkeys(listed, (math.log10(len(listed)), None)) | dict.fromkeys(
        common, (math.log10(len(common)), Weakness.COMMON)
    )


def _words(text: str) -> Iterator[_Part]:
    lower = text.lower()
    plain = lower.translate(_LOOKALIKE)
    known = _known_words()
    longest = max(map(len, known))
    for start in range(len(text)):
        for end in range(start + _LEAST_WORD, min(len(text), start + longest) + 1):
            for spelling in {lower[start:end], plain[start:end]} & known.keys():
                cost, weakness = known[spelling]
                cost += math.log10(_LOOKALIKES) if spelling != lower[start:end] else 0
                cost += math.log10(_CAPITALS) if text[start:end] != lower[start:end] else 0
                yield _Part(start, end, cost, weakness)


def _runs(text: str) -> Iterator[_Part]:
    """Counting and the alphabet, rows of keys, and the same character, in either direction."""
    lower = text.lower()
    for start, end in itertools.combinations(range(len(text) + 1), 2):
        if end - start >= _LEAST_RUN:
            piece = lower[start:end]
            cost = math.log10(_RUNS * (end - start))
            if len(set(piece)) == 1:
                yield _Part(start, end, cost, Weakness.REPEATED)
            elif _is_counted(piece) or any(piece in row or piece[::-1] in row for row in _ROWS):
                yield _Part(start, end, cost, Weakness.RUN)


def _is_counted(piece: str) -> bool:
    steps = {ord(after) - ord(before) for before, after in itertools.pairwise(piece)}
    return steps in ({1}, {-1})


def _years(text: str) -> Iterator[_Part]:
    for start in range(len(text) - 3):
        piece = text[start : start + 4]
        if piece.isascii() and piece.isdigit() and piece[:2] in ("19", "20"):
            yield _Part(start, start + 4, math.log10(_YEARS), None)
