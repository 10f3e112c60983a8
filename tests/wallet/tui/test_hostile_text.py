"""Strangers write names, labels, values, purposes and the names of files: on no screen do they act on the
terminal, turn text around, hide, become a style, a link or an action, or look like a line of ours (NT-P36).

One run of the program walks through every screen with another attack in each field that strangers fill; under
`stress`, once for each attack with it in all of them.
"""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count, cycle
from typing import Any

import pytest
from rich.cells import cell_len
from textual.command import CommandPalette
from textual.events import Paste
from textual.screen import Screen

import doors.screen.text
from doors.screen.dialog import Field, Notice
from protocol.codes import Code
from protocol.errors import MalformedError
from protocol.openid4vp.request import MAX_PURPOSE_CHARACTERS, RequestStatement
from tests.screen_stage import NARROW, WIDE
from tests.wallet.holder import Holder
from tests.wallet.parties import asking_for, signed, unsigned
from tests.wallet.strangers import ATTACKS, FORGED, fill, hostile_path
from tests.wallet.test_cli_hostile_text import harmless
from tests.wallet.tui.stage import Stage, on_stage
from wallet.settings import WalletSettings
from wallet.tui.screens.activity import ActivityScreen
from wallet.tui.screens.add import AddScreen
from wallet.tui.screens.backup import BackupScreen
from wallet.tui.screens.choice import Choice
from wallet.tui.screens.consent import ConsentScreen
from wallet.tui.screens.credential import CredentialScreen
from wallet.tui.screens.credentials import CredentialsScreen
from wallet.tui.screens.dialog import Question, Refusal, TypedQuestion, Working
from wallet.tui.screens.doctor import DoctorScreen
from wallet.tui.screens.files import FileDialog
from wallet.tui.screens.help import HelpScreen
from wallet.tui.screens.keys import KeysScreen
from wallet.tui.screens.offer import OfferDialog
from wallet.tui.screens.parties import PartiesScreen
from wallet.tui.screens.present import PresentScreen
from wallet.tui.screens.qr import QrScreen
from wallet.tui.screens.received import ReceivedDialog
from wallet.tui.screens.settings import SettingsScreen
from wallet.tui.screens.source import LinkField


def assert_harmless(stage: Stage) -> None:
    """Everything on the screen is only to be seen."""
    width, _ = stage.app.size
    for strip in stage.app.screen._compositor.render_strips():
        for segment in strip:
            assert segment.control is None or not segment.control
            assert harmless(segment.text), repr(segment.text)
            if segment.style is not None:
                assert segment.style.link is None
                assert "pwned" not in repr(segment.style.meta)
        assert cell_len(strip.text) == width


def assert_no_forgery(stage: Stage, *, in_a_box_of_its_own: bool) -> None:
    """No line of a stranger begins like one of ours; further in it may, where no line of ours is."""
    begin = re.compile(r" *[│┃▌▎▊█|]? {0,2}" if in_a_box_of_its_own else r"[ │┃▌▎▊█|]*")
    for line in stage.text().splitlines():
        indent = begin.match(line)
        assert indent is not None
        assert not line[indent.end() :].startswith(FORGED), line


class Walk:
    """A person who looks at every screen, and looks closely."""

    def __init__(self, stage: Stage, attack: Iterator[str], vct: str, left: list[str]) -> None:
        self.stage = stage
        self.attack = attack
        self.vct = vct
        self.left_for_the_last_look = left

    async def see(self, kind: type[Any], *keys: str, in_a_box_of_its_own: bool = False) -> Any:
        """Press these keys, and look at the screen that comes."""
        await self.stage.press(*keys)
        screen = await self.stage.screen(kind)
        assert_harmless(self.stage)
        assert self.left_for_the_last_look == []
        assert_no_forgery(self.stage, in_a_box_of_its_own=in_a_box_of_its_own)
        return screen

    async def leave(self, kind: type[Any]) -> None:
        """Go back to the screen of this kind."""
        await self.stage.press("escape")
        await self.stage.until(lambda: isinstance(self.stage.app.screen, kind))


