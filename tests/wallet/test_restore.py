from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ledger.trust import TrustedLedgers, trust_ledgers
from protocol.codes import Code
from storage.passphrase import TEST_ONLY, Passphrase
from tests.counted import NOW
from tests.storage.place import refusal_of
from tests.wallet.holder import TRUSTED
from tests.wallet.holdings import EMPTY, PENDING, standing, with_all_used, with_held
from wallet.backup import Backup
from wallet.content import MAX_ACTIVITY, ActivityEntry, ActivityKind, BackupNote, WalletContent
from wallet.folder import WalletFolder
from wallet.held import Standing, StandingWord
from wallet.known_party import PartyMark, PartyRole
from wallet.recovery_phrase import first_key_index
from wallet.restore import merge_backup, merged_content, restore_wallet
from wallet.trust import load_ledgers
from wallet.vault import Vault

LATER = NOW + timedelta(days=1)
MUCH_LATER = NOW + timedelta(days=2)
NEW = Passphrase("a new passphrase")


def backup_of(content: WalletContent, ledgers: TrustedLedgers = TRUSTED) -> Backup:
    return Backup(made_at=NOW, content=content, ledgers=ledgers)


def merged(here: WalletContent, back: WalletContent, *, now: datetime = NOW) -> WalletContent:
    return merged_content(here, back, now=now)


def line(minutes: int, *, outcome: Code | None = None) -> ActivityEntry:
    return ActivityEntry(
        time=NOW + timedelta(minutes=minutes),
        kind=ActivityKind.PRESENTED,
        party="shop.example",
        outcome=outcome,
    )


@pytest.fixture
def folder(tmp_path: Path) -> WalletFolder:
    return WalletFolder(tmp_path / "wallet", tmp_path / "state")


def restore(backup: Backup, folder: WalletFolder, *, now: datetime = LATER) -> Vault:
    return restore_wallet(backup, folder, passphrase=NEW, kdf=TEST_ONLY, now=now)


def test_backup_is_restored_into_an_empty_place_with_a_new_passphrase(folder: WalletFolder) -> None:
    content = with_held(EMPTY).with_activity(line(0))
    with restore(backup_of(content), folder) as vault:
        assert vault.content == replace(
            content, next_key_index=first_key_index(LATER), words_confirmed_at=LATER
        )
    with Vault.open(folder.vault, NEW, mark_folder=folder.state, weakest_kdf=TEST_ONLY) as vault:
        assert vault.content.credentials == content.credentials
    assert load_ledgers(folder) == TRUSTED


def test_restored_wallet_counts_its_keys_on_from_whichever_is_ahead(folder: WalletFolder) -> None:
    far = first_key_index(LATER) + 7
    with restore(backup_of(replace(EMPTY, next_key_index=far)), folder) as vault:
        assert vault.content.next_key_index == far


def test_backup_is_not_restored_over_a_wallet(folder: WalletFolder) -> None:
    restore(backup_of(EMPTY), folder).close()
    before = folder.vault.read_bytes()
    assert refusal_of(lambda: restore(backup_of(with_held(EMPTY)), folder)).code is Code.VAULT_EXISTS
    assert folder.vault.read_bytes() == before


def test_backup_of_other_words_is_refused_and_changes_nothing(folder: WalletFolder) -> None:
    with restore(backup_of(EMPTY, trust_ledgers([])), folder) as vault:
        other = backup_of(with_held(WalletContent(entropy=bytes(32), next_key_index=0)))
        error = refusal_of(lambda: merge_backup(other, vault, folder, now=LATER))
        assert error.code is Code.BACKUP_OF_ANOTHER_WALLET
        assert (vault.content.credentials, vault.file.generation) == ((), 1)
    assert load_ledgers(folder).ledgers == ()


def test_merged_backup_brings_credentials_and_ledgers_and_keeps_what_is_here(folder: WalletFolder) -> None:
    back = with_held(EMPTY)
    with restore(backup_of(EMPTY, trust_ledgers([])), folder) as vault:
        vault.change(lambda content: with_held(content, id="card").with_pending(PENDING))
        before = vault.content
        for _ in range(2):
            merge_backup(backup_of(back), vault, folder, now=LATER)
            assert vault.content.credentials == (*before.credentials, *back.credentials)
            assert vault.content.pending == (PENDING,)
    with Vault.open(folder.vault, NEW, mark_folder=folder.state, weakest_kdf=TEST_ONLY) as vault:
        assert len(vault.content.credentials) == 2
    assert load_ledgers(folder) == TRUSTED


