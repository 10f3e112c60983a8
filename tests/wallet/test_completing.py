"""Whatever goes wrong once the code was redeemed, a second attempt ends with one credential, issued once."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import pytest

from issuer.grant import ACCESS_TOKEN_LIFETIME, COMPLETION_TIME
from ledger.fetch import Fetched
from protocol.codes import Code
from protocol.did.verified import LogEvidence, VerifiedDid
from protocol.encoding.time import to_seconds
from protocol.errors import TallyError, UnavailableError
from storage.sealed_file import SealedFile
from tests.processes import ROOT
from tests.status_issuer import DID
from tests.wallet.counterparts import (
    UNIVERSITY,
    Campus,
    Lie,
    create_vault,
    gets_lost,
    honest,
    is_away,
    open_campus,
    open_vault,
)
from tests.wallet.issuing import HTML, forging, keys_of, notified, receive, stands_for
from wallet.held import HeldCredential
from wallet.offer import open_offer
from wallet.outside import Outside
from wallet.receive import KEEP_TRYING, complete_issuance, receive_credentials
from wallet.vault import Vault

COPIES = 4


class PowerCut(BaseException):
    pass


def dies(_honestly: Callable[[], Fetched]) -> NoReturn:
    raise PowerCut


def dies_after(honestly: Callable[[], Fetched]) -> NoReturn:
    honestly()
    raise PowerCut


def complete(vault: Vault, campus: Campus) -> tuple[HeldCredential, ...]:
    (pending,) = vault.content.pending
    return complete_issuance(vault, pending, outside=campus.outside)


def interrupt(vault: Vault, campus: Campus, path: str = "/credential", lie: Lie = gets_lost) -> None:
    """Begin with an issuance that does not get to its end."""
    campus.courier.lie(path, lie)
    with pytest.raises((TallyError, PowerCut)):
        receive(vault, campus, copies=COPIES)
    campus.courier.lie_no_more()


def refused(act: Callable[[], object]) -> Code:
    with pytest.raises(TallyError) as caught:
        act()
    return caught.value.code


def issued(campus: Campus) -> list[Any]:
    answer = campus.door.browser.get("/manage/credentials", **campus.door.key)
    return list(answer.json["credentials"])


@contextmanager
def lying(path: str, lie: Lie, campus: Campus) -> Iterator[Outside]:
    campus.courier.lie(path, lie)
    yield campus.outside
    campus.courier.lie_no_more()


@contextmanager
def dead_ledger(campus: Campus) -> Iterator[Outside]:
    def unreachable(_did: str) -> VerifiedDid:
        raise UnavailableError(Code.NETWORK_UNREACHABLE)

    yield replace(campus.outside, resolve_did=unreachable)


@contextmanager
def full_disk(campus: Campus) -> Iterator[Outside]:
    def full(_file: SealedFile, _body: bytes) -> None:
        raise UnavailableError(Code.DISK_FULL)

    with pytest.MonkeyPatch.context() as patch:

        def fill(honestly: Callable[[], Fetched]) -> Fetched:
            patch.setattr(SealedFile, "save", full)
            return honestly()

        with lying("/credential", fill, campus) as outside:
            yield outside


@contextmanager
def wrong_clock(by: timedelta, campus: Campus) -> Iterator[Outside]:
    yield replace(campus.outside, clock=lambda: campus.clock() + by)


FAILURES: dict[str, Callable[[Campus], AbstractContextManager[Outside]]] = {
    **{
        f"{path} {name}": partial(lying, path, lie)
        for path in ("/nonce", "/credential")
        for name, lie in {
            "away": is_away,
            "lost": gets_lost,
            "nonsense": HTML,
            "killed before": dies,
            "killed after": dies_after,
        }.items()
    },
    "killed when all is there": partial(lying, "/status/1", dies_after),
    "dead ledger": dead_ledger,
    "full disk": full_disk,
    "clock behind": partial(wrong_clock, timedelta(hours=-3)),
    "clock a little ahead": partial(wrong_clock, timedelta(hours=3)),
    "clock far ahead": partial(wrong_clock, timedelta(days=4000)),
}


@pytest.mark.parametrize("failing", FAILURES.values(), ids=FAILURES.keys())
def test_second_attempt_ends_with_one_credential_whatever_failed(
    vault: Vault,
    campus: Campus,
    tmp_path: Path,
    failing: Callable[[Campus], AbstractContextManager[Outside]],
) -> None:
    before = len(issued(campus))
    opened = open_offer(campus.offer(), outside=campus.outside)
    with failing(campus) as outside, pytest.raises((TallyError, PowerCut)):
        receive_credentials(vault, opened, transaction_code=None, copies=COPIES, outside=outside)
    vault.close()
    with open_vault(tmp_path) as reopened:
        assert not reopened.content.credentials
        (held,) = complete(reopened, campus)
        assert reopened.content.credentials == (held,)
        assert reopened.content.pending == ()
        assert len({copy.credential for copy in held.copies}) == COPIES
        assert len({copy.key for copy in held.copies}) == COPIES
    (record, *others) = issued(campus)
    assert len(others) == before
    assert (record["copies"], record["notified"]) == (COPIES, "credential_accepted")


@pytest.mark.parametrize("path", ["/nonce", "/credential", "/status/1"])
def test_killed_wallet_ends_with_one_credential_when_it_is_opened_again(
    vault: Vault, campus: Campus, tmp_path: Path, path: str
) -> None:
    before = len(issued(campus))
    time = str(to_seconds(campus.clock.now))
    killed = subprocess.run(
        [sys.executable, "-m", "tests.wallet.crash", str(tmp_path), campus.offer(), path, time],
        cwd=ROOT,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    vault.reload()
    (held,) = complete(vault, campus)
    assert len(held.copies) == COPIES
    assert len(issued(campus)) == before + 1


def test_offer_is_recognized_and_no_claim_is_kept_for_it(vault: Vault, campus: Campus) -> None:
    link = campus.offer()
    opened = open_offer(f" {link}\n", outside=campus.outside)
    assert opened.digest == open_offer(link, outside=campus.outside).digest
    campus.courier.lie("/credential", gets_lost)
    assert refused(lambda: receive(vault, campus, opened)) is Code.NETWORK_TIMEOUT
    pending = vault.content.pending_issuance(opened.digest)
    assert pending is not None
    assert (pending.issuer_host, pending.begun_at) == (opened.issuer_host, campus.clock.now)
    assert [credential.vct for credential in pending.credentials] == ["urn:tallystick:degree:1"]
    assert pending.access_token not in repr(pending)


def test_same_keys_are_proved_again_with_a_fresh_nonce(vault: Vault, campus: Campus) -> None:
    interrupt(vault, campus)
    complete(vault, campus)
    first, second = [sent.body for sent in campus.courier.sent if sent.url.endswith("/credential")]
    assert keys_of(first) == keys_of(second)
    assert first != second
    assert campus.courier.paths().count("/nonce") == 2


def test_fresh_keys_are_never_those_of_a_pending_issuance(vault: Vault, campus: Campus) -> None:
    interrupt(vault, campus)
    reserved = {key for credential in vault.content.pending[0].credentials for key in credential.keys}
    (held,) = receive(vault, campus)
    assert reserved.isdisjoint(copy.key for copy in held.copies)
    assert len(vault.content.pending) == 1


def test_issuer_hears_of_each_failure_and_of_the_end(vault: Vault, campus: Campus) -> None:
    opened = open_offer(campus.offer(), outside=campus.outside)
    with dead_ledger(campus) as outside, pytest.raises(UnavailableError):
        receive_credentials(vault, opened, transaction_code=None, outside=outside)
    assert notified(campus)[0] == "credential_failure"
    complete(vault, campus)
    assert notified(campus)[0] == "credential_accepted"


def test_issuance_that_another_process_completed_is_complete(
    vault: Vault, campus: Campus, tmp_path: Path
) -> None:
    interrupt(vault, campus)
    (pending,) = vault.content.pending
    with open_vault(tmp_path) as other:
        complete(other, campus)
    assert complete_issuance(vault, pending, outside=campus.outside) == ()
    assert len(vault.content.credentials) == 1


def test_only_what_is_left_of_an_offer_is_asked_for_again(vault: Vault, campus: Campus) -> None:
    campus.courier.lie("/token", stands_for("degree", "first", "second", "third"))
    campus.courier.lie("/credential", forging(campus), is_away, forging(campus))
    assert refused(lambda: receive(vault, campus)) is Code.NETWORK_UNREACHABLE
    (pending,) = vault.content.pending
    assert [credential.identifier for credential in pending.credentials] == ["second", "third"]
    assert len(complete(vault, campus)) == 2
    assert len(vault.content.credentials) == 3
    assert vault.content.pending == ()


# When it is over


@pytest.fixture
def aging(tmp_path: Path) -> Iterator[Campus]:
    """A university of the test's own, whose time may go on."""
    with open_campus(tmp_path) as campus:
        yield campus


