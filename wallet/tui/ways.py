"""The keys that do in the full-screen wallet what a text has a command for."""

import re
from collections.abc import Iterator, Mapping

from doors.terminal import bold
from wallet.tui.actions import ACTIONS
from wallet.tui.text import Line

_COMMAND = re.compile(r"`(tally [^`]+)`")


def ways(text: str, keymap: Mapping[str, str]) -> Iterator[Line]:
    """A line for each command in `text` that a main screen does; `keymap` has the keys of the settings."""
    for command in _COMMAND.findall(text):
        found = _find(command)
        if found is not None:
            view, name = found
            then = () if name == view else (", then ", bold(_key(name, keymap)))
            yield ("In this window: ", bold(_key(view, keymap)), f" for {ACTIONS[view].label}", *then, ".")


def _find(command: str) -> tuple[str, str] | None:
    """The names of a main screen and of the action there; the same twice for what the screen itself shows."""
    for name, action in ACTIONS.items():
        view = name.partition(".")[0]
        is_main = view in ACTIONS and ACTIONS[view].method == f"view('{view}')"
        if is_main and f"{action.command} ".startswith(f"{command} "):
            return view, name
    return None


def _key(name: str, keymap: Mapping[str, str]) -> str:
    return keymap.get(name, ACTIONS[name].keys).partition(",")[0]
