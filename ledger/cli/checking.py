"""The command that audits a ledger from outside, or evidence against one."""

from typing import TYPE_CHECKING

import click

from doors.clock import now
from doors.command import Command, pass_terminal
from doors.counted import counted
from doors.exit_code import ExitCode
from doors.home import state_folder
from doors.ledger_address import LedgerAddress
from doors.terminal import Terminal, good, verbatim
from doors.text_file import TextFile
from ledger.cli.evidence import check_evidence
from ledger.cli.owning import own_folder
from protocol.codes import Code
from protocol.encoding.time import encode_utc
from protocol.errors import RefusedError, VerificationError

if TYPE_CHECKING:
    from ledger.trust import TrustedLedger


@click.command(
    "check",
    cls=Command,
    examples=[
        "tally ledger check https://ledger.example --policy policy",
        "tally ledger check --evidence ledger.fork-evidence --policy policy",
    ],
)
@click.argument("url", type=LedgerAddress(), required=False)
@click.option("--policy", type=TextFile(), help="The tlog-policy to check it against.")
@click.option("--evidence", type=TextFile(), help="Check this fork evidence instead, without any network.")
@pass_terminal
def check(
    terminal: Terminal, *, url: str | None, policy: str | None, evidence: str | None
) -> ExitCode | None:
    """Audit a ledger from outside, over HTTP, or evidence that one signed two histories.

    Every entry, tile, signature and DID is checked, and that nothing was taken back since the last time.
    Without URL and --policy it is the ledger of this machine. With a URL alone, its own policy is believed.

    With --evidence it ends with 0 if the file proves that a log forked; with 8 if it does, and the policy
    given does not trust that log; with 3 if it proves nothing, and with 1 if it is no evidence at all.
    """
    if evidence is not None:
        if url is not None:
            raise RefusedError(Code.USAGE_INVALID, "evidence is checked without its ledger: no URL beside it")
        return check_evidence(terminal, evidence, policy=policy)
    _audit(terminal, url=url, policy=policy)
    return None


def _audit(terminal: Terminal, *, url: str | None, policy: str | None) -> None:
    from ledger.audit import audit_ledger
    from ledger.client import LedgerClient
    from ledger.fetch import chosen_fetcher
    from ledger.memory import CheckpointMemory
    from ledger.tree import Tree

    if url is not None and policy is None:
        terminal.note("The policy is the ledger's own word; give --policy to check it against one you trust.")
    ledger = choose_audited(url, policy)
    with chosen_fetcher(ledger.url) as fetcher:
        memory = CheckpointMemory(state_folder("ledger") / "seen")
        is_first = memory.recall(ledger.origin) is None
        client = LedgerClient(ledger, fetcher=fetcher, memory=memory)
        try:
            report = audit_ledger(client, fetcher=fetcher, now=now())
        except VerificationError:
            for file in (file for tree in Tree for file in memory.evidence(ledger.key(tree).name)):
                terminal.note("Kept as evidence: ", verbatim(str(file)))
            raise
    checkpoint = report.checkpoint
    terminal.document(
        {
            "origin": checkpoint.origin,
            "size": checkpoint.tree_size,
            "root": checkpoint.root_hash.hex(),
            "time": None if checkpoint.time is None else encode_utc(checkpoint.time),
            "tiles": report.tiles,
            "index_entries": report.index_entries,
            "dids": report.dids,
        }
    )
    memory_says = "it is the first one seen here" if is_first else "continues the last one seen here"
    entries = counted(checkpoint.tree_size, "entry", "entries")
    for line in (
        f"the checkpoint of {checkpoint.origin} satisfies the policy, and {memory_says}",
        f"{entries} and {counted(report.tiles, 'tile', 'tiles')} lead to its root hash",
        f"the index is what they lead to, each of the {report.index_entries} times it was stated",
        f"{counted(report.dids, 'DID', 'DIDs')}: each history follows its rules from the first entry on",
    ):
        terminal.say(good("✓ "), line)


def choose_audited(url: str | None, policy: str | None) -> "TrustedLedger":
    """The ledger at `url` by the text of a policy, or by its own word; without both, that of this machine.

    Raises:
        RefusedError: the policy is for another ledger, or there is none here.
        MalformedError: it is not a policy for one log.
        UnavailableError: the ledger cannot be reached.
    """
    from ledger.fetch import chosen_fetcher
    from ledger.trust import choose_ledger, parse_trusted_ledger

    if url is not None:
        with chosen_fetcher(url) as fetcher:
            return choose_ledger(url, policy=policy, fetcher=fetcher)
    return own_folder().ledger() if policy is None else parse_trusted_ledger(policy)