def test_what_was_issued_waits_for_a_day(vault: Vault, aging: Campus) -> None:
    interrupt(vault, aging)
    aging.clock.advance(COMPLETION_TIME - timedelta(seconds=1))
    evidence = LogEvidence("ledger.example", 7, aging.clock.now)
    aging.dids = {DID: replace(UNIVERSITY, evidence=evidence)}
    complete(vault, aging)


@pytest.mark.parametrize(
    ("lie", "lifetime"),
    [
        pytest.param(is_away, ACCESS_TOKEN_LIFETIME, id="never asked for"),
        pytest.param(gets_lost, COMPLETION_TIME, id="issued"),
    ],
)
def test_issuance_that_is_over_for_the_issuer_is_forgotten(
    vault: Vault, aging: Campus, lie: Lie, lifetime: timedelta
) -> None:
    interrupt(vault, aging, lie=lie)
    aging.clock.advance(lifetime)
    assert refused(lambda: complete(vault, aging)) is Code.ACCESS_TOKEN_INVALID
    assert (vault.content.pending, vault.content.credentials) == ((), ())


def test_issuer_that_is_gone_is_asked_for_a_week(vault: Vault, aging: Campus) -> None:
    interrupt(vault, aging)
    aging.courier.lie("/nonce", is_away)
    for by, left in ((KEEP_TRYING, 1), (timedelta(seconds=1), 0)):
        aging.clock.advance(by)
        assert refused(lambda: complete(vault, aging)) is Code.NETWORK_UNREACHABLE
        assert len(vault.content.pending) == left


