"""Web addresses in messages: one strict grammar, so that two readers never see two different hosts.

    https://issuer.example/path?query
    http://issuer.localhost:8443/path       only with development=True

Peers send us addresses and we send secrets to them. Whatever readers are known to disagree about (user
names, backslashes, percent signs and numbers in the host, dot segments) is refused. Which network the
host leads to is the fetcher's question, not this module's.
"""

import re
from dataclasses import dataclass

from protocol.codes import Code
from protocol.errors import MalformedError

MAX_CHARACTERS = 2048
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# At least two labels, and the last one starts with a letter: no bare intranet name, and no address in any
# of the spellings of IPv4 (127.1, 0x7f.1, 2130706433).
_HOST = re.compile(rf"(?:{_LABEL}\.)+(?=[A-Za-z]){_LABEL}")
_PATH_CHARACTER = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})"
_ADDRESS = re.compile(
    r"(?P<origin>(?P<scheme>https?)://(?P<host>[^/?#:]+)(?::(?P<port>[1-9][0-9]{0,4}))?)"
    rf"(?P<path>(?:/{_PATH_CHARACTER}*)?)"
    rf"(?:\?(?:{_PATH_CHARACTER}|\?)*)?"
    rf"(?P<fragment>#(?:{_PATH_CHARACTER}|\?)*)?"
)
_DOT_SEGMENT = re.compile(r"/(?:\.|%2[Ee]){1,2}(?:/|$)")
_MAX_PORT = 65_535


@dataclass(frozen=True, slots=True)
class WebAddress:
    """A web address that could be read: its text, `https://host[:port]`, the host in lower case, the path."""

    text: str
    origin: str
    host: str
    path: str


def parse_web_address(text: str, *, development: bool, fragment_allowed: bool = False) -> WebAddress:
    """Read an absolute `https` address.

    With `development`, hosts under `.localhost` are accepted too, with `https` or `http`; without it they are
    refused. A fragment is accepted only where a browser is sent (`fragment_allowed`).

    Raises:
        MalformedError: another scheme, a host that is not a name of at least two labels, or anything
            outside the grammar.
    """
    match = _ADDRESS.fullmatch(text) if len(text) <= MAX_CHARACTERS else None
    if match is None or (match["fragment"] is not None and not fragment_allowed):
        raise MalformedError(Code.FORMAT_INVALID, "web address")
    host = match["host"].lower()
    if not is_host_name(host) or (match["port"] is not None and int(match["port"]) > _MAX_PORT):
        raise MalformedError(Code.FORMAT_INVALID, "host or port of a web address")
    if _DOT_SEGMENT.search(match["path"]):
        raise MalformedError(Code.FORMAT_INVALID, "dot segment in a web address")
    is_local = host.endswith(".localhost")
    if is_local and not development:
        raise MalformedError(Code.NETWORK_HOST_FORBIDDEN, "localhost outside development")
    if match["scheme"] == "http" and not is_local:
        raise MalformedError(Code.NETWORK_SCHEME_FORBIDDEN)
    return WebAddress(text, match["origin"], host, match["path"])


def is_host_name(text: str) -> bool:
    """Whether `text` is a DNS name of at least two labels (letters, digits, hyphens; the last no number)."""
    return len(text) <= 253 and _HOST.fullmatch(text) is not None
