"""Further copies: what comes is more of the same, whatever failed on the way, and else nothing changes."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from issuer.grant import ACCESS_TOKEN_LIFETIME, COMPLETION_TIME
from issuer.register import list_credentials
from issuer.status import change_status
from protocol.codes import Code
from protocol.did.verified import LogEvidence
from protocol.encoding.time import to_seconds
from protocol.errors import RefusedError, TallyError, UnavailableError, VerificationError
from protocol.openid4vci.token import RefreshRequest, parse_token_request
from protocol.status_list import Status
from storage.sealed_file import SealedFile
from tests.counted import NOW
from tests.issuer.university import EXAMPLE
from tests.processes import ROOT
from tests.status_issuer import DID, OTHER_KEY
from tests.wallet.counterparts import (
    UNIVERSITY,
    Campus,
    Lie,
    changes,
    gets_lost,
    honest,
    is_away,
    open_campus,
    open_vault,
)
from tests.wallet.issuing import HTML, METADATA, for_each_key, forging, gives, keys_of, notified, receive
from tests.wallet.test_completing import FAILURES, PowerCut, dies, dies_after, issued, refused
from wallet.content import WalletContent
from wallet.copies import FEW_COPIES, can_refill, needs_refill
from wallet.held import HeldCredential
from wallet.receive import complete_issuance
from wallet.refill import refill_copies
from wallet.vault import Vault

COPIES = 3


@pytest.fixture
def campus(campus: Campus) -> Campus:
    """The university all tests share, which allows further copies for a year."""
    campus.door.university.allow_refill()
    return campus


@pytest.fixture
def aging(tmp_path: Path) -> Iterator[Campus]:
    """A university of the test's own, whose time may go on."""
    with open_campus(tmp_path) as campus:
        campus.door.university.allow_refill()
        yield campus


@pytest.fixture
def held(vault: Vault, campus: Campus) -> HeldCredential:
    """A degree in three copies, the first of which was shown."""
    return get(vault, campus)


def get(vault: Vault, campus: Campus) -> HeldCredential:
    (credential,) = receive(vault, campus, copies=COPIES)
    use(vault, credential)
    campus.courier.sent.clear()
    return vault.content.credential(credential.id)


def use(vault: Vault, held: HeldCredential, count: int = 1) -> None:
    for _ in range(count):
        key = vault.content.credential(held.id).next_copy.key
        vault.change(partial(WalletContent.with_copy_used, credential_id=held.id, key=key, now=NOW))


def refill(vault: Vault, campus: Campus, held: HeldCredential, *, copies: int = COPIES) -> HeldCredential:
    return refill_copies(vault, held.id, copies=copies, outside=campus.outside)


def at(campus: Campus, **later: float) -> Campus:
    """The same campus, later; its ledger vouches for its DID again."""
    campus.clock.advance(timedelta(**later))
    campus.dids = {DID: replace(UNIVERSITY, evidence=LogEvidence("ledger.example", 7, campus.clock.now))}
    return campus


def revoke(campus: Campus, status: Status = Status.INVALID) -> None:
    register = campus.door.university.register
    record = list_credentials(register)[0]
    change_status(register, record.id, status, now=campus.clock.now)


def exchanged(campus: Campus) -> list[str]:
    """The refresh tokens that left the wallet."""
    requests = [parse_token_request(sent.body) for sent in campus.courier.sent if sent.url.endswith("/token")]
    return [request.refresh_token for request in requests if isinstance(request, RefreshRequest)]


# What comes


def test_used_copies_make_room_for_new_ones_and_unused_ones_stay(
    vault: Vault, campus: Campus, held: HeldCredential
) -> None:
    (used, *unused) = held.copies
    refilled = refill(vault, campus, held)
    assert refilled == vault.content.credential(held.id)
    assert refilled.copies[:2] == tuple(unused)
    assert len(refilled.unused_copies) == len(refilled.copies) == 2 + COPIES
    assert refilled.gone == (used.key,)
    assert len({copy.key for copy in (*refilled.copies, used)}) == 3 + COPIES
    assert replace(refilled, copies=held.copies, gone=(), refill=held.refill, standing=held.standing) == held
    assert vault.content.pending == ()
    record = issued(campus)[0]
    assert (record["copies"], record["notified"]) == (COPIES + COPIES, "credential_accepted")


def test_refill_goes_on_for_as_long_as_the_issuer_allows(vault: Vault, aging: Campus) -> None:
    held = get(vault, aging)
    for count in (6, 9, 12):
        refill(vault, at(aging, days=100), held)
        assert issued(aging)[0]["copies"] == count
    assert len(set(exchanged(aging))) == 3
    assert refused(lambda: refill(vault, at(aging, days=100), held)) is Code.REFILL_REFUSED