def test_full_disk_when_it_begins_leaves_the_code_good(vault: Vault, campus: Campus) -> None:
    opened = open_offer(campus.offer(), outside=campus.outside)
    with pytest.MonkeyPatch.context() as patch:

        def full(_file: SealedFile, _body: bytes) -> None:
            raise UnavailableError(Code.DISK_FULL)

        patch.setattr(SealedFile, "save", full)
        assert refused(lambda: receive(vault, campus, opened)) is Code.DISK_FULL
    assert "/token" not in campus.courier.paths()
    assert len(receive(vault, campus, opened)) == 1


# Somebody else


def test_second_wallet_with_the_same_offer_gets_nothing(vault: Vault, campus: Campus, tmp_path: Path) -> None:
    opened = open_offer(campus.offer(), outside=campus.outside)
    campus.courier.lie("/credential", gets_lost, honest)
    assert refused(lambda: receive(vault, campus, opened)) is Code.NETWORK_TIMEOUT
    with create_vault(tmp_path / "other", entropy=bytes(range(1, 33))) as other:
        assert refused(lambda: receive(other, campus, opened)) is Code.GRANT_INVALID
        assert (other.content.credentials, other.content.pending) == ((), ())
    complete(vault, campus)


def test_stolen_token_is_of_no_use_without_the_keys(vault: Vault, campus: Campus, tmp_path: Path) -> None:
    interrupt(vault, campus)
    (pending,) = vault.content.pending
    with create_vault(tmp_path / "other", entropy=bytes(range(1, 33))) as thief:
        thief.change(lambda content: content.with_pending(pending))
        assert refused(lambda: complete(thief, campus)) is Code.ISSUANCE_REFUSED
        assert thief.content.credentials == ()
    complete(vault, campus)
