"""Whether the keys that a person chose do what they are for: `[keys]` in settings.toml."""

import re
from collections.abc import Mapping
from typing import NoReturn

from textual.binding import Binding, InvalidBinding

from protocol.codes import Code
from protocol.errors import RefusedError
from storage.toml_table import suggestion
from wallet.folder import SETTINGS_FILE
from wallet.settings import WalletSettings
from wallet.tui.actions import ACTIONS

ALWAYS = ("lock", "quit")
"""What is done while somebody types, too: its key never comes to a field."""

_TYPES_NOTHING = re.compile(
    r"(?:[a-z]+\+)*f[1-9][0-9]?|(?:[a-z]+\+)*(?:ctrl|alt|super|hyper|meta)\+(?:[a-z]+\+)*.+"
)
_PALETTE = "ctrl+p"
# The screen of one credential does most of what their list does.
_SAME_SCREEN = {"credential": "credentials"}


def require_usable_keys(settings: WalletSettings) -> None:
    """Check every key that was chosen, as `require_usable_key` does.

    Raises:
        RefusedError: SETTINGS_INVALID; the detail names the file and the action.
    """
    for name in settings.keys:
        require_usable_key(settings, name)


def require_usable_key(settings: WalletSettings, name: str) -> None:
    """Check that there is an action `name`, and that its key does it and takes nothing from another one.

    Raises:
        RefusedError: SETTINGS_INVALID; the detail names the nearest action, or the one that has the key.
    """
    if name not in ACTIONS:
        _refuse(name, f"is unknown{suggestion(name, ACTIONS)}")
    own, as_it_comes = _keys_of(name, settings.keys), _keys_of(name, {})
    if name in ALWAYS and not all(_TYPES_NOTHING.fullmatch(key) for key in own):
        _refuse(name, "is a key with ctrl or alt, or F1 to F12: another one could not be typed any more")
    if _PALETTE in own:
        _refuse(name, f"is not {_PALETTE}, which opens the palette")
    for other in ACTIONS:
        if other != name and _are_together(name, other):
            # Where ours share a key, they are meant to.
            shared = as_it_comes & _keys_of(other, {})
            for key in sorted((own & _keys_of(other, settings.keys)) - shared):
                _refuse(name, f"is not {_typed(key, name, settings.keys)}, which is the key of {other}")


def _keys_of(name: str, chosen: Mapping[str, str]) -> set[str]:
    """The keys of an action, each by the name that Textual has for it."""
    binding = Binding(chosen.get(name, ACTIONS[name].keys), ACTIONS[name].method)
    try:
        return {each.key for each in Binding.make_bindings([binding])}
    except InvalidBinding:
        _refuse(name, "is one key, or several with commas between; the key , is called comma")


def _typed(key: str, name: str, chosen: Mapping[str, str]) -> str:
    """The key as whoever set it spelt it, if they did."""
    return chosen[name] if name in chosen and "," not in chosen[name] else key


def _are_together(name: str, other: str) -> bool:
    """Whether both can be done on one screen: what has no screen before its dot can be done on any."""
    places = {_SAME_SCREEN.get(place, place) for each in (name, other) for place in _place(each)}
    return len(places) < 2


def _place(name: str) -> list[str]:
    place, dot, _ = name.partition(".")
    return [place] if dot else []


def _refuse(name: str, reason: str) -> NoReturn:
    raise RefusedError(Code.SETTINGS_INVALID, f"{SETTINGS_FILE}: keys.{name} {reason}")
