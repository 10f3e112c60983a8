"""The ledger operator's commands: `tally ledger …`."""

import secrets
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from doors.clock import now
from doors.command import Group, pass_terminal
from doors.home import data_folder, state_folder
from doors.prompts import PassphraseSource, passphrase_options
from doors.terminal import Terminal, bold, dim, good
from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject, JsonValue, decode_utf8
from protocol.encoding.time import encode_utc
from protocol.errors import RefusedError

if TYPE_CHECKING:
    from ledger.fetch import Fetcher
    from ledger.folder import LedgerFolder
    from ledger.store import LedgerStore, Publication
    from ledger.trust import TrustedLedger

_DEVELOPMENT_PORT = 8101
_DATABASE = "ledger.sqlite"

commands = Group(help="Run, copy and audit the ledger.")


@commands.command("init")
@click.option("--host", default="ledger.localhost", show_default=True, help="The public host name.")
@click.option("--port", type=click.IntRange(1, 65_535), help="The public port, if it is not that of https.")
@click.option("--database", default=_DATABASE, show_default=True, help="A file, or the URL of a database.")
@passphrase_options
@pass_terminal
def init(
    terminal: Terminal, *, host: str, port: int | None, database: str, passphrase: PassphraseSource
) -> None:
    """Make a ledger and its first onboarding token."""
    from ledger.signer import LedgerKeys
    from protocol.did.webvh.identifier import encode_webvh
    from protocol.keys import Ed25519PrivateKey
    from storage.passphrase import Passphrase, calibrate_kdf

    host, local = host.lower(), host.endswith(".localhost")
    if port is None and local:
        port = _DEVELOPMENT_PORT
    # DIDs will live under this name for as long as there are any: what a DID could not hold is refused now.
    encode_webvh("scid", host, port, ("name",))
    origin = host if port is None else f"{host}:{port}"
    url = f"{'http' if local else 'https'}://{origin}"
    secret = Passphrase(passphrase.read(terminal, question="New passphrase:", repeat=True))
    keys = LedgerKeys(
        origin, Ed25519PrivateKey(secrets.token_bytes(32)), Ed25519PrivateKey(secrets.token_bytes(32))
    )
    folder = _folder()
    store = folder.create(keys, url=url, database=database, passphrase=secret, kdf=calibrate_kdf())
    token_id, token = _create_token(store)
    policy = folder.policy()
    terminal.document({"origin": origin, "url": url, "policy": policy, "id": token_id, "token": token})
    terminal.say("The ledger ", bold(origin), f" is ready in {folder.path}.")
    terminal.say("Its onboarding token, shown only now: ", bold(token))
    terminal.note("Who trusts it keeps this policy:")
    for line in policy.splitlines():
        terminal.note(dim(f"  {line}"))


@commands.command("serve")
@click.option("--listen", "address", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65_535), help="The port to listen on; 0 for a free one.")
@passphrase_options
@pass_terminal
def serve(terminal: Terminal, *, address: str, port: int | None, passphrase: PassphraseSource) -> None:
    """Serve the ledger until it is stopped. TLS ends at the proxy in front."""
    from doors import server
    from ledger.http import LedgerApp, create_ledger_app
    from ledger.sequencer import Sequencer
    from ledger.signer import CheckpointSigner, parse_ledger_keys
    from storage.passphrase import Passphrase

    folder = _folder()
    ledger, policy = folder.ledger(), folder.policy()
    public = urlsplit(ledger.url)
    local_name = public.hostname if public.scheme == "http" else None
    if port is None:
        port = public.port or _DEVELOPMENT_PORT
    with folder.open_keys(Passphrase(passphrase.read(terminal))) as keys, keys.hold():
        store = folder.open_store()
        signer = CheckpointSigner(parse_ledger_keys(keys.body), folder.memory)
        with (
            server.listen(address, port, name=local_name) as listener,
            Sequencer(store, signer, clock=now) as sequencer,
        ):
            app = create_ledger_app(LedgerApp(store, sequencer, policy, ledger.authority, now))
            server.serve(app, listener, terminal)


@commands.command("head")
@pass_terminal
def head(terminal: Terminal) -> None:
    """Print the checkpoint that was published last."""
    from protocol.tlog.checkpoint import parse_checkpoint
    from protocol.tlog.note import parse_note

    publication = _published(_folder().open_store())
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
        terminal.say(line)


@commands.command("show")
@click.argument("did", required=False)
@pass_terminal
def show(terminal: Terminal, did: str | None) -> None:
    """List the DIDs on the ledger, or the versions of one DID."""
    store = _folder().open_store()
    if did is None:
        dids = store.dids()
        terminal.document({"dids": list[JsonValue](dids)})
        for each in dids:
            terminal.say(each)
        return
    versions: list[JsonValue] = []
    for version in _versions(store, did):
        versions.append(version)
        terminal.say(f"{version['index']:>8}  ", bold(str(version["version_id"])), f"  {version['time']}")
    terminal.document({"did": did, "versions": versions})


