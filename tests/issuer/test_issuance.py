import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from issuer.grant import COMPLETION_TIME
from issuer.issuance import issue_credential, record_notification
from issuer.offer import list_offers, remove_expired
from issuer.register import OfferState, access_tokens, copies, list_credentials, nonces, offers
from issuer.status import change_status
from ledger.identity import IdentityKey
from protocol.codes import Code
from protocol.did.verified import LogEvidence
from protocol.errors import RefusedError, VerificationError
from protocol.jws import Algorithm
from protocol.keys.jwk import thumbprint
from protocol.openid4vci.credential import (
    CredentialIdentifier,
    CredentialRequest,
    Notification,
    NotificationEvent,
)
from protocol.policy import StatusRule, VerificationPolicy
from protocol.presentation import VerifiedCredential, verify_credential
from protocol.sdjwt.parse import SdJwt, parse_sd_jwt
from protocol.sdjwt_vc import parse_credential_jws
from protocol.status_list import Status, StatusReference, read_status
from storage.register import digest
from tests.counted import NOW
from tests.issuer.university import EXAMPLE, University, holder_key
from tests.processes import ROOT
from tests.status_issuer import DID, KEY, KEY_ID, OTHER_KEY, verified_did

VCT = "urn:tallystick:degree:1"
POLICY = VerificationPolicy(
    trusted_issuers={VCT: frozenset({DID})}, status=StatusRule.REQUIRED, evidence_max_age=timedelta(days=1)
)

DOCUMENT = verified_did({"key-1": KEY, "key-2": OTHER_KEY}, assertion=["key-1", "key-2"])


def verified(university: University, credential: str) -> VerifiedCredential:
    """The credential after every check a holder makes."""
    return verify_credential(
        credential,
        policy=POLICY,
        now=university.clock.now,
        resolve_did=lambda _: replace(DOCUMENT, evidence=LogEvidence("ledger.example", 7, NOW)),
        fetch_status_list=lambda uri: university.publisher.token(
            int(uri.rpartition("/")[2]), now=university.clock.now
        ),
    )


def place(credential: str) -> StatusReference:
    reference = read_status(parse_sd_jwt(credential).unverified_payload())
    assert reference is not None
    return reference


def keeps_claims(university: University) -> bool:
    with university.register.begin() as connection:
        return connection.execute(select(offers.c.sealed)).scalar_one() is not None


def salts(sd_jwt: SdJwt) -> set[str]:
    return {disclosure.salt for disclosure in sd_jwt.disclosures}


def test_issued_credential_passes_every_check_of_a_holder(university: University) -> None:
    (credential,) = university.issue_new().credentials
    result = verified(university, credential)
    assert (result.issuer, result.vct, result.holder_key) == (DID, VCT, holder_key(1).public_key)
    assert {name: result.claims[name] for name in EXAMPLE} == EXAMPLE
    assert set(result.disclosed) == {(name,) for name in EXAMPLE}
    assert set(result.claims) - set(EXAMPLE) == {"iss", "vct", "vct#integrity", "iat", "exp", "cnf", "status"}


def test_nobody_reads_a_claim_that_was_not_disclosed(university: University) -> None:
    (credential,) = university.issue_new().credentials
    payload = parse_sd_jwt(credential).unverified_payload()
    assert set(payload) == {"iss", "vct", "vct#integrity", "iat", "exp", "cnf", "status", "_sd", "_sd_alg"}


@pytest.mark.parametrize("name", [Algorithm.EDDSA, Algorithm.ED25519])
def test_algorithm_is_named_as_the_settings_say(university: University, name: Algorithm) -> None:
    settings = replace(university.institution.settings, signing_name=name)
    university.institution = replace(university.institution, settings=settings)
    (credential,) = university.issue_new().credentials
    assert parse_credential_jws(parse_sd_jwt(credential)).algorithm is name
    verified(university, credential)


