"""One credential: its tabs, and that what it says is hidden until somebody wants to see it."""

import pytest

from doors.clipboard import Clipboard
from doors.screen.dialog import Notice
from doors.screen.text import Signs
from tests.wallet.holder import PASSPHRASE, Holder
from tests.wallet.parties import DEGREE, signed
from tests.wallet.tui.pictures import assert_looks_like
from tests.wallet.tui.stage import Stage, on_stage
from wallet.settings import WalletSettings
from wallet.tui.credential_lines import HIDDEN
from wallet.tui.screens.add import AddScreen
from wallet.tui.screens.credential import CredentialScreen
from wallet.tui.screens.credentials import CredentialsScreen
from wallet.tui.screens.dialog import TypedQuestion
from wallet.tui.screens.files import FileDialog
from wallet.tui.screens.offer import OfferDialog
from wallet.tui.screens.present import PresentScreen
from wallet.tui.screens.qr import QrScreen
from wallet.tui.screens.unlock import UnlockScreen

TITLE = str(DEGREE.example["title"])
SHOW_IT = "Press v to show what it says."
NEXT, BACK = "right_square_bracket", "left_square_bracket"


def has_plain_letters(stage: Stage) -> bool:
    """Whether all is ASCII but the scroll bar, which Textual draws."""
    return stage.text().translate(dict.fromkeys(map(ord, "▁▂▃▄▅▆▇█"))).isascii()


async def opened(stage: Stage) -> CredentialScreen:
    await stage.press("enter")
    screen = await stage.screen(CredentialScreen)
    await stage.shows("Claims  Status  Shared with  Proof  Raw")
    return screen


async def test_every_tab_shows_its_side_of_the_credential(ada: Holder) -> None:
    ended = ada.run("present", signed(), "--yes")
    assert ended.status == 0
    async with on_stage(ada) as stage:
        await opened(stage)
        await stage.shows(HIDDEN)
        assert TITLE not in stage.text()
        assert_looks_like("credential-claims-narrow", stage.text())
        await stage.press("v")
        await stage.shows(TITLE)
        await stage.press(NEXT)
        await stage.shows("It can be used, as far as is known.", "Copies left", "1 of 2", "until 2027-11-22")
        assert_looks_like("credential-status-narrow", stage.text())
        await stage.press(NEXT)
        await stage.shows(
            "“Northgate”, northgate on ledger.example", "once, last on 2026-11-22", "Degree, Field"
        )
        assert TITLE not in stage.text()
        await stage.press(NEXT)
        await stage.shows(
            "by ledger.example, last on 2026-11-22", "key number", "Whoever you show it to checks"
        )
        assert_looks_like("credential-proof-narrow", stage.text())
        await stage.press(NEXT)
        await stage.shows('"alg": "EdDSA"', '"typ": "dc+sd-jwt"')
        await stage.press("v")
        await stage.shows("Press v to show it.")
        await stage.press(NEXT)
        await stage.shows(HIDDEN)
        await stage.press(BACK, BACK, BACK)
        await stage.shows("“Northgate”")


async def test_long_value_is_shown_whole_and_a_value_is_copied_for_a_while(
    holder: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[tuple[str, bool]] = []

    def remember(_self: Clipboard, text: str, *, secret: bool) -> None:
        copied.append((text, secret))

    monkeypatch.setattr(Clipboard, "copy", remember)
    essay = " ".join(f"word{number}" for number in range(300))
    holder.hold(claims={"essay": essay, "places": ["Ulm", "[b]Bonn[/]"]})
    async with on_stage(holder) as stage:
        await opened(stage)
        await stage.press("enter")
        await stage.until(lambda: [note.message for note in stage.app._notifications] == [SHOW_IT])
        await stage.press("v", "enter")
        await stage.screen(Notice)
        await stage.shows("word0 word1", "Go on")
        await stage.press("pagedown")
        await stage.shows("word199")
        await stage.press("escape")
        await stage.screen(CredentialScreen)
        await stage.press("y")
        await stage.until(lambda: copied == [(essay, True)])
        await stage.press("down", "enter")
        await stage.screen(Notice)
        await stage.shows("[b]Bonn[/]")


async def test_credential_is_removed_presented_and_left_from_its_own_screen(ada: Holder) -> None:
    async with on_stage(ada) as stage:
        await opened(stage)
        await stage.press("p")
        await stage.screen(PresentScreen)
        await stage.press("escape")
        await stage.screen(CredentialScreen)
        await stage.press("x")
        await stage.screen(TypedQuestion)
        await stage.enter("degree-0001")
        await stage.screen(CredentialsScreen)
        await stage.shows("No credentials yet.")


async def test_issuer_that_cannot_be_asked_is_named_with_what_was_known(ada: Holder) -> None:
    ada.outside.status = None
    async with on_stage(ada) as stage:
        await opened(stage)
        await stage.press(NEXT)
        await stage.shows("Status asked", "2026-11-22, just now")
        await stage.press("R")
        await stage.shows("? as of Nov 22", "? Nobody could be asked just now")


async def test_values_are_hidden_again_once_the_wallet_was_locked(ada: Holder) -> None:
    async with on_stage(ada) as stage:
        await opened(stage)
        await stage.press("v")
        await stage.shows(TITLE)
        await stage.press("ctrl+l")
        await stage.screen(UnlockScreen)
        await stage.until(lambda: not stage.app.session.is_open)
        await stage.enter(PASSPHRASE)
        await stage.screen(CredentialsScreen)
        await opened(stage)
        await stage.shows(HIDDEN)
        assert TITLE not in stage.text()


async def test_plain_letters_are_enough_for_the_list_the_credential_and_an_offer(
    ada: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(ada.home))
    monkeypatch.setattr(Signs, "ascii", Signs.ascii)  # the program sets it for the whole process
    ada.outside.status = None
    async with on_stage(ada, settings=WalletSettings(ascii=True)) as stage:
        await stage.until(lambda: bool(stage.app.asked_in_vain))
        assert has_plain_letters(stage)
        await opened(stage)
        await stage.shows("******")
        for _ in range(5):
            await stage.press(NEXT)
            await stage.pilot.pause()
            assert has_plain_letters(stage)
        await stage.press("escape", "a")
        await stage.screen(AddScreen)
        assert has_plain_letters(stage)
        await stage.press("ctrl+o")
        await stage.screen(FileDialog)
        await stage.shows("+ state")
        assert has_plain_letters(stage)
        await stage.press("escape")
        await stage.screen(AddScreen)
        await stage.enter(ada.outside.offer())
        await stage.screen(OfferDialog)
        assert has_plain_letters(stage)
        await stage.press("Q")
        await stage.screen(QrScreen)
        await stage.shows("Make the window larger for a QR code", "openid-credential-offer://")
        assert has_plain_letters(stage)
