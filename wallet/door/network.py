"""The way outside, for the commands that need it: the network, and the ledgers the wallet trusts."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from doors.clock import now
from ledger.client import LedgerClient
from ledger.fetch import Fetcher, FetchRules, chosen_fetcher
from ledger.resolver import LedgerResolver
from ledger.trust import TrustedLedger, TrustedLedgers, choose_ledger
from protocol.codes import Code
from protocol.errors import RefusedError, TallyError
from wallet.doctor import Finding, check_ledgers, failed
from wallet.folder import WalletFolder
from wallet.outside import Outside
from wallet.trust import checkpoint_memory, load_ledgers


@contextmanager
def open_outside(folder: WalletFolder) -> Iterator[Outside]:
    """The network and the trusted ledgers, until the block ends.

    Raises:
        RefusedError: no ledger is trusted. Of all parties that leaves those whose DID is its own key, and for
            them alone nobody is asked.
    """
    trusted = load_ledgers(folder)
    if not trusted.ledgers:
        raise RefusedError(Code.LEDGER_NOT_TRUSTED, "this wallet trusts no ledger yet")
    with fetcher_for(trusted) as fetcher:
        resolver = LedgerResolver(trusted, fetcher=fetcher, memory=checkpoint_memory(folder), clock=now)
        yield Outside(
            fetcher,
            resolver.resolve,
            now,
            trusted.development,
            resolver.prove_issuer,
            resolver.read_type_records,
        )


def fetcher_for(trusted: TrustedLedgers) -> Fetcher:
    """A fetcher that reaches every https server at its usual port, and the trusted ledgers at theirs."""
    ports = frozenset({443, *(urlsplit(ledger.url).port or 443 for ledger in trusted.ledgers)})
    return Fetcher(FetchRules(development=trusted.development, allowed_ports=ports))


def ledger_findings(folder: WalletFolder) -> Iterator[Finding]:
    """Whether each ledger the wallet trusts answers, is fresh, and agrees with this machine's clock."""
    try:
        trusted, memory = load_ledgers(folder), checkpoint_memory(folder)
    except TallyError as error:
        yield failed("ledger", error)
        return
    with fetcher_for(trusted) as fetcher:
        clients = [LedgerClient(ledger, fetcher=fetcher, memory=memory) for ledger in trusted.ledgers]
        yield from check_ledgers(trusted, clients, now=now())


def ask_ledger(url: str, *, policy: str | None = None) -> TrustedLedger:
    """The ledger at `url`, which a person chose, by the text of a policy or else by its own word.

    Raises:
        MalformedError: not a web address, or no policy for one log.
        RefusedError: the policy is for another ledger.
        UnavailableError: the ledger cannot be reached.
    """
    with chosen_fetcher(url) as fetcher:
        return choose_ledger(url, policy=policy, fetcher=fetcher)
