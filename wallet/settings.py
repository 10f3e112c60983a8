"""What a person set about the wallet: `settings.toml`, edited by hand or by `tally settings`.

What is as it comes is not in the file, or only as a comment: a default that gets better later reaches
everybody who never chose.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from protocol.codes import Code
from protocol.errors import RefusedError
from storage.atomic_file import Folder
from storage.toml_table import TomlTable, parse_toml, quote_toml, suggestion
from wallet.folder import SETTINGS_FILE, WalletFolder

THEMES = (
    "textual-dark",
    "textual-light",
    "nord",
    "gruvbox",
    "catppuccin-mocha",
    "catppuccin-macchiato",
    "catppuccin-frappe",
    "catppuccin-latte",
    "dracula",
    "tokyo-night",
    "monokai",
    "flexoki",
    "solarized-dark",
    "solarized-light",
    "rose-pine",
    "rose-pine-moon",
    "rose-pine-dawn",
    "atom-one-dark",
    "atom-one-light",
)
"""Those of Textual, but for the two that turn black on black under NO_COLOR."""

_KEYS = "keys."
_ACTION = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
_MAX_KEY_CHARACTERS = 40
_MAX_BYTES = 64 * 1024
_TEMPLATE = """\
# How the wallet looks and behaves. What stands behind a # is as it comes: take the # away to change it.
# `tally settings` writes this file anew, and keeps no comment but these.
{theme:<28}# the colours of the full-screen wallet
{ascii:<28}# marks of plain letters: OK ! X ?
{idle_lock_minutes:<28}# 1 to 60: how long an open wallet may rest before it locks
{clipboard_seconds:<28}# 5 to 600: how long a copied secret stays on the clipboard