@pytest.mark.parametrize("_case", ["NT-I24"])
def test_copies_of_a_batch_share_nothing_that_tells_them_to_belong_together(
    university: University, _case: str
) -> None:
    issued = [*university.issue_new(copies=10).credentials, *university.issue_new(copies=10).credentials]
    parsed = [parse_sd_jwt(credential) for credential in issued]
    payloads = [sd_jwt.unverified_payload() for sd_jwt in parsed]
    assert len(set().union(*map(salts, parsed))) == 20 * len(EXAMPLE)
    digests = [digest for payload in payloads for digest in iter_texts(payload["_sd"])]
    assert len(set(digests)) == 20 * len(EXAMPLE)
    assert len({place(credential) for credential in issued}) == 20
    assert len({sd_jwt.issuer_jwt.rpartition(".")[2] for sd_jwt in parsed}) == 20
    for payload in payloads:
        assert "jti" not in payload
        issued_at, expires_at = payload["iat"], payload["exp"]
        assert isinstance(issued_at, int)
        assert isinstance(expires_at, int)
        assert issued_at % 3600 == expires_at % 3600 == 0
        assert 0 <= NOW.timestamp() - issued_at < 3600
        assert expires_at - issued_at == 1825 * 86_400


def iter_texts(value: object) -> Iterator[str]:
    assert isinstance(value, list)
    yield from (str(item) for item in value)


@pytest.mark.both_engines
def test_register_knows_each_copy_by_the_thumbprint_of_its_key(university: University) -> None:
    issued = university.issue_new(copies=3)
    with university.register.begin() as connection:
        rows = connection.execute(select(copies)).all()
    assert {row.holder_key for row in rows} == {thumbprint(holder_key(n).public_key) for n in (1, 2, 3)}
    assert {row.idx for row in rows} == {place(credential).index for credential in issued.credentials}
    (record,) = list_credentials(university.register, type_name="degree")
    assert (record.copies, record.status, record.issued_at) == (3, Status.VALID, NOW)
    assert list_credentials(university.register, type_name="passport") == []


def test_offer_for_fewer_copies_than_keys_is_honoured_as_far_as_it_goes(university: University) -> None:
    token = university.exchange(university.offer(copies=2).code)
    assert len(university.issue(token, university.proofs(5)).credentials) == 2


def test_credential_can_be_asked_for_by_its_identifier(university: University) -> None:
    created = university.offer()
    token = university.exchange(created.code)
    request = CredentialRequest(CredentialIdentifier(created.id), university.proofs(1))
    issue_credential(university.institution, request, token, now=NOW, entropy=university.entropy)


def test_credential_outlives_a_rotation_of_the_key(university: University) -> None:
    (old,) = university.issue_new().credentials
    university.signer = IdentityKey(OTHER_KEY, KEY_ID.replace("key-1", "key-2"))
    (new,) = university.issue_new().credentials
    for credential in (old, new):
        verified(university, credential)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (Status.INVALID, Code.CREDENTIAL_REVOKED),
        (Status.SUSPENDED, Code.CREDENTIAL_SUSPENDED),
    ],
)
def test_every_copy_of_a_revoked_credential_is_refused(
    university: University, status: Status, code: Code
) -> None:
    issued = university.issue_new(copies=3)
    (record,) = list_credentials(university.register)
    change_status(university.register, record.id, status, now=NOW)
    for credential in issued.credentials:
        with pytest.raises(VerificationError) as refusal:
            verified(university, credential)
        assert refusal.value.code is code


@pytest.mark.both_engines
def test_request_that_fails_uses_nothing_up(university: University) -> None:
    token, nonce = university.exchange(university.offer().code), university.nonce()
    good = [university.proof(number, nonce=nonce) for number in range(1, 10)]
    with pytest.raises(VerificationError):
        university.issue(token, [*good, "bad"])
    assert list_credentials(university.register) == []
    assert [offer.state for offer in list_offers(university.register)] == [OfferState.GRANTED]
    assert len(university.issue(token, good).credentials) == 9


