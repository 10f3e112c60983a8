"""Whose word a wallet believes about issuers and verifiers: ledgers its owner chose, each by its policy."""

from dataclasses import replace

from ledger.fetch import Fetcher
from ledger.trust import TrustedLedger, TrustedLedgers, fetch_trusted_ledger, parse_trusted_ledger
from protocol.codes import Code
from protocol.errors import RefusedError
from protocol.web_address import parse_web_address


def choose_ledger(url: str, *, policy: str | None, fetcher: Fetcher) -> TrustedLedger:
    """The ledger at `url` by the text of a policy, or by its own word where there is none.

    Its own word is trust on first use: worth what a person makes of the key in it.

    Raises:
        RefusedError: the policy is for another ledger.
        MalformedError: it is not a policy for one log.
        UnavailableError: the ledger cannot be reached.
    """
    ledger = fetch_trusted_ledger(url, fetcher=fetcher) if policy is None else parse_trusted_ledger(policy)
    if ledger.url != url.rstrip("/"):
        raise RefusedError(Code.LOG_POLICY_INVALID, f"it is for the ledger at {ledger.url}")
    return ledger


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
    return _with_development(replace(trusted, ledgers=(*others, ledger)))


def without_ledger(trusted: TrustedLedgers, url: str) -> TrustedLedgers:
    """Without the ledger at `url`.

    Raises:
        RefusedError: it is not trusted anyway.
    """
    others = tuple(known for known in trusted.ledgers if known.url != url.rstrip("/"))
    if len(others) == len(trusted.ledgers):
        raise RefusedError(Code.NOT_FOUND, f"no trusted ledger is at {url}")
    return _with_development(replace(trusted, ledgers=others))


def _is_same(one: TrustedLedger, other: TrustedLedger) -> bool:
    # DIDs find their ledger by its address, checkpoints by its name: neither may lead to two.
    return one.authority == other.authority or one.origin == other.origin


def _with_development(trusted: TrustedLedgers) -> TrustedLedgers:
    """Follow addresses on this very machine as long as a trusted ledger has one, and only then."""
    hosts = [parse_web_address(ledger.url, development=True).host for ledger in trusted.ledgers]
    return replace(trusted, development=any(host.endswith(".localhost") for host in hosts))
