from dataclasses import replace

import pytest

from ledger.signer import LedgerKeys
from ledger.trust import TrustedLedger, TrustedLedgers
from protocol.codes import Code
from protocol.keys import Ed25519PrivateKey
from tests.storage.place import refusal_of
from tests.wallet.parties import POLICY, URL
from wallet.trust import with_ledger, without_ledger

LOCAL = TrustedLedger(URL, POLICY)


def ledger(host: str, *, name: str | None = None, seed: int = 9) -> TrustedLedger:
    keys = LedgerKeys(name or host, *(Ed25519PrivateKey(bytes([seed + number]) * 32) for number in (0, 2, 1)))
    return TrustedLedger(f"https://{host}", keys.policy(f"https://{host}"))


PUBLIC = ledger("ledger.example")
BOTH = TrustedLedgers((LOCAL, PUBLIC), development=True)


def test_local_addresses_are_followed_only_while_a_local_ledger_is_trusted() -> None:
    public = with_ledger(TrustedLedgers(()), PUBLIC, replacing=False)
    assert not public.development
    assert with_ledger(public, LOCAL, replacing=False) == replace(BOTH, ledgers=(PUBLIC, LOCAL))
    assert without_ledger(BOTH, URL) == public


def test_trusting_what_is_trusted_changes_nothing() -> None:
    assert with_ledger(BOTH, LOCAL, replacing=False) == BOTH


@pytest.mark.parametrize(
    "rival",
    [ledger("ledger.example", seed=20), ledger("elsewhere.example", name="ledger.example")],
    ids=["same-address", "same-name"],
)
def test_rival_of_a_trusted_ledger_replaces_it_only_when_told(rival: TrustedLedger) -> None:
    refusal = refusal_of(lambda: with_ledger(BOTH, rival, replacing=False))
    assert refusal.code is Code.VAULT_EXISTS
    assert with_ledger(BOTH, rival, replacing=True).ledgers == (LOCAL, rival)


def test_ledger_that_is_not_trusted_cannot_be_removed() -> None:
    refusal = refusal_of(lambda: without_ledger(BOTH, "https://other.example"))
    assert refusal.code is Code.NOT_FOUND
