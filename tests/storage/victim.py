"""A process that changes a sealed file and is killed meanwhile: `python -m tests.storage.victim FOLDER WHAT`.

It starts quickly: a campaign starts it a thousand times.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from protocol.errors import TallyError
from storage.passphrase import TEST_ONLY, Passphrase
from storage.sealed_file import SealedFile

BEGIN, END = "/begin", "/end"
OLD, NEW = Passphrase("correct horse battery staple"), Passphrase("another one")


@contextmanager
def operation() -> Iterator[None]:
    """What is killed. Two calls for names that do not exist tell the trace where it begins and ends."""
    os.access(BEGIN, os.F_OK)
    yield
    os.access(END, os.F_OK)


def change(opened: SealedFile, what: str) -> None:
    match what:
        case "save":
            opened.save(b"new")
        case "change-passphrase":
            opened.change_passphrase(NEW, kdf=TEST_ONLY)
        case _:
            opened.rekey(passphrase=NEW, kdf=TEST_ONLY)


if __name__ == "__main__":
    root, what = Path(sys.argv[1]), sys.argv[2]
    try:
        path, marks = root / "home" / "wallet.sealed", root / "state"
        with SealedFile.open(path, OLD, mark_folder=marks, weakest_kdf=TEST_ONLY) as opened, operation():
            change(opened, what)
    except TallyError as error:
        sys.stdout.write(error.code)
