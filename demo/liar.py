"""A node that lies: what a dishonest one of the four does, with its real key and at its real address.

It vouches for every tree it is shown without reading one entry, and tells of sizes that nobody has seen.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from demo.party import Party
from doors.clock import now
from ledger.folder import LedgerFolder
from ledger.node.cosigner import Cosigner
from ledger.node.folder import NodeFolder
from ledger.node.keys import parse_node_keys
from ledger.signer import parse_ledger_keys
from protocol.errors import MalformedError
from protocol.tlog.checkpoint import Checkpoint, encode_checkpoint, parse_checkpoint
from protocol.tlog.note import encode_note, encode_signature_line, parse_note, sign_note
from protocol.tlog.witness import MAX_REQUEST_BYTES, parse_add_checkpoint
from storage.passphrase import Passphrase


@contextmanager
def lying_node(party: Party, port: int) -> Iterator[Cosigner]:
    """Be the node of `party` at its port, until the block ends; gives what it signs with."""
    folder = NodeFolder(party.home / "ledger-node", marks=party.home / "state" / "ledger-node")
    cosigner = parse_node_keys(folder.open_key(Passphrase(party.passphrase)).body).cosigner

    class Liar(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(200, "text/x.tlog.size", "1000000\n")

        def do_POST(self) -> None:
            body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), MAX_REQUEST_BYTES))
            try:
                note = parse_note(parse_add_checkpoint(body).checkpoint)
                parse_checkpoint(note.text)
            except MalformedError:
                self._answer(409, "text/x.tlog.size", "1000000\n")
                return
            # Whatever it is: it was not looked at.
            self._answer(200, "text/plain", encode_signature_line(cosigner.sign(note.text, now=now())))

        def log_message(self, *_arguments: object) -> None:
            pass

        def _answer(self, status: int, media_type: str, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

    server = ThreadingHTTPServer(("127.0.0.1", port), Liar)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield cosigner
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def other_history(operator: Party, published: str, accomplice: Cosigner) -> str:
    """A checkpoint of another history, of the size that was `published`, signed by the log and a liar."""
    folder = LedgerFolder(operator.home / "ledger", marks=operator.home / "state" / "ledger")
    keys = parse_ledger_keys(folder.open_keys(Passphrase(operator.passphrase)).body)
    shown = parse_checkpoint(parse_note(published).text)
    text = encode_checkpoint(Checkpoint(shown.origin, shown.tree_size, bytes(reversed(shown.root_hash))))
    log = sign_note(text, name=keys.origin, key=keys.log)
    return encode_note(text, [log, accomplice.sign(text, now=now())])
