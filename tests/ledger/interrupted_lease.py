"""Takes a lease and is interrupted before the commit: `python -m tests.ledger.interrupted_lease URL SIGNAL`.

If it comes to life again, it says what came of the attempt.
"""

import os
import signal
import sys

from sqlalchemy import Connection, event

from ledger.lease import Lease
from ledger.store import LedgerStore
from protocol.errors import TallyError
from storage import postgresql
from storage.database import open_database


def attempt(address: str, number: signal.Signals) -> str:
    # How long the server lets a transaction lie; the others wait that long at most.
    postgresql.IDLE_TIMEOUT_SECONDS = 1
    engine = open_database(address)

    def interrupt(_connection: Connection) -> None:
        _say("about to commit")
        os.kill(os.getpid(), number)

    event.listen(engine, "commit", interrupt)
    store = LedgerStore(engine)
    try:
        return "taken" if Lease(engine, store.turn, holder="interrupted").take() else "not taken"
    except TallyError as error:
        return error.code.value


def _say(what: str) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _say(attempt(sys.argv[1], signal.Signals[sys.argv[2]]))
