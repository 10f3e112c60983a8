"""A settings file read so that nothing in it is overlooked: what nobody asked for is refused.

A misspelt rule would otherwise be no rule, and nobody would notice.
"""

import difflib
import json
import tomllib
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, NoReturn, TypeVar

from protocol.codes import Code
from protocol.encoding.strict_json import decode_utf8
from protocol.errors import MalformedError, RefusedError
from protocol.web_address import parse_web_address
from storage.database_address import fault_of_database

E = TypeVar("E", bound=StrEnum)


class TomlTable:
    """One table of a file. Its members are asked for one by one, and `end` refuses what is left."""

    def __init__(self, members: Mapping[str, Any], *, place: str, code: Code) -> None:
        self._members = dict(members)
        self._place = place
        self._code = code
        self._known: list[str] = []

    def text(self, name: str) -> str:
        """The text `name`, not empty.

        Raises:
            RefusedError: absent, or something else.
        """
        value = self._take(name)
        if not isinstance(value, str) or not value:
            self.refuse(name, "is missing" if value is None else "is a text")
        return value

    def optional_text(self, name: str) -> str | None:
        """The text `name`, or None when it is absent."""
        if name in self._members:
            return self.text(name)
        self._known.append(name)
        return None

    def database(self, name: str, *, default: str) -> str:
        """Where a database is, as `storage.database_address` has it.

        Raises:
            RefusedError: something else.
        """
        text = self.optional_text(name) or default
        if fault := fault_of_database(text):
            self.refuse(name, fault)
        return text

    def line(self, name: str, *, max_characters: int) -> str:
        """The text `name` that people are shown: one line that can be seen.

        Raises:
            RefusedError: absent, or something else.
        """
        value = self.text(name)
        if len(value) > max_characters:
            self.refuse(name, f"has at most {max_characters} characters")
        if not value.isprintable() or not value.strip():
            self.refuse(name, "is one line of visible text")
        return value

    def origin(self, name: str) -> str:
        """The text `name`, the address of a server: `https://host`, nothing behind it, http under .localhost.

        Raises:
            RefusedError: absent, or something else.
        """
        value = self.text(name)
        try:
            address = parse_web_address(value, development=True)
        except MalformedError as error:
            self.refuse(name, f"cannot be used: {error.detail or error.code.meaning}")
        if address.text != address.origin:
            self.refuse(name, "is an address without a path or a final slash")
        return value

    def texts(self, name: str) -> list[str]:
        """The list `name` of texts.

        Raises:
            RefusedError: absent, or something else.
        """
        value = self._take(name)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.refuse(name, "is missing" if value is None else "is a list of texts")
        return value

    def optional_texts(self, name: str) -> list[str] | None:
        """The list `name` of texts; None when it is absent.

        Raises:
            RefusedError: something else.
        """
        if name in self._members:
            return self.texts(name)
        self._known.append(name)
        return None

    def flag(self, name: str, *, default: bool) -> bool:
        """Whether `name` is true; `default` when it is absent.

        Raises:
            RefusedError: something else than true or false.
        """
        value = self._take(name)
        if not isinstance(value, bool | None):
            self.refuse(name, "is true or false")
        return default if value is None else value

    def number(self, name: str, minimum: int, maximum: int, *, default: int) -> int:
        """The whole number `name` from `minimum` to `maximum`; `default` when it is absent.

        Raises:
            RefusedError: something else, or outside.
        """
        value = self._take(name)
        if value is None:
            return default
        if type(value) is not int or not minimum <= value <= maximum:
            self.refuse(name, f"is a whole number from {minimum} to {maximum}")
        return value

    def choice(self, name: str, *, default: E) -> E:
        """The member of the enumeration of `default` that `name` says; `default` when it is absent.

        Raises:
            RefusedError: another word.
        """
        value = self._take(name)
        words = {choice.value: choice for choice in type(default)}
        if value is None:
            return default
        if not isinstance(value, str) or value not in words:
            self.refuse(name, f"is one of {', '.join(words)}")
        return words[value]

    def table(self, name: str) -> "TomlTable":
        """The table `name`, an empty one when it is absent.

        Raises:
            RefusedError: something else.
        """
        value = self._take(name)
        if not isinstance(value, dict | None):
            self.refuse(name, "is a table")
        return TomlTable(value or {}, place=f"{self._place}{name}.", code=self._code)

    def tables(self, name: str) -> "list[TomlTable]":
        """The tables `[[name]]`, none when they are absent.

        Raises:
            RefusedError: something else.
        """
        value = self._take(name)
        value = [] if value is None else value
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self.refuse(name, f"is a list of tables [[{name}]]")
        return [
            TomlTable(item, place=f"{self._place}{name}[{number}].", code=self._code)
            for number, item in enumerate(value, 1)
        ]

    def entries(self) -> dict[str, str]:
        """Everything that is left, texts under names that the file chose; afterwards nothing is left.

        Raises:
            RefusedError: one of them is something else, or empty.
        """
        return {name: self.text(name) for name in list(self._members)}

    def end(self) -> None:
        """Check that nothing is left.

        Raises:
            RefusedError: there is a member that nobody asked for.
        """
        for name in sorted(self._members):
            self.refuse(name, f"is unknown{suggestion(name, self._known)}")

    def refuse(self, name: str, reason: str) -> NoReturn:
        """Refuse the file because of its member `name`."""
        raise RefusedError(self._code, f"{self._place}{name} {reason}")

    def _take(self, name: str) -> Any:  # noqa: ANN401 (whatever TOML may hold)
        self._known.append(name)
        return self._members.pop(name, None)


def suggestion(name: str, known: Iterable[str]) -> str:
    """What stands behind the name of something unknown: the nearest name that is known, or nothing."""
    nearest = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {nearest[0]}?" if nearest else ""


def parse_toml(source: str | bytes, *, file: str, code: Code) -> TomlTable:
    """Read the file named `file`, whose faults have this code.

    Raises:
        RefusedError: not TOML in UTF-8.
    """
    try:
        text = source if isinstance(source, str) else decode_utf8(source)
        return TomlTable(tomllib.loads(text), place=f"{file}: ", code=code)
    except MalformedError as error:
        raise RefusedError(code, f"{file}: {error.code.meaning}") from error
    except tomllib.TOMLDecodeError as error:
        raise RefusedError(code, f"{file}: {error}") from error


def quote_toml(text: str) -> str:
    """`text` as a TOML string."""
    # A JSON string is one too, but for DEL, which TOML wants escaped.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
