"""A log as files in memory, signed by the keys of the test ledger: it can hold anything, and grow or fork."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from ledger.fetch import Fetched, Fetcher, FetchRules
from ledger.log_files import LogFiles
from ledger.rebuilt_tree import RebuiltTree
from ledger.tree import Tree
from ledger.trust import TrustedLedger
from protocol.codes import Code
from protocol.errors import UnavailableError
from protocol.tlog.checkpoint import Checkpoint, encode_checkpoint
from protocol.tlog.cosignature import sign_cosignature
from protocol.tlog.merkle import RightEdge, hash_leaf
from protocol.tlog.note import encode_note, sign_note
from protocol.tlog.policy import VerifiedCheckpoint, verify_checkpoint
from protocol.tlog.tiles import encode_entry_bundle, extend_tiles, select_entry_bundles
from tests.ledger.world import KEYS, NOW, POLICY, URL

LEDGER = TrustedLedger(URL, POLICY)


class Files(Fetcher):
    """Gives the files below the URL of the ledger, and counts what it was asked for."""

    def __init__(self) -> None:
        super().__init__(FetchRules(development=True))
        self.asked: list[str] = []

    def read(self, path: str) -> bytes | None:
        raise NotImplementedError

    def fetch_ok(self, url: str, *, accept: str, max_bytes: int = 1 << 20) -> Fetched:
        path = url.removeprefix(f"{URL}/")
        self.asked.append(path)
        data = self.read(path)
        if data is None:
            raise UnavailableError(Code.NETWORK_STATUS, "404")
        assert len(data) <= max_bytes
        return Fetched(200, accept, data)


class StaticLog(Files):
    """The files of a log with these entries, and of no earlier state of it."""

    def __init__(self, entries: Sequence[bytes], *, index_size: int = 1, now: datetime = NOW) -> None:
        super().__init__()
        self.files: dict[str, bytes] = {}
        # What the index log says is not for a mirror to judge.
        self._add(Tree.INDEX, [f"index {number}".encode() for number in range(index_size)], now)
        self._add(Tree.LOG, entries, now)
        self.note = self.files["checkpoint"].decode()

    def _add(self, tree: Tree, entries: Sequence[bytes], now: datetime) -> None:
        prefix = "" if tree is Tree.LOG else f"{tree}/"
        hashes = [hash_leaf(entry) for entry in entries]
        origin = KEYS.public_key(tree).name
        text = encode_checkpoint(Checkpoint(origin, len(entries), RightEdge().append(hashes).root_hash()))
        signatures = [
            sign_note(text, name=origin, key=KEYS.key(tree)),
            sign_cosignature(text, name=KEYS.cosigner_name, key=KEYS.cosigner, now=now),
        ]
        self.files[f"{prefix}checkpoint"] = encode_note(text, signatures).encode()
        for tile, data in extend_tiles(0, hashes, lambda _tiles: []).items():
            self.files[prefix + tile.path] = data
        for bundle in select_entry_bundles(0, len(entries)):
            begin = bundle.index * 256
            part = entries[begin : begin + bundle.width]
            self.files[prefix + bundle.path] = encode_entry_bundle(part)

    def read(self, path: str) -> bytes | None:
        return self.files.get(path)


class StaticFolder(Files):
    """The files of a folder, as a web server gives them."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def read(self, path: str) -> bytes | None:
        file = self._folder / path
        return file.read_bytes() if file.is_file() else None


def verify_folder(folder: Path) -> VerifiedCheckpoint:
    """Check that all of the log whose checkpoint is in `folder` is there too, and that it is right."""
    with StaticFolder(folder) as static:
        files = LogFiles(URL, static)
        checkpoint = verify_checkpoint(files.read_checkpoint(), policy=POLICY, now=NOW)
        tree = RebuiltTree(files.read_tiles)
        for bundle in select_entry_bundles(0, checkpoint.tree_size):
            tree.append(files.read_bundle(bundle))
        tree.finish(checkpoint.root_hash)
    return checkpoint
