"""An issuer of status lists for the tests: a DID with one key, and tokens signed as asked, right or wrong."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from protocol.did.document import Relationship, create_did_document, parse_did_document
from protocol.did.verified import DatedKey, VerifiedDid
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.jws import sign_jws
from protocol.keys import Ed25519PrivateKey
from protocol.status_list import StatusList, VerifiedStatusList, verify_status_list_token
from protocol.status_list.array import encode_status_list

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
URI = "https://issuer.example/status/1"
DID = "did:webvh:QmfGEUAcMpzo25kF2Rhn8L2FLZbLc3KqV2gyBWwCYhP9Kd:issuer.example"
KEY_ID = f"{DID}#key-1"
KEY = Ed25519PrivateKey(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey(bytes(range(1, 33)))


def verified_did(keys: Mapping[str, Ed25519PrivateKey], *, assertion: list[str]) -> VerifiedDid:
    public = {fragment: key.public_key for fragment, key in keys.items()}
    source = create_did_document(DID, public, assertion=assertion, authentication=list(keys))
    dated = tuple(
        DatedKey(
            f"{DID}#{fragment}", public[fragment], Relationship.ASSERTION, NOW - timedelta(days=30), None
        )
        for fragment in assertion
    )
    return VerifiedDid(DID, parse_did_document(source, expected_did=DID), dated, None)


ISSUER = verified_did({"key-1": KEY}, assertion=["key-1"])


def payload(statuses: StatusList | None = None, /, **changes: JsonValue) -> JsonObject:
    """The payload of an honest token signed an hour ago, with `changes`; one of None takes a member away."""
    honest: JsonObject = {
        "sub": URI,
        "iat": int((NOW - timedelta(hours=1)).timestamp()),
        "exp": int((NOW + timedelta(hours=1)).timestamp()),
        "ttl": 3600,
        "status_list": encode_status_list(statuses or StatusList.all_valid(1, 1024)),
    }
    return {name: value for name, value in (honest | changes).items() if value is not None}


def token(source: JsonObject | None = None, *, key: Ed25519PrivateKey = KEY, key_id: str = KEY_ID) -> str:
    return sign_jws(source or payload(), key, typ="statuslist+jwt", header={"kid": key_id})


def verify(text: str, *, issuer: VerifiedDid = ISSUER, now: datetime = NOW) -> VerifiedStatusList:
    return verify_status_list_token(
        text, expected_uri=URI, issuer=issuer, now=now, clock_skew=timedelta(seconds=60)
    )
