"""Backing the open wallet up, rehearsing a restore, and adding what is in a backup."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from doors.screen.dialog import Field, Notice
from doors.screen.text import Line
from doors.terminal import bold, good, warning
from protocol.codes import Code
from protocol.errors import RefusedError, TallyError
from wallet.backup import Backup, make_backup, require_no_folder
from wallet.door.backup_lines import rehearsal_lines
from wallet.door.source import typed_path
from wallet.door.wording import plural
from wallet.rehearsal import Arrival, Rehearsal, rehearse
from wallet.restore import merge_backup
from wallet.trust import load_ledgers
from wallet.tui.flows.backup_file import open_with_words
from wallet.tui.flows.words import note_words_confirmed
from wallet.tui.screens.dialog import Question, Refusal

if TYPE_CHECKING:
    from wallet.tui.app import WalletApp

_EXAMPLE = "/media/stick/wallet.backup"


async def back_up(app: "WalletApp") -> None:
    """Write a backup to a file that the person names, and offer to rehearse it."""
    app.session.require_own_window()
    place = await _ask_place(app)
    if place is None:
        return
    path, replacing = place
    made = await app.work("Writing the backup …", partial(_make, app, path, replacing), can_cancel=False)
    lines: list[Line] = [
        (good("✓ "), f"{plural(len(made.content.credentials), 'credential')} in {path}."),
        (),
        ("It is worth something only if it opens with your words. Try that now?",),
    ]
    if made.left_out:
        hosts = ", ".join(made.left_out)
        lines.insert(1, (warning("! "), f"Not in it: what did not come yet from {hosts}."))
    if await app.ask(Question("Backed up", *lines, yes="Rehearse it", no="Later")):
        await _rehearse(app, path)


async def rehearse_restore(app: "WalletApp") -> None:
    """Show what a backup would bring back, without touching anything."""
    where = await app.ask(Field("Which backup?", placeholder=_EXAMPLE))
    if where is not None:
        await _rehearse(app, typed_path(where))


async def restore(app: "WalletApp") -> None:
    """Add what is in a backup to the open wallet; nothing here is overwritten."""
    app.session.require_own_window()
    where = await app.ask(Field("Which backup?", placeholder=_EXAMPLE))
    if where is None:
        return
    backup = await open_with_words(app, typed_path(where))
    if backup is None:
        return
    rehearsal = await _try(app, backup)
    lines = rehearsal_lines(rehearsal, now=app.session.clock())
    if not rehearsal.same_words:
        raise RefusedError(Code.BACKUP_OF_ANOTHER_WALLET)
    if await app.ask(Question("Add this to your wallet?", *lines, yes="Add it", no="Leave it")):
        await app.work("Adding …", partial(_merge, app, backup), can_cancel=False)
        if app.session.content.words_confirmed_at is None:
            # They are the wallet's own, and were typed just now.
            await app.work("Saving …", partial(note_words_confirmed, app), can_cancel=False)
        added = sum(each.arrival is Arrival.NEW for each in rehearsal.credentials)
        came = f"Back in your wallet: {plural(added, 'credential')}."
        app.tell(came if added else "Every credential in the backup was here already.")
        app.refresh_view()


async def _ask_place(app: "WalletApp") -> tuple[Path, bool] | None:
    """Where a backup goes, and whether it takes the place of a file; None when the person gives up."""
    typed = ""
    while (where := await app.ask(_place_field(typed))) is not None:
        typed, path = where, typed_path(where)
        try:
            require_no_folder(path)
        except TallyError as error:
            await app.ask(Refusal(error))
            continue
        if not path.is_file():
            return path, False
        if await app.ask(Question("There is a file", (bold(str(path)),), yes="Replace it", no="Keep it")):
            return path, True
    return None


def _place_field(where: str) -> Field:
    return Field(
        "Where shall the backup be?",
        ("Only your 24 words open it. Keep the words and the file in different places.",),
        value=where,
        placeholder=_EXAMPLE,
    )


async def _rehearse(app: "WalletApp", path: Path) -> None:
    backup = await open_with_words(app, path)
    if backup is not None:
        rehearsal = await _try(app, backup)
        await app.ask(Notice("A rehearsal", *rehearsal_lines(rehearsal, now=app.session.clock())))


async def _try(app: "WalletApp", backup: Backup) -> Rehearsal:
    ledgers = load_ledgers(app.session.folder)
    job = partial(rehearse, backup, app.session.content, ledgers=ledgers)
    return await app.work("Trying every key …", job)


def _make(app: "WalletApp", path: Path, replacing: bool) -> Backup:
    with app.session.opened() as vault:
        ledgers = load_ledgers(app.session.folder)
        return make_backup(vault, ledgers, path, now=app.session.clock(), replacing=replacing)


def _merge(app: "WalletApp", backup: Backup) -> None:
    with app.session.opened() as vault:
        merge_backup(backup, vault, app.session.folder, now=app.session.clock())
