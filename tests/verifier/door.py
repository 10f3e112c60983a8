"""The shop's HTTP door, with the requests of an honest wallet and of the shop's own programs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from doors.server import listen, running
from ledger.identity import IdentityKey
from storage.management_key import create_management_key
from storage.register import replace_management_key
from tests.browser import FORM, Answer, Browser, bearer
from tests.verifier.shop import Shop, reference_of
from verifier.folder import KEY_PREFIX
from verifier.http import VerifierApp, create_verifier_app
from verifier.request import CreatedRequest


class Door:
    """One running verifier."""

    def __init__(self, shop: Shop, management_key: str, browser: Browser) -> None:
        self.shop = shop
        self.key = bearer(management_key)
        self.browser = browser

    def ask(self, **members: object) -> CreatedRequest:
        answer = self.post_manage("/manage/requests", **{**request(), **members})
        assert answer.status == 201, answer.body
        created = answer.json
        assert created.keys() == {"id", "request", "match_code", "expires_at"}
        return CreatedRequest(
            created["id"],
            created["request"],
            created["match_code"],
            datetime.fromisoformat(created["expires_at"]),
        )

    def post_manage(self, path: str, **members: object) -> Answer:
        body = {name: value for name, value in members.items() if value is not None}
        return self.browser.post_json(path, body, **self.key)

    def result(self, created: CreatedRequest, query: str = "") -> Any:
        answer = self.browser.get(f"/manage/requests/{created.id}{query}", **self.key)
        assert answer.status == 200, answer.body
        return answer.json

    def post(self, created: CreatedRequest, body: str | bytes, *, kind: str = FORM) -> Answer:
        return self.browser.post(f"/response/{reference_of(created)}", body, kind=kind)

    def answer(self, created: CreatedRequest, *paths: str, **binding: Any) -> Answer:
        """What an honest wallet posts, but for what `binding` changes."""
        return self.post(created, self.shop.answer(created, *paths, **binding))


def request() -> dict[str, object]:
    """An honest request for a request."""
    return {"type": "degree", "claims": ["level"], "purpose": "Job application", "retention_days": 1}


@contextmanager
def open_door(folder: Path, *, rotate: Callable[[datetime], IdentityKey] | None = None) -> Iterator[Door]:
    with listen("127.0.0.1", 0, name="shop.localhost") as listener:
        shop = Shop(folder, url=listener.url)
        text, key = create_management_key(KEY_PREFIX)
        replace_management_key(shop.register, key)
        app = create_verifier_app(VerifierApp(shop.verifier, rotate, shop.clock, shop.entropy))
        with running(app, listener):
            yield Door(shop, text, Browser(listener.url))
        shop.close()
