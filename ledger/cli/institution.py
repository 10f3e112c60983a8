"""The institution of this home, the one of `tally issuer`, as it says something on the ledger."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from doors.clock import now
from doors.home import data_folder, state_folder
from doors.prompts import PassphraseSource
from doors.terminal import Terminal, warning
from protocol.codes import Code
from protocol.errors import RefusedError, UnavailableError

if TYPE_CHECKING:
    from ledger.author import Author
    from ledger.institution_folder import InstitutionFolder
    from protocol.index.proof import SubjectEntry
    from protocol.records import SignedRecord

INSTITUTION = "issuer"
"""The role whose folder in the home holds the institution that accredits."""
SETTINGS = f"{INSTITUTION}.toml"


def own_institution() -> "InstitutionFolder":
    """The folder of the institution in this home."""
    from ledger.institution_folder import InstitutionFolder

    return InstitutionFolder(
        data_folder(INSTITUTION), state_folder(INSTITUTION), key_prefix=f"tally_{INSTITUTION}"
    )


@contextmanager
def open_institution(terminal: Terminal, passphrase: PassphraseSource) -> Iterator["Author"]:
    """The institution in this home, with its keys open.

    Raises:
        RefusedError: there is none; or as `open_author`.
    """
    from ledger.author import open_author
    from storage.passphrase import Passphrase

    folder = own_institution()
    if not (folder.path / SETTINGS).exists():
        raise RefusedError(Code.NOT_INITIALIZED, "there is no institution: `tally issuer init` makes one")
    did, ledger = folder.load_identity(SETTINGS)
    with (
        passphrase.unlock(terminal, lambda text: folder.open_keys(Passphrase(text))) as ring,
        open_author(folder, ring, ledger, did=did) as author,
    ):
        yield author


def log_record(terminal: Terminal, author: "Author", record: "SignedRecord") -> "SubjectEntry":
    """Log `record`, and give its entry; where the answer got lost, say what that means.

    Raises:
        TallyError: as `Author.log`.
    """
    try:
        return author.log(record, now=now())
    except UnavailableError:
        terminal.note(
            warning("! "),
            "It may have been logged all the same: look with `tally ledger issuers --all` before you say it"
            " again.",
        )
        raise
