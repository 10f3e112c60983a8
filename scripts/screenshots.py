"""Draw the pictures of docs/pictures from the running program: `python -m scripts.screenshots`.

A real wallet in a temporary folder, with the parties that its tests have: the same pictures every time.
"""

import asyncio
import re
import tempfile
from dataclasses import replace
from pathlib import Path

from tests.wallet.holder import Holder
from tests.wallet.parties import DEGREE, NOW, asking_for, signed, unsigned
from tests.wallet.tui.stage import Stage, on_stage
from wallet.held import Standing, StandingWord
from wallet.tui.screens.consent import ConsentScreen
from wallet.tui.screens.credentials import CredentialsScreen
from wallet.tui.screens.dialog import Refusal
from wallet.tui.screens.present import PresentScreen

PICTURES = Path(__file__).parents[1] / "docs/pictures"
SIZE = (100, 28)
# Textual asks a server for a font; a picture of ours asks nobody for anything.
_FONT = re.compile(r"@font-face\s*{.*?}\s*", re.DOTALL)
_CARD, _LICENCE = "urn:tallystick:identity_card:1", "urn:tallystick:driving_licence:1"


def main() -> None:
    """Draw all of them."""
    PICTURES.mkdir(exist_ok=True)
    asyncio.run(_draw())


async def _draw() -> None:
    with tempfile.TemporaryDirectory() as folder:
        ada = _ada(Path(folder) / "ada")
        async with on_stage(ada, size=SIZE) as stage:
            await stage.shows("Degree")
            _keep(stage, "credentials")
            await stage.press("enter")
            await stage.shows("Claims")
            _keep(stage, "credential")
            await stage.press("escape", "question_mark")
            await stage.shows("Help:")
            _keep(stage, "help")
            await stage.press("escape")
            everything = replace(asking_for(DEGREE.vct, *DEGREE.example), client_name="Northgate")
            await _ask(stage, unsigned(everything))
            _keep(stage, "consent-over-asking")
            await stage.press("s")
            await stage.shows("Share 13 facts")
            await stage.press("y")
            await stage.shows("Are you sure?")
            _keep(stage, "second-yes")
            await stage.press("escape")
            await stage.screen(ConsentScreen)
            await stage.press("escape")
            await stage.screen(PresentScreen)
            await stage.press("escape")
            await stage.screen(CredentialsScreen)
            await _ask(stage, signed())
            _keep(stage, "consent")
            await stage.press("s")
            await stage.shows("Share 2 facts")
            await stage.press("y")
            await stage.shows("✓ Sent 2 facts")
            await stage.press("enter")
            await stage.screen(CredentialsScreen)
            await _give(stage, unsigned(everything))
            await stage.screen(Refusal)
            _keep(stage, "refusal")
            await stage.press("enter")
            await stage.screen(PresentScreen)
            await stage.press("escape", "2")
            await stage.shows("shown to")
            _keep(stage, "activity")


def _ada(home: Path) -> Holder:
    home.mkdir()
    ada = Holder(home)
    ada.create()
    ada.hold()
    ada.hold("identity_card-0002", vct=_CARD, copies=5, claims={"given_name": "Ada", "age_over_18": True})
    revoked = Standing(word=StandingWord.REVOKED, checked_at=NOW)
    ada.hold("driving_licence-0003", vct=_LICENCE, claims={"given_name": "Ada"}, standing=revoked)
    return ada


async def _ask(stage: Stage, link: str) -> None:
    await _give(stage, link)
    await stage.screen(ConsentScreen)


async def _give(stage: Stage, link: str) -> None:
    await stage.press("p")
    await stage.screen(PresentScreen)
    await stage.enter(link)


def _keep(stage: Stage, name: str) -> None:
    picture = stage.app.export_screenshot(title="tally")
    picture = _FONT.sub("", picture).replace("<svg ", '<svg xml:space="preserve" ', 1)
    (PICTURES / f"{name}.svg").write_text(picture, "utf-8")


if __name__ == "__main__":
    main()
