"""How the wallet looks and behaves: `tally settings`."""

import click

from doors.command import Command, pass_terminal
from doors.terminal import Terminal, dim
from protocol.encoding.strict_json import JsonValue
from wallet.door.place import wallet_folder
from wallet.folder import SETTINGS_FILE
from wallet.settings import (
    WalletSettings,
    action_of,
    is_chosen,
    load_settings,
    require_name,
    save_settings,
    values,
    with_setting,
    without_setting,
)


@click.command(
    "settings",
    cls=Command,
    examples=["tally settings", "tally settings theme nord", "tally settings keys.lock ctrl+k"],
)
@click.argument("name", required=False)
@click.argument("value", required=False)
@click.option("--reset", is_flag=True, help="Let it be as it comes.")
@pass_terminal
def settings(terminal: Terminal, *, name: str | None, value: str | None, reset: bool) -> None:
    """List the settings of your wallet and where each comes from, show the one called NAME, or set it.

    They are in settings.toml in the wallet's folder, which you may edit as well. A key of the full-screen
    wallet is set under the name of what it does, after keys: the names are in docs/full-screen-wallet.md.
    """
    if reset and (name is None or value is not None):
        raise click.UsageError("--reset takes a NAME and no VALUE.")
    folder = wallet_folder(make=reset or value is not None)
    found = load_settings(folder)
    if name is not None and (reset or value is not None):
        found = without_setting(found, name) if value is None else with_setting(found, name, value)
        _require_usable(found, name)
        save_settings(folder, found)
    _show(terminal, found, name)


def _require_usable(changed: WalletSettings, name: str) -> None:
    action = action_of(name)
    if action is None:
        return
    from wallet.tui.actions import ACTIONS  # Textual costs a quarter of a second
    from wallet.tui.chosen_keys import require_usable_key

    # What was set for nothing may still be taken back.
    if action in changed.keys or action in ACTIONS:
        require_usable_key(changed, action)


def _show(terminal: Terminal, found: WalletSettings, name: str | None) -> None:
    if name is not None:
        require_name(name)
    rows = {known: value for known, value in values(found).items() if name in (None, known)}
    documents: list[JsonValue] = [
        {"name": known, "value": value, "origin": SETTINGS_FILE if is_chosen(found, known) else "default"}
        for known, value in rows.items()
    ]
    terminal.document({"settings": documents})
    for known, value in rows.items():
        shown = str(value).lower() if isinstance(value, bool) else str(value)
        origin = f"set in {SETTINGS_FILE}" if is_chosen(found, known) else "as it comes"
        terminal.say(f"{known.ljust(20)}  {shown.ljust(20)}  ", dim(origin))
    if name is not None and not rows:
        terminal.note(f"{name} is as it comes.")
