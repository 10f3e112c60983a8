"""A wallet in a process of its own that is killed while it receives: `crash.py FOLDER OFFER PATH TIME`.

For an OFFER of the form `refill:ID` it gets further copies of the credential with this id.
When the answer from the address that ends with PATH is there, the process dies as from a power cut. By its
clock it is TIME, in seconds since 1970.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from ledger.fetch import Fetched
from protocol.encoding.time import from_seconds
from tests.wallet.counterparts import UNIVERSITY, Courier, open_vault
from wallet.offer import open_offer
from wallet.outside import Outside
from wallet.receive import receive_credentials
from wallet.refill import refill_copies


def die(honestly: Callable[[], Fetched]) -> NoReturn:
    honestly()
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


if __name__ == "__main__":
    folder, offer, path, time = sys.argv[1:]
    with open_vault(Path(folder)) as vault, Courier() as courier:
        outside = Outside(
            courier,
            lambda _: UNIVERSITY,
            lambda: from_seconds(int(time)),
            development=True,
            prove_issuer=lambda _: (),
            read_type_records=lambda _vct, _did: (),
        )
        if offer.startswith("refill:"):
            courier.lie(path, die)
            refill_copies(vault, offer.removeprefix("refill:"), copies=4, outside=outside)
        opened = open_offer(offer, outside=outside)
        courier.lie(path, die)
        receive_credentials(vault, opened, transaction_code=None, copies=4, outside=outside)
