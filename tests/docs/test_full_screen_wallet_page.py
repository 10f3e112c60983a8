"""The keys that the page lists are those of the program."""

import re

from textual.binding import Binding

from tests.docs.markdown import read_page
from wallet.tui.actions import ACTIONS

_HEADING = "Keys of your own"


def bound(keys: str) -> set[str]:
    return {binding.key for binding in Binding.make_bindings([Binding(keys, "x")])}


def test_page_lists_every_action_with_its_keys() -> None:
    page = read_page("docs/full-screen-wallet.md")
    _title, *rows = [cells for heading, cells in page.rows() if heading == _HEADING]
    listed = {
        name.strip("`"): (bound(",".join(re.findall(r"`([^`]+)`", keys))), meaning)
        for name, keys, meaning in rows
    }
    assert listed == {name: (bound(action.keys), action.meaning) for name, action in ACTIONS.items()}
    assert list(listed) == list(ACTIONS)
