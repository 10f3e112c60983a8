"""The main screens beside the credentials: keys, settings, doctor."""

from tests.wallet.holder import Holder
from tests.wallet.tui.stage import on_stage
from wallet.settings import load_settings
from wallet.tui.screens.choice import Choice
from wallet.tui.screens.dialog import Field, Refusal
from wallet.tui.screens.settings import SettingsScreen


async def test_doctor_names_what_is_wrong_and_what_to_do(ada: Holder) -> None:
    ada.outside.ledger_time = None
    async with on_stage(ada) as stage:
        await stage.press("6")
        await stage.shows("✓ modes", "✓ vault", "✗ ledger", "need a look")
        ada.folder.vault.chmod(0o644)
        await stage.press("r")
        await stage.shows("✗ modes", "chmod -R go-rwx")


async def test_keys_are_listed_with_what_they_are_bound_to(ada: Holder) -> None:
    async with on_stage(ada) as stage:
        await stage.press("4")
        await stage.shows("Ed25519", "Degree degree-0001", "not yet")


async def test_setting_is_kept_and_counts_at_once(ada: Holder) -> None:
    async with on_stage(ada) as stage:
        await stage.press("5")
        await stage.shows("idle_lock_minutes", "10")
        await stage.press("down", "enter")
        await stage.screen(Choice)
        await stage.press("down", "enter")
        await stage.screen(SettingsScreen)
        await stage.press("1")
        await stage.shows("OK valid")
        assert load_settings(ada.folder).ascii
        await stage.press("5", "down", "r")
        await stage.until(lambda: not load_settings(ada.folder).ascii)
        await stage.press("1")
        await stage.shows("✓ valid")


async def test_setting_that_cannot_be_is_refused_and_nothing_is_changed(ada: Holder) -> None:
    async with on_stage(ada) as stage:
        await stage.press("5", "down", "down", "enter")
        await stage.screen(Field)
        await stage.enter("1000")
        await stage.screen(Refusal)
        await stage.shows("settings_invalid", "idle_lock_minutes")
        assert load_settings(ada.folder) == stage.app.settings
