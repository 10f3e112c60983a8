"""Parameters as `application/x-www-form-urlencoded`, in bodies and in the query of a link (RFC 6749 App. B).

    name=value&name=value

Each name at most once (RFC 6749 §3.1): where it comes twice, one reader takes the first and another the last.
"""

import re
from collections.abc import Mapping
from urllib.parse import quote, unquote_to_bytes

from protocol.codes import Code
from protocol.encoding.strict_json import decode_utf8
from protocol.errors import MalformedError

MAX_FORM_BYTES = 64 * 1024
# Visible ASCII without #, & and %; what clients leave unescaped (":" and "/" in JSON, say) is let pass.
_FORM_TEXT = re.compile(r"(?:[!\"$'-~]|%[0-9A-Fa-f]{2})*")

_LINK = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9-]*):(?://[A-Za-z0-9./-]*)?\?(?P<query>[^#]*)")


def encode_link(scheme: str, parameters: Mapping[str, str]) -> str:
    """The link `scheme://?name=value…` that invokes a wallet."""
    return f"{scheme}://?{encode_form(parameters)}"


def parse_link(link: str, *, scheme: str) -> dict[str, str]:
    """Read the parameters of a link `scheme://?…`; whatever stands between `//` and `?` is ignored.

    Raises:
        MalformedError: another scheme, a fragment, or what `parse_form` refuses.
    """
    match = _LINK.fullmatch(link)
    if match is None or match["scheme"].lower() != scheme:
        raise MalformedError(Code.FORMAT_INVALID, f"{scheme} link")
    return parse_form(match["query"])


def encode_form(parameters: Mapping[str, str]) -> str:
    """Write `parameters`, a space as `%20`, which is a space in a body and in a link."""
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in parameters.items())


def parse_form(source: str | bytes, *, max_bytes: int = MAX_FORM_BYTES) -> dict[str, str]:
    """Read parameters; empty text has none.

    Raises:
        MalformedError: too long, a name repeated or without `=`, a broken escape, characters that are not
            ASCII, or a value that is not UTF-8.
    """
    if len(source) > max_bytes:
        raise MalformedError(Code.SIZE_EXCEEDED, f"more than {max_bytes} bytes of parameters")
    text = decode_utf8(source) if isinstance(source, bytes) else source
    parameters: dict[str, str] = {}
    for pair in text.split("&") if text else []:
        name, separator, value = pair.partition("=")
        if not separator or not _FORM_TEXT.fullmatch(pair):
            raise MalformedError(Code.FORMAT_INVALID, "form parameters")
        decoded_name = _decode(name)
        if decoded_name in parameters:
            raise MalformedError(Code.FORMAT_INVALID, "a form parameter is repeated")
        parameters[decoded_name] = _decode(value)
    return parameters


def _decode(text: str) -> str:
    return decode_utf8(unquote_to_bytes(text.replace("+", " ")))
