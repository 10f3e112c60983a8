"""The university's HTTP door, with the requests of an honest wallet and of the institution's own programs."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from doors.server import listen, running
from issuer.folder import KEY_PREFIX
from issuer.http import IssuerApp, create_issuer_app
from ledger.identity import IdentityKey
from protocol.openid4vci.offer import PRE_AUTHORIZED_CODE
from storage.management_key import create_management_key
from storage.register import replace_management_key
from tests.browser import FORM, Answer, Browser, bearer
from tests.issuer.university import EXAMPLE, University
from tests.status_issuer import KEY


class Door:
    """One running issuer."""

    def __init__(self, university: University, management_key: str, browser: Browser) -> None:
        self.university = university
        self.key = bearer(management_key)
        self.browser = browser
        self.rotations = 0

    def rotate(self, _now: datetime) -> IdentityKey:
        self.rotations += 1
        return IdentityKey(KEY, f"did:example#{self.rotations}")

    def offer(self, **members: object) -> Any:
        body = {"type": "degree", "claims": EXAMPLE, **members}
        answer = self.browser.post_json("/manage/offers", body, **self.key)
        assert answer.status == 201, answer.body
        return answer.json

    def code(self, **members: object) -> tuple[str, str | None]:
        """The pre-authorized code and the transaction code of a new offer."""
        created = self.offer(**members)
        reference = created["offer"].rpartition("%2F")[2]
        grants = self.browser.get(f"/offers/{reference}").json["grants"]
        return grants[PRE_AUTHORIZED_CODE]["pre-authorized_code"], created["tx_code"]

    def exchange(self, code: str | None, tx_code: str | None = None, **more: str) -> Answer:
        parameters = {
            "grant_type": PRE_AUTHORIZED_CODE,
            "pre-authorized_code": code,
            "tx_code": tx_code,
            **more,
        }
        present = {name: value for name, value in parameters.items() if value is not None}
        return self.browser.post("/token", urlencode(present), kind=FORM)

    def token(self, **members: object) -> str:
        """An access token for a new offer."""
        answer = self.exchange(*self.code(**members))
        assert answer.status == 200, answer.body
        return str(answer.json["access_token"])

    def credential(self, token: str, body: object) -> Answer:
        return self.browser.post_json("/credential", body, **bearer(token))


def request(*proofs: str) -> dict[str, object]:
    """An honest credential request."""
    return {"credential_configuration_id": "degree", "proofs": {"jwt": list(proofs)}}


@contextmanager
def open_door(folder: Path) -> Iterator[Door]:
    with listen("127.0.0.1", 0, name="issuer.localhost") as listener:
        university = University(folder, url=listener.url)
        text, key = create_management_key(KEY_PREFIX)
        replace_management_key(university.register, key)
        door = Door(university, text, Browser(listener.url))
        app = create_issuer_app(
            IssuerApp(university.institution, door.rotate, university.clock, university.entropy)
        )
        with running(app, listener):
            yield door
        university.close()
