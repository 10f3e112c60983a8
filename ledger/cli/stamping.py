"""The commands on timestamps of documents: `timestamp` and `verify`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from doors.clock import now
from doors.command import Command, pass_terminal
from doors.home import state_folder
from doors.terminal import Terminal, good, safe_text
from doors.text_file import TextFile, write_new_file
from ledger.cli.owning import own_folder
from protocol.encoding.strict_json import decode_utf8
from protocol.encoding.time import encode_utc

if TYPE_CHECKING:
    from ledger.timestamps import VerifiedTimestamp
    from ledger.trust import TrustedLedger

_SUFFIX = ".tally-proof"
_DOCUMENT = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(
    "timestamp",
    cls=Command,
    examples=["tally ledger timestamp thesis.pdf --policy policy \\\n  --onboarding-token-file token"],
)
@click.argument("file", type=_DOCUMENT)
@click.option("--policy", type=TextFile(), help="The tlog-policy of the ledger; of your own by default.")
@click.option("--onboarding-token-file", type=TextFile(), required=True, help="Lets you write to the ledger.")
@click.option("--out", type=click.Path(path_type=Path), help="The proof to write; FILE.tally-proof.")
@pass_terminal
def timestamp(
    terminal: Terminal, *, file: Path, policy: str | None, onboarding_token_file: str, out: Path | None
) -> None:
    """Prove that a document exists now.

    Only its SHA-256 is sent and logged. The proof needs no network; keep it beside the document, which must
    not change. Called again, it gives a proof of the same time.
    """
    from ledger.client import LedgerClient, parse_onboarding_token
    from ledger.fetch import chosen_fetcher
    from ledger.memory import CheckpointMemory
    from ledger.timestamps import hash_file, verify_timestamp
    from protocol.records.timestamp import create_timestamp

    token = parse_onboarding_token(onboarding_token_file, file="--onboarding-token-file")
    ledger = _ledger(policy)
    record = create_timestamp(hash_file(file))
    with chosen_fetcher(ledger.url) as fetcher:
        memory = CheckpointMemory(state_folder("ledger") / "seen")
        client = LedgerClient(ledger, fetcher=fetcher, memory=memory)
        client.submit(record.leaf, onboarding_token=token)
        proof, _records = client.read_proof(record.subject, now=now())
    verified = verify_timestamp(proof, record.digest, policy=ledger.policy, now=now())
    written = out or file.with_name(file.name + _SUFFIX)
    write_new_file(written, decode_utf8(proof), option="--out")
    _tell(terminal, verified, record.digest, proof=written)
    terminal.say(f"The proof is {safe_text(str(written))}.")


@click.command("verify", cls=Command, examples=["tally ledger verify thesis.pdf --policy policy"])
@click.argument("file", type=_DOCUMENT)
@click.option("--proof", type=_DOCUMENT, help="The proof; FILE.tally-proof by default.")
@click.option("--policy", type=TextFile(), help="The tlog-policy to check it by; of your own by default.")
@pass_terminal
def verify(terminal: Terminal, *, file: Path, proof: Path | None, policy: str | None) -> None:
    """Say since when a document has existed at the latest. No network is needed."""
    from ledger.timestamps import hash_file, verify_timestamp

    read = proof or file.with_name(file.name + _SUFFIX)
    text = TextFile().convert(str(read), None, None)
    digest = hash_file(file)
    verified = verify_timestamp(text.encode(), digest, policy=_ledger(policy).policy, now=now())
    _tell(terminal, verified, digest, proof=read)


def _ledger(policy: str | None) -> "TrustedLedger":
    from ledger.trust import parse_trusted_ledger

    return own_folder().ledger() if policy is None else parse_trusted_ledger(policy)


def _tell(terminal: Terminal, verified: "VerifiedTimestamp", digest: bytes, *, proof: Path) -> None:
    time = encode_utc(verified.time)
    terminal.document(
        {
            "origin": verified.origin,
            "hash": digest.hex(),
            "index": verified.leaf_index,
            "time": time,
            "proof": str(proof),
        }
    )
    origin = safe_text(verified.origin)
    terminal.say(good("✓ "), f"The document existed at {time}: {origin} has logged its hash.")
