import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from protocol.codes import Code
from protocol.did.document import DidDocument, Relationship, VerificationMethod
from protocol.did.verified import VerifiedDid
from protocol.errors import MalformedError, TallyError, VerificationError
from protocol.jws import parse_jws
from protocol.keys.jwk import parse_jwk
from protocol.status_list import (
    Status,
    StatusList,
    create_status_list_token,
    parse_status_list_expiry,
    parse_status_list_subject,
    status_at,
    verify_no_rollback,
    verify_status,
    verify_status_list_token,
)
from tests.status_issuer import ISSUER, KEY, KEY_ID, NOW, OTHER_KEY, URI, payload, token, verified_did, verify

VECTORS = Path(__file__).parents[2] / "vectors"


def _bare_issuer(key_id: str, jwk: dict[str, str]) -> VerifiedDid:
    """An issuer whose key ids are not DID URLs, as in other people's examples."""
    keys = (VerificationMethod(key_id, parse_jwk(dict(jwk))),)
    uses = {Relationship.ASSERTION: frozenset({key_id}), Relationship.AUTHENTICATION: frozenset[str]()}
    return VerifiedDid("", DidDocument("", keys, uses, {}), (), None)


def test_signed_token_of_the_specification_is_verified() -> None:
    vector = json.loads((VECTORS / "status-list/tsl-vectors.json").read_text())["token"]
    verified = verify_status_list_token(
        vector["jwt"],
        expected_uri=vector["payload"]["sub"],
        issuer=_bare_issuer(vector["header"]["kid"], vector["public_jwk"]),
        now=NOW,
        clock_skew=timedelta(0),
    )
    assert [verified.status_list.get(index) for index in range(8)] == [1, 0, 0, 1, 1, 1, 0, 1]
    assert verified.issued_at == datetime.fromtimestamp(1686920170, UTC)
    assert verified.expires_at == datetime.fromtimestamp(2291720170, UTC)
    assert verified.time_to_live == timedelta(hours=12)


def test_token_signed_with_a_key_that_is_listed_and_marked_as_compromised_is_refused() -> None:
    keys = tuple(replace(key, compromised=NOW + timedelta(days=1)) for key in ISSUER.keys)
    with pytest.raises(VerificationError) as refusal:
        verify(token(), issuer=replace(ISSUER, keys=keys))
    assert refusal.value.code is Code.STATUS_SIGNATURE_INVALID


def test_created_token_is_verified_and_says_what_it_was_given() -> None:
    statuses = StatusList.all_valid(2, 2**17).with_statuses({3: Status.INVALID, 4: Status.SUSPENDED})
    text = create_status_list_token(
        statuses,
        uri=URI,
        key=KEY,
        key_id=KEY_ID,
        issued_at=NOW,
        expires_at=NOW + timedelta(days=1),
        time_to_live=timedelta(hours=1),
    )
    jws = parse_jws(text, expected_typ="statuslist+jwt")
    assert (jws.key_id, list(jws.payload_object())) == (KEY_ID, ["sub", "iat", "exp", "ttl", "status_list"])
    verified = verify(text)
    assert (verified.uri, verified.status_list) == (URI, statuses)
    assert (verified.issued_at, verified.expires_at) == (NOW, NOW + timedelta(days=1))
    assert verified.time_to_live == timedelta(hours=1)
    assert [status_at(verified, index) for index in (2, 3, 4)] == [
        Status.VALID,
        Status.INVALID,
        Status.SUSPENDED,
    ]
    verify_status(verified, 2)


def test_token_without_expiry_and_ttl_is_verified_and_says_so() -> None:
    verified = verify(token(payload(exp=None, ttl=None)))
    assert (verified.expires_at, verified.time_to_live) == (None, None)


def test_time_to_live_is_clamped_to_a_day() -> None:
    assert verify(token(payload(ttl=10**12))).time_to_live == timedelta(days=1)


def test_unknown_members_are_ignored() -> None:
    source = payload(extension={"a": 1}, iss="https://issuer.example")
    listed = source["status_list"]
    assert isinstance(listed, dict)
    listed["aggregation_uri"] = "https://issuer.example/all"
    assert verify(token(source)).uri == URI


def test_remembered_token_is_checked_again_for_address_and_time() -> None:
    text = token()
    verify(text)
    with pytest.raises(VerificationError) as caught:
        verify(text, now=NOW + timedelta(hours=1))
    assert caught.value.code is Code.STATUS_EXPIRED
    with pytest.raises(VerificationError) as caught:
        verify_status_list_token(
            text, expected_uri=f"{URI}0", issuer=ISSUER, now=NOW, clock_skew=timedelta(0)
        )
    assert caught.value.code is Code.STATUS_SUBJECT_MISMATCH


def test_remembered_token_is_refused_once_its_key_has_left_the_did() -> None:
    text = token()
    verify(text)
    for keys, assertion in (
        ({"key-2": OTHER_KEY}, ["key-2"]),
        ({"key-1": KEY}, []),
        ({"key-1": OTHER_KEY}, ["key-1"]),
    ):
        with pytest.raises(VerificationError) as caught:
            verify(text, issuer=verified_did(keys, assertion=assertion))
        assert caught.value.code is Code.STATUS_SIGNATURE_INVALID


def test_verifying_the_same_token_again_does_not_inflate_it_again() -> None:
    text = token()
    assert verify(text).status_list is verify(text).status_list


def test_address_of_a_token_is_read_without_believing_it() -> None:
    text = token()
    assert parse_status_list_subject(text) == URI
    assert parse_status_list_subject(f"{text[:-4]}AAAA") == URI
    for bad in ("", "a.b.c", text.rpartition(".")[0]):
        with pytest.raises(MalformedError):
            parse_status_list_subject(bad)


def test_end_of_a_token_is_read_without_believing_it() -> None:
    assert parse_status_list_expiry(token()) == NOW + timedelta(hours=1)
    assert parse_status_list_expiry(token(payload(exp=None))) is None
    with pytest.raises(MalformedError):
        parse_status_list_expiry(token(payload(exp="soon")))


def test_issue_time_within_the_clock_skew_is_accepted() -> None:
    verify(token(payload(iat=int(NOW.timestamp()) + 60)))
    with pytest.raises(VerificationError) as caught:
        verify(token(payload(iat=int(NOW.timestamp()) + 61)))
    assert caught.value.code is Code.NOT_YET_VALID


def test_list_as_old_as_the_last_one_or_newer_is_accepted() -> None:
    verified = verify(token())
    verify_no_rollback(verified, last_issued_at=None)
    verify_no_rollback(verified, last_issued_at=verified.issued_at)


def test_every_flipped_character_of_the_token_is_refused() -> None:
    text = token()
    for position, character in enumerate(text):
        changed = text[:position] + ("A" if character != "A" else "B") + text[position + 1 :]
        with pytest.raises(TallyError):
            verify(changed)
