"""How a result is shown, and the number the command ends with."""

import json
from collections.abc import Callable, Mapping

from doors.exit_code import ExitCode, exit_code
from doors.terminal import Terminal, bad, bold, dim, good, safe_text, verbatim, warning
from protocol.codes import Code, find_code
from protocol.encoding.members import (
    object_member,
    objects_member,
    optional_object_member,
    optional_text_member,
    text_member,
    texts_member,
)
from protocol.encoding.strict_json import JsonObject
from protocol.errors import UnavailableError, VerificationError

# More than any DID that is accredited, which an index knows by at most 1,024 bytes.
_MAX_DID_CHARACTERS = 1024
_SHOWN_TYPES = 4
_MARKS = {
    "passed": good("✓"),
    "failed": bad("✗"),
    "unknown": warning("?"),
    "skipped": dim("–"),
    "not_reached": dim("·"),
}
_VERDICTS = {
    "verified": good("✓ Verified"),
    "refused": bad("✗ Refused"),
    "unavailable": warning("? Nobody knows"),
    "pending": dim("Waiting for the answer"),
    "expired": warning("Nobody answered in time"),
}

# Nobody whom the policy names leads to the issuer: for a script that is the same as one it does not list.
_NOT_ACCREDITED = frozenset(
    {
        Code.ACCREDITATION_INVALID,
        Code.ACCREDITATION_MISSING,
        Code.ACCREDITATION_NOT_ROOTED,
        Code.ACCREDITATION_OUT_OF_TIME,
        Code.ACCREDITATION_WITHDRAWN,
    }
)

_ENDINGS: Mapping[str, Callable[[Code], ExitCode]] = {
    "pending": lambda _: ExitCode.SUCCESS,
    "refused": lambda code: exit_code(
        VerificationError(Code.ISSUER_NOT_TRUSTED if code in _NOT_ACCREDITED else code)
    ),
    "unavailable": lambda code: exit_code(UnavailableError(code)),
}


def tell(terminal: Terminal, document: JsonObject) -> ExitCode:
    """Show the result of a request or a check; the number to end with."""
    terminal.document(document)
    status, error = text_member(document, "status"), optional_object_member(document, "error")
    at = optional_text_member(document, "at")
    terminal.say(_VERDICTS[status], "" if at is None else f" as of {at}")
    for check in objects_member(document, "checks"):
        mark = _MARKS[text_member(check, "outcome")]
        terminal.say(mark, f" {text_member(check, 'id'):22}", dim(text_member(check, "detail")))
        for link in objects_member(check, "accreditation") if "accreditation" in check else []:
            _tell_link(terminal, link)
    for name, value in object_member(document, "claims").items():
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        terminal.say(bold(name), f"  {shown}")
    if error is None:
        return ExitCode.FAILURE if status == "expired" else ExitCode.SUCCESS
    code = find_code(text_member(error, "code")) or Code.INTERNAL_ERROR
    if status != "pending":
        terminal.error(code, text_member(error, "message"), text_member(error, "hint"))
    return _ENDINGS[status](code)


def _tell_link(terminal: Terminal, link: JsonObject) -> None:
    types = texts_member(link, "types")
    shown = [safe_text(vct) for vct in types[:_SHOWN_TYPES]]
    if rest := len(types) - len(shown):
        shown.append(f"{rest} more")
    terminal.say(verbatim(f"  {safe_text(text_member(link, 'did'), max_characters=_MAX_DID_CHARACTERS)}"))
    terminal.say(verbatim(f"    by {safe_text(text_member(link, 'by'), max_characters=_MAX_DID_CHARACTERS)}"))
    terminal.say(
        dim(
            f"    from {text_member(link, 'since')} until {text_member(link, 'until')} for {', '.join(shown)}"
        )
    )
