"""One of several processes that answer the same request from the same wallet.

python -m tests.wallet.presenter FOLDER LINK      says `sent`, or the code of the refusal
"""

import sys
from pathlib import Path

from protocol.errors import RefusedError
from tests.counted import SetClock
from tests.openid_parties import resolve_did
from tests.wallet.counterparts import Courier, open_vault
from wallet.consent import prepare_consent
from wallet.outside import Outside
from wallet.present import open_request, send_presentation


def main(folder: str, link: str) -> None:
    clock = SetClock()
    with open_vault(Path(folder)) as vault, Courier() as courier:
        outside = Outside(
            courier,
            resolve_did,
            clock,
            development=True,
            prove_issuer=lambda _did: (),
            read_type_records=lambda _vct, _did: (),
        )
        consent = prepare_consent(vault.content, open_request(vault, link, outside=outside), now=clock())
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.read()
        try:
            send_presentation(vault, consent, outside=outside)
        except RefusedError as error:
            sys.stdout.write(error.code)
        else:
            sys.stdout.write("sent")


if __name__ == "__main__":
    main(*sys.argv[1:])
