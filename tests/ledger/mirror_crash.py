"""`mirror_ledger` killed at each of its steps: `python -m tests.ledger.mirror_crash FOLDER`.

For each step there is a copy of FOLDER/begun in FOLDER/1 and so on, and a process that was killed before that
step of going on with it; the last copy is that of the process that came to the end.
"""

import os
import shutil
import signal
import sys
from pathlib import Path

from ledger.memory import CheckpointMemory
from ledger.mirror import mirror_ledger
from ledger.mirror_folder import MirrorFolder
from tests.ledger.crash import kill_at
from tests.ledger.static_log import LEDGER, StaticLog
from tests.ledger.world import NOW, create, record, update

BEFORE, AFTER = 254, 259


def entries() -> list[bytes]:
    """So many that a block is filled, and the history of a DID goes on in it."""
    first = create("university")
    second = update(first.version)
    last = update(second.version)
    others = [f"entry {number}".encode() for number in range(AFTER - 3)]
    first_two, third = [record(each).leaf for each in (first, second)], record(last).leaf
    return [*first_two, *others[:-1], third, others[-1]]


def mirror(folder: Path, log: StaticLog) -> None:
    with MirrorFolder(folder) as files:
        memory = CheckpointMemory(folder.with_name(f"{folder.name}-seen"))
        mirror_ledger(LEDGER, files, fetcher=log, memory=memory, now=NOW)


if __name__ == "__main__":
    root = Path(sys.argv[1])
    mirror(root / "begun", StaticLog(entries()[:BEFORE]))
    log = StaticLog(entries())
    status, number = -1, 0
    while status != 0:
        number += 1
        shutil.copytree(root / "begun", root / str(number))
        child = os.fork()
        if child == 0:
            kill_at(number)
            mirror(root / str(number), log)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert status in (0, signal.SIGKILL), status
