"""One file in a safe place: `tally backup make`, `rehearse`, `restore`."""

from dataclasses import replace
from pathlib import Path

import click

from doors.clock import now
from doors.command import Group, pass_terminal
from doors.exit_code import ExitCode
from doors.prompts import PassphraseSource, confirm, leave_no_image, passphrase_options
from doors.terminal import Terminal, good, warning
from ledger.trust import TrustedLedgers
from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject
from protocol.encoding.time import encode_utc
from protocol.errors import MalformedError, RefusedError, VerificationError
from storage.passphrase import calibrate_kdf
from wallet.backup import Backup, make_backup, open_backup, require_backup
from wallet.cli.access import open_vault, open_wallet, read_new_passphrase
from wallet.cli.recovery_words import read_words
from wallet.door.backup_lines import rehearsal_lines
from wallet.door.place import wallet_folder
from wallet.door.wording import plural
from wallet.folder import WalletFolder
from wallet.label import type_name
from wallet.recovery_phrase import derive_recovery_key, derive_seed
from wallet.rehearsal import Rehearsal, rehearse
from wallet.restore import merge_backup, restore_wallet
from wallet.trust import load_ledgers
from wallet.vault import Vault

backup = Group("backup", help="Back up the wallet into one file, and restore it from there.")

_file = click.argument("file", type=click.Path(path_type=Path))
_words_file = click.option(
    "--words-file",
    type=click.Path(path_type=Path),
    help="Read the recovery words from this file (mode 0600).",
)


@backup.command("make", examples=["tally backup make /media/stick/wallet.backup"])
@_file
@click.option("--replace", "replacing", is_flag=True, help="Put it in the place of the file that is there.")
@passphrase_options
@pass_terminal
def make(terminal: Terminal, *, file: Path, replacing: bool, passphrase: PassphraseSource) -> None:
    """Back up the wallet into a new file, which only the 24 words open, and read it back.

    Keep the words and the file in different places: who has both has everything.
    """
    with open_wallet(terminal, passphrase) as vault:
        made = make_backup(vault, load_ledgers(wallet_folder()), file, now=now(), replacing=replacing)
    terminal.document(_document(made, file))
    credentials, ledgers = (
        plural(len(things), noun)
        for things, noun in ((made.content.credentials, "credential"), (made.ledgers.ledgers, "ledger"))
    )
    terminal.say(good("✓ "), f"{credentials} and the trust in {ledgers} are in {file}.")
    terminal.say("  Only your 24 words open it. Try that once: `tally backup rehearse FILE`.")
    if made.left_out:
        hosts = ", ".join(made.left_out)
        terminal.note(warning("! "), f"Not in it: what did not come yet from {hosts}. Run `tally add`.")


@backup.command("rehearse", examples=["tally backup rehearse /media/stick/wallet.backup"])
@_file
@_words_file
@pass_terminal
def rehearse_restore(terminal: Terminal, *, file: Path, words_file: Path | None) -> ExitCode:
    """Prove that the file and the words bring the wallet back, without changing anything.

    Ends with 3 if something in the backup could not be used.
    """
    leave_no_image()
    opened = _open_backup(terminal, file, words_file)
    folder = wallet_folder()
    try:
        vault = _open_with_words(terminal, folder, opened)
    except (MalformedError, VerificationError) as error:
        # Then the backup is wanted most.
        terminal.note(warning("! "), f"The wallet here is of no help: {error} [{error.code}]")
        rehearsal = rehearse(opened, None, ledgers=TrustedLedgers(()))
    else:
        rehearsal = _rehearse_beside(opened, vault, folder)
    _print(terminal, rehearsal)
    terminal.document(_rehearsal_document(rehearsal))
    return ExitCode.SUCCESS if rehearsal.is_sound else ExitCode.NOT_VALID


