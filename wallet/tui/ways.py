"""The ways to what can be done on another screen: the keys that do what a text has a command for."""

import re
from collections.abc import Iterator, Mapping

from doors.screen.text import Line
from doors.terminal import bold
from wallet.tui.actions import ACTIONS

_COMMAND = re.compile(r"`(tally [^`]+)`")


def ways(text: str, keymap: Mapping[str, str]) -> Iterator[Line]:
    """A line for each command in `text` that a main screen does; `keymap` has the keys of the settings."""
    for command in _COMMAND.findall(text):
        found = _find(command)
        if found is not None:
            view, name = found
            then = () if name == view else (", then ", bold(key_of(name, keymap)))
            yield ("In this window: ", bold(key_of(view, keymap)), f" for {ACTIONS[view].label}", *then, ".")


def main_screen_of(name: str) -> str | None:
    """The name of the main screen on which the action `name` can be done; None for all others."""
    view = name.partition(".")[0]
    return view if view in ACTIONS and ACTIONS[view].method == f"view('{view}')" else None


def key_of(name: str, keymap: Mapping[str, str]) -> str:
    """The first key of the action `name`."""
    return keymap.get(name, ACTIONS[name].keys).partition(",")[0]


def _find(command: str) -> tuple[str, str] | None:
    """The names of a main screen and of the action there; the same twice for what the screen itself shows."""
    for name, action in ACTIONS.items():
        view = main_screen_of(name)
        if view is not None and f"{action.command} ".startswith(f"{command} "):
            return view, name
    return None
