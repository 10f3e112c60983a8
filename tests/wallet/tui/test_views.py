"""The main screens beside the credentials: activity, people and places, keys, settings, doctor."""

from datetime import timedelta

import pytest

from doors.screen.dialog import Field
from tests.screen_stage import NARROW, WIDE
from tests.wallet.holder import Holder
from tests.wallet.parties import HOSTILE, NOW, VERIFIER
from tests.wallet.tui.pictures import assert_looks_like
from tests.wallet.tui.stage import on_stage
from wallet.known_party import PartyMark
from wallet.parties import mark_party
from wallet.settings import load_settings
from wallet.tui.screens.choice import Choice
from wallet.tui.screens.credentials import CredentialsScreen
from wallet.tui.screens.dialog import Question, Refusal
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


async def test_second_key_means_the_party_that_the_first_one_marked(ada: Holder) -> None:
    with ada.vault() as vault:
        content = vault.content
        for number, name in enumerate((NORTHGATE, f"{NORTHGATE}x"), start=1):
            content = content.with_party_seen(
                name, name=None, presented=True, host=f"{number}.example", now=NOW - timedelta(minutes=number)
            )
        vault.change(lambda _: content)
    async with on_stage(ada) as stage:
        await stage.press("3", "t")
        await stage.shows("✓ trusted")
        await stage.rests()
        await stage.press("b")
        await stage.screen(Question)
        await stage.shows("1.example.")
        await stage.press("y")
        await stage.shows("✗ blocked")
        await stage.rests()
        assert {party.hosts[0]: party.mark for party in stage.app.session.content.parties} == {
            "1.example": PartyMark.BLOCKED,
            "2.example": PartyMark.SEEN,
        }
        await stage.press("t")
        await stage.screen(Question)
        await stage.shows("Trust whom you blocked?")


async def test_what_a_blocked_issuer_gave_is_marked(ada: Holder) -> None:
    with ada.vault() as vault:
        (held,) = vault.content.credentials
        vault.change(lambda content: content.with_issuer_seen(held.issuer, host="a.example", now=NOW))
        mark_party(vault, held.issuer, PartyMark.BLOCKED)
    async with on_stage(ada, size=WIDE) as stage:
        await stage.shows("✗ you blocked ", "✓ valid  degree-0001  ✗ you blocked its issuer")


async def test_escape_ends_a_filter_before_it_leads_back(ada: Holder) -> None:
    async with on_stage(ada) as stage:
        await stage.press("4", "slash", "z", "z")
        await stage.shows("Nothing matches.", "esc Show all")
        await stage.press("escape")
        await stage.shows("degree-0001")
        await stage.press("slash", "z")
        # What came in the background shows, and takes the focus from nobody.
        stage.app.refresh_view()
        await stage.press("y")
        await stage.shows(" zy\n", "Nothing matches.")
        await stage.press("enter", "escape")
        await stage.shows("degree-0001")
        await stage.press("1")
        await stage.screen(CredentialsScreen)


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
