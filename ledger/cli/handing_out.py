"""The command that fetches evidence about a DID, to be handed to who has no network."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from doors.clock import now
from doors.command import Command, pass_terminal
from doors.counted import counted
from doors.home import state_folder
from doors.terminal import Terminal, good, safe_text
from doors.text_file import TextFile, write_new_file
from protocol.codes import Code
from protocol.encoding.strict_json import decode_utf8
from protocol.encoding.time import encode_utc
from protocol.errors import RefusedError

if TYPE_CHECKING:
    from protocol.did.webvh.identifier import WebvhId

# The names our ledger gives; others could have anything in them that a path can.
_PLAIN_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


@click.command(
    "evidence",
    cls=Command,
    examples=[
        "tally ledger evidence did:webvh:Qm…:ledger.example:city --policy policy",
        "tally ledger evidence did:webvh:Qm…:ledger.example:city --accreditations",
    ],
)
@click.argument("did")
@click.option("--policy", type=TextFile(), help="The tlog-policy to check it against.")
@click.option("--accreditations", is_flag=True, help="What DID was accredited for, and not its history.")
@click.option("--out", type=click.Path(path_type=Path), help="The file to write.")
@pass_terminal
def evidence(
    terminal: Terminal, *, did: str, policy: str | None, accreditations: bool, out: Path | None
) -> None:
    """Fetch the proof of everything a ledger holds about a DID.

    The .tally-proof file is for who checks credentials of the DID without a network, for as long as their
    policy finds it young enough. Without --policy the ledger's own is believed; whoever is given the file
    checks it against theirs. An accreditation is on the ledger of whoever gave it: name that with --policy
    where it is another.
    """
    from ledger.client import LedgerClient
    from ledger.evidence import EvidenceResolver, log_evidence
    from ledger.fetch import chosen_fetcher
    from ledger.memory import CheckpointMemory
    from ledger.trust import fetch_trusted_ledger, parse_trusted_ledger, trust_ledgers
    from protocol.did.webvh.identifier import parse_webvh
    from protocol.index.proof import SUFFIX
    from protocol.index.subject import did_subject
    from protocol.records.accreditation import accreditation_subject

    name = parse_webvh(did)
    if policy is not None:
        ledger = parse_trusted_ledger(policy)
    else:
        url = f"{'http' if name.host.endswith('.localhost') else 'https'}://{name.authority}"
        with chosen_fetcher(url) as fetcher:
            ledger = fetch_trusted_ledger(url, fetcher=fetcher)
        terminal.note("The policy is the ledger's own word; give --policy to check it against one you trust.")
    if name.authority != ledger.authority and not accreditations:
        raise RefusedError(Code.LOG_POLICY_INVALID, f"it is for the ledger at {ledger.url}")
    with chosen_fetcher(ledger.url) as fetcher:
        memory = CheckpointMemory(state_folder("ledger") / "seen")
        client = LedgerClient(ledger, fetcher=fetcher, memory=memory)
        subject = accreditation_subject(did) if accreditations else did_subject(did)
        proof, records = client.read_proof(subject, now=now())
    if not accreditations:
        # That it holds is known by now; that it is a history, not yet.
        EvidenceResolver(trust_ledgers([ledger]), [proof], clock=now).read_history(did)
    time = encode_utc(log_evidence(records.log, records.checkpoint, handed_in=False).time)
    file = out or Path(f"{_stem(name)}{'-accreditations' if accreditations else ''}{SUFFIX}")
    write_new_file(file, decode_utf8(proof), option="--out")
    entries = len(records.entries)
    terminal.document({"file": str(file), "did": did, "entries": entries, "time": time})
    terminal.say(
        good("✓ "), safe_text(f"Wrote {file}: {counted(entries, 'entry', 'entries')}, as of {time}.")
    )


def _stem(name: "WebvhId") -> str:
    last = name.path[-1] if name.path else ""
    return last if _PLAIN_NAME.fullmatch(last) else name.host
