"""Declining a request in the protocol's own words (OpenID4VP 1.0 §8.5)."""

from dataclasses import dataclass
from enum import StrEnum

from protocol.codes import Code
from protocol.errors import RefusedError


class ErrorWord(StrEnum):
    """The `error` of an error response."""

    INVALID_REQUEST = "invalid_request"
    INVALID_SCOPE = "invalid_scope"
    UNSUPPORTED_RESPONSE_TYPE = "unsupported_response_type"
    ACCESS_DENIED = "access_denied"
    VP_FORMATS_NOT_SUPPORTED = "vp_formats_not_supported"
    INVALID_TRANSACTION_DATA = "invalid_transaction_data"


@dataclass(frozen=True, slots=True)
class ReplyAddress:
    """Where the answer to a request goes, and the `state` it must repeat."""

    response_uri: str
    state: str | None


class RequestRefusedError(RefusedError):
    """A request of a sender that was established, which cannot be served and is to be answered with an error.

    Every other error about a request means: do not answer, the address may be anyone's.

    Attributes:
        word: The `error` to answer with.
        reply_to: Where to send it.
    """

    def __init__(self, code: Code, detail: str, *, word: ErrorWord, reply_to: ReplyAddress) -> None:
        super().__init__(code, detail)
        self.word = word
        self.reply_to = reply_to
