"""Fetching the status list that a credential names: untrusted text, for the ground floor to verify."""

from ledger.fetch import Fetcher
from protocol.encoding.strict_json import decode_utf8
from protocol.errors import RefusedError, UnavailableError
from protocol.status_list.token import STATUS_LIST_TYP

_MAX_BYTES = 32 << 20


def fetch_status_list(uri: str, *, fetcher: Fetcher) -> str:
    """The status list token at `uri`. Always the whole list, so that its host does not learn which credential
    it is about.

    Raises:
        UnavailableError: it cannot be had.
        MalformedError: it is not text.
    """
    try:
        answer = fetcher.fetch_ok(uri, accept=f"application/{STATUS_LIST_TYP}", max_bytes=_MAX_BYTES)
    except RefusedError as error:
        # An address our rules forbid says nothing about the credential, only that nobody can find out.
        raise UnavailableError(error.code, error.detail) from error
    return decode_utf8(answer.body)
