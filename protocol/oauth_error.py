"""The error object of OAuth 2.0 (RFC 6749 §5.2), which every endpoint of OpenID4VC answers with.

{"error": "invalid_grant", "error_description": "The code is wrong, was used before, or has expired."}
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from protocol.codes import Code
from protocol.encoding.members import text_member
from protocol.encoding.strict_json import JsonObject, parse_json_object
from protocol.errors import RefusedError, TallyError

_MAX_DESCRIPTION = 500
# So much of the other party's sentence is repeated.
_MAX_REPEATED = 200
_NOT_IN_DESCRIPTION = re.compile(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]")


@dataclass(frozen=True, slots=True)
class OAuthError:
    """An error on the wire: its word, and a sentence for developers or None."""

    error: str
    description: str | None = None


def express_error(error: TallyError, words: Mapping[Code, str], *, otherwise: str) -> OAuthError:
    """`error` in the words of an endpoint: the word for its code, or `otherwise`, and what it means."""
    return OAuthError(words.get(error.code, otherwise), encode_description(str(error)))


def refusal(error: OAuthError, words: Mapping[Code, str]) -> RefusedError:
    """What `error` means to who reads it; the detail repeats what the endpoint said beyond that."""
    code = next((code for code, word in words.items() if word == error.error), None)
    if code is None:
        said = f"{error.error}: {error.description}" if error.description else error.error
        return RefusedError(Code.ISSUANCE_REFUSED, said)
    said = (error.description or "").removeprefix(encode_description(code.meaning)).strip(" ()")
    return RefusedError(code, said or error.error)


def encode_description(text: str) -> str:
    """`text` within the characters and the length that an error description may have (RFC 6749 §5.2)."""
    return _NOT_IN_DESCRIPTION.sub("'", text)[:_MAX_DESCRIPTION]


def encode_oauth_error(error: OAuthError) -> JsonObject:
    """The JSON object of `error`."""
    members: JsonObject = {"error": error.error}
    if error.description is not None:
        members["error_description"] = error.description
    return members


def parse_oauth_error(body: str | bytes) -> OAuthError:
    """Read an error object. Its texts are the other party's: characters the specification excludes are
    replaced, what is too long to be repeated is cut, and a description that is not text is left out.

    Raises:
        MalformedError: not a JSON object with an `error`.
    """
    source = parse_json_object(body)
    error, description = text_member(source, "error"), source.get("error_description")
    return OAuthError(_repeated(error), _repeated(description) if isinstance(description, str) else None)


def _repeated(text: str) -> str:
    cut = encode_description(text)
    return cut if len(cut) <= _MAX_REPEATED else f"{cut[:_MAX_REPEATED]}..."
