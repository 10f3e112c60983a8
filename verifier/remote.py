"""The running verifier, as its own commands reach it: over HTTP, with the management key."""

from urllib.parse import quote, urlsplit

from ledger.fetch import Fetched, Fetcher, FetchRules
from protocol.encoding.strict_json import JsonObject, encode_json, parse_json_object
from protocol.problem import parse_problem

_JSON = "application/json"
_MAX_BYTES = 1 << 20


def chosen_fetcher(url: str) -> Fetcher:
    """A fetcher for an address that the verifier's owner chose, with its port.

    Names under .localhost lead to this machine, as nobody else's do.
    """
    return Fetcher(FetchRules(development=True, allowed_ports=frozenset({urlsplit(url).port or 443})))


class RemoteVerifier:
    """The management API of the verifier at `url`.

    Every method raises the error the verifier answers with, under its own code, and UnavailableError when
    it cannot be reached.
    """

    def __init__(self, url: str, *, management_key: str, fetcher: Fetcher) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {management_key}"}
        self._fetcher = fetcher

    def create_request(self, body: JsonObject) -> JsonObject:
        """A new request, as `POST /manage/requests` answers."""
        return _read(
            self._fetcher.fetch(
                f"{self._url}/manage/requests",
                accept=_JSON,
                method="POST",
                headers=self._headers,
                body=encode_json(body),
                content_type=_JSON,
                max_bytes=_MAX_BYTES,
            )
        )

    def read_result(self, request_id: str) -> JsonObject:
        """What became of a request, as `GET /manage/requests/<id>` answers."""
        url = f"{self._url}/manage/requests/{quote(request_id, safe='')}"
        return _read(self._fetcher.fetch(url, accept=_JSON, headers=self._headers, max_bytes=_MAX_BYTES))


def _read(answer: Fetched) -> JsonObject:
    if 200 <= answer.status < 300:
        return parse_json_object(answer.body)
    raise parse_problem(answer.body, status=answer.status)
