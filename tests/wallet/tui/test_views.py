"""The main screens beside the credentials: activity, people and places, keys, settings, doctor."""

import pytest

from tests.wallet.holder import Holder
from tests.wallet.parties import HOSTILE, NOW, VERIFIER
from tests.wallet.tui.pictures import assert_looks_like
from tests.wallet.tui.stage import NARROW, WIDE, on_stage
from wallet.known_party import PartyMark
from wallet.settings import load_settings
from wallet.tui.screens.choice import Choice
from wallet.tui.screens.dialog import Field, Question, Refusal
from wallet.tui.screens.parties import PartiesScreen
from wallet.tui.screens.settings import SettingsScreen

NORTHGATE = f"decentralized_identifier:{VERIFIER}"


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


async def test_party_is_blocked_after_a_question_and_forgotten_after_another(ada: Holder) -> None:
    with ada.vault() as vault:
        vault.change(
            lambda content: content.with_party_seen(
                NORTHGATE, name=HOSTILE, presented=True, host="verifier.example", now=NOW
            )
        )
    async with on_stage(ada) as stage:
        await stage.press("3")
        await stage.shows("· seen", "verifier.example")
        await stage.press("b")
        await stage.screen(Question)
        await stage.press("enter")
        await stage.screen(PartiesScreen)
        assert "blocked" not in stage.text()
        await stage.press("b")
        await stage.screen(Question)
        await stage.press("y")
        await stage.shows("✗ blocked")
        assert [party.mark for party in stage.app.session.content.parties] == [PartyMark.BLOCKED]
        await stage.press("x")
        await stage.screen(Question)
        await stage.press("y")
        await stage.shows("Nobody yet.")


@pytest.mark.parametrize(("name", "size"), [("narrow", NARROW), ("wide", WIDE)])
async def test_empty_screens_say_what_to_press(holder: Holder, name: str, size: tuple[int, int]) -> None:
    async with on_stage(holder, size=size) as stage:
        for key, view, text in (
            ("1", "credentials", "No credentials yet."),
            ("2", "activity", "Nothing yet."),
            ("3", "parties", "Nobody yet."),
            ("4", "keys", "No keys yet."),
        ):
            await stage.press(key)
            await stage.shows(text)
            assert_looks_like(f"empty-{view}-{name}", stage.text())
