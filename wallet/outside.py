"""What a wallet reaches outside itself: the network, the trusted ledgers, and the clock."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ledger.fetch import Fetched, Fetcher
from ledger.status_list import fetch_status_list
from ledger.type_records import LoggedType
from protocol.codes import Code
from protocol.credential_status import StatusListFetcher
from protocol.did.verified import DidResolver
from protocol.encoding.strict_json import JsonObject, encode_json
from protocol.errors import MalformedError, TallyError, UnavailableError
from protocol.oauth_error import OAuthError, parse_oauth_error

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Outside:
    """Handed to every use case that leaves the wallet.

    Attributes:
        fetcher: The guarded fetcher.
        resolve_did: Resolves DIDs on the trusted ledgers.
        clock: Tells the time.
        development: Whether addresses under `.localhost`, with plain http, are followed.
        prove_issuer: Fetches tally proofs about the DID of an issuer and about its accreditations; none of a
            DID that is its own key.
        read_type_records: What a DID, the second argument, has logged of a type, the first one; the newest
            last.
    """

    fetcher: Fetcher
    resolve_did: DidResolver
    clock: Callable[[], datetime]
    development: bool
    prove_issuer: Callable[[str], tuple[bytes, ...]]
    read_type_records: Callable[[str, str], tuple[LoggedType, ...]]

    def fetch_status_list(self, uri: str) -> str:
        """The status list token at `uri`, unverified; as `ledger.status_list.fetch_status_list`."""
        return fetch_status_list(uri, fetcher=self.fetcher)

    def status_lists_once(self) -> StatusListFetcher:
        """`fetch_status_list` for one round of questions: no list is asked for twice, not even in vain."""
        answers: dict[str, str | TallyError] = {}

        def fetch(uri: str) -> str:
            if uri not in answers:
                try:
                    answers[uri] = self.fetch_status_list(uri)
                except TallyError as error:
                    answers[uri] = error
            answer = answers[uri]
            if isinstance(answer, TallyError):
                raise answer
            return answer

        return fetch

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


def status_error(answer: Fetched) -> UnavailableError:
    """The error that says no more of `answer` than its status."""
    return UnavailableError(Code.NETWORK_STATUS, str(answer.status))


def read_refusal(answer: Fetched) -> OAuthError:
    """What an answer with an error status says in the words of OAuth.

    Raises:
        UnavailableError: it does not explain itself, or it is the server that has failed.
    """
    if not 400 <= answer.status < 500:
        raise status_error(answer)
    try:
        return parse_oauth_error(answer.body)
    except MalformedError as error:
        raise status_error(answer) from error
