"""The list of credentials: how each stands, what is said first, and the one under the cursor beside it."""

from datetime import timedelta

from tests.screen_stage import NARROW, WIDE
from tests.wallet.holder import Holder
from tests.wallet.parties import DEGREE, HOSTILE, NOW, UNKNOWN_TYPE
from tests.wallet.tui.pictures import assert_looks_like
from tests.wallet.tui.stage import Stage, on_stage
from wallet.held import Standing, StandingWord
from wallet.tui.screens.credential import CredentialScreen
from wallet.tui.screens.credentials import CredentialsScreen
from wallet.tui.screens.dialog import TypedQuestion
from wallet.tui.screens.present import PresentScreen

DAY = timedelta(days=1)


def stood(word: str, age: timedelta = DAY) -> Standing:
    return Standing(word=StandingWord(word), checked_at=NOW - age)


def hold_one_of_each(holder: Holder) -> None:
    """A credential for each way one can stand."""
    holder.hold("ends-soon", lifetime=12 * DAY, copies=4)
    holder.hold("long-valid", standing=stood("valid", 3 * DAY), copies=4)
    holder.hold("gone", standing=stood("revoked"), copies=4)
    holder.hold("paused", standing=stood("suspended"), copies=4)
    holder.hold("over", lifetime=-DAY / 2, copies=4)
    holder.hold("unasked", standing=None)
    holder.hold("ticket", vct=UNKNOWN_TYPE, claims={"row": 7}, copies=4)


def told(stage: Stage) -> list[str]:
    """What was said in passing."""
    return [note.message for note in stage.app._notifications]


def rows(stage: Stage) -> list[str]:
    """The ids in the order of the list."""
    from doors.screen.rows import Rows

    return [row.id for row in stage.app.screen.query_one("#credentials", Rows)._rows]


async def test_what_is_over_comes_last_in_every_order_and_the_banners_come_first(holder: Holder) -> None:
    hold_one_of_each(holder)
    holder.outside.status = None
    async with on_stage(holder) as stage:
        await stage.until(lambda: bool(stage.app.asked_in_vain))
        await stage.shows("Degree ends within 30 days", "! ends in 12 days", "? as of Nov 19", "! 2")
        assert_looks_like("credentials-narrow", stage.text())
        assert rows(stage)[-2:] == ["over", "gone"]
        for order in ("what they are", "whom they are from", "when they end"):
            await stage.press("s")
            await stage.shows(f"Sorted by {order}.")
            assert rows(stage)[-2:] == ["over", "gone"]
        assert rows(stage)[0] == "ends-soon"
        await stage.press("s")
        assert "Sorted by" not in stage.text()


async def test_wide_window_shows_the_credential_under_the_cursor_beside_the_list(holder: Holder) -> None:
    hold_one_of_each(holder)
    async with on_stage(holder, size=WIDE) as stage:
        # Five in the list, once their issuer was asked, and one beside it.
        await stage.until(lambda: stage.text().count("✓ valid") == 6)
        await stage.shows("What it says", "••••••", "ends-soon")
        assert_looks_like("credentials-wide", stage.text())
        await stage.press("G")
        await stage.shows("gone")
        await stage.press("right_square_bracket")
        await stage.shows("Its issuer has withdrawn it for good.", "Known since", "2026-11-21, 1 day ago")
        await stage.press("right_square_bracket", "left_square_bracket", "left_square_bracket", "v")
        await stage.shows(str(DEGREE.example["title"]))
        await stage.press("enter")
        await stage.screen(CredentialScreen)
        await stage.shows(str(DEGREE.example["title"]))
        assert_looks_like("credential-claims-wide", stage.text())
        await stage.press("escape")
        await stage.screen(CredentialsScreen)
        await stage.pilot.resize_terminal(*NARROW)
        await stage.until(lambda: str(DEGREE.example["title"]) not in stage.text())


async def test_withdrawal_that_is_found_out_on_opening_is_told_and_stays_said(ada: Holder) -> None:
    ada.outside.status = 1
    async with on_stage(ada) as stage:
        await stage.shows("✗ revoked", "✗ Degree was revoked: nobody accepts it now.")
        await stage.press("R")
        await stage.until(lambda: "All issuers were asked." in told(stage))
        await stage.shows("✗ Degree was revoked: nobody accepts it now.")
        assert told(stage).count("Degree was revoked.") == 1


async def test_credential_is_presented_refilled_and_removed_from_the_list(ada: Holder) -> None:
    async with on_stage(ada) as stage:
        await stage.press("p")
        await stage.screen(PresentScreen)
        await stage.press("escape")
        await stage.screen(CredentialsScreen)
        await stage.press("f")
        await stage.until(lambda: told(stage)[0].startswith("Its issuer gives no further copies."))
        assert ada.outside.sent == []
        await stage.press("x")
        await stage.screen(TypedQuestion)
        await stage.enter("degree-0001")
        await stage.shows("No credentials yet.")
    assert ada.vault().content.credentials == ()


async def test_further_copies_are_fetched_where_the_issuer_gives_them(holder: Holder) -> None:
    holder.outside.refills = 1
    ended = holder.run("add", holder.outside.offer(), "--yes", "--copies", "2", "--json")
    assert ended.status == 0
    async with on_stage(holder) as stage:
        await stage.shows("few copies left. Press f")
        await stage.press("f")
        await stage.until(lambda: told(stage) == ["Degree: 3 new copies, 5 left."])
        await stage.until(lambda: "few copies left" not in stage.text())


async def test_hostile_words_of_a_type_stay_words(holder: Holder) -> None:
    vct = f"urn:stranger:[b]{HOSTILE}[/]"
    holder.hold("hostile-0001", vct=vct, claims={f"[/]{HOSTILE}": f"[@click=app.quit]{HOSTILE}"})
    async with on_stage(holder, size=WIDE) as stage:
        await stage.shows("hostile-0001", "vct:urn:stranger:[b]"[4:])
        await stage.press("v")
        await stage.shows("[@click=app.quit]a\ufffd")
        for _ in range(4):
            await stage.press("right_square_bracket")
            await stage.pilot.pause()
            assert "\x1b" not in stage.text()
