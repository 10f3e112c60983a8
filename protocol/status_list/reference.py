"""Where a credential says its status is (draft-ietf-oauth-status-list-20 §6.2).

It says so in the claim `status`, which is signed and never selectively disclosable:

    "status": {"status_list": {"idx": 412, "uri": "https://issuer.example/status/1"}}
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from protocol.codes import Code
from protocol.encoding.strict_json import JsonValue
from protocol.errors import VerificationError

_MAX_URI_CHARACTERS = 2048
_URI = re.compile(
    r"(?P<scheme>https?)://(?P<host>(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z][A-Za-z0-9-]{0,62})(?::[0-9]{1,5})?"
    r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?"
)


@dataclass(frozen=True, slots=True)
class StatusReference:
    """Where a credential says its status is: a place in the list that `uri` serves."""

    index: int
    uri: str


def read_status(payload: Mapping[str, JsonValue]) -> StatusReference | None:
    """The place of a credential's status, from its signed payload; None if it has no status (§6.2).

    The address must be https, or http at a name below `localhost`, which only a development policy fetches.

    Raises:
        VerificationError: the claim is not well formed, only names another mechanism than status lists,
            or points to an address that must not be fetched.
    """
    if "status" not in payload:
        return None
    status = payload["status"]
    if not isinstance(status, dict):
        raise VerificationError(Code.CLAIM_INVALID, "status")
    if "status_list" not in status:
        raise VerificationError(Code.STATUS_UNKNOWN, "a mechanism other than status_list")
    reference = status["status_list"]
    if not isinstance(reference, dict):
        raise VerificationError(Code.CLAIM_INVALID, "status_list")
    index, uri = reference.get("idx"), reference.get("uri")
    if type(index) is not int or index < 0:
        raise VerificationError(Code.CLAIM_INVALID, "idx")
    if not isinstance(uri, str):
        raise VerificationError(Code.CLAIM_INVALID, "uri")
    _check_uri(uri)
    return StatusReference(index, uri)


def _check_uri(uri: str) -> None:
    # The fetcher refuses these too; here nobody is even asked to fetch. A last label that begins with a
    # letter leaves no room for an IP address in any of its spellings, and nothing for userinfo or a fragment.
    if not uri.startswith(("https://", "http://")):
        raise VerificationError(Code.NETWORK_SCHEME_FORBIDDEN, "status list")
    address = _URI.fullmatch(uri) if len(uri) <= _MAX_URI_CHARACTERS else None
    if address is None:
        raise VerificationError(Code.NETWORK_HOST_FORBIDDEN, "status list")
    if address["scheme"] == "http" and not address["host"].lower().endswith(".localhost"):
        raise VerificationError(Code.NETWORK_SCHEME_FORBIDDEN, "status list")