@commands.command("prove")
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
    from protocol.tlog.tiles import read_hashes_from_tiles

    store = _folder().open_store()
    publication = _published(store)
    versions = _versions(store, did)
    number = number or len(versions)
    if number > len(versions):
        raise RefusedError(Code.DID_NOT_FOUND, f"version {number}")
    index = versions[number - 1]["index"]
    assert isinstance(index, int)
    if index >= publication.tree_size:
        raise RefusedError(Code.NOT_FOUND, "no published checkpoint covers the entry yet")
    read_hashes = read_hashes_from_tiles(publication.tree_size, store.read_tiles)
    proof = create_log_proof(index, checkpoint=publication.note, read_hashes=read_hashes)
    file = out or Path(f"{parse_webvh(did).path[0]}-{number}.tlog-proof")
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(encode_log_proof(proof))
    except FileExistsError as error:
        raise RefusedError(Code.VAULT_EXISTS, str(file)) from error
    terminal.document({"file": str(file), "index": index, "size": publication.tree_size})
    terminal.say(f"Wrote {file}: entry {index} of {publication.tree_size}.")


@commands.command("check")
@click.argument("url", required=False)
@click.option(
    "--policy", type=click.Path(exists=True, path_type=Path), help="The tlog-policy to check it against."
)
@pass_terminal
def check(terminal: Terminal, *, url: str | None, policy: Path | None) -> None:
    """Audit a ledger from outside, over HTTP.

    Every entry, tile, signature and DID is checked, and that nothing was taken back since the last time.
    Without URL and --policy it is the ledger of this machine. With a URL alone, its own policy is believed.
    """
    from ledger.audit import audit_ledger
    from ledger.client import LedgerClient
    from ledger.memory import CheckpointMemory
    from ledger.trust import fetch_trusted_ledger

    if url is not None and policy is None:
        with _fetcher(url) as fetcher:
            ledger = fetch_trusted_ledger(url, fetcher=fetcher)
        terminal.note("The policy is the ledger's own word; give --policy to check it against one you trust.")
    else:
        ledger = _trusted(policy)
    if url is not None and url.rstrip("/") != ledger.url:
        raise RefusedError(Code.LOG_POLICY_INVALID, f"it is for the ledger at {ledger.url}")
    with _fetcher(ledger.url) as fetcher:
        memory = CheckpointMemory(state_folder("ledger") / "seen")
        client = LedgerClient(ledger, fetcher=fetcher, memory=memory)
        report = audit_ledger(client, fetcher=fetcher, now=now())
    checkpoint = report.checkpoint
    terminal.document(
        {
            "origin": checkpoint.origin,
            "size": checkpoint.tree_size,
            "root": checkpoint.root_hash.hex(),
            "time": None if checkpoint.time is None else encode_utc(checkpoint.time),
            "tiles": report.tiles,
            "dids": report.dids,
        }
    )
    for line in (
        f"the checkpoint of {checkpoint.origin} satisfies the policy, and continues the last one seen here",
        f"{checkpoint.tree_size} entries and {report.tiles} tiles lead to its root hash",
        f"the histories of {report.dids} DIDs follow their rules from the first entry to the last",
    ):
        terminal.say(good("✓ "), line)


@commands.command("token")
@click.option("--revoke", metavar="ID", help="Take a token back instead.")
@pass_terminal
def token(terminal: Terminal, *, revoke: str | None) -> None:
    """Make an onboarding token, or take one back.

    With it an institution may write to the ledger.
    """
    store = _folder().open_store()
    if revoke is not None:
        store.remove_token(revoke)
        terminal.document({"revoked": revoke})
        terminal.say(f"The token {revoke} is no longer good.")
        return
    token_id, text = _create_token(store)
    terminal.document({"id": token_id, "token": text})
    terminal.say(text)
    terminal.note(f"Shown only now. `tally ledger token --revoke {token_id}` takes it back.")


def _folder() -> "LedgerFolder":
    from ledger.folder import LedgerFolder

    return LedgerFolder(data_folder("ledger"), marks=state_folder("ledger"))


def _create_token(store: "LedgerStore") -> tuple[str, str]:
    from ledger.client import TOKEN_PREFIX
    from storage.management_key import create_management_key

    text, key = create_management_key(TOKEN_PREFIX)
    store.add_token(key)
    return key.id, text


def _published(store: "LedgerStore") -> "Publication":
    publication = store.publication()
    if publication is None:
        raise RefusedError(Code.NOT_FOUND, "nothing was published yet: run `tally ledger serve`")
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


def _trusted(policy: Path | None) -> "TrustedLedger":
    from ledger.trust import parse_trusted_ledger

    return _folder().ledger() if policy is None else parse_trusted_ledger(decode_utf8(policy.read_bytes()))


def _fetcher(url: str) -> "Fetcher":
    from ledger.fetch import Fetcher, FetchRules

    # A person named the ledger, so its port is theirs to choose; `development` opens *.localhost and no more.
    return Fetcher(FetchRules(development=True, allowed_ports=frozenset({urlsplit(url).port or 443})))
