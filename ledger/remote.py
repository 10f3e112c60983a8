"""The running server of an institution, as its own commands reach it: over HTTP, with the management key."""

from collections.abc import Mapping
from urllib.parse import quote

from ledger.fetch import Fetched, Fetcher
from protocol.encoding.strict_json import JsonObject, JsonValue, encode_json, parse_json_object
from protocol.problem import parse_problem

_JSON = "application/json"
_MAX_BYTES = 64 << 20


class RemoteServer:
    """The management API of the server at `url`.

    Every method raises the error the server answers with, under its own code, and UnavailableError when
    there is no understandable answer.
    """

    def __init__(self, url: str, *, management_key: str, fetcher: Fetcher) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {management_key}"}
        self._fetcher = fetcher

    def get(self, path: str) -> JsonObject:
        """What the server has at `/manage/<path>`."""
        return _read(
            self._fetcher.fetch(
                f"{self._url}/manage/{path}", accept=_JSON, headers=self._headers, max_bytes=_MAX_BYTES
            )
        )

    def post(self, path: str, body: Mapping[str, JsonValue] | None = None) -> JsonObject:
        """What the server answers to `body` at `/manage/<path>`."""
        return _read(
            self._fetcher.fetch(
                f"{self._url}/manage/{path}",
                accept=_JSON,
                method="POST",
                headers=self._headers,
                body=b"" if body is None else encode_json(body),
                content_type=_JSON,
                max_bytes=_MAX_BYTES,
            )
        )


def quoted(text: str) -> str:
    """`text` as one segment of a path, or as a value in a query."""
    # An argument in another encoding than the terminal's holds what no message could.
    return quote(text.encode("utf-8", "replace"), safe="")


def _read(answer: Fetched) -> JsonObject:
    if 200 <= answer.status < 300:
        return parse_json_object(answer.body, max_bytes=_MAX_BYTES)
    raise parse_problem(answer.body, status=answer.status)
