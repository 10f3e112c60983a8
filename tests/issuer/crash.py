"""A university in a process of its own that is killed while it issues: `python crash.py FOLDER PLACE`.

PLACE is a name in `issuer.issuance`; where it is called, the process dies as from a power cut. The access
token that was being redeemed is printed before.
"""

import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from issuer import issuance
from tests.issuer.university import University


def die(*_arguments: object, **_named: object) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


if __name__ == "__main__":
    university = University(Path(sys.argv[1]))
    token = university.exchange(university.offer().code)
    sys.stdout.write(token)
    sys.stdout.flush()
    setattr(issuance, sys.argv[2], die)
    university.issue(token, university.proofs(3))
