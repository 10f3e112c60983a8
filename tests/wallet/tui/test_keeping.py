"""Keeping the wallet safe: the words, the passphrase, backups, and a rehearsal that touches nothing."""

from dataclasses import replace
from pathlib import Path

from textual.widgets import Input

from doors.screen.dialog import Field, Notice
from storage.passphrase import Passphrase
from tests.wallet.holder import ENTROPY, PASSPHRASE, Holder
from tests.wallet.parties import NOW
from tests.wallet.tui.pictures import assert_looks_like
from tests.wallet.tui.stage import Stage, on_stage
from wallet.recovery_phrase import encode_recovery_phrase
from wallet.tui.screens.backup import BackupScreen
from wallet.tui.screens.dialog import Question, Refusal
from wallet.tui.screens.keys import KeysScreen
from wallet.tui.screens.new_passphrase import NewPassphrase
from wallet.tui.screens.typed_words import TypedWords

WORDS = encode_recovery_phrase(ENTROPY)


async def add_from(stage: Stage, file: Path) -> None:
    """Add what is in the backup `file` to the wallet."""
    await stage.press("e")
    await stage.screen(Field)
    await stage.enter(str(file))
    await stage.screen(TypedWords)
    await stage.enter(WORDS)
    await stage.screen(Question)
    await stage.press("y")


async def backed_up(stage: Stage, file: Path) -> None:
    """Go to the backups and make one."""
    await stage.press("4", "b")
    await stage.screen(BackupScreen)
    await stage.shows("There is no backup of this wallet yet.")
    await stage.press("m")
    await stage.screen(Field)
    await stage.enter(str(file))
    await stage.screen(Question)
    await stage.shows("✓ 1 credential in")


async def test_backup_is_made_rehearsed_and_added_again_without_touching_what_is_here(
    ada: Holder, tmp_path: Path
) -> None:
    file = tmp_path / "wallet.backup"
    async with on_stage(ada) as stage:
        await backed_up(stage, file)
        before = stage.app.session.content
        vault = ada.folder.vault.read_bytes()
        await stage.press("y")
        await stage.screen(TypedWords)
        await stage.enter(WORDS)
        await stage.screen(Notice)
        assert_looks_like("rehearsal", stage.text())
        await stage.press("enter")
        await stage.screen(BackupScreen)
        assert ada.folder.vault.read_bytes() == vault
        await stage.shows("✓ Last backup just now, with 1 credential; 1 are here now.")
        await add_from(stage, file)
        await stage.screen(BackupScreen)
        assert stage.app.session.content.credentials == before.credentials


async def test_words_that_add_a_backup_are_confirmed_by_that_and_a_rehearsal_changes_nothing(
    ada: Holder, tmp_path: Path
) -> None:
    file = tmp_path / "wallet.backup"
    with ada.vault() as vault:
        vault.change(lambda content: replace(content, words_confirmed_at=None))
    async with on_stage(ada) as stage:
        await backed_up(stage, file)
        assert stage.app.session.content.words_confirmed_at is None
        await stage.press("y")
        await stage.screen(TypedWords)
        await stage.enter(WORDS)
        await stage.screen(Notice)
        await stage.press("enter")
        assert stage.app.session.content.words_confirmed_at is None
        await add_from(stage, file)
        said = "Every credential in the backup was here already."
        await stage.until(lambda: said in [note.message for note in stage.app._notifications])
        await stage.until(lambda: "not confirmed" not in stage.text())
        assert stage.app.session.content.words_confirmed_at == NOW


async def test_place_for_a_backup_is_asked_again_while_a_file_is_kept_or_a_folder_in_the_way(
    ada: Holder, tmp_path: Path
) -> None:
    file = tmp_path / "mine"
    file.write_text("mine")
    async with on_stage(ada) as stage:
        await stage.press("4", "b", "m")
        await stage.screen(Field)
        await stage.enter(str(file))
        await stage.screen(Question)
        await stage.press("enter")
        field = (await stage.screen(Field)).query_one(Input)
        assert (field.value, file.read_text()) == (str(file), "mine")
        await stage.enter(str(tmp_path))
        await stage.screen(Refusal)
        await stage.shows("This is a folder", "Add the name of a file in it", "path_is_folder")
        await stage.press("enter")
        await stage.screen(Field)
        await stage.press(*"/new")
        await stage.press("enter")
        await stage.screen(Question)
        await stage.shows("✓ 1 credential in")
    assert (tmp_path / "new").is_file()


async def test_file_that_is_no_backup_is_refused_before_the_words_are_asked(
    ada: Holder, tmp_path: Path
) -> None:
    (tmp_path / "letter").write_text("a letter")
    async with on_stage(ada) as stage:
        await stage.press("4", "b")
        for name, code in (("nothing", "not_found"), ("letter", "backup_damaged"), ("", "path_is_folder")):
            for key in ("h", "e"):
                await stage.screen(BackupScreen)
                await stage.press(key)
                await stage.screen(Field)
                await stage.enter(str(tmp_path / name))
                await stage.screen(Refusal)
                await stage.shows(code)
                await stage.press("enter")


async def test_passphrase_is_changed_after_the_old_one(ada: Holder) -> None:
    async with on_stage(ada) as stage:
        await stage.press("4", "c")
        await stage.screen(Field)
        await stage.enter(PASSPHRASE)
        await stage.screen(NewPassphrase)
        await stage.enter("another long one")
        await stage.enter("another long one")
        await stage.screen(KeysScreen)
        stage.app.session.lock()
        stage.app.session.unlock(Passphrase("another long one"))
