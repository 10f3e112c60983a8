from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from protocol.codes import Code
from protocol.did.document import Relationship, create_did_document, parse_did_document
from protocol.did.verified import DatedKey, VerifiedDid, verified_by_itself
from protocol.errors import VerificationError
from protocol.keys import Ed25519PrivateKey

DID = "did:webvh:QmdmPkUdYzbr9txmx8gM2rsHPgr5L6m3gHjJGAf4vUFoGE:issuer.example"
OLD, NEW = (Ed25519PrivateKey(bytes([n]) * 32).public_key for n in (1, 2))
ROTATED = datetime(2026, 6, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ISSUING = Relationship.ASSERTION
DOCUMENT = parse_did_document(
    create_did_document(DID, {"new": NEW}, assertion=["new"], authentication=[]), expected_did=DID
)
VERIFIED = VerifiedDid(
    DID,
    DOCUMENT,
    (
        DatedKey(f"{DID}#old", OLD, ISSUING, ROTATED - 100 * SECOND, ROTATED),
        DatedKey(f"{DID}#new", NEW, ISSUING, ROTATED, None),
    ),
    None,
)


def test_listed_key_is_good_for_any_moment() -> None:
    for moment in (ROTATED - 1000 * SECOND, ROTATED + SECOND, None):
        assert VERIFIED.key_used_at(f"{DID}#new", ISSUING, moment) == NEW


def test_key_rotated_out_is_good_for_what_was_signed_before() -> None:
    assert VERIFIED.key_used_at(f"{DID}#old", ISSUING, ROTATED - SECOND) == OLD


@pytest.mark.parametrize("moment", [ROTATED, ROTATED + SECOND, None])
def test_key_rotated_out_is_refused_for_what_came_after_or_at_an_unknown_time(
    moment: datetime | None,
) -> None:
    with pytest.raises(VerificationError) as refusal:
        VERIFIED.key_used_at(f"{DID}#old", ISSUING, moment)
    assert refusal.value.code is Code.ISSUER_KEY_NOT_AUTHORIZED
    assert refusal.value.detail == "the key was rotated out"


@pytest.mark.parametrize(
    ("key_id", "relationship"), [(f"{DID}#never", ISSUING), (f"{DID}#new", Relationship.AUTHENTICATION)]
)
def test_key_never_listed_for_the_use_is_refused(key_id: str, relationship: Relationship) -> None:
    with pytest.raises(VerificationError) as refusal:
        VERIFIED.key_used_at(key_id, relationship, ROTATED)
    assert refusal.value.detail == relationship.value


STOLEN = ROTATED - 10 * SECOND
MARKED = replace(
    VERIFIED,
    keys=(replace(VERIFIED.keys[0], compromised=STOLEN), replace(VERIFIED.keys[1], compromised=ROTATED)),
)


def test_compromised_key_is_good_for_what_was_signed_before_the_moment_its_owner_names() -> None:
    assert MARKED.key_used_at(f"{DID}#old", ISSUING, STOLEN - SECOND) == OLD
    assert MARKED.key_used_at(f"{DID}#new", ISSUING, ROTATED - SECOND) == NEW


@pytest.mark.parametrize("moment", [STOLEN, ROTATED, ROTATED + SECOND, None])
def test_compromised_key_is_refused_from_then_on_and_at_an_unknown_time(moment: datetime | None) -> None:
    with pytest.raises(VerificationError) as refusal:
        MARKED.key_used_at(f"{DID}#old", ISSUING, moment)
    assert refusal.value.code is Code.KEY_COMPROMISED


def test_compromised_key_is_refused_although_it_is_listed() -> None:
    for moment in (ROTATED, None):
        with pytest.raises(VerificationError) as refusal:
            MARKED.key_used_at(f"{DID}#new", ISSUING, moment)
        assert refusal.value.code is Code.KEY_COMPROMISED


def test_key_that_took_over_the_name_of_a_compromised_one_is_good() -> None:
    renamed = replace(MARKED.keys[1], id=f"{DID}#old", compromised=None)
    verified = replace(MARKED, keys=(MARKED.keys[0], renamed))
    assert verified.key_used_at(f"{DID}#old", ISSUING, ROTATED) == NEW


def test_current_key_is_that_of_the_document() -> None:
    assert VERIFIED.current_key(f"{DID}#new", ISSUING) == NEW
    with pytest.raises(VerificationError):
        VERIFIED.current_key(f"{DID}#old", ISSUING)


def test_did_that_is_its_own_key_has_it_for_any_time_without_evidence() -> None:
    verified = verified_by_itself(DOCUMENT)
    assert verified.evidence is None
    assert verified.key_used_at(f"{DID}#new", ISSUING, None) == NEW
    assert [key.relationship for key in verified.keys] == [ISSUING]