@backup.command("restore", examples=["tally backup restore /media/stick/wallet.backup"])
@_file
@_words_file
@click.option("--yes", is_flag=True, help="Do not ask.")
@passphrase_options
@pass_terminal
def restore(
    terminal: Terminal,
    *,
    file: Path,
    words_file: Path | None,
    yes: bool,
    passphrase: PassphraseSource,
) -> None:
    """Make a wallet from a backup, or add what is in it to your wallet. Nothing here is overwritten.

    A new wallet gets a new passphrase, which the passphrase options give; a wallet that is here keeps its own
    and is opened with the words.
    """
    opened = _open_backup(terminal, file, words_file)
    folder = wallet_folder()
    vault = _open_with_words(terminal, folder, opened)
    if vault is not None:
        with vault:
            rehearsal = rehearse(opened, vault.content, ledgers=load_ledgers(folder))
            _print(terminal, rehearsal)
            if not yes:
                confirm(terminal, f"Add this to the wallet in {folder.path}?")
            merge_backup(opened, vault, folder, now=now())
    elif folder.is_initialized():
        raise RefusedError(Code.BACKUP_OF_ANOTHER_WALLET)
    else:
        rehearsal = rehearse(opened, None, ledgers=TrustedLedgers(()))
        _print(terminal, rehearsal)
        secret = read_new_passphrase(terminal, passphrase)
        folder = wallet_folder(make=True)
        restore_wallet(opened, folder, passphrase=secret, kdf=calibrate_kdf(), now=now()).close()
    terminal.document({**_rehearsal_document(rehearsal), "wallet": str(folder.path)})
    terminal.say(good("✓ "), f"Your wallet is in {folder.path}, with what was in the backup.")
    terminal.note("Ask how your credentials stand now with `tally status`.")


def _open_backup(terminal: Terminal, file: Path, words_file: Path | None) -> Backup:
    require_backup(file)
    return open_backup(file, read_words(terminal, words_file))


def _open_with_words(terminal: Terminal, folder: WalletFolder, opened: Backup) -> Vault | None:
    """The wallet that is here, opened with the words; None if there is none, or one of other words."""
    if not folder.is_initialized():
        return None
    try:
        return open_vault(terminal, folder, derive_recovery_key(derive_seed(opened.content.entropy)))
    except RefusedError as error:
        if error.code is not Code.RECOVERY_PHRASE_INVALID:
            raise
        return None


def _rehearse_beside(opened: Backup, vault: Vault | None, folder: WalletFolder) -> Rehearsal:
    if vault is not None:
        with vault:
            return rehearse(opened, vault.content, ledgers=load_ledgers(folder))
    rehearsal = rehearse(opened, None, ledgers=TrustedLedgers(()))
    return replace(rehearsal, same_words=False) if folder.is_initialized() else rehearsal


def _print(terminal: Terminal, rehearsal: Rehearsal) -> None:
    for line in rehearsal_lines(rehearsal, now=now()):
        terminal.say(*line)


def _document(made: Backup, file: Path) -> JsonObject:
    return {
        "backup": str(file),
        "made_at": encode_utc(made.made_at),
        "credentials": len(made.content.credentials),
        "ledgers": len(made.ledgers.ledgers),
        "left_out": list(made.left_out),
    }


def _rehearsal_document(rehearsal: Rehearsal) -> JsonObject:
    return {
        "made_at": encode_utc(rehearsal.made_at),
        "same_words": rehearsal.same_words,
        "sound": rehearsal.is_sound,
        "credentials": [
            {
                "id": each.held.id,
                "type": type_name(each.held.credential_type),
                "vct": each.held.credential_type,
                "issuer": each.held.issuer,
                "copies": len(each.held.copies),
                "copies_left": len(each.held.unused_copies),
                "arrival": each.arrival.value,
                "faults": [fault.value for fault in each.faults],
            }
            for each in rehearsal.credentials
        ],
        "ledgers": [{"url": each.ledger.url, "arrival": each.arrival.value} for each in rehearsal.ledgers],
        "parties": rehearsal.parties,
        "activity": rehearsal.activity,
        "losses": [{"loss": loss.kind.value, "subjects": list(loss.subjects)} for loss in rehearsal.losses],
    }
