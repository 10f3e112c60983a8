"""Problem details (RFC 9457) that our own services answer with, read back into the error they were made from.

{"type": "/docs#entry_too_large", "title": …, "status": 422, "code": "entry_too_large", "detail": …}
"""

from protocol.codes import Code, find_code
from protocol.encoding.members import optional_text_member, text_member
from protocol.encoding.strict_json import parse_json_object
from protocol.errors import MalformedError, RefusedError, UnavailableError

_MAX_DETAIL = 8192


def parse_problem(body: bytes, *, status: int) -> RefusedError | UnavailableError:
    """The error that `body` states; what is not a problem document of ours is just an HTTP status.

    It is a refusal only where the service judged what it was sent, not where it failed (5xx).
    """
    try:
        problem = parse_json_object(body)
        code = find_code(text_member(problem, "code"))
        detail = optional_text_member(problem, "detail", max_characters=_MAX_DETAIL) or ""
    except MalformedError:
        code, detail = None, ""
    if code is None:
        return UnavailableError(Code.NETWORK_STATUS, str(status))
    return UnavailableError(code, detail) if status >= 500 else RefusedError(code, detail)
