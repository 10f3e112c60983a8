"""Keeping the wallet safe: the words, the passphrase, backups, and a rehearsal that touches nothing."""

from pathlib import Path

from storage.passphrase import Passphrase
from tests.wallet.holder import ENTROPY, PASSPHRASE, Holder
from tests.wallet.tui.pictures import assert_looks_like
from tests.wallet.tui.stage import Stage, on_stage
from wallet.recovery_phrase import encode_recovery_phrase
from wallet.tui.screens.backup import BackupScreen
from wallet.tui.screens.dialog import Field, Notice, Question, Refusal
from wallet.tui.screens.keys import KeysScreen
from wallet.tui.screens.new_passphrase import NewPassphrase
from wallet.tui.screens.typed_words import TypedWords

WORDS = encode_recovery_phrase(ENTROPY)


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
        await stage.press("e")
        await stage.screen(Field)
        await stage.enter(str(file))
        await stage.screen(TypedWords)
        await stage.enter(WORDS)
        await stage.screen(Question)
        await stage.press("y")
        await stage.screen(BackupScreen)
        assert stage.app.session.content.credentials == before.credentials


async def test_backup_of_another_wallet_is_refused_and_a_file_in_the_way_is_kept(
    ada: Holder, tmp_path: Path
) -> None:
    file = tmp_path / "wallet.backup"
    file.write_text("mine")
    async with on_stage(ada) as stage:
        await stage.press("4", "b", "m")
        await stage.screen(Field)
        await stage.enter(str(file))
        await stage.screen(Question)
        await stage.press("enter")
        await stage.screen(Refusal)
        assert file.read_text() == "mine"
        await stage.press("enter", "h")
        await stage.screen(Field)
        await stage.enter(str(tmp_path / "no such file"))
        await stage.screen(Refusal)
        await stage.shows("not_found")


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
