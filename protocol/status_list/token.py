"""The signed status list (draft-ietf-oauth-status-list-20 §5.1, §8.3).

It is a JWS of type `statuslist+jwt` with this payload:

    {"sub": "https://issuer.example/status/1", "iat": 1795341600, "exp": 1795428000, "ttl": 43200,
     "status_list": {"bits": 1, "lst": "<base64url of the ZLIB-compressed array>"}}
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from functools import lru_cache

from protocol.codes import Code
from protocol.did.document import Relationship, VerificationMethod
from protocol.did.verified import VerifiedDid
from protocol.encoding.members import integer_member, object_member, optional_integer_member, text_member
from protocol.encoding.strict_json import JsonObject, parse_json_object
from protocol.encoding.time import from_seconds, to_seconds
from protocol.errors import VerificationError
from protocol.jws import parse_jws, sign_jws, verify_jws
from protocol.keys import SigningKey
from protocol.status_list.array import MAX_LIST_CHARACTERS, StatusList, encode_status_list, parse_status_list

STATUS_LIST_TYP = "statuslist+jwt"

# The compressed list is spelled in base64url twice: in the payload, and with it in the token.
_MAX_PAYLOAD_BYTES = MAX_LIST_CHARACTERS + 64 * 1024
_MAX_TOKEN_CHARACTERS = _MAX_PAYLOAD_BYTES * 4 // 3 + 8 * 1024
_MAX_TTL_SECONDS = 24 * 60 * 60
_REMEMBERED_TOKENS = 8


class Status(IntEnum):
    """The registered statuses (§7.1). Every other value is unknown here, and unknown is never valid."""

    VALID = 0
    INVALID = 1
    SUSPENDED = 2


@dataclass(frozen=True, slots=True)
class VerifiedStatusList:
    """A status list the issuer signed, for the address asked, not expired at the moment asked.

    Attributes:
        uri: Where the list lives.
        status_list: The statuses.
        issued_at: When it was signed; a later list of the same address must not be older.
        expires_at: From when it must no longer be used; None if the issuer does not say.
        time_to_live: For how long a copy may serve before a fresh one is fetched, at most a day; None if
            the issuer does not say.
    """

    uri: str
    status_list: StatusList
    issued_at: datetime
    expires_at: datetime | None
    time_to_live: timedelta | None


def verify_status_list_token(
    token: str,
    *,
    expected_uri: str,
    issuer: VerifiedDid,
    now: datetime,
    clock_skew: timedelta,
) -> VerifiedStatusList:
    """Check a status list token against the credential's issuer, its address and the time (§8.3).

    Lists are signed anew all the time, so only a key will do that the issuer's DID lists for assertions now,
    and that is not marked as compromised, also where the credential itself was signed with one that was
    rotated out. For a list of the past (§8.4), `now` is the moment that was asked for. Not checked: that the
    list is not older than one already seen (`verify_no_rollback`); only the caller remembers that one.

    Raises:
        MalformedError: not a status list token, a required member missing, or a list that cannot be read.
        VerificationError: another type or algorithm, not signed by the issuer, another list, or not of
            this time.
    """
    # Steps 1 to 3 and 5 depend on nothing but the token and the keys, and cost nearly all of the time: they
    # are remembered. Step 4 depends on the question and the moment.
    status_list = _open_token(token, _assertion_methods(issuer))
    if status_list.uri != expected_uri:
        raise VerificationError(Code.STATUS_SUBJECT_MISMATCH)
    if status_list.issued_at > now + clock_skew:
        raise VerificationError(Code.NOT_YET_VALID, "status list")
    if status_list.expires_at is not None and status_list.expires_at <= now:
        raise VerificationError(Code.STATUS_EXPIRED)
    return status_list


def parse_status_list_subject(token: str) -> str:
    """The address of the list that `token` says it is, unverified.

    Raises:
        MalformedError: not a status list token.
        VerificationError: another type or algorithm.
    """
    return text_member(_unverified_payload(token), "sub")


def parse_status_list_expiry(token: str) -> datetime | None:
    """From when on nobody must use the list `token` any more, unverified; None if it does not say.

    Raises:
        MalformedError: not a status list token.
        VerificationError: another type or algorithm.
    """
    return _expiry(_unverified_payload(token))


def verify_no_rollback(status_list: VerifiedStatusList, *, last_issued_at: datetime | None) -> None:
    """Check that a list is not older than the last one seen at its address, if one was.

    Raises:
        VerificationError: it is older: someone serves a copy from before a revocation.
    """
    if last_issued_at is not None and status_list.issued_at < last_issued_at:
        raise VerificationError(Code.STATUS_ROLLBACK)


def status_at(status_list: VerifiedStatusList, index: int) -> Status:
    """The status at `index` (§8.3 steps 6 and 7).

    Raises:
        VerificationError: outside the list, or a value that is not registered.
    """
    value = status_list.status_list.get(index)
    try:
        return Status(value)
    except ValueError as error:
        raise VerificationError(Code.STATUS_UNKNOWN, f"value {value}") from error


def verify_status(status_list: VerifiedStatusList, index: int) -> None:
    """Check that the status at `index` is valid.

    Raises:
        VerificationError: revoked, suspended, outside the list, or a value that is not registered.
    """
    status = status_at(status_list, index)
    if status is Status.INVALID:
        raise VerificationError(Code.CREDENTIAL_REVOKED)
    if status is Status.SUSPENDED:
        raise VerificationError(Code.CREDENTIAL_SUSPENDED)


def create_status_list_token(
    status_list: StatusList,
    *,
    uri: str,
    key: SigningKey,
    key_id: str,
    issued_at: datetime,
    expires_at: datetime,
    time_to_live: timedelta,
) -> str:
    """Sign `status_list` for the address `uri`; `key_id` is the absolute DID URL of `key` (§5.1)."""
    payload: JsonObject = {
        "sub": uri,
        "iat": to_seconds(issued_at),
        "exp": to_seconds(expires_at),
        "ttl": int(time_to_live.total_seconds()),
        "status_list": encode_status_list(status_list),
    }
    return sign_jws(payload, key, typ=STATUS_LIST_TYP, header={"kid": key_id})


@lru_cache(maxsize=_REMEMBERED_TOKENS)
def _open_token(token: str, methods: tuple[VerificationMethod, ...]) -> VerifiedStatusList:
    # Address and time are for the caller to check before the result leaves this module.
    # `methods` are part of what is remembered: a key that leaves the issuer's DID leaves the cache with it.
    jws = parse_jws(token, expected_typ=STATUS_LIST_TYP, max_characters=_MAX_TOKEN_CHARACTERS)
    keys = [method.public_key for method in methods if method.id == jws.key_id]
    if not keys:
        raise VerificationError(Code.STATUS_SIGNATURE_INVALID, "kid names no key of the issuer for this use")
    try:
        verify_jws(jws, keys[0])
    except VerificationError as error:
        if error.code is Code.SIGNATURE_INVALID:
            raise VerificationError(Code.STATUS_SIGNATURE_INVALID) from error
        raise
    payload = parse_json_object(jws.payload, max_bytes=_MAX_PAYLOAD_BYTES)
    time_to_live = optional_integer_member(payload, "ttl", minimum=1)
    return VerifiedStatusList(
        uri=text_member(payload, "sub"),
        status_list=parse_status_list(object_member(payload, "status_list")),
        issued_at=from_seconds(integer_member(payload, "iat")),
        expires_at=_expiry(payload),
        time_to_live=None if time_to_live is None else timedelta(seconds=min(time_to_live, _MAX_TTL_SECONDS)),
    )


def _unverified_payload(token: str) -> JsonObject:
    jws = parse_jws(token, expected_typ=STATUS_LIST_TYP, max_characters=_MAX_TOKEN_CHARACTERS)
    return parse_json_object(jws.payload, max_bytes=_MAX_PAYLOAD_BYTES)


def _expiry(payload: JsonObject) -> datetime | None:
    expires_at = optional_integer_member(payload, "exp")
    return None if expires_at is None else from_seconds(expires_at)


def _assertion_methods(issuer: VerifiedDid) -> tuple[VerificationMethod, ...]:
    listed = issuer.document.relationships[Relationship.ASSERTION]
    return tuple(
        method
        for method in issuer.document.verification_methods
        if method.id in listed and not issuer.is_compromised(method.public_key)
    )