def test_ledger_that_is_trusted_by_another_policy_here_stays(folder: WalletFolder) -> None:
    (known,) = TRUSTED.ledgers
    other = trust_ledgers([replace(known, policy=replace(known.policy, quorum="none"))])
    with restore(backup_of(EMPTY, other), folder) as vault:
        merge_backup(backup_of(EMPTY), vault, folder, now=LATER)
    assert load_ledgers(folder) == other


def test_copies_of_both_are_kept_and_each_counts_as_shown_when_it_was_shown_last() -> None:
    whole = with_held(EMPTY, copies=4)
    held = whole.credential("degree-1")
    first, second, third, fourth = held.copies
    here = replace(held, copies=(replace(first, used_at=NOW), replace(second, used_at=LATER), third))
    back = replace(held, copies=(replace(first, used_at=LATER), replace(second, used_at=NOW), fourth))
    both = merged(replace(whole, credentials=(here,)), replace(whole, credentials=(back,)))
    assert [copy.used_at for copy in both.credential("degree-1").copies] == [LATER, LATER, None, None]
    assert {copy.credential for copy in both.credential("degree-1").copies} == {
        copy.credential for copy in held.copies
    }


def test_copy_that_was_shown_after_the_backup_does_not_become_fresh_again() -> None:
    back = with_held(EMPTY)
    here = with_all_used(back)
    assert merged(here, back).credential("degree-1").unused_copies == ()
    assert merged(back, here).credential("degree-1").unused_copies == ()


def test_copy_that_made_room_for_new_ones_does_not_come_back() -> None:
    whole = with_held(EMPTY, copies=4)
    held = whole.credential("degree-1")
    used, unused, *new = held.copies
    back = replace(whole, credentials=(replace(held, copies=(used, unused)),))
    here = back.with_copy_used("degree-1", used.key, now=NOW).with_refilled("degree-1", tuple(new), None)
    for both in (merged(here, back), merged(back, here), merged(here, here)):
        assert set(both.credential("degree-1").copies) == {unused, *new}
        assert both.credential("degree-1").gone == (used.key,)


def test_credential_keeps_a_copy_though_each_of_two_wallets_used_those_of_the_other() -> None:
    whole = with_held(EMPTY)
    held = whole.credential("degree-1")
    one, other = held.copies
    here = replace(whole, credentials=(replace(held, copies=(one,), gone=(other.key,)),))
    back = replace(whole, credentials=(replace(held, copies=(other,), gone=(one.key,)),))
    # It was shown by the other one, whenever that was.
    assert merged(here, back).credential("degree-1").copies == (replace(one, used_at=NOW),)


def test_copy_that_was_shown_and_removed_comes_back_as_shown() -> None:
    back = with_held(EMPTY)
    shown, unused = back.credential("degree-1").copies
    here = back.with_copy_used("degree-1", shown.key, now=NOW).without_credential("degree-1")
    for both in (merged(here, back, now=LATER), merged(back, here, now=LATER)):
        assert both.credential("degree-1").copies == (replace(shown, used_at=LATER), unused)
        assert both.gone == (shown.key,)


VALID, SUSPENDED, REVOKED, UNKNOWN = StandingWord


@pytest.mark.parametrize(
    ("earlier", "later", "expected"),
    [
        (VALID, SUSPENDED, SUSPENDED),
        (SUSPENDED, VALID, VALID),
        (SUSPENDED, UNKNOWN, SUSPENDED),
        (REVOKED, VALID, REVOKED),
        (VALID, UNKNOWN, UNKNOWN),
    ],
)
def test_bad_standing_stays_whichever_side_knows_it(
    earlier: StandingWord, later: StandingWord, expected: StandingWord
) -> None:
    old, new = standing(earlier), Standing(word=later, checked_at=LATER)
    contents = [with_held(EMPTY, standing=each) for each in (old, new)]
    contents[1] = replace(contents[1], credentials=(replace(contents[0].credentials[0], standing=new),))
    for here, back in (contents, reversed(contents)):
        found = merged(here, back).credential("degree-1").standing
        assert found is not None
        assert found.word is expected


def test_standing_that_only_one_side_knows_counts() -> None:
    asked = with_held(EMPTY)
    unasked = replace(asked, credentials=(replace(asked.credentials[0], standing=None),))
    for here, back in ((asked, unasked), (unasked, asked)):
        assert merged(here, back).credentials[0].standing == asked.credentials[0].standing


