"""A ledger that somebody is about to trust, in plain lines."""

from collections.abc import Iterator

from doors.terminal import Styled, verbatim
from ledger.trust import TrustedLedger
from protocol.tlog.policy import encode_log_policy


def ledger_lines(ledger: TrustedLedger) -> Iterator[tuple[str | Styled, ...]]:
    """Its address, and its keys for a person to compare."""
    yield (f"The ledger {ledger.url}, by this policy; compare its keys with what its operator says:",)
    for line in encode_log_policy(ledger.policy).splitlines():
        yield (verbatim(line),)
