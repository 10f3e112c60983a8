"""Which ledgers a role trusts: a TOML table per ledger that holds its tlog-policy.

    development = true          # allows http, on *.localhost only

    [[ledger]]
    policy = '''
    log ledger.localhost:8101+… http://ledger.localhost:8101
    witness operator ledger.localhost:8101/operator+…
    quorum operator
    '''

The policy's one `log` line carries the URL the log is read from; DIDs whose host and port are the URL's live
on it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ledger.fetch import Fetcher
from protocol.codes import Code
from protocol.encoding.strict_json import decode_utf8
from protocol.errors import MalformedError, RefusedError
from protocol.tlog.policy import LogPolicy, encode_log_policy, parse_log_policy

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
        return self.policy.logs[0].key.name


@dataclass(frozen=True, slots=True)
class TrustedLedgers:
    """Every ledger a role trusts, and whether it may speak plain http with this machine."""

    ledgers: tuple[TrustedLedger, ...]
    development: bool = False


def parse_trusted_ledgers(table: Mapping[str, Any]) -> TrustedLedgers:
    """Read `development` and the `[[ledger]]` tables of a settings file; other members are the caller's.

    Raises:
        RefusedError: a table is not in its form.
        MalformedError: a policy cannot be read.
    """
    development = table.get("development", False)
    ledgers = table.get("ledger", [])
    if not isinstance(development, bool) or not isinstance(ledgers, list):
        raise RefusedError(Code.POLICY_INVALID, "development is true or false, [[ledger]] a list of tables")
    return TrustedLedgers(tuple(_parse_ledger(ledger) for ledger in ledgers), development)


def encode_trusted_ledgers(trusted: TrustedLedgers) -> str:
    """Write the settings that `parse_trusted_ledgers` reads."""
    lines = [f"development = {json.dumps(trusted.development)}\n"]
    lines += [
        f"\n[[ledger]]\npolicy = '''\n{encode_log_policy(ledger.policy)}'''\n" for ledger in trusted.ledgers
    ]
    return "".join(lines)


def parse_trusted_ledger(policy_text: str) -> TrustedLedger:
    """Read a tlog-policy that names exactly one log, with its URL.

    Raises:
        MalformedError: not a policy, not exactly one log, or no URL.
    """
    policy = parse_log_policy(policy_text)
    if len(policy.logs) != 1 or policy.logs[0].url is None:
        raise MalformedError(Code.LOG_POLICY_INVALID, "exactly one log with its URL")
    return TrustedLedger(policy.logs[0].url.rstrip("/"), policy)


def fetch_trusted_ledger(url: str, *, fetcher: Fetcher) -> TrustedLedger:
    """Ask the ledger at `url` for its own policy: trust on first use, and only on a person's word.

    Raises:
        MalformedError: the answer is not a policy for one log.
        UnavailableError: the ledger cannot be reached.
    """
    answer = fetcher.fetch_ok(f"{url.rstrip('/')}/policy", accept="text/plain", max_bytes=_MAX_POLICY_BYTES)
    return parse_trusted_ledger(decode_utf8(answer.body))


def _parse_ledger(table: object) -> TrustedLedger:
    policy = table.get("policy") if isinstance(table, dict) else None
    if not isinstance(policy, str):
        raise RefusedError(Code.POLICY_INVALID, "[[ledger]] needs a policy")
    return parse_trusted_ledger(policy.lstrip("\n"))
