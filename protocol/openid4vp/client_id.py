"""Client identifiers: who asks, and by what rule that can be checked (OpenID4VP 1.0 §5.9).

    redirect_uri:https://shop.example/response    unsigned: all that is known is where the answer goes
    decentralized_identifier:did:webvh:…          signed by a key of the DID
    x509_san_dns:shop.example                     signed with a certificate: read, but not checked here
    x509_hash:Uvo3HtuIxuhC92rShpgqcT3YXwrqRxWEviRiA0OZszk

Everything else is refused: an identifier without a known prefix would be a client registered in advance, and
there are none. Key bindings, records and screens use the full text, prefix included (§14.10).
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from protocol.codes import Code
from protocol.encoding.base64url import decode_base64url
from protocol.errors import MalformedError
from protocol.restate import restate_malformed
from protocol.web_address import is_host_name, parse_web_address

_DID = re.compile(r"did:[a-z0-9]+:[A-Za-z0-9._:%-]*[A-Za-z0-9._%-]")
_MAX_CHARACTERS = 2048
_HASH_BYTES = 32


class ClientIdPrefix(StrEnum):
    """The prefixes that are understood."""

    REDIRECT_URI = "redirect_uri"
    DECENTRALIZED_IDENTIFIER = "decentralized_identifier"
    X509_SAN_DNS = "x509_san_dns"
    X509_HASH = "x509_hash"


_PREFIXES = {prefix.value: prefix for prefix in ClientIdPrefix}


@dataclass(frozen=True, slots=True)
class ClientId:
    """A client identifier: its prefix, and what stands after the first colon."""

    prefix: ClientIdPrefix
    value: str

    def __str__(self) -> str:
        """The full identifier, which is also the audience of a key binding."""
        return f"{self.prefix}:{self.value}"


def parse_client_id(text: str, *, development: bool) -> ClientId:
    """Read a client identifier.

    Raises:
        MalformedError: with the code REQUEST_INVALID: no prefix, another prefix (`origin` among them, which
            no request may use), or a value that is not what its prefix says.
    """
    with restate_malformed(Code.REQUEST_INVALID):
        name, _, value = text.partition(":")
        prefix = _PREFIXES.get(name)
        if prefix is None or len(text) > _MAX_CHARACTERS:
            raise MalformedError(Code.REQUEST_INVALID, "client identifier without a supported prefix")
        match prefix:
            case ClientIdPrefix.REDIRECT_URI:
                parse_web_address(value, development=development)
            case ClientIdPrefix.DECENTRALIZED_IDENTIFIER if not _DID.fullmatch(value):
                raise MalformedError(Code.DID_INVALID, "client identifier")
            case ClientIdPrefix.X509_SAN_DNS if not is_host_name(value):
                raise MalformedError(Code.FORMAT_INVALID, "client identifier")
            case ClientIdPrefix.X509_HASH if len(decode_base64url(value)) != _HASH_BYTES:
                raise MalformedError(Code.FORMAT_INVALID, "client identifier")
        return ClientId(prefix, value)
