"""`tally` with a bug in it: whoever wants to make a wallet meets a failure that nobody foresaw, with a secret
in its words and in the variables around it.
"""

import sys
from unittest import mock

import tally

SECRET = "tall ships in a bottle"


async def make_new(_app: object) -> None:
    passphrase = SECRET
    raise ZeroDivisionError(f"divided {passphrase}")


if __name__ == "__main__":
    with mock.patch("wallet.tui.screens.welcome.make_new", make_new):
        sys.exit(tally.main())