def test_history_says_that_copies_were_received(vault: Vault, campus: Campus, held: HeldCredential) -> None:
    before = vault.content.activity
    refill(vault, campus, held)
    (*same, received) = vault.content.activity
    assert tuple(same) == before
    assert replace(received, time=before[-1].time) == before[-1]


def test_no_more_copies_are_asked_for_than_the_issuer_gives_at_once(
    vault: Vault, campus: Campus, held: HeldCredential
) -> None:
    refill(vault, campus, held, copies=50)
    (request,) = [sent.body for sent in campus.courier.sent if sent.url.endswith("/credential")]
    assert len(keys_of(request)) == 10


def test_refresh_token_is_shown_nowhere(vault: Vault, campus: Campus, held: HeldCredential) -> None:
    assert held.refill is not None
    assert len(held.refill.refresh_token) > 20
    campus.courier.lie("/credential", gets_lost)
    assert refused(lambda: refill(vault, campus, held)) is Code.NETWORK_TIMEOUT
    assert held.refill.refresh_token not in repr(vault.content)


# When it is offered


def test_refill_is_offered_when_few_copies_are_left(
    vault: Vault, campus: Campus, held: HeldCredential
) -> None:
    now = campus.clock.now
    assert len(held.unused_copies) == FEW_COPIES
    assert can_refill(held, now=now)
    assert needs_refill(held, now=now)
    more = refill(vault, campus, held)
    assert can_refill(more, now=now)
    assert not needs_refill(more, now=now)
    assert not can_refill(replace(more, refill=None), now=now)
    assert not can_refill(more, now=now + timedelta(days=4000))


def test_where_the_issuer_allows_none_nobody_is_asked(vault: Vault, campus: Campus) -> None:
    campus.door.university.allow_refill(days=0)
    (credential,) = receive(vault, campus)
    campus.courier.sent.clear()
    assert not can_refill(credential, now=campus.clock.now)
    assert refused(lambda: refill(vault, campus, credential)) is Code.REFILL_REFUSED
    assert campus.courier.sent == []


def test_refusal_for_good_is_remembered(vault: Vault, campus: Campus, held: HeldCredential) -> None:
    revoke(campus)
    assert refused(lambda: refill(vault, campus, held)) is Code.REFILL_REFUSED
    now = vault.content.credential(held.id)
    assert (now.refill, now.copies) == (None, held.copies)
    assert vault.content.pending == ()


def test_suspension_is_no_refusal_for_good(vault: Vault, campus: Campus, held: HeldCredential) -> None:
    revoke(campus, Status.SUSPENDED)
    assert refused(lambda: refill(vault, campus, held)) is Code.ISSUANCE_REFUSED
    revoke(campus, Status.VALID)
    assert len(refill(vault, campus, held).unused_copies) == 2 + COPIES


def test_credentials_of_one_offer_share_what_is_exchanged(vault: Vault, campus: Campus) -> None:
    (one,) = receive(vault, campus, copies=1)
    other = replace(one, id="other")
    vault.change(lambda content: content.with_credential(other))
    refill(vault, campus, one)
    assert one.refill is not None
    renewed = {each.refill.refresh_token for each in vault.content.credentials if each.refill}
    assert len(renewed) == 1
    assert one.refill.refresh_token not in renewed


# What must not come


def other_claims() -> dict[str, Any]:
    return {**EXAMPLE, "title": "Doctor of Everything"}


