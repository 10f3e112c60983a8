"""Bringing a wallet back from a backup."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from textual.widgets import Input

from doors.screen.dialog import Field, Notice
from storage.passphrase import Passphrase
from tests.wallet.holder import ENTROPY, TRUSTED, Holder, open_cheaply
from tests.wallet.parties import NOW
from tests.wallet.tui.pictures import assert_looks_like
from tests.wallet.tui.stage import Stage, on_stage
from wallet.backup import make_backup
from wallet.recovery_phrase import encode_recovery_phrase
from wallet.trust import load_ledgers
from wallet.tui.screens.credentials import CredentialsScreen
from wallet.tui.screens.dialog import Question, Refusal
from wallet.tui.screens.new_passphrase import NewPassphrase
from wallet.tui.screens.typed_words import TypedWords
from wallet.tui.screens.welcome import WelcomeScreen

WORDS = encode_recovery_phrase(ENTROPY)


@pytest.fixture
def file(tmp_path: Path, ada: Holder) -> Path:
    """A backup of yesterday, of a wallet with a degree."""
    file = tmp_path / "wallet.backup"
    ada.hold("stranger", vct="urn:[/]\x1b[2J[@click=app.bell]")
    with ada.vault() as vault:
        vault.change(lambda content: replace(content, words_confirmed_at=None))
        make_backup(vault, TRUSTED, file, now=NOW - timedelta(days=1))
    return file


async def name_file(stage: Stage, file: Path) -> None:
    await stage.screen(WelcomeScreen)
    await stage.press("i")
    await stage.screen(Field)
    await stage.enter(f" {file} ")


async def give_words(stage: Stage, words: str = WORDS) -> None:
    dialog = await stage.screen(TypedWords)
    dialog.query_one(Input).value = words
    await stage.press("enter")


async def test_wallet_comes_back_with_a_new_passphrase_and_it_says_what_does_not(
    file: Path, tmp_path: Path
) -> None:
    second = Holder(tmp_path / "second")
    async with on_stage(second, unlocked=False) as stage:
        await name_file(stage, file)
        await give_words(stage)
        await stage.screen(Question)
        await stage.shows(
            "made 1 day ago, 2 credentials", "+ comes back", "Degree", "What it cannot bring back"
        )
        await stage.shows("[/]\ufffd[2J")
        assert not second.home.exists()
        await stage.press("y")
        await stage.screen(NewPassphrase)
        await stage.enter("another passphrase")
        await stage.until(lambda: stage.app.focused is stage.app.screen.query_one("#again"))
        await stage.enter("another passphrase")
        await stage.screen(Notice)
        await stage.shows("Your wallet is back", "a restored wallet gets a new one", "after it was made")
        await stage.press("enter")
        await stage.screen(CredentialsScreen)
        await stage.shows("Degree")
        assert "not confirmed" not in stage.text()
    with open_cheaply(
        second.folder.vault, Passphrase("another passphrase"), mark_folder=second.folder.state
    ) as vault:
        assert [held.id for held in vault.content.credentials] == ["degree-0001", "stranger"]
    assert load_ledgers(second.folder) == TRUSTED


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        pytest.param(None, "not_found", id="missing"),
        pytest.param(b"", "backup_damaged", id="empty"),
        pytest.param(bytes(50 << 20), "backup_damaged", id="zeros"),
    ],
)
async def test_file_that_is_no_backup_is_refused_before_the_words_are_asked(
    tmp_path: Path, damage: bytes | None, code: str
) -> None:
    second, file = Holder(tmp_path / "second"), tmp_path / "some file"
    if damage is not None:
        file.write_bytes(damage)
    async with on_stage(second, unlocked=False) as stage:
        await name_file(stage, file)
        await stage.screen(Refusal)
        await stage.shows(code)
        await stage.press("enter")
        await stage.screen(WelcomeScreen)
    assert not second.home.exists()


async def test_words_that_do_not_open_the_file_come_back_to_be_corrected(file: Path, tmp_path: Path) -> None:
    second = Holder(tmp_path / "second")
    others = encode_recovery_phrase(bytes(32))
    async with on_stage(second, unlocked=False) as stage:
        await name_file(stage, file)
        await give_words(stage, others)
        await stage.shows("do not open the file", "another wallet.", *others.split()[-2:])
        assert_looks_like("words-that-open-nothing", stage.text())
        await stage.press(*"7 width ")
        await stage.shows("do not belong together", "width")
        await stage.press("escape")
        await stage.screen(Question)
        await stage.press("n")
        await give_words(stage, numbered(WORDS))
        await stage.screen(Question)
        await stage.shows("made 1 day ago")
    assert not second.home.exists()


async def test_many_words_are_dropped_only_after_a_yes(file: Path, tmp_path: Path) -> None:
    async with on_stage(Holder(tmp_path / "second"), unlocked=False) as stage:
        await name_file(stage, file)
        await give_words(stage, " ".join(WORDS.split()[:3]))
        await stage.press("escape")
        await name_file(stage, file)
        await give_words(stage, " ".join(WORDS.split()[:4]))
        await stage.press("escape")
        await stage.screen(Question)
        await stage.shows("You have typed 4 of them.")
        await stage.press("y")
        await stage.screen(WelcomeScreen)


def numbered(words: str) -> str:
    return " ".join(f"{number} {word}" for number, word in enumerate(words.split(), 1))


async def test_person_may_leave_it_at_every_step(file: Path, tmp_path: Path) -> None:
    second = Holder(tmp_path / "second")
    async with on_stage(second, unlocked=False) as stage:
        for step in range(4):
            await stage.screen(WelcomeScreen)
            await stage.press("i")
            await stage.screen(Field)
            if step > 0:
                await stage.enter(str(file))
                await stage.screen(TypedWords)
            if step > 1:
                await give_words(stage)
                await stage.screen(Question)
            if step > 2:
                await stage.press("y")
                await stage.screen(NewPassphrase)
            await stage.press("escape")
        await stage.screen(WelcomeScreen)
    assert not second.home.exists()