@pytest.mark.both_engines
def test_same_keys_get_the_same_credential_again(university: University) -> None:
    token = university.exchange(university.offer().code)
    first = university.issue(token, university.proofs(3))
    university.clock.advance(COMPLETION_TIME - timedelta(seconds=1))
    again = university.issue(token, university.proofs(3))
    assert [place(credential) for credential in again.credentials] == [*map(place, first.credentials)]
    assert again.notification_id == first.notification_id
    (record,) = list_credentials(university.register)
    assert (record.copies, record.issued_at) == (3, NOW)
    for one, other in zip(first.credentials, again.credentials, strict=True):
        assert verified(university, one).claims == verified(university, other).claims
        assert salts(parse_sd_jwt(one)).isdisjoint(salts(parse_sd_jwt(other)))


def test_credential_that_is_fetched_again_is_signed_with_the_present_key(university: University) -> None:
    token = university.exchange(university.offer().code)
    university.issue(token)
    university.signer = IdentityKey(OTHER_KEY, KEY_ID.replace("key-1", "key-2"))
    (credential,) = university.issue(token).credentials
    assert parse_credential_jws(parse_sd_jwt(credential)).header["kid"] == university.signer.key_id
    verified(university, credential)


@pytest.mark.parametrize("numbers", [(1,), (1, 2, 4), (4, 5, 6)], ids=["fewer", "one other", "all others"])
def test_other_keys_do_not_get_what_was_issued(university: University, numbers: tuple[int, ...]) -> None:
    token = university.exchange(university.offer().code)
    university.issue(token, university.proofs(3))
    with pytest.raises(RefusedError) as refusal:
        university.issue(token, [university.proof(number) for number in numbers])
    assert (refusal.value.code, refusal.value.detail) == (
        Code.ISSUANCE_REFUSED,
        "it was issued for other keys",
    )
    assert len(university.issue(token, university.proofs(3)).credentials) == 3


def test_revoked_credential_that_was_not_delivered_yet_is_forgotten(university: University) -> None:
    token = university.exchange(university.offer().code)
    university.issue(token)
    (record,) = list_credentials(university.register)
    change_status(university.register, record.id, Status.SUSPENDED, now=NOW)
    assert keeps_claims(university)
    change_status(university.register, record.id, Status.INVALID, now=NOW)
    assert not keeps_claims(university)
    with pytest.raises(RefusedError) as refusal:
        university.issue(token)
    assert refusal.value.code is Code.ISSUANCE_REFUSED


def test_keys_beyond_the_offer_make_no_difference_the_second_time(university: University) -> None:
    token = university.exchange(university.offer(copies=2).code)
    for _ in range(2):
        assert len(university.issue(token, university.proofs(5)).credentials) == 2
    (record,) = list_credentials(university.register)
    assert record.copies == 2


@pytest.mark.both_engines
def test_what_was_not_kept_in_time_is_forgotten(university: University) -> None:
    token = university.exchange(university.offer().code)
    university.issue(token)
    university.clock.advance(COMPLETION_TIME)
    with pytest.raises(RefusedError) as refusal:
        university.issue(token)
    assert refusal.value.code is Code.ACCESS_TOKEN_INVALID
    remove_expired(university.register, now=university.clock.now)
    assert not keeps_claims(university)
    assert [offer.state for offer in list_offers(university.register)] == [OfferState.REDEEMED]


@pytest.mark.parametrize(
    ("event", "is_kept"),
    [
        (NotificationEvent.ACCEPTED, False),
        (NotificationEvent.DELETED, False),
        (NotificationEvent.FAILURE, True),
    ],
)
def test_claims_are_kept_until_the_wallet_says_that_it_needs_them_no_more(
    university: University, event: NotificationEvent, is_kept: bool
) -> None:
    token = university.exchange(university.offer().code)
    notification_id = university.issue(token).notification_id or ""
    assert keeps_claims(university)
    record_notification(university.register, Notification(notification_id, event), token, now=NOW)
    assert keeps_claims(university) is is_kept
    if is_kept:
        university.issue(token)
    else:
        with pytest.raises(RefusedError) as refusal:
            university.issue(token)
        assert refusal.value.code is Code.ISSUANCE_REFUSED


