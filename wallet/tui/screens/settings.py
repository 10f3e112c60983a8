"""How the wallet looks and behaves."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType

from doors.screen.dialog import Field
from doors.screen.rows import Column, Row, Rows
from doors.terminal import Styled, dim
from wallet.settings import (
    THEMES,
    WalletSettings,
    action_of,
    is_chosen,
    save_settings,
    values,
    with_setting,
    without_setting,
)
from wallet.tui.actions import bindings
from wallet.tui.chosen_keys import require_usable_key
from wallet.tui.screens.choice import Choice
from wallet.tui.screens.frame import WalletScreen

_MEANINGS = {
    "theme": "Colours; under NO_COLOR, greys.",
    "ascii": "Plain letters for marks and frames.",
    "idle_lock_minutes": "Untouched for so long it locks: 1 to 60.",
    "clipboard_seconds": "What is copied is taken off: 5 to 600.",
}


class SettingsScreen(WalletScreen):
    """A row for each setting; Enter changes it, at once."""

    NAME: ClassVar[str] = "Settings"
    HELP_LINES: ClassVar[tuple[str, ...]] = (
        "Enter changes a setting, r makes it as it came. They are kept in settings.toml in the wallet's "
        "folder, where you can also set keys, under [keys], by the names of actions.",
    )
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("settings.reset")]

    def compose_body(self) -> ComposeResult:
        """The list."""
        yield Rows([Column("Setting", 18), Column("Value", 14), Column("What it means", 40, 1)], empty=[])

    def show_wallet(self) -> None:
        """Show the settings as they are."""
        settings = self.wallet_app.settings
        self.query_one(Rows).show(
            Row(name, (name, _value(settings, name), _MEANINGS.get(name, "A key of yours.")))
            for name in values(settings)
        )
        self.query_one(Rows).focus()

    @on(Rows.Chosen)
    def change(self, chosen: Rows.Chosen) -> None:
        """Ask for another value."""
        self.wallet_app.start(self._change(chosen.row_id))

    def action_reset(self) -> None:
        """Make the setting under the cursor as it came."""
        current = self.query_one(Rows).current
        if current is not None:
            changed = without_setting(self.wallet_app.settings, current)
            self.wallet_app.start(self._save(changed, current))

    async def _change(self, name: str) -> None:
        self.wallet_app.session.require_own_window()
        match name:
            case "theme":
                typed = await self.wallet_app.ask(Choice("Theme", [(theme, theme) for theme in THEMES]))
            case "ascii":
                typed = await self.wallet_app.ask(Choice("Plain letters", [("false", "no"), ("true", "yes")]))
            case _:
                typed = await self.wallet_app.ask(Field(name, (_MEANINGS.get(name, "A key of yours."),)))
        if typed is not None:
            await self._save(with_setting(self.wallet_app.settings, name, typed), name)

    async def _save(self, settings: WalletSettings, changed: str) -> None:
        app, action = self.wallet_app, action_of(changed)
        if action is not None:
            require_usable_key(settings, action)
        await app.work("Saving …", lambda: save_settings(app.session.folder, settings), can_cancel=False)
        app.apply_settings(settings)
        self.show_wallet()


def _value(settings: WalletSettings, name: str) -> str | Styled:
    value = str(values(settings)[name]).lower()
    return value if is_chosen(settings, name) else dim(value)
