"""Whose word a wallet believes about issuers and verifiers: ledgers its owner chose, each by its policy."""

from ledger.trust import TrustedLedger, TrustedLedgers, trust_ledgers
from protocol.codes import Code
from protocol.errors import RefusedError


def with_ledger(trusted: TrustedLedgers, ledger: TrustedLedger, *, replacing: bool) -> TrustedLedgers:
    """With `ledger` trusted as well, or, if `replacing`, in the place of what was trusted at its address.

    Raises:
        RefusedError: at this address, or under this name, something else is trusted already.
    """
    others = [known for known in trusted.ledgers if not _is_same(known, ledger)]
    if ledger in trusted.ledgers:
        return trusted
    if len(others) < len(trusted.ledgers) and not replacing:
        raise RefusedError(Code.VAULT_EXISTS, f"{ledger.url} is trusted by another policy; give --replace")
    return trust_ledgers((*others, ledger))


def without_ledger(trusted: TrustedLedgers, url: str) -> TrustedLedgers:
    """Without the ledger at `url`.

    Raises:
        RefusedError: it is not trusted anyway.
    """
    others = [known for known in trusted.ledgers if known.url != url.rstrip("/")]
    if len(others) == len(trusted.ledgers):
        raise RefusedError(Code.NOT_FOUND, f"no trusted ledger is at {url}")
    return trust_ledgers(others)


def _is_same(one: TrustedLedger, other: TrustedLedger) -> bool:
    # DIDs find their ledger by its address, checkpoints by its name: neither may lead to two.
    return one.authority == other.authority or one.origin == other.origin