FORGERIES: dict[str, Callable[[Campus], Lie]] = {
    "other facts": lambda campus: gives(campus, for_each_key(claims=other_claims())),
    "other type": lambda campus: gives(campus, for_each_key(vct="urn:tallystick:passport:1")),
    "other issuer": lambda campus: gives(campus, for_each_key(issuer="did:example:other")),
    "other signer": lambda campus: gives(campus, for_each_key(key=OTHER_KEY)),
    "fact that cannot be withheld": lambda campus: gives(
        campus, for_each_key(hidden=lambda name: name != "grade")
    ),
    "expired": lambda campus: gives(campus, for_each_key(exp=1)),
    "one key twice": lambda campus: gives(campus, lambda keys: for_each_key()([keys[0]] * 2)),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
def test_what_differs_from_what_is_held_is_refused_and_nothing_is_replaced(
    vault: Vault, campus: Campus, held: HeldCredential, forge: Callable[[Campus], Lie]
) -> None:
    campus.dids["did:example:other"] = replace(UNIVERSITY, did="did:example:other")
    campus.courier.lie("/credential", forge(campus))
    with pytest.raises(TallyError) as caught:
        refill(vault, campus, held)
    assert isinstance(caught.value, VerificationError)
    kept = vault.content.credential(held.id)
    assert (kept.copies, kept.gone) == (held.copies, ())
    assert notified(campus)[0] == "credential_failure"
    # The honest answer is taken when it comes.
    campus.courier.lie_no_more()
    assert len(refill(vault, campus, held).unused_copies) == 2 + COPIES


def test_what_is_the_same_is_taken_from_whoever_signs_for_the_issuer(
    vault: Vault, campus: Campus, held: HeldCredential
) -> None:
    campus.courier.lie("/credential", forging(campus))
    assert len(refill(vault, campus, held).unused_copies) == 2 + COPIES


@pytest.mark.parametrize(
    ("path", "change", "code"),
    [
        (
            METADATA,
            {"authorization_servers": ["http://elsewhere.localhost:1"]},
            Code.ISSUER_METADATA_MISMATCH,
        ),
        (METADATA, {"credential_issuer": "http://elsewhere.localhost:1"}, Code.ISSUER_METADATA_MISMATCH),
    ],
    ids=["other authorization server", "other issuer"],
)
def test_refresh_token_is_given_to_nobody_but_who_gave_it(
    vault: Vault, campus: Campus, held: HeldCredential, path: str, change: dict[str, Any], code: Code
) -> None:
    campus.courier.lie(path, changes(lambda metadata: metadata.update(change)))
    assert refused(lambda: refill(vault, campus, held)) is code
    assert exchanged(campus) == []


def test_configuration_that_stands_for_another_type_now_is_refused(
    vault: Vault, campus: Campus, held: HeldCredential
) -> None:
    def other_type(metadata: dict[str, Any]) -> None:
        metadata["credential_configurations_supported"]["degree"]["vct"] = "urn:other"

    campus.courier.lie(METADATA, changes(other_type))
    assert refused(lambda: refill(vault, campus, held)) is Code.ISSUER_METADATA_MISMATCH
    assert exchanged(campus) == []


def test_server_that_names_credentials_is_asked_by_name(
    vault: Vault, campus: Campus, held: HeldCredential
) -> None:
    detail = {
        "type": "openid_credential",
        "credential_configuration_id": "degree",
        "credential_identifiers": ["mine"],
    }
    campus.courier.lie("/token", changes(lambda it: it.update(authorization_details=[detail])))
    campus.courier.lie("/credential", forging(campus))
    refill(vault, campus, held)
    (request,) = [sent.body for sent in campus.courier.sent if sent.url.endswith("/credential")]
    assert b'"credential_identifier":"mine"' in request


def test_server_that_gives_no_other_refresh_token_takes_the_same_again(
    vault: Vault, campus: Campus, held: HeldCredential
) -> None:
    campus.courier.lie("/token", changes(lambda it: it.pop("refresh_token")))
    assert refill(vault, campus, held).refill == held.refill


# Whatever fails on the way

FAILING_TOKENS: dict[str, Lie] = {
    "away": is_away,
    "lost": gets_lost,
    "nonsense": HTML,
    "killed before": dies,
    "killed after": dies_after,
}


@pytest.mark.parametrize("lie", FAILING_TOKENS.values(), ids=FAILING_TOKENS.keys())
@pytest.mark.parametrize("path", [METADATA, "/token"])
def test_refill_begins_again_when_it_failed_before_the_tokens_were_saved(
    vault: Vault, campus: Campus, held: HeldCredential, path: str, lie: Lie
) -> None:
    campus.courier.lie(path, lie)
    with pytest.raises((TallyError, PowerCut)):
        refill(vault, campus, held)
    campus.courier.lie_no_more()
    assert vault.reload().credential(held.id) == held
    assert len(refill(vault, campus, held).unused_copies) == 2 + COPIES


def test_full_disk_between_the_tokens_and_their_use_costs_nothing(
    vault: Vault, campus: Campus, held: HeldCredential
) -> None:
    def full(_file: SealedFile, _body: bytes) -> None:
        raise UnavailableError(Code.DISK_FULL)

    with pytest.MonkeyPatch.context() as patch:

        def fill(honestly: Callable[[], Any]) -> Any:
            patch.setattr(SealedFile, "save", full)
            return honestly()

        campus.courier.lie("/token", fill)
        assert refused(lambda: refill(vault, campus, held)) is Code.DISK_FULL
    campus.courier.lie_no_more()
    assert len(refill(vault, campus, held).unused_copies) == 2 + COPIES


@pytest.mark.parametrize("failing", FAILURES.values(), ids=FAILURES.keys())
def test_second_attempt_ends_with_the_same_copies_whatever_failed(
    vault: Vault, campus: Campus, held: HeldCredential, tmp_path: Path, failing: Callable[[Campus], Any]
) -> None:
    with failing(campus) as outside, pytest.raises((TallyError, PowerCut)):
        refill_copies(vault, held.id, copies=COPIES, outside=outside)
    vault.close()
    with open_vault(tmp_path) as reopened:
        assert reopened.content.credential(held.id).copies == held.copies
        (pending,) = reopened.content.pending
        assert (pending.refill_of, pending.offer) == (held.id, held.offer)
        refilled = refill(reopened, campus, held)
        assert {copy.key for copy in refilled.copies} > set(pending.credentials[0].keys)
        assert (len(refilled.unused_copies), reopened.content.pending) == (2 + COPIES, ())
    record = issued(campus)[0]
    assert (record["copies"], record["notified"]) == (COPIES + COPIES, "credential_accepted")


@pytest.mark.parametrize("path", ["/token", "/nonce", "/credential", "/status/1"])
def test_killed_wallet_has_all_copies_when_it_is_opened_again(
    vault: Vault, campus: Campus, held: HeldCredential, tmp_path: Path, path: str
) -> None:
    time = str(to_seconds(campus.clock.now))
    killed = subprocess.run(
        [sys.executable, "-m", "tests.wallet.crash", str(tmp_path), f"refill:{held.id}", path, time],
        cwd=ROOT,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert vault.reload().credential(held.id).copies == held.copies
    assert len(refill(vault, campus, held, copies=4).unused_copies) == 2 + 4
    assert issued(campus)[0]["copies"] == COPIES + 4


def interrupt(vault: Vault, campus: Campus, held: HeldCredential, lie: Lie = gets_lost) -> None:
    campus.courier.lie("/credential", lie)
    assert refused(lambda: refill(vault, campus, held)) in (Code.NETWORK_TIMEOUT, Code.NETWORK_UNREACHABLE)
    campus.courier.lie_no_more()


def test_whoever_completes_what_is_pending_completes_a_refill(
    vault: Vault, campus: Campus, held: HeldCredential
) -> None:
    interrupt(vault, campus, held)
    (pending,) = vault.content.pending
    (refilled,) = complete_issuance(vault, pending, outside=campus.outside)
    assert refilled == vault.content.credential(held.id)
    assert len(refilled.unused_copies) == 2 + COPIES
    assert complete_issuance(vault, pending, outside=campus.outside) == ()


@pytest.mark.parametrize(
    ("lie", "lifetime"),
    [
        pytest.param(is_away, ACCESS_TOKEN_LIFETIME, id="never asked for"),
        pytest.param(gets_lost, COMPLETION_TIME, id="issued"),
    ],
)
def test_refill_that_came_too_late_begins_again_with_the_next_refresh_token(
    vault: Vault, aging: Campus, lie: Lie, lifetime: timedelta
) -> None:
    held = get(vault, aging)
    interrupt(vault, aging, held, lie)
    refilled = refill(vault, at(aging, seconds=lifetime.total_seconds()), held)
    assert len(refilled.unused_copies) == 2 + COPIES
    assert len(set(exchanged(aging))) == 2
    assert vault.content.pending == ()


def test_removed_credential_takes_its_pending_refill_with_it(
    vault: Vault, campus: Campus, held: HeldCredential
) -> None:
    interrupt(vault, campus, held)
    vault.change(lambda content: content.without_credential(held.id))
    assert vault.content.pending == ()


def test_unknown_credential_has_no_refill(vault: Vault, campus: Campus) -> None:
    with pytest.raises(RefusedError) as caught:
        refill_copies(vault, "x", outside=campus.outside)
    assert caught.value.code is Code.CREDENTIAL_NOT_FOUND


# Two wallets with one refresh token


def test_copy_of_the_wallet_that_refills_as_well_ends_the_refill_for_both(
    vault: Vault, campus: Campus, held: HeldCredential
) -> None:
    assert held.refill is not None
    refilled = refill(vault, campus, held)
    assert refilled.refill is not None
    new, old = refilled.refill.refresh_token, held.refill.refresh_token
    vault.change(lambda content: content.with_refresh_token(new, old))
    assert refused(lambda: refill(vault, campus, held)) is Code.REFILL_REFUSED
    assert issued(campus)[0]["refill_until"] is None


def test_lost_answer_is_asked_for_again(vault: Vault, campus: Campus, held: HeldCredential) -> None:
    campus.courier.lie("/token", gets_lost, honest)
    assert refused(lambda: refill(vault, campus, held)) is Code.NETWORK_TIMEOUT
    refill(vault, campus, held)
    assert len(set(exchanged(campus))) == 1
