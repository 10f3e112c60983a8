"""Write docs/errors.md from the one table of codes: `python -m scripts.error_table`."""

import re
from pathlib import Path

from protocol.codes import Code

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/errors.md"
_INTRODUCTION = """\
# Errors

Whatever refuses, refuses with one of these codes: on the terminal, in `--json`, in HTTP problems and in
logs. A code never changes once it is released; its words may. This page is written from
`protocol/codes.py` by `python -m scripts.error_table`.

The kind of an error (`protocol/errors.py`) says what a program wants to know. *Malformed*: it cannot be
read. *Verification*: it can be read and must not be trusted. *Unavailable*: we could not find out, and claim
nothing. *Refused*: our own rules or the present state forbid it.

What to do depends on who reads it. Some rows have words of their own for the *holder* of a wallet, for who
runs an institution (*issuer*), a *verifier* or a ledger (*operator*), or for the *developer* of a program
that asks one of our services. Commands speak to those whose commands they are, HTTP problems to developers.
"""


def render() -> str:
    """The page: a table for each group of codes, in the order of `protocol/codes.py`."""
    page = [_INTRODUCTION]
    for heading, names in _groups((ROOT / "protocol/codes.py").read_text(encoding="utf-8")):
        rows = [f"| `{Code[name]}` | {Code[name].meaning} | {_remedies(Code[name])} |" for name in names]
        page.append(
            "\n".join(
                [f"## {heading}\n", "| code | what it means | what to do |", "| --- | --- | --- |", *rows]
            )
        )
    return "\n\n".join(part.rstrip() for part in page) + "\n"


def _remedies(code: Code) -> str:
    own = (f"*{audience.capitalize()}:* {remedy}" for audience, remedy in code.remedies.items())
    return "<br>".join([code.remedy, *own])


def _groups(source: str) -> list[tuple[str, list[str]]]:
    groups: list[tuple[str, list[str]]] = []
    for comment, name in re.findall(r"^    (?:# (.+)|([A-Z0-9_]+) = \()", source, re.MULTILINE):
        if comment:
            groups.append((comment, []))
        else:
            groups[-1][1].append(name)
    return groups


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
