"""The commands that read the operator's own database."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from doors.command import Command, pass_terminal
from doors.terminal import Terminal, bold, verbatim
from doors.text_file import write_new_file
from ledger.cli.owning import own_folder
from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.encoding.time import encode_utc
from protocol.errors import RefusedError

if TYPE_CHECKING:
    from ledger.store import LedgerStore
    from ledger.stored_tree import Publication


@click.command("head", cls=Command, examples=["tally ledger head"])
@pass_terminal
def head(terminal: Terminal) -> None:
    """Print the checkpoint that was published last."""
    from protocol.tlog.checkpoint import parse_checkpoint
    from protocol.tlog.note import parse_note

    with own_folder().open_store() as store:
        publication = _published(store)
    checkpoint = parse_checkpoint(parse_note(publication.note).text)
    terminal.document(
        {
            "origin": checkpoint.origin,
            "size": checkpoint.tree_size,
            "root": checkpoint.root_hash.hex(),
            "time": encode_utc(publication.time),
            "checkpoint": publication.note,
        }
    )
    for line in publication.note.splitlines():
        terminal.say(verbatim(line))


@click.command("show", cls=Command, examples=["tally ledger show did:webvh:Qm…:ledger.example:city"])
@click.argument("did", required=False)
@pass_terminal
def show(terminal: Terminal, did: str | None) -> None:
    """List the DIDs on the ledger in the order of the alphabet, or the versions of one DID."""
    with own_folder().open_store() as store:
        if did is None:
            dids = store.dids()
            terminal.document({"dids": list[JsonValue](dids)})
            for each in dids:
                terminal.say(each)
            return
        versions = _versions(store, did)
    for version in versions:
        terminal.say(f"{version['index']:>8}  ", bold(str(version["version_id"])), f"  {version['time']}")
    terminal.document({"did": did, "versions": list[JsonValue](versions)})


@click.command("prove", cls=Command, examples=["tally ledger prove did:webvh:Qm…:ledger.example:city"])
@click.argument("did")
@click.option("--version", "number", type=click.IntRange(1), help="The version number; the last by default.")
@click.option("--out", type=click.Path(path_type=Path), help="The file to write.")
@pass_terminal
def prove(terminal: Terminal, *, did: str, number: int | None, out: Path | None) -> None:
    """Write the proof that an entry is in the log.

    The .tlog-proof file needs no network: together with the entry and the policy it is all the evidence.
    """
    from protocol.did.webvh.identifier import parse_webvh
    from protocol.tlog.proof import create_log_proof, encode_log_proof

    with own_folder().open_store() as store:
        publication = _published(store)
        versions = _versions(store, did)
        number = number or len(versions)
        if number > len(versions):
            raise RefusedError(Code.DID_NOT_FOUND, f"version {number}")
        index = versions[number - 1]["index"]
        assert isinstance(index, int)
        if index >= publication.tree_size:
            raise RefusedError(Code.NOT_FOUND, "no published checkpoint covers the entry yet")
        read_hashes = store.hash_reader(publication.tree_size)
        proof = create_log_proof(index, checkpoint=publication.note, read_hashes=read_hashes)
    file = out or Path(f"{parse_webvh(did).path[0]}-{number}.tlog-proof")
    write_new_file(file, encode_log_proof(proof), option="--out")
    terminal.document({"file": str(file), "index": index, "size": publication.tree_size})
    terminal.say(f"Wrote {file}: entry {index} of {publication.tree_size}.")


def _published(store: "LedgerStore") -> "Publication":
    publication = store.publication()
    if publication is None:
        raise RefusedError(Code.LOG_UNPUBLISHED)
    return publication


def _versions(store: "LedgerStore", did: str) -> list[JsonObject]:
    from protocol.did.webvh.entry import parse_entry
    from protocol.tlog.merkle import hash_leaf

    scid = store.find_did(did)
    if scid is None:
        raise RefusedError(Code.DID_NOT_FOUND)
    versions: list[JsonObject] = []
    for stored in store.history(scid):
        entry = parse_entry(stored.leaf)
        versions.append(
            {
                "index": stored.leaf_index,
                "leaf_hash": hash_leaf(stored.leaf).hex(),
                "version_id": entry.version_id,
                "time": entry.time_text,
            }
        )
    return versions
