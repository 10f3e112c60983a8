"""The institution of this home with its keys open, for the commands that write on its ledger."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from doors.prompts import PassphraseSource
from doors.terminal import Terminal
from issuer.cli.owning import own_folder

if TYPE_CHECKING:
    from issuer.folder import IssuerFolder
    from ledger.author import Author


@contextmanager
def open_institution(
    terminal: Terminal, passphrase: PassphraseSource
) -> "Iterator[tuple[IssuerFolder, Author]]":
    """Its folder, and itself as the author of records; its server may run at the same time.

    Raises:
        RefusedError: there is none, or the passphrase does not open its keys.
    """
    from ledger.author import open_author
    from storage.passphrase import Passphrase

    folder = own_folder()
    did = folder.load_settings().did
    ledger = folder.load_ledgers().ledger_of(did)
    with (
        passphrase.unlock(terminal, lambda text: folder.open_keys(Passphrase(text))) as ring,
        open_author(folder, ring, ledger, did=did) as author,
    ):
        yield folder, author
