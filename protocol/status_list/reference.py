"""Where a credential says its status is (draft-ietf-oauth-status-list-20 §6.2).

It says so in the claim `status`, which is signed and never selectively disclosable:

    "status": {"status_list": {"idx": 412, "uri": "https://issuer.example/status/1"}}
"""

from collections.abc import Mapping
from dataclasses import dataclass

from protocol.codes import Code
from protocol.encoding.strict_json import JsonValue
from protocol.errors import VerificationError
from protocol.restate import restate_malformed
from protocol.web_address import parse_web_address


@dataclass(frozen=True, slots=True)
class StatusReference:
    """Where a credential says its status is: a place in the list that `uri` serves."""

    index: int
    uri: str


def read_status(payload: Mapping[str, JsonValue]) -> StatusReference | None:
    """The place of a credential's status, from its signed payload; None if it has no status (§6.2).

    Raises:
        MalformedError: the address is not one that may be fetched.
        VerificationError: the claim is not well formed, or only names another mechanism than status lists.
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
    # Whether a name under `localhost` is fetched is for the fetcher to say; it knows the policy.
    with restate_malformed(Code.CLAIM_INVALID):
        parse_web_address(uri, development=True)
    return StatusReference(index, uri)
