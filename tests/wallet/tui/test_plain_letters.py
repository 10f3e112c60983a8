"""What is drawn where marks and frames are plain letters."""

import re

import pytest
from textual.strip import Strip

from doors.qr_drawing import qr_modules
from doors.screen.text import Signs
from tests.wallet.holder import Holder
from tests.wallet.tui.stage import on_stage
from wallet.settings import WalletSettings
from wallet.tui.screens.qr import QrScreen

ASCII = WalletSettings(ascii=True)


@pytest.fixture(autouse=True)
def ours_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program sets it for the whole process."""
    monkeypatch.setattr(Signs, "ascii", Signs.ascii)


def is_dark(strip: Strip, column: int) -> bool:
    (one, *other) = [
        segment.style.bgcolor.get_truecolor()
        for segment in strip.crop(column, column + 2)
        if segment.style is not None and segment.style.bgcolor is not None
    ]
    assert all(color == one for color in other)
    assert one in ((0, 0, 0), (255, 255, 255))
    return one == (0, 0, 0)


async def test_qr_code_is_drawn_in_blanks_on_black_and_white(ada: Holder) -> None:
    link = ada.outside.offer()
    async with on_stage(ada, size=(140, 70), settings=ASCII) as stage:
        stage.app.push_screen(QrScreen(link))
        await stage.screen(QrScreen)
        await stage.shows("y copies the link")
        assert "Make the window larger" not in stage.text()
        assert stage.text().isascii()
        expected = qr_modules(link)
        column, line = stage.app.screen.query_one(".qr").region.offset
        strips = stage.app.screen._compositor.render_strips()[line : line + len(expected)]
        drawn = [[is_dark(strip, column + 2 * place) for place in range(len(expected))] for strip in strips]
        assert drawn == expected


async def test_findings_of_the_doctor_stand_in_one_column_whatever_their_mark(ada: Holder) -> None:
    ada.outside.ledger_time = None
    async with on_stage(ada, settings=ASCII) as stage:
        await stage.press("6")
        await stage.shows("OK modes", "x  ledger", "need a look")
        findings = re.findall(r"^ *(?:OK |[!x]  )(?=[a-z])", stage.text(), re.MULTILINE)
        assert len(findings) > 4
        assert len(set(map(len, findings))) == 1
