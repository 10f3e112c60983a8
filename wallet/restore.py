"""Bringing back what is in a backup: into an empty place, or into a wallet of the same words.

Nothing that is here is overwritten or lost: of two words about the same thing the worse and the later count.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime

from ledger.trust import TrustedLedgers
from protocol.codes import Code
from protocol.errors import RefusedError
from storage.atomic_file import make_private_folder
from storage.passphrase import KdfParameters, Passphrase
from wallet.backup import Backup
from wallet.content import MAX_ACTIVITY, ActivityEntry, BackupNote, WalletContent
from wallet.folder import WalletFolder
from wallet.held import CredentialCopy, HeldCredential, Standing
from wallet.known_party import KnownParty, PartyMark
from wallet.making import require_no_wallet
from wallet.recovery_phrase import HolderKey, first_key_index
from wallet.trust import is_same_ledger, load_ledgers, save_ledgers, with_ledger
from wallet.vault import Vault


def restore_wallet(
    backup: Backup, folder: WalletFolder, *, passphrase: Passphrase, kdf: KdfParameters, now: datetime
) -> Vault:
    """Make a wallet of the backup where there is none, with a new passphrase; the open wallet.

    Raises:
        RefusedError: there is a wallet; the passphrase is empty or too long.
        UnavailableError: full disk, or the disk's fault; there is no wallet then, or a whole one.
    """
    require_no_wallet(folder)
    make_private_folder(folder.path)
    save_ledgers(folder, backup.ledgers)
    # The wallet last: whoever has it has everything else.
    index = max(backup.content.next_key_index, first_key_index(now))
    return Vault.create_with(
        folder.vault,
        # Only who has the words opens a backup.
        replace(backup.content, next_key_index=index, words_confirmed_at=now),
        passphrase=passphrase,
        kdf=kdf,
        mark_folder=folder.state,
    )


def merge_backup(backup: Backup, vault: Vault, folder: WalletFolder, *, now: datetime) -> None:
    """Add what is in the backup to the open wallet, which keeps its passphrase. Twice does no harm.

    Raises:
        RefusedError: the wallet is of other words (`backup_of_another_wallet`), or another process holds it.
        UnavailableError: full disk, or the disk's fault; repeat it then.
    """
    vault.change(lambda content: merged_content(content, backup.content, now=now))
    trusted = load_ledgers(folder)
    merged = merged_ledgers(trusted, backup.ledgers)
    if merged != trusted:
        save_ledgers(folder, merged)


def merged_content(here: WalletContent, back: WalletContent, *, now: datetime) -> WalletContent:
    """What a wallet that holds `here` holds once `back`, of the same words, was added.

    Raises:
        RefusedError: they are not of the same words: no key here is a key of what would come in.
    """
    if here.entropy != back.entropy:
        raise RefusedError(Code.BACKUP_OF_ANOTHER_WALLET)
    gone = tuple(dict.fromkeys((*here.gone, *back.gone)))
    credentials = _merged_credentials(here.credentials, back.credentials)
    return replace(
        here,
        # The device that made the backup may have counted on since, as one that is restored anew may have.
        next_key_index=max(here.next_key_index, back.next_key_index, first_key_index(now)),
        credentials=tuple(_with_shown(held, gone, now=now) for held in credentials),
        gone=gone,
        parties=tuple(_merged_parties(here.parties, back.parties)),
        activity=_merged_activity(here.activity, back.activity),
        last_backup=_later_note(here.last_backup, back.last_backup),
    )


def merged_ledgers(here: TrustedLedgers, back: TrustedLedgers) -> TrustedLedgers:
    """`here` with those of `back` at whose address, and under whose name, nothing is trusted yet."""
    for ledger in back.ledgers:
        if not any(is_same_ledger(known, ledger) for known in here.ledgers):
            here = with_ledger(here, ledger, replacing=False)
    return here


def _merged_credentials(
    here: Iterable[HeldCredential], back: Iterable[HeldCredential]
) -> Iterable[HeldCredential]:
    coming = {held.id: held for held in back}
    for held in here:
        other = coming.pop(held.id, None)
        yield held if other is None else _merged_credential(held, other)
    yield from coming.values()


def _with_shown(held: HeldCredential, gone: Collection[HolderKey], *, now: datetime) -> HeldCredential:
    # Removed after it was shown, or the only copy that is left; when it was shown nobody knows any more.
    shown = {*gone, *held.gone}
    copies = tuple(
        replace(copy, used_at=copy.used_at or now) if copy.key in shown else copy for copy in held.copies
    )
    return replace(held, copies=copies)


def _merged_credential(here: HeldCredential, back: HeldCredential) -> HeldCredential:
    return replace(
        here,
        received_at=min(here.received_at, back.received_at),
        copies=tuple(_merged_copies(here, back)) or here.copies,
        gone=tuple(dict.fromkeys((*here.gone, *back.gone))),
        standing=_merged_standing(here.standing, back.standing),
    )


def _merged_copies(here: HeldCredential, back: HeldCredential) -> Iterable[CredentialCopy]:
    # What was used and made room for new copies since would come back as if nobody had seen it.
    gone = {*here.gone, *back.gone}
    coming = {copy.credential: copy for copy in back.copies if copy.key not in gone}
    for copy in (copy for copy in here.copies if copy.key not in gone):
        other = coming.pop(copy.credential, None)
        times = [each.used_at for each in (copy, other) if each is not None and each.used_at is not None]
        yield replace(copy, used_at=max(times, default=None))
    yield from coming.values()


def _merged_standing(here: Standing | None, back: Standing | None) -> Standing | None:
    if here is None or back is None:
        return here or back
    earlier, later = sorted((back, here), key=lambda standing: standing.checked_at)
    return earlier.followed_by(later)


def _merged_parties(here: Iterable[KnownParty], back: Iterable[KnownParty]) -> Iterable[KnownParty]:
    # Whom only the backup knows may have been forgotten here; a block comes back all the same.
    known = {party.identity: replace(party, mark=_merged_mark(PartyMark.SEEN, party.mark)) for party in back}
    for party in here:
        other = known.get(party.identity)
        known[party.identity] = party if other is None else _merged_party(party, other)
    # The party met last stands last.
    return sorted(known.values(), key=lambda party: party.last_seen)


def _merged_party(here: KnownParty, back: KnownParty) -> KnownParty:
    earlier, later = sorted((back, here), key=lambda party: party.last_seen)
    return replace(
        later,
        first_seen=min(here.first_seen, back.first_seen),
        # One is most often the beginning of the other, so a sum would count twice.
        presentations=max(here.presentations, back.presentations),
        credentials=max(here.credentials, back.credentials),
        hosts=tuple(dict.fromkeys((*earlier.hosts, *later.hosts))),
        mark=_merged_mark(here.mark, back.mark),
    )


def _merged_mark(here: PartyMark, back: PartyMark) -> PartyMark:
    # Trust that was taken back since must not come back with an old file.
    return PartyMark.BLOCKED if PartyMark.BLOCKED in (here, back) else here


def _merged_activity(
    here: tuple[ActivityEntry, ...], back: tuple[ActivityEntry, ...]
) -> tuple[ActivityEntry, ...]:
    # How a line ended may have become known after the backup.
    lines = {replace(entry, outcome=None) for entry in here}
    coming = [entry for entry in back if replace(entry, outcome=None) not in lines]
    return tuple(sorted((*coming, *here), key=lambda entry: entry.time))[-MAX_ACTIVITY:]


def _later_note(here: BackupNote | None, back: BackupNote | None) -> BackupNote | None:
    notes = [note for note in (here, back) if note is not None]
    return max(notes, key=lambda note: note.made_at, default=None)
