"""Problem details (RFC 9457) that our own services answer with, read back into the error they were made from.

{"type": "/docs#entry_too_large", "title": …, "status": 422, "code": "entry_too_large", "detail": …}
"""

from protocol.codes import Code, find_code
from protocol.encoding.members import optional_text_member, text_member
from protocol.encoding.strict_json import parse_json_object
from protocol.errors import MalformedError, RefusedError


def parse_problem(body: bytes, *, status: int) -> RefusedError:
    """The refusal that `body` states; what is not a problem document of ours is just an HTTP status."""
    try:
        problem = parse_json_object(body)
        code = find_code(text_member(problem, "code"))
        detail = optional_text_member(problem, "detail") or ""
    except MalformedError:
        return _status_only(status)
    return _status_only(status) if code is None else RefusedError(code, detail)


def _status_only(status: int) -> RefusedError:
    return RefusedError(Code.NETWORK_STATUS, str(status))
