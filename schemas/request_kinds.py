"""What the common kinds of requests usually need, as data: `request_kinds.json`.

    {"kinds": [{"label": "an age check", "words": ["adult", "of age"],
                "usual": {"identity_card": ["age_over_18"]}}],
     "rarely_needed": {"identity_card": ["portrait"]}}

Types stand by their names, claims by their dotted paths; a path stands for all beneath it. The table advises
a person who is asked. Nothing is decided by it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from protocol.claim_path import ClaimPath
from protocol.encoding.members import object_member, objects_member, text_member, texts_member
from protocol.encoding.strict_json import JsonObject, parse_json_object
from schemas import credential_type

_FILE = Path(__file__).parent / "request_kinds.json"
_WORD = re.compile(r"\w+")

ClaimTable = Mapping[str, frozenset[ClaimPath]]
"""Paths of claims by the `vct` of their type."""


@dataclass(frozen=True, slots=True)
class RequestKind:
    """A kind of request.

    Attributes:
        label: What it is called, with its article: `an age check`.
        words: What a purpose of this kind contains; each is one word or several in a row.
        usual: What it usually needs. Of a type that is not in it, nothing.
    """

    label: str
    words: frozenset[tuple[str, ...]]
    usual: ClaimTable


@dataclass(frozen=True, slots=True)
class RequestKinds:
    """The whole table; `rarely_needed` is what hardly any request needs, whatever it is for."""

    kinds: tuple[RequestKind, ...]
    rarely_needed: ClaimTable

    def recognize(self, purpose: str) -> tuple[RequestKind, ...]:
        """The kinds whose words are in `purpose`, in the order of the table."""
        said = _words(purpose)
        return tuple(kind for kind in self.kinds if any(_contains(said, words) for words in kind.words))


@cache
def request_kinds() -> RequestKinds:
    """The table that comes with Tallystick."""
    source = parse_json_object(_FILE.read_bytes())
    kinds = tuple(
        RequestKind(
            label=text_member(kind, "label"),
            words=frozenset(_words(words) for words in texts_member(kind, "words", minimum=1)),
            usual=_claim_table(object_member(kind, "usual")),
        )
        for kind in objects_member(source, "kinds", minimum=1)
    )
    return RequestKinds(kinds, _claim_table(object_member(source, "rarely_needed")))


def _claim_table(source: JsonObject) -> ClaimTable:
    return {
        credential_type(name).vct: frozenset(
            tuple(path.split(".")) for path in texts_member(source, name, minimum=1)
        )
        for name in source
    }


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text.casefold()))


def _contains(said: tuple[str, ...], words: tuple[str, ...]) -> bool:
    return any(said[start : start + len(words)] == words for start in range(len(said)))
