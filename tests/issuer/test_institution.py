import shutil
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from issuer.founding import check_settings, found_institution, trust_ledger
from issuer.institution import open_institution
from ledger.client import TOKEN_PREFIX
from ledger.fetch import chosen_fetcher
from ledger.identity import NEXT_UPDATE, create_identity
from protocol.codes import Code
from protocol.did.document import Relationship
from protocol.did.webvh.author import deactivate_did
from protocol.did.webvh.history import verify_history
from protocol.did.webvh.witness import NO_WITNESS_PROOFS
from protocol.errors import RefusedError, TallyError, UnavailableError, VerificationError
from protocol.tlog.policy import encode_log_policy
from storage.management_key import create_management_key
from storage.passphrase import Passphrase
from tests.issuer.anchored import PASSPHRASE, Anchor, anchored
from tests.ledger.world import Clock

URL = "http://issuer.localhost:8102"


@pytest.fixture
def anchor(tmp_path: Path) -> Iterator[Anchor]:
    with anchored(tmp_path, Clock()) as anchor:
        yield anchor


def refused(error: pytest.ExceptionInfo[TallyError]) -> Code:
    return error.value.code


def test_founded_institution_has_a_did_on_the_ledger_and_its_settings(anchor: Anchor) -> None:
    settings = anchor.found()
    assert settings.did.endswith(f":ledger.localhost%3A{anchor.world.port}:city-university")
    assert anchor.folder.load_settings() == settings
    with anchor.resolver() as resolver:
        document = resolver.resolve(settings.did).document
    for relationship in Relationship:
        assert len(document.relationships[relationship]) == 1


def test_nothing_in_the_folder_is_open_to_others(anchor: Anchor) -> None:
    anchor.found()
    for file in anchor.path.joinpath("issuer").rglob("*"):
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file


def test_founding_that_was_interrupted_is_finished_by_the_next_call(anchor: Anchor) -> None:
    anchor.trust()
    anchor.folder.save_onboarding_token(create_management_key(TOKEN_PREFIX)[0])
    settings = check_settings("City", URL)
    with anchor.keeper() as keeper, pytest.raises(RefusedError) as refusal:
        found_institution(
            anchor.folder, keeper, settings, slug="city-university", witnessed=False, now=anchor.world.clock()
        )
    assert refused(refusal) is Code.WRITER_NOT_AUTHORIZED
    assert not anchor.folder.is_initialized()
    with anchor.open_keys() as ring:
        keys = dict(ring.keys)
    anchor.found()
    with anchor.open_keys() as ring:
        assert dict(ring.keys) == keys


def test_founding_goes_on_only_as_it_began(anchor: Anchor) -> None:
    anchor.trust()
    settings = check_settings("City", URL)
    with anchor.keeper() as keeper:
        did = create_identity(keeper, name="city-university", witnessed=False, now=anchor.world.clock())
        with pytest.raises(RefusedError) as refusal:
            found_institution(
                anchor.folder, keeper, settings, slug="city", witnessed=False, now=anchor.world.clock()
            )
    assert refused(refusal) is Code.VAULT_EXISTS
    assert did in refusal.value.detail
    assert anchor.found().did == did