# Keys of the full-screen wallet, each under the name of what it does: lock = "ctrl+k"
[keys]
{keys}"""


@dataclass(frozen=True, slots=True)
class WalletSettings:
    """The settings of one wallet; each as it comes unless the file says otherwise.

    Attributes:
        theme: One of `THEMES`.
        ascii: Whether marks are plain letters.
        idle_lock: How long an open wallet, and the agent, may rest before they lock; whole minutes.
        clipboard: How long a copied secret stays on the clipboard; whole seconds.
        keys: From the name of an action to the key that does it instead of its own. Not checked when they are
            read: that there is such a key, and such an action (`wallet.tui.chosen_keys`).
    """

    theme: str = THEMES[0]
    ascii: bool = False
    idle_lock: timedelta = timedelta(minutes=10)
    clipboard: timedelta = timedelta(seconds=45)
    keys: Mapping[str, str] = field(default_factory=dict)


DEFAULTS = WalletSettings()
NAMES = ("theme", "ascii", "idle_lock_minutes", "clipboard_seconds")
"""The names in the file, apart from those of keys."""


def load_settings(wallet: WalletFolder) -> WalletSettings:
    """The settings of the wallet; all as they come where there is no file.

    Raises:
        RefusedError: the file cannot be used, or others could change it.
    """
    if not wallet.path.exists():
        return DEFAULTS
    with Folder(wallet.path, private=True) as folder:
        if not folder.exists(SETTINGS_FILE):
            return DEFAULTS
        return parse_settings(folder.read(SETTINGS_FILE, max_bytes=_MAX_BYTES))


def save_settings(wallet: WalletFolder, settings: WalletSettings) -> None:
    """Write the settings; comments that somebody wrote into the file are lost."""
    with Folder(wallet.path, private=True) as folder:
        folder.replace(SETTINGS_FILE, encode_settings(settings).encode())


def parse_settings(source: str | bytes) -> WalletSettings:
    """Read `settings.toml`.

    Raises:
        RefusedError: SETTINGS_INVALID; the detail names the file and the place.
    """
    return _take_settings(parse_toml(source, file=SETTINGS_FILE, code=Code.SETTINGS_INVALID))


def encode_settings(settings: WalletSettings) -> str:
    """Write the settings that `parse_settings` reads, with a word on each."""
    lines = {
        name: ("" if is_chosen(settings, name) else "# ") + f"{name} = {_toml(value)}"
        for name, value in values(settings).items()
        if name in NAMES
    }
    keys = "".join(f"{quote_toml(name)} = {quote_toml(key)}\n" for name, key in sorted(settings.keys.items()))
    return _TEMPLATE.format(**lines, keys=keys)


def values(settings: WalletSettings) -> dict[str, str | int | bool]:
    """Every setting under its name in the file, `keys.ACTION` for a key."""
    return {
        "theme": settings.theme,
        "ascii": settings.ascii,
        "idle_lock_minutes": settings.idle_lock // timedelta(minutes=1),
        "clipboard_seconds": settings.clipboard // timedelta(seconds=1),
        **{_KEYS + name: key for name, key in sorted(settings.keys.items())},
    }


def is_chosen(settings: WalletSettings, name: str) -> bool:
    """Whether the setting `name` is another than it comes."""
    return values(settings)[name] != values(DEFAULTS).get(name)


def with_setting(settings: WalletSettings, name: str, text: str) -> WalletSettings:
    """With the setting `name` as a person typed it.

    Raises:
        RefusedError: there is no such setting, or it cannot have this value.
    """
    require_name(name)
    if name.startswith(_KEYS):
        keys = {**settings.keys, name.removeprefix(_KEYS): text}
        return parse_settings(encode_settings(replace(settings, keys=keys)))
    return _with_value(settings, name, _typed(text))


def without_setting(settings: WalletSettings, name: str) -> WalletSettings:
    """With the setting `name` as it comes.

    Raises:
        RefusedError: there is no such setting.
    """
    require_name(name)
    if name.startswith(_KEYS):
        action = name.removeprefix(_KEYS)
        return replace(settings, keys={known: key for known, key in settings.keys.items() if known != action})
    return _with_value(settings, name, values(DEFAULTS)[name])


def action_of(name: str) -> str | None:
    """The action whose key the setting `name` is; None for one that is no key."""
    return name.removeprefix(_KEYS) if name.startswith(_KEYS) else None


def require_name(name: str) -> None:
    """Check that there is a setting `name`.

    Raises:
        RefusedError: there is none.
    """
    if name not in NAMES and not name.startswith(_KEYS):
        raise RefusedError(Code.SETTINGS_INVALID, f"{name} is unknown{suggestion(name, NAMES)}")


def _with_value(settings: WalletSettings, name: str, value: str | int | bool) -> WalletSettings:
    members = {known: value for known, value in values(settings).items() if known in NAMES}
    table = TomlTable({**members, name: value}, place="", code=Code.SETTINGS_INVALID)
    return replace(_take_settings(table), keys=settings.keys)


def _take_settings(top: TomlTable) -> WalletSettings:
    theme = top.optional_text("theme") or DEFAULTS.theme
    if theme not in THEMES:
        top.refuse("theme", f"{theme} is unknown{suggestion(theme, THEMES)}")
    minutes = top.number("idle_lock_minutes", 1, 60, default=DEFAULTS.idle_lock // timedelta(minutes=1))
    seconds = top.number("clipboard_seconds", 5, 600, default=DEFAULTS.clipboard // timedelta(seconds=1))
    ascii_marks = top.flag("ascii", default=DEFAULTS.ascii)
    keys = top.table("keys")
    top.end()
    return WalletSettings(
        theme=theme,
        ascii=ascii_marks,
        idle_lock=timedelta(minutes=minutes),
        clipboard=timedelta(seconds=seconds),
        keys=_take_keys(keys),
    )


def _take_keys(table: TomlTable) -> dict[str, str]:
    keys = table.entries()
    for name, key in keys.items():
        if not _ACTION.fullmatch(name):
            table.refuse(name, "is not the name of an action")
        if len(key) > _MAX_KEY_CHARACTERS or not key.isprintable() or " " in key:
            table.refuse(name, "is one key")
    return keys


def _toml(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return quote_toml(value) if isinstance(value, str) else str(value)


def _typed(text: str) -> str | int | bool:
    """What somebody typed, as TOML would have it without the quotes of texts."""
    if text in ("true", "false"):
        return text == "true"
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else text
