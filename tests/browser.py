"""A plain HTTP client for the tests: it sends what it is told, well-formed or not."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Browser:
    def __init__(self, url: str) -> None:
        self.port = urlsplit(url).port or 0

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, None, headers)

    def post(self, path: str, body: str | bytes = b"", *, kind: str = JSON, **headers: str) -> Answer:
        data = body.encode() if isinstance(body, str) else body
        return self.ask("POST", path, data, {"Content-Type": kind, **headers})

    def post_json(self, path: str, body: object, **headers: str) -> Answer:
        return self.post(path, json.dumps(body), **headers)

    def ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            received = {name.lower(): value for name, value in answer.headers.items()}
            return Answer(answer.status, received, answer.read())
        finally:
            connection.close()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
