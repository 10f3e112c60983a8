"""Which ledgers a role trusts: a TOML table per ledger that holds its tlog-policy.

    development = true          # allows http, on *.localhost only

    [[ledger]]
    policy = '''
    log ledger.localhost:8101+… http://ledger.localhost:8101
    log ledger.localhost:8101/index+… http://ledger.localhost:8101/index
    witness operator ledger.localhost:8101/operator+…
    quorum operator
    '''

The policy's first `log` line carries the URL the log is read from, the second is its index log; DIDs whose
host and port are the URL's live on it.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from ledger.fetch import Fetcher
from ledger.tree import Tree
from protocol.codes import Code
from protocol.did.webvh.identifier import parse_webvh
from protocol.encoding.strict_json import decode_utf8
from protocol.errors import MalformedError, RefusedError, UnavailableError, VerificationError
from protocol.tlog.note import NoteKey
from protocol.tlog.policy import LogPolicy, encode_log_policy, parse_log_policy
from protocol.web_address import parse_web_address
from storage.toml_table import TomlTable, parse_toml

LEDGERS_FILE = "ledgers.toml"

_MAX_POLICY_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class TrustedLedger:
    """A ledger a role trusts: where it is read, and the policy its checkpoints must satisfy."""

    url: str
    policy: LogPolicy

    @property
    def authority(self) -> str:
        """Host and port of the ledger as a DID on it names them, for example `ledger.localhost:8101`."""
        return urlsplit(self.url).netloc

    @property
    def origin(self) -> str:
        """The name of the log."""
        return self.key(Tree.LOG).name

    def key(self, tree: Tree) -> NoteKey:
        """The key of the log or of its index log; its name is the origin."""
        return self.policy.logs[list(Tree).index(tree)].key


@dataclass(frozen=True, slots=True)
class TrustedLedgers:
    """Every ledger a role trusts, and whether it may speak plain http with this machine."""

    ledgers: tuple[TrustedLedger, ...]
    development: bool = False

    def ledger_of(self, did: str) -> TrustedLedger:
        """The ledger that `did`, a did:webvh, lives on.

        Raises:
            MalformedError: not a did:webvh.
            VerificationError: it is none of these.
        """
        authority = parse_webvh(did).authority
        for ledger in self.ledgers:
            if ledger.authority == authority:
                return ledger
        raise VerificationError(Code.LEDGER_NOT_TRUSTED, authority)


def parse_ledgers_file(source: bytes) -> TrustedLedgers:
    """Read `ledgers.toml`.

    Raises:
        RefusedError: SETTINGS_INVALID; the detail names the place.
    """
    top = parse_toml(source, file=LEDGERS_FILE, code=Code.SETTINGS_INVALID)
    trusted = take_trusted_ledgers(top)
    top.end()
    return trusted


def take_trusted_ledgers(top: TomlTable) -> TrustedLedgers:
    """Read `development` and the `[[ledger]]` tables of a settings file; its other members are the caller's.

    Raises:
        RefusedError: one of them is not in its form.
    """
    development = top.flag("development", default=False)
    return TrustedLedgers(tuple(_parse_ledger(table) for table in top.tables("ledger")), development)


def encode_trusted_ledgers(trusted: TrustedLedgers) -> str:
    """Write what `take_trusted_ledgers` reads."""
    lines = [f"development = {json.dumps(trusted.development)}\n"]
    lines += [
        f"\n[[ledger]]\npolicy = '''\n{encode_log_policy(ledger.policy)}'''\n" for ledger in trusted.ledgers
    ]
    return "".join(lines)


def parse_trusted_ledger(policy_text: str) -> TrustedLedger:
    """Read a tlog-policy that names exactly one log, with its URL, and then its index log.

    Raises:
        MalformedError: not a policy, not these two logs, or no URL that could be asked.
    """
    policy = parse_log_policy(policy_text)
    names = [log.key.name for log in policy.logs]
    if not policy.logs or policy.logs[0].url is None or names != [tree.origin(names[0]) for tree in Tree]:
        raise MalformedError(Code.LOG_POLICY_INVALID, "one log with its URL, then its index log")
    url = policy.logs[0].url.rstrip("/")
    try:
        parse_web_address(url, development=True)
    except MalformedError as error:
        raise MalformedError(Code.LOG_POLICY_INVALID, "the log's URL is no web address") from error
    return TrustedLedger(url, policy)


def fetch_trusted_ledger(url: str, *, fetcher: Fetcher) -> TrustedLedger:
    """Ask the ledger at `url` for its own policy: trust on first use, and only on a person's word.

    Raises:
        MalformedError: the answer is not a policy for one log.
        UnavailableError: the ledger cannot be reached, or what is there is none.
    """
    with errors_of_ledger():
        address = f"{url.rstrip('/')}/policy"
        answer = fetcher.fetch(address, accept="text/plain", max_bytes=_MAX_POLICY_BYTES)
    if answer.status == HTTPStatus.NOT_FOUND:
        raise UnavailableError(Code.NETWORK_CONTENT_TYPE, f"{url} is no ledger")
    if answer.status != HTTPStatus.OK:
        raise UnavailableError(Code.NETWORK_STATUS, str(answer.status))
    return parse_trusted_ledger(decode_utf8(answer.body))


@contextmanager
def errors_of_ledger() -> Iterator[None]:
    """Say of a server that is away that it is a ledger: others than its own operator wait for it."""
    try:
        yield
    except UnavailableError as error:
        if error.code is not Code.NETWORK_UNREACHABLE:
            raise
        raise UnavailableError(Code.NETWORK_LEDGER_UNREACHABLE, error.detail) from error


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


def trust_ledgers(ledgers: Iterable[TrustedLedger]) -> TrustedLedgers:
    """Trust these, and follow addresses on this very machine if one of them has one, and only then."""
    chosen = tuple(ledgers)
    hosts = [parse_web_address(ledger.url, development=True).host for ledger in chosen]
    return TrustedLedgers(chosen, development=any(host.endswith(".localhost") for host in hosts))


def _parse_ledger(table: TomlTable) -> TrustedLedger:
    policy = table.text("policy")
    table.end()
    try:
        return parse_trusted_ledger(policy.lstrip("\n"))
    except MalformedError as error:
        table.refuse("policy", f"cannot be used: {error.detail or error.code.meaning}")