def test_notification_id_does_not_follow_from_the_access_token_alone(university: University) -> None:
    found = set()
    for _ in range(2):
        university.exchange(university.offer().code)
        with university.register.begin() as connection:
            connection.execute(update(access_tokens).values(digest=digest("stolen")))
        found.add(university.issue("stolen").notification_id)
        with university.register.begin() as connection:
            connection.execute(access_tokens.delete())
    assert len(found) == 2


def test_second_request_proves_its_keys_with_a_fresh_nonce(university: University) -> None:
    token, proofs = university.exchange(university.offer().code), university.proofs(2)
    university.issue(token, proofs)
    with pytest.raises(VerificationError) as refusal:
        university.issue(token, proofs)
    assert refusal.value.code is Code.PROOF_NONCE_INVALID


@pytest.mark.both_engines
def test_wallet_says_what_became_of_a_credential(university: University) -> None:
    token = university.exchange(university.offer().code)
    notification_id = university.issue(token).notification_id
    assert notification_id is not None
    for event in (
        NotificationEvent.ACCEPTED,
        NotificationEvent.ACCEPTED,
        NotificationEvent.DELETED,
    ):
        record_notification(university.register, Notification(notification_id, event), token, now=NOW)
        (record,) = list_credentials(university.register)
        assert record.notified == event.value


def test_notification_of_another_wallet_is_refused(university: University) -> None:
    notification_id = university.issue_new().notification_id
    assert notification_id is not None
    token = university.exchange(university.offer().code)
    notification = Notification(notification_id, NotificationEvent.DELETED)
    with pytest.raises(RefusedError) as refusal:
        record_notification(university.register, notification, token, now=NOW)
    assert refusal.value.code is Code.ACCESS_TOKEN_INVALID
    (record,) = list_credentials(university.register)
    assert record.notified is None


@pytest.mark.parametrize(
    ("place_of_death", "committed"),
    [
        pytest.param("verify_proofs", False, id="after-the-token-was-used"),
        pytest.param("draw_place", False, id="after-the-claims-were-taken"),
        pytest.param("issue_sd_jwt_vc", False, id="after-the-first-status-was-allocated"),
        pytest.param("IssuedCredentials", True, id="between-commit-and-answer"),
    ],
)
def test_process_killed_while_issuing_leaves_no_half_state(
    tmp_path: Path, place_of_death: str, committed: bool
) -> None:
    killed = subprocess.run(
        [sys.executable, "-m", "tests.issuer.crash", str(tmp_path), place_of_death],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    token = killed.stdout
    university = University(tmp_path, seed=1)
    try:
        with university.register.begin() as connection:
            used = connection.execute(select(access_tokens.c.used_at)).scalar_one() is not None
            spent = connection.execute(select(nonces.c.used_at)).scalar_one() is not None
            places = len(connection.execute(select(copies)).all())
        records = list_credentials(university.register)
        (offer,) = list_offers(university.register)
        if committed:
            assert (used, spent, places, len(records)) == (True, True, 3, 1)
            assert (offer.state, offer.credential) == (OfferState.REDEEMED, records[0].id)
        else:
            assert (used, spent, places, len(records)) == (False, False, 0, 0)
            assert (offer.state, offer.credential) == (OfferState.GRANTED, None)
            assert len(university.issue(token, university.proofs(3)).credentials) == 3
        # The wallet that never had an answer gets it now, and the register knows one credential.
        assert len(university.issue(token, university.proofs(3)).credentials) == 3
        assert [record.copies for record in list_credentials(university.register)] == [3]
    finally:
        university.close()
