"""did:webvh identifiers, and where on the web their history is (did:webvh 1.0, Method-Specific Identifier).

    did:webvh:<SCID>:<host>[%3A<port>][:<path segment>...]

A DID comes from whoever presents a credential, so this reader decides what our own machines can be made to
fetch: no IP address in any spelling, no name without a dot, no path that climbs. What is percent-encoded is
decoded once, and whatever could be decoded a second time is refused.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from protocol.codes import Code
from protocol.encoding.base58btc import decode_base58btc
from protocol.encoding.strict_json import decode_utf8
from protocol.errors import MalformedError
from protocol.web_address import is_host_name

MAX_DID_CHARACTERS = 1024
SCID_PLACEHOLDER = "{SCID}"
"""Stands where the SCID will be while the first entry is made."""

_PREFIX = "did:webvh:"
MULTIHASH_SHA256 = b"\x12\x20"
_SCID_CHARACTERS = 46
_MAX_PORT = 65535

# idchar of DID Core; an encoded octet is exactly two hexadecimal digits.
_ID_CHARACTERS = re.compile(r"(?:[A-Za-z0-9._-]|%[0-9A-Fa-f]{2})+")
_PORT = re.compile(r"(.*)%3[Aa]([1-9][0-9]{0,4})")
_URL_TEXT = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*")


@dataclass(frozen=True, slots=True)
class WebvhId:
    """A did:webvh DID taken apart.

    Attributes:
        did: The DID as written; DIDs are compared byte for byte.
        scid: The self-certifying identifier, 46 characters.
        host: The host in lower case, with at least one dot and never an IP address.
        port: The port, None for the default of the scheme.
        path: The decoded path segments, none of them empty or climbing.
    """

    did: str
    scid: str
    host: str
    port: int | None
    path: tuple[str, ...]

    @property
    def authority(self) -> str:
        """`host` or `host:port`."""
        return self.host if self.port is None else f"{self.host}:{self.port}"

    def log_path(self) -> str:
        """The path of did.jsonl on the host."""
        return f"{self._directory()}/did.jsonl"

    def witness_path(self) -> str:
        """The path of did-witness.json on the host."""
        return f"{self._directory()}/did-witness.json"

    def log_url(self, *, scheme: str = "https") -> str:
        """Where the history is. Whether another scheme than https is allowed is the fetcher's decision."""
        return f"{scheme}://{self.authority}{self.log_path()}"

    def witness_url(self, *, scheme: str = "https") -> str:
        """Where the witness proofs are, beside the history."""
        return f"{scheme}://{self.authority}{self.witness_path()}"

    def _directory(self) -> str:
        return "".join(f"/{quote(segment, safe='')}" for segment in self.path) or "/.well-known"


@dataclass(frozen=True, slots=True)
class WebvhUrl:
    """A DID URL: the DID, and what stands behind it.

    `path` is as written, empty or with its leading slash; `query` is decoded; `fragment` is without `#`.
    """

    id: WebvhId
    path: str
    query: Mapping[str, str]
    fragment: str | None


def parse_webvh(did: str) -> WebvhId:
    """Read a bare did:webvh DID.

    Raises:
        MalformedError: DID_METHOD_UNSUPPORTED when it is a DID of another method; NETWORK_HOST_FORBIDDEN when
            the host is an IP address or a name without a dot; DID_INVALID for anything else that is not
            allowed, a path, query or fragment among it.
    """
    if not did.startswith(_PREFIX):
        code = Code.DID_METHOD_UNSUPPORTED if did.startswith("did:") else Code.DID_INVALID
        raise MalformedError(code, "not a did:webvh")
    if len(did) > MAX_DID_CHARACTERS:
        raise MalformedError(Code.DID_INVALID, "too long")
    scid, *location = did.removeprefix(_PREFIX).split(":")
    if not location:
        raise MalformedError(Code.DID_INVALID, "no host")
    host, port = _parse_authority(location[0])
    path = tuple(_parse_segment(segment) for segment in location[1:])
    _check_scid(scid)
    return WebvhId(did, scid, host, port, path)