@pytest.mark.parametrize(
    ("here", "back", "minutes"), [(10**9, 5, 0), (5, 10**9, 0), (5, 6, 90)], ids=["here", "backup", "now"]
)
def test_key_index_never_goes_back(here: int, back: int, minutes: int) -> None:
    now = NOW + timedelta(minutes=minutes)
    found = merged(replace(EMPTY, next_key_index=here), replace(EMPTY, next_key_index=back), now=now)
    assert found.next_key_index == max(here, back, first_key_index(now))


def test_history_of_both_is_put_in_order_and_no_line_stands_twice() -> None:
    here = EMPTY.with_activity(line(1)).with_activity(line(3, outcome=Code.NETWORK_TIMEOUT))
    back = EMPTY.with_activity(line(0)).with_activity(line(1)).with_activity(line(3))
    assert merged(here, back).activity == (line(0), line(1), line(3, outcome=Code.NETWORK_TIMEOUT))
    assert merged(here, here).activity == here.activity


def test_history_that_is_too_long_together_forgets_its_oldest_lines() -> None:
    here = replace(EMPTY, activity=tuple(line(minutes) for minutes in range(1, MAX_ACTIVITY + 1)))
    back = EMPTY.with_activity(line(0)).with_activity(line(MAX_ACTIVITY + 1))
    found = merged(here, back).activity
    assert len(found) == MAX_ACTIVITY
    assert (found[0], found[-1]) == (line(2), line(MAX_ACTIVITY + 1))


def test_parties_of_both_are_known_from_the_first_meeting_to_the_last() -> None:
    def met(content: WalletContent, party: str, name: str, now: datetime) -> WalletContent:
        return content.with_party_seen(party, name=name, presented=True, now=now)

    here = met(met(EMPTY, "shop", "Shop", LATER), "bar", "Bar", NOW)
    back = met(met(met(EMPTY, "shop", "Store", NOW), "shop", "Store", NOW), "cinema", "Cinema", MUCH_LATER)
    found = merged(here, back).parties
    assert [party.client_id for party in found] == ["bar", "shop", "cinema"]
    shop = found[1]
    assert (shop.name, shop.first_seen, shop.last_seen, shop.presentations) == ("Shop", NOW, LATER, 2)


def test_hosts_of_a_party_are_all_kept() -> None:
    def met(host: str, now: datetime) -> WalletContent:
        return EMPTY.with_issuer_seen("did:example:university", host=host, now=now)

    (party,) = merged(met("new.example", LATER), met("old.example", NOW)).parties
    assert (party.role, party.hosts, party.credentials) == (
        PartyRole.ISSUER,
        ("old.example", "new.example"),
        1,
    )


SEEN, TRUST, BLOCKED = PartyMark


@pytest.mark.parametrize(
    ("here", "back", "expected"),
    [
        (SEEN, BLOCKED, BLOCKED),
        (BLOCKED, SEEN, BLOCKED),
        (TRUST, BLOCKED, BLOCKED),
        (TRUST, SEEN, TRUST),
        (SEEN, TRUST, SEEN),
    ],
)
def test_block_of_either_side_stays_and_trust_only_of_this_one(
    here: PartyMark, back: PartyMark, expected: PartyMark
) -> None:
    def marked(mark: PartyMark) -> WalletContent:
        content = EMPTY.with_party_seen("shop", name="Shop", presented=True, now=NOW)
        return content.with_party_marked(content.parties[0], mark)

    assert [party.mark for party in merged(marked(here), marked(back)).parties] == [expected]


@pytest.mark.parametrize(("back", "expected"), [(SEEN, SEEN), (TRUST, SEEN), (BLOCKED, BLOCKED)])
def test_trust_in_a_party_that_was_forgotten_here_does_not_come_back(
    back: PartyMark, expected: PartyMark
) -> None:
    content = EMPTY.with_party_seen("shop", name="Shop", presented=True, now=NOW)
    marked = content.with_party_marked(content.parties[0], back)
    assert [party.mark for party in merged(EMPTY, marked).parties] == [expected]


def test_the_later_note_of_a_backup_is_kept() -> None:
    old, new = (BackupNote(made_at=moment, credentials=1) for moment in (NOW, LATER))

    def noted(note: BackupNote | None) -> WalletContent:
        return replace(EMPTY, last_backup=note)

    assert merged(noted(old), noted(new)).last_backup == new
    assert merged(noted(new), noted(old)).last_backup == new
    assert merged(noted(None), noted(old)).last_backup == old
    assert merged(noted(None), noted(None)).last_backup is None
