from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ledger.trust import TrustedLedgers, trust_ledgers
from protocol.codes import Code
from protocol.keys import Ed25519PrivateKey
from tests.counted import NOW
from tests.wallet.holder import TRUSTED
from tests.wallet.holdings import CARD, DEGREE, EMPTY, PENDING, issue, with_all_used, with_held
from wallet.backup import Backup
from wallet.content import WalletContent
from wallet.recovery_phrase import HolderKeyType
from wallet.rehearsal import Arrival, Loss, LossKind, Rehearsal, rehearse

LATER = NOW + timedelta(days=1)
NONE = trust_ledgers([])
HELD = with_held(with_held(EMPTY), CARD, id="card-1", key_type=HolderKeyType.P256)


def rehearsed(
    content: WalletContent,
    here: WalletContent | None = None,
    *,
    ledgers: TrustedLedgers = NONE,
    left_out: tuple[str, ...] = (),
) -> Rehearsal:
    backup = Backup(made_at=NOW, content=content, ledgers=TRUSTED, left_out=left_out)
    return rehearse(backup, here, ledgers=ledgers)


def arrivals(rehearsal: Rehearsal) -> dict[str, Arrival]:
    return {each.held.id: each.arrival for each in rehearsal.credentials}


def test_everything_comes_back_where_there_is_no_wallet() -> None:
    found = rehearsed(HELD)
    assert arrivals(found) == {"degree-1": Arrival.NEW, "card-1": Arrival.NEW}
    assert [each.arrival for each in found.ledgers] == [Arrival.NEW]
    assert (found.same_words, found.is_sound, found.made_at) == (None, True, NOW)
    assert [loss.kind for loss in found.losses] == [
        LossKind.PASSPHRASE,
        LossKind.CHECKPOINTS,
        LossKind.RECEIVED_SINCE,
        LossKind.SHOWN_SINCE,
    ]
    assert not any(loss.subjects for loss in found.losses)


def test_what_is_here_already_is_told_from_what_comes_back() -> None:
    degree, card = HELD.credentials
    here = replace(HELD, credentials=(degree, replace(card, copies=card.copies[:1])))
    back = with_held(HELD, id="degree-2")
    found = rehearsed(back, here, ledgers=TRUSTED)
    assert arrivals(found) == {
        "degree-1": Arrival.HERE,
        "card-1": Arrival.MORE,
        "degree-2": Arrival.NEW,
    }
    assert (found.same_words, [each.arrival for each in found.ledgers]) == (True, [Arrival.HERE])


def test_copy_that_was_shown_and_made_room_for_others_does_not_come_back() -> None:
    (degree, _) = HELD.credentials
    used, unused = degree.copies
    refilled = replace(degree, copies=(unused,), gone=(used.key,))
    found = rehearsed(HELD, replace(HELD, credentials=(refilled,)))
    assert arrivals(found)["degree-1"] is Arrival.HERE
    assert Loss(LossKind.SHOWN_SINCE, ("degree-1",)) in found.losses


def test_ledger_that_is_trusted_by_another_policy_stays_as_it_is() -> None:
    (known,) = TRUSTED.ledgers
    other = trust_ledgers([replace(known, policy=replace(known.policy, quorum="none"))])
    assert [each.arrival for each in rehearsed(HELD, HELD, ledgers=other).ledgers] == [Arrival.KEPT]


def test_wallet_of_other_words_is_noticed() -> None:
    found = rehearsed(HELD, replace(HELD, entropy=bytes(32)))
    assert found.same_words is False
    assert set(arrivals(found).values()) == {Arrival.NEW}


def test_losses_are_named_where_the_wallet_is_at_hand() -> None:
    here = with_held(with_all_used(HELD), id="degree-2").with_pending(PENDING)
    losses = rehearsed(HELD, here, left_out=("city.example",)).losses
    assert losses == (
        Loss(LossKind.PASSPHRASE),
        Loss(LossKind.CHECKPOINTS),
        Loss(LossKind.PENDING, ("city.example", "issuer.example")),
        Loss(LossKind.RECEIVED_SINCE, ("degree-2",)),
        Loss(LossKind.SHOWN_SINCE, ("degree-1",)),
    )


def test_fresh_backup_loses_only_what_no_backup_holds() -> None:
    assert rehearsed(HELD, HELD).losses == (Loss(LossKind.PASSPHRASE), Loss(LossKind.CHECKPOINTS))


def test_pending_credentials_are_among_the_losses_of_a_lost_wallet() -> None:
    assert Loss(LossKind.PENDING, ("city.example",)) in rehearsed(HELD, left_out=("city.example",)).losses


STRANGER = Ed25519PrivateKey(bytes(32)).public_key


@pytest.mark.parametrize(
    ("credential", "code"),
    [
        pytest.param(issue(STRANGER, DEGREE), Code.HOLDER_KEY_INVALID, id="of another key"),
        pytest.param(issue(STRANGER, DEGREE, cnf=None), Code.HOLDER_KEY_INVALID, id="of no key"),
        pytest.param(issue(STRANGER, CARD), Code.CREDENTIAL_UNACCEPTABLE, id="of another type"),
        pytest.param("eyJ", Code.FORMAT_INVALID, id="cut"),
    ],
)
def test_copy_that_could_never_be_shown_is_reported(credential: str, code: Code) -> None:
    degree, card = HELD.credentials
    broken = replace(degree.copies[1], credential=credential)
    spoilt = replace(degree, copies=(degree.copies[0], broken, broken))
    found = rehearsed(replace(HELD, credentials=(spoilt, card)))
    assert [each.faults for each in found.credentials] == [(code,), ()]
    assert not found.is_sound


def test_words_that_are_not_those_of_the_copies_are_reported() -> None:
    found = rehearsed(replace(HELD, entropy=bytes(32)))
    assert {each.faults for each in found.credentials} == {(Code.HOLDER_KEY_INVALID,)}


def test_rehearsal_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert rehearsed(HELD, HELD).is_sound
    assert list(tmp_path.iterdir()) == []