@pytest.mark.parametrize("name", ["", "x" * 101, "City\nUniversity", "\x1b[2J", "Uni\u202e", "\udc80"])
def test_name_that_cannot_be_shown_is_refused(name: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        check_settings(name, URL)
    assert refused(refusal) is Code.SETTINGS_INVALID


@pytest.mark.parametrize(
    "url",
    [
        "http://issuer.example",
        "https://issuer.example/",
        "https://issuer.example/a",
        "https://127.0.0.1",
        "x",
    ],
)
def test_address_that_wallets_could_not_use_is_refused(url: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        check_settings("City", url)
    assert refused(refusal) is Code.SETTINGS_INVALID


def test_ledger_can_be_trusted_by_a_policy_from_elsewhere(anchor: Anchor) -> None:
    policy = encode_log_policy(anchor.world.ledger.policy)
    with chosen_fetcher("http://ledger.localhost:1") as unreachable:
        trusted = trust_ledger(anchor.folder, anchor.world.ledger.url, policy=policy, fetcher=unreachable)
        assert trusted == anchor.world.ledger
        assert anchor.folder.load_ledgers().development
        with pytest.raises(RefusedError) as refusal:
            trust_ledger(anchor.folder, "http://ledger.localhost:1", policy=policy, fetcher=unreachable)
        assert refused(refusal) is Code.LOG_POLICY_INVALID
        with pytest.raises(UnavailableError):
            trust_ledger(anchor.folder, "http://ledger.localhost:1", policy=None, fetcher=unreachable)


def test_rotation_takes_a_new_key_into_use_and_is_on_the_ledger(anchor: Anchor) -> None:
    did = anchor.found().did
    with (
        anchor.keeper() as keeper,
        open_institution(anchor.folder, keeper, url=URL, now=anchor.world.clock()) as (institution, keys),
    ):
        before = institution.signer()
        anchor.world.clock.time += timedelta(hours=1)
        after = keys.rotate(anchor.world.clock())
        assert institution.signer() == after != before
        with anchor.resolver() as resolver:
            document = resolver.resolve(did).document
        assert document.relationships[Relationship.ASSERTION] == {after.key_id}
    with (
        anchor.keeper() as keeper,
        open_institution(anchor.folder, keeper, url=URL, now=anchor.world.clock()) as (institution, _),
    ):
        assert institution.signer() == after


def test_token_is_needed_to_rotate_and_not_before(anchor: Anchor) -> None:
    anchor.found()
    now = anchor.world.clock()
    token = anchor.path / "issuer" / "onboarding.token"
    token.write_text("")
    with anchor.keeper() as keeper, open_institution(anchor.folder, keeper, url=URL, now=now) as (_, keys):
        before = keys.current()
        with pytest.raises(RefusedError) as refusal:
            keys.rotate(now)
        assert refusal.value.detail == "onboarding.token holds none"
        assert not anchor.folder.prepared_entry.exists()
        token.write_text(f"{anchor.token}\n")
        assert keys.rotate(now) != before


def test_rotation_that_was_interrupted_is_finished_when_the_institution_opens(
    anchor: Anchor, monkeypatch: pytest.MonkeyPatch
) -> None:
    anchor.found()
    anchor.world.clock.time += timedelta(hours=1)
    with (
        anchor.keeper() as keeper,
        open_institution(anchor.folder, keeper, url=URL, now=anchor.world.clock()) as (institution, keys),
    ):
        before = institution.signer()
        sent = keeper.client.submit

        def submit_and_die(line: bytes, *, onboarding_token: str) -> object:
            sent(line, onboarding_token=onboarding_token)
            raise KeyboardInterrupt

        monkeypatch.setattr(keeper.client, "submit", submit_and_die)
        with pytest.raises(KeyboardInterrupt):
            keys.rotate(anchor.world.clock())
        assert institution.signer() == before
    with (
        anchor.keeper() as keeper,
        open_institution(anchor.folder, keeper, url=URL, now=anchor.world.clock()) as (institution, _),
    ):
        assert institution.signer() != before
        assert not anchor.folder.prepared_entry.exists()


def test_key_ring_from_before_a_rotation_is_not_used(anchor: Anchor, tmp_path: Path) -> None:
    anchor.found()
    now = anchor.world.clock()
    shutil.copy2(anchor.folder.keys, tmp_path / "old")
    with anchor.keeper() as keeper, open_institution(anchor.folder, keeper, url=URL, now=now) as (_, keys):
        keys.verify_listed(now)
        keys.rotate(now)
        keys.verify_listed(now)
    # On a new machine nothing remembers how old the ring should be.
    for file in (*anchor.path.joinpath("state").glob("*.mark"), anchor.folder.keys):
        file.unlink()
    shutil.copy2(tmp_path / "old", anchor.folder.keys)
    with (
        anchor.keeper() as keeper,
        open_institution(anchor.folder, keeper, url=URL, now=now) as (_, keys),
        pytest.raises(VerificationError) as stale,
    ):
        keys.verify_listed(now)
    assert refused(stale) is Code.SIGNING_KEY_REPLACED


def test_institution_whose_did_was_deactivated_is_told_so(anchor: Anchor) -> None:
    did = anchor.found().did
    now = anchor.world.clock()
    with anchor.keeper() as keeper, open_institution(anchor.folder, keeper, url=URL, now=now) as (_, keys):
        logged = keeper.client.read_history(did, now=now)
        history = verify_history(logged.leaves, did=did, now=now, witness_proofs=NO_WITNESS_PROOFS)
        update_key = keeper.ring.keys[NEXT_UPDATE].signing_key()
        for entry in deactivate_did(history.latest, key=update_key, time=now + timedelta(seconds=1)):
            keeper.client.submit(entry.line.encode(), onboarding_token=anchor.token)
        with pytest.raises(VerificationError) as over:
            keys.verify_listed(now)
    assert refused(over) is Code.DID_DEACTIVATED


def test_only_one_process_has_an_institution_open(anchor: Anchor) -> None:
    anchor.found()
    now = anchor.world.clock()
    with (
        anchor.keeper() as first,
        anchor.keeper() as second,
        open_institution(anchor.folder, first, url=URL, now=now),
        pytest.raises(RefusedError) as refusal,
        open_institution(anchor.folder, second, url=URL, now=now),
    ):
        pass
    assert refused(refusal) is Code.VAULT_LOCKED


@pytest.mark.parametrize(
    "mode", [pytest.param(0o640, id="NT-A06-group"), pytest.param(0o604, id="NT-A06-all")]
)
def test_keys_that_others_could_read_are_not_opened(anchor: Anchor, mode: int) -> None:
    anchor.found()
    anchor.folder.keys.chmod(mode)
    with pytest.raises(RefusedError) as refusal:
        anchor.folder.open_keys(PASSPHRASE)
    assert refused(refusal) is Code.VAULT_PERMISSIONS


def test_keys_do_not_open_with_another_passphrase(anchor: Anchor) -> None:
    anchor.found()
    with pytest.raises(RefusedError) as refusal:
        anchor.folder.open_keys(Passphrase("wrong"))
    assert refused(refusal) is Code.PASSPHRASE_WRONG


def test_folder_without_an_institution_is_not_opened(anchor: Anchor) -> None:
    anchor.trust()
    with (
        anchor.keeper() as keeper,
        pytest.raises(RefusedError) as refusal,
        open_institution(anchor.folder, keeper, url=URL, now=anchor.world.clock()),
    ):
        pass
    assert refused(refusal) is Code.NOT_INITIALIZED
