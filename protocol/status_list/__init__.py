"""Token Status Lists: whether a credential was revoked or suspended (draft-ietf-oauth-status-list-20).

One signed list carries the status of many credentials, so that whoever fetches it does not tell which one
is looked at. `reference` reads where a credential says its status is, `token` checks the signed list that
is found there, and `array` unpacks it.
"""

from protocol.status_list.array import StatusList
from protocol.status_list.reference import StatusReference, read_status
from protocol.status_list.token import (
    Status,
    VerifiedStatusList,
    create_status_list_token,
    parse_status_list_expiry,
    parse_status_list_subject,
    status_at,
    verify_no_rollback,
    verify_status,
    verify_status_list_token,
)

__all__ = [
    "Status",
    "StatusList",
    "StatusReference",
    "VerifiedStatusList",
    "create_status_list_token",
    "parse_status_list_expiry",
    "parse_status_list_subject",
    "read_status",
    "status_at",
    "verify_no_rollback",
    "verify_status",
    "verify_status_list_token",
]
