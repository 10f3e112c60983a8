"""What a wallet reaches outside itself: the network, the trusted ledgers, and the clock."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ledger.fetch import Fetched, Fetcher
from protocol.did.verified import DidResolver
from protocol.encoding.strict_json import JsonObject, decode_utf8, encode_json

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
STATUS_LIST = "application/statuslist+jwt"

_MAX_STATUS_LIST_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Outside:
    """Handed to every use case that leaves the wallet.

    Attributes:
        fetcher: The guarded fetcher.
        resolve_did: Resolves DIDs on the trusted ledgers.
        clock: Tells the time.
        development: Whether addresses under `.localhost`, with plain http, are followed.
    """

    fetcher: Fetcher
    resolve_did: DidResolver
    clock: Callable[[], datetime]
    development: bool

    def fetch_status_list(self, uri: str) -> str:
        """The status list token at `uri`, unverified. Always the whole list, so that its host does not learn
        which credential it is about.

        Raises:
            RefusedError, UnavailableError: it cannot be had.
        """
        fetched = self.fetcher.fetch_ok(uri, accept=STATUS_LIST, max_bytes=_MAX_STATUS_LIST_BYTES)
        return decode_utf8(fetched.body)

    def post_json(self, url: str, body: JsonObject, *, access_token: str, max_bytes: int) -> Fetched:
        """Post `body` with an access token; the answer may be an error."""
        return self.fetcher.fetch(
            url,
            method="POST",
            accept=JSON,
            headers={"Authorization": f"Bearer {access_token}"},
            body=encode_json(body),
            content_type=JSON,
            max_bytes=max_bytes,
        )

    def post_form(self, url: str, body: str, *, accept: str = JSON) -> Fetched:
        """Post a form; the answer may be an error."""
        return self.fetcher.fetch(
            url, method="POST", accept=accept, body=body.encode("ascii"), content_type=FORM
        )
