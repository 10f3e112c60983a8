"""The boxes that ask."""

from doors.screen.dialog import Field
from tests.wallet.holder import Holder
from tests.wallet.tui.stage import on_stage
from wallet.tui.screens.choice import Choice


async def test_box_that_has_only_a_title_begins_with_the_field_or_the_list(ada: Holder) -> None:
    async with on_stage(ada) as stage:
        for dialog in (Field("Which one?"), Choice("Which one?", [("a", "this"), ("b", "that")])):
            await stage.app.push_screen(dialog)
            await stage.shows("Which one?")
            lines = stage.text().splitlines()
            below = next(number for number, line in enumerate(lines) if "Which one?" in line) + 1
            assert lines[below].strip("│ ") != ""