@asynccontextmanager
async def strangers_everywhere(
    holder: Holder, attack: Iterator[str], monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> AsyncIterator[Walk]:
    downloads = holder.home / "downloads"
    downloads.mkdir()
    monkeypatch.setenv("HOME", str(downloads))
    for number in range(9):
        downloads.joinpath(f"{number}{hostile_path(next(attack))}").write_text(
            f"openid-credential-offer://?{next(attack)}"
        )
    downloads.joinpath("9\udcff\udc80").touch()
    vct = fill(holder, attack)
    look = doors.screen.text._seen
    left: list[str] = []

    def seen(text: str) -> str:
        if look(text) != text:
            left.append(text)
        return look(text)

    monkeypatch.setattr("doors.screen.text._seen", seen)
    settings = WalletSettings(theme=next(attack), keys={next(attack): next(attack) for _ in range(3)})
    async with on_stage(holder, size=size, settings=settings) as stage:
        yield Walk(stage, attack, vct, left)


async def see_what_is_held(walk: Walk) -> None:
    await walk.see(CredentialsScreen)
    await walk.see(CredentialsScreen, "v")
    await walk.see(CredentialScreen, "enter")
    walk.stage.app.shows_values = True
    await walk.see(CredentialScreen, "v", "v")
    await walk.see(Notice, "enter", in_a_box_of_its_own=True)
    await walk.leave(CredentialScreen)
    for _ in range(3):
        await walk.see(CredentialScreen, "right_square_bracket")
    await walk.see(CredentialScreen, "right_square_bracket", in_a_box_of_its_own=True)
    await walk.leave(CredentialsScreen)
    await walk.see(TypedQuestion, "x")
    await walk.leave(CredentialsScreen)


async def see_the_other_places(walk: Walk) -> None:
    for key, kind in (("2", ActivityScreen), ("3", PartiesScreen)):
        await walk.see(kind, key)
        await walk.see(Notice, "enter")
        await walk.leave(kind)
    for key in ("t", "b", "x"):
        await walk.stage.press(key)
        await walk.see(walk.stage.app.screen.__class__)
        if not isinstance(walk.stage.app.screen, PartiesScreen):
            await walk.leave(PartiesScreen)
    await walk.see(KeysScreen, "4")
    await walk.see(BackupScreen, "b")
    await walk.see(SettingsScreen, "5")
    await walk.see(Field, "end", "enter")
    await walk.leave(SettingsScreen)
    await walk.see(DoctorScreen, "6")
    await walk.see(HelpScreen, "question_mark")
    await walk.leave(DoctorScreen)
    await walk.see(CommandPalette, "ctrl+p")
    walk.stage.app.screen.query_one("Input").value = next(walk.attack)  # type: ignore[attr-defined]
    await walk.stage.screen(CommandPalette)
    assert_harmless(walk.stage)
    walk.left_for_the_last_look.clear()
    await walk.leave(DoctorScreen)


async def see_words_in_passing(walk: Walk) -> None:
    """What errors, jobs and choices say of strangers."""
    app, attack = walk.stage.app, walk.attack
    app.tell(next(attack))
    await walk.see(DoctorScreen)
    screens: list[Screen[Any]] = [
        Refusal(MalformedError(Code.OFFER_INVALID, next(attack)), (next(attack),)),
        Choice(next(attack), [("a", next(attack)), ("b", f"your {next(attack)}")]),
        TypedQuestion(next(attack), (next(attack),), expected=next(attack)),
        Question(next(attack), (next(attack),), yes=next(attack), no=next(attack)),
        Field(next(attack), (next(attack),), placeholder=next(attack)),
        Working(next(attack), can_cancel=True),
        QrScreen(f"openid4vp://?{next(attack)}"[:500]),
    ]
    for screen in screens:
        app.push_screen(screen)
        await walk.stage.screen(type(screen))
        assert_harmless(walk.stage)
        screen.dismiss(None)


async def see_how_a_credential_comes(walk: Walk) -> None:
    stage = walk.stage
    await walk.see(CredentialsScreen, "1")
    await walk.see(AddScreen, "a")
    field = stage.app.screen.query_one(LinkField)
    field.post_message(Paste(next(walk.attack)))
    await stage.pilot.pause()
    assert_harmless(stage)
    assert walk.left_for_the_last_look == []
    field.value = next(walk.attack)
    await stage.screen(AddScreen)
    assert_harmless(stage)
    field.value = ""
    walk.left_for_the_last_look.clear()
    await walk.see(FileDialog, "ctrl+o")
    await stage.until(lambda: "9" in stage.text())
    assert_harmless(stage)
    await walk.see(Refusal, "end", "up", "enter")
    await walk.leave(AddScreen)
    await stage.enter(stage.holder.outside.offer())
    await walk.see(OfferDialog)
    await walk.see(Field, "y")
    await stage.enter("654321")
    await walk.see(Field)
    await stage.until(lambda: "tries left" in stage.text())
    await stage.enter("123456")
    await walk.see(ReceivedDialog)
    came = await walk.see(ReceivedDialog, "v")
    await stage.press("escape")
    await stage.gone(came)


async def see_who_asks(walk: Walk) -> None:
    stage = walk.stage
    await walk.see(CredentialsScreen, "1")
    statement = RequestStatement(next(walk.attack)[:MAX_PURPOSE_CHARACTERS], timedelta(days=1))
    asking = replace(
        asking_for(walk.vct, "nested", "long"), client_name=next(walk.attack)[:200], statement=statement
    )
    refusal = {"error": "invalid_request", "error_description": next(walk.attack)}
    for link, answer in ((unsigned(asking), (400, refusal)), (signed(asking), (200, {}))):
        stage.holder.outside.acknowledgement = answer  # type: ignore[assignment]
        await walk.see(PresentScreen, "p")
        await stage.enter(link)
        await walk.see(ConsentScreen)
        if answer[0] == 400:
            await walk.see(Notice, "v")
            await walk.leave(ConsentScreen)
        await walk.see(Question, "s")
        await stage.press("y")
        if answer[0] == 400:
            doubt = await walk.see(TypedQuestion)
            await stage.enter(doubt._expected)
        await walk.see(Notice if answer[0] == 200 else Refusal)
        await stage.press("enter")
        await walk.leave(CredentialsScreen)


async def look_everywhere(walk: Walk) -> None:
    await see_what_is_held(walk)
    await see_the_other_places(walk)
    await see_words_in_passing(walk)
    await see_how_a_credential_comes(walk)
    await see_who_asks(walk)
    assert walk.stage.app.failure is None


async def test_strangers_text_is_only_to_be_seen_on_every_screen(
    holder: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with strangers_everywhere(holder, cycle(ATTACKS.values()), monkeypatch, NARROW) as walk:
        await look_everywhere(walk)


@pytest.mark.stress
@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["narrow", "wide"])
@pytest.mark.parametrize("name", ATTACKS)
async def test_each_attack_in_every_field_is_only_to_be_seen(
    name: str, size: tuple[int, int], holder: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = (f"{number} {ATTACKS[name]}" for number in count())  # names of claims have to differ
    async with strangers_everywhere(holder, texts, monkeypatch, size) as walk:
        await look_everywhere(walk)
