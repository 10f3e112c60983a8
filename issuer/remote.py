"""The running issuer, as the institution's own commands reach it: over HTTP, with the management key."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from ledger.fetch import Fetched, Fetcher, FetchRules
from protocol.codes import Code, find_code
from protocol.encoding.members import optional_text_member, text_member
from protocol.encoding.strict_json import JsonObject, JsonValue, encode_json, parse_json_object
from protocol.errors import MalformedError, RefusedError, TallyError, UnavailableError

_JSON = "application/json"
_MAX_BYTES = 64 << 20


def chosen_fetcher(url: str) -> Fetcher:
    """A fetcher for an address that the institution itself chose, with its port.

    Names under .localhost lead to this machine, as nobody else's do.
    """
    return Fetcher(FetchRules(development=True, allowed_ports=frozenset({urlsplit(url).port or 443})))


class RemoteIssuer:
    """The management API of the issuer at `url`.

    Every method raises the error the issuer answers with, under its own code, and UnavailableError when
    there is no understandable answer.
    """

    def __init__(self, url: str, *, management_key: str, fetcher: Fetcher) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {management_key}"}
        self._fetcher = fetcher

    def get(self, path: str) -> JsonObject:
        """What the issuer has at `/manage/<path>`."""
        return _read(
            self._fetcher.fetch(
                f"{self._url}/manage/{path}", accept=_JSON, headers=self._headers, max_bytes=_MAX_BYTES
            )
        )

    def post(self, path: str, body: Mapping[str, JsonValue] | None = None) -> JsonObject:
        """What the issuer answers to `body` at `/manage/<path>`."""
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


def _read(answer: Fetched) -> JsonObject:
    if 200 <= answer.status < 300:
        return parse_json_object(answer.body, max_bytes=_MAX_BYTES)
    raise _problem(answer)


def _problem(answer: Fetched) -> TallyError:
    try:
        problem = parse_json_object(answer.body)
        code = find_code(text_member(problem, "code"))
        detail = optional_text_member(problem, "detail", max_characters=8192) or ""
    except MalformedError:
        code, detail = None, ""
    if code is None:
        return UnavailableError(Code.NETWORK_STATUS, str(answer.status))
    return RefusedError(code, detail)