def parse_webvh_url(url: str) -> WebvhUrl:
    """Read a did:webvh DID URL. The fragment, the query and the path are split off before the DID is read.

    Raises:
        MalformedError: as `parse_webvh`, or the query is not `name=value&...` with each name once.
    """
    rest, hash_mark, fragment = url.partition("#")
    rest, question_mark, query = rest.partition("?")
    did, slash, path = rest.partition("/")
    if not (_URL_TEXT.fullmatch(path) and _URL_TEXT.fullmatch(fragment)):
        raise MalformedError(Code.DID_INVALID, "path or fragment")
    return WebvhUrl(
        id=parse_webvh(did),
        path=slash + path,
        query=_parse_query(query) if question_mark else {},
        fragment=fragment if hash_mark else None,
    )


def encode_webvh(scid: str, host: str, port: int | None = None, path: tuple[str, ...] = ()) -> str:
    """Write the did:webvh DID of `scid` (or of the placeholder for it) at a place on the web.

    Raises:
        MalformedError: `parse_webvh` would refuse the host, the port or a path segment.
    """
    authority = host if port is None else f"{host}%3A{port}"
    # Of the characters that need no quoting in a URL, DID Core leaves out one: the tilde.
    segments = [quote(segment, safe="").replace("~", "%7E") for segment in path]
    _parse_authority(authority)
    for segment in segments:
        _parse_segment(segment)
    return ":".join((f"{_PREFIX}{scid}", authority, *segments))


def _parse_authority(text: str) -> tuple[str, int | None]:
    if text.startswith("["):
        raise MalformedError(Code.NETWORK_HOST_FORBIDDEN, "an IP address")
    if not _ID_CHARACTERS.fullmatch(text):
        raise MalformedError(Code.DID_INVALID, "host")
    port = None
    if match := _PORT.fullmatch(text):
        text, port = match[1], int(match[2])
        if port > _MAX_PORT:
            raise MalformedError(Code.DID_INVALID, "port")
    return _parse_host(_decode_once(text)), port


def _parse_host(host: str) -> str:
    # Internationalized names come in their ASCII form (xn--...): one spelling, and nothing to normalize.
    if is_host_name(host):
        return host.lower()
    # URL readers take a host whose last label is a number, decimal or hexadecimal, for an IP address; a name
    # without a dot is known in the reader's own network only.
    if host.startswith("[") or "." not in host or host.rpartition(".")[2][:1].isdigit():
        raise MalformedError(Code.NETWORK_HOST_FORBIDDEN, "an IP address, or a name without a dot")
    raise MalformedError(Code.DID_INVALID, "host")


def _parse_segment(text: str) -> str:
    if not _ID_CHARACTERS.fullmatch(text):
        raise MalformedError(Code.DID_INVALID, "path segment")
    segment = _decode_once(text)
    # Unprintable characters are NUL, line ends and the marks that turn the direction of text.
    if segment in (".", "..") or segment != segment.strip() or not segment.isprintable():
        raise MalformedError(Code.DID_INVALID, "path segment")
    if any(mark in segment for mark in "/\\%"):
        raise MalformedError(Code.DID_INVALID, "path segment")
    return segment


def _parse_query(text: str) -> Mapping[str, str]:
    query: dict[str, str] = {}
    for part in text.split("&"):
        name, equals, value = part.partition("=")
        if not equals or not name or name in query or not _URL_TEXT.fullmatch(part):
            raise MalformedError(Code.DID_INVALID, "query")
        query[name] = _decode_once(value)
    return query


def _decode_once(text: str) -> str:
    try:
        return decode_utf8(unquote_to_bytes(text))
    except MalformedError as error:
        raise MalformedError(Code.DID_INVALID, "percent-encoding") from error


def _check_scid(scid: str) -> None:
    if len(scid) != _SCID_CHARACTERS:
        raise MalformedError(Code.DID_INVALID, "SCID")
    try:
        multihash = decode_base58btc(scid)
    except MalformedError as error:
        raise MalformedError(Code.DID_INVALID, "SCID") from error
    if len(multihash) != 34 or not multihash.startswith(MULTIHASH_SHA256):
        raise MalformedError(Code.DID_INVALID, "SCID")
