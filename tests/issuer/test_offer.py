import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from issuer.issuance import record_notification
from issuer.offer import (
    code_of,
    credential_offer,
    find_open_offer,
    list_offers,
    remove_expired,
    withdraw_offer,
)
from issuer.register import OfferState, access_tokens, nonces, offers
from issuer.seal import OfferContent, OfferSeal
from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject
from protocol.errors import RefusedError, UnavailableError
from protocol.openid4vci.credential import Notification, NotificationEvent
from protocol.openid4vci.offer import InputMode, TransactionCode
from tests.counted import NOW, CountedEntropy
from tests.issuer.university import EXAMPLE, University

CANARY = "Zaphod-4711"


def sealed(university: University) -> list[bytes | None]:
    with university.register.begin() as connection:
        return list(connection.execute(select(offers.c.sealed)).scalars())


def states(university: University) -> list[OfferState]:
    return [offer.state for offer in list_offers(university.register)]


def database_bytes(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.glob("register.sqlite*"))


@pytest.mark.both_engines
def test_offer_can_be_found_by_its_reference(university: University) -> None:
    created = university.offer(with_tx_code=True)
    found = find_open_offer(university.register, created.reference, now=NOW)
    assert (found.id, found.type, found.state) == (created.id, "degree", OfferState.OPEN)
    assert (found.tx_code_required, found.expires_at) == (True, NOW + timedelta(hours=1))


def test_offer_on_the_wire_has_the_code_and_what_the_transaction_code_looks_like() -> None:
    offer = credential_offer("https://issuer.example", "degree", "reference", tx_code_required=True)
    assert offer.configuration_ids == ("degree",)
    assert offer.pre_authorized is not None
    assert offer.pre_authorized.code == code_of("reference")
    assert offer.pre_authorized.transaction_code == TransactionCode(InputMode.NUMERIC, 6)


def test_code_cannot_be_told_from_the_id_and_differs_from_offer_to_offer(university: University) -> None:
    first, second = university.offer(), university.offer()
    assert len({first.code, second.code, first.reference, second.reference, first.id, second.id}) == 6
    assert len(first.code) == 43


def test_transaction_code_is_six_digits_and_there_only_when_asked_for(university: University) -> None:
    codes = [university.offer(with_tx_code=True).tx_code for _ in range(20)]
    assert all(code is not None and len(code) == 6 and code.isdecimal() for code in codes)
    assert len(set(codes)) > 15
    assert university.offer().tx_code is None


@pytest.mark.parametrize("reference", ["", "unknown", "\udc80", "x" * 10_000])
def test_reference_of_no_offer_is_not_found(university: University, reference: str) -> None:
    university.offer()
    with pytest.raises(RefusedError) as refusal:
        find_open_offer(university.register, reference, now=NOW)
    assert refusal.value.code is Code.OFFER_NOT_FOUND


def test_offer_is_gone_when_it_expires(university: University) -> None:
    created = university.offer(lifetime=timedelta(minutes=5))
    find_open_offer(university.register, created.reference, now=NOW + timedelta(minutes=4))
    with pytest.raises(RefusedError) as refusal:
        find_open_offer(university.register, created.reference, now=NOW + timedelta(minutes=5))
    assert refusal.value.code is Code.OFFER_NOT_FOUND


@pytest.mark.both_engines
def test_claims_of_an_expired_offer_are_forgotten(university: University) -> None:
    university.offer(lifetime=timedelta(minutes=5))
    university.offer(lifetime=timedelta(minutes=6))
    remove_expired(university.register, now=NOW + timedelta(minutes=5))
    assert sorted(states(university)) == [OfferState.EXPIRED, OfferState.OPEN]
    assert [value is None for value in sealed(university)].count(True) == 1


def test_claims_of_a_grant_nobody_used_are_forgotten(university: University) -> None:
    university.exchange(university.offer().code)
    remove_expired(university.register, now=NOW + timedelta(minutes=5))
    assert states(university) == [OfferState.EXPIRED]
    assert sealed(university) == [None]


@pytest.mark.both_engines
def test_tokens_and_nonces_out_of_date_are_removed(university: University) -> None:
    university.exchange(university.offer().code)
    university.nonce()
    remove_expired(university.register, now=NOW + timedelta(minutes=5))
    with university.register.begin() as connection:
        assert connection.execute(select(access_tokens)).all() == []
        assert connection.execute(select(nonces)).all() == []


def test_offer_that_is_redeemed_stays_redeemed(university: University) -> None:
    university.issue_new()
    remove_expired(university.register, now=NOW + timedelta(days=1))
    assert states(university) == [OfferState.REDEEMED]


def test_withdrawn_offer_is_gone_with_its_claims(university: University, tmp_path: Path) -> None:
    created = university.offer()
    (content,) = sealed(university)
    assert content is not None
    assert content in database_bytes(tmp_path)
    record = withdraw_offer(university.register, created.id)
    assert (record.id, record.state) == (created.id, OfferState.WITHDRAWN)
    assert content not in database_bytes(tmp_path)
    with pytest.raises(RefusedError) as refusal:
        find_open_offer(university.register, created.reference, now=NOW)
    assert refusal.value.code is Code.OFFER_NOT_FOUND
    with pytest.raises(RefusedError) as refusal:
        university.exchange(created.code)
    assert refusal.value.code is Code.GRANT_INVALID
    assert withdraw_offer(university.register, created.id) == record


@pytest.mark.both_engines
def test_offer_can_be_withdrawn_while_a_wallet_is_fetching(university: University) -> None:
    created = university.offer()
    token = university.exchange(created.code)
    withdraw_offer(university.register, created.id)
    with pytest.raises(RefusedError) as refusal:
        university.issue(token)
    assert refusal.value.code is Code.ACCESS_TOKEN_INVALID


def test_offer_that_ended_otherwise_cannot_be_withdrawn(university: University) -> None:
    university.issue_new()
    university.offer(lifetime=timedelta(minutes=5))
    remove_expired(university.register, now=NOW + timedelta(minutes=5))
    for offer in list_offers(university.register):
        with pytest.raises(RefusedError) as refusal:
            withdraw_offer(university.register, offer.id)
        assert (refusal.value.code, refusal.value.detail) == (Code.OFFER_CLOSED, offer.state)
    with pytest.raises(RefusedError) as refusal:
        withdraw_offer(university.register, "unknown")
    assert refusal.value.code is Code.OFFER_NOT_FOUND


@pytest.mark.both_engines
def test_offers_are_listed_by_their_state(university: University) -> None:
    created = university.offer()
    university.issue_new()
    assert [offer.id for offer in list_offers(university.register, state=OfferState.OPEN)] == [created.id]
    assert list_offers(university.register, state=OfferState.BLOCKED) == []


def test_offer_with_claims_that_do_not_fit_is_not_made(university: University) -> None:
    with pytest.raises(RefusedError) as refusal:
        university.offer(claims=EXAMPLE | {"level": CANARY})
    assert refusal.value.code is Code.CLAIMS_INVALID
    assert CANARY not in str(refusal.value)
    assert list_offers(university.register) == []


def test_offer_of_an_unknown_type_is_not_made(university: University) -> None:
    with pytest.raises(RefusedError) as refusal:
        university.offer(type_name="passport")
    assert refusal.value.code is Code.CREDENTIAL_TYPE_UNKNOWN


def test_register_holds_no_claims_codes_tokens_or_nonces(university: University, tmp_path: Path) -> None:
    claims: JsonObject = EXAMPLE | {"given_name": CANARY}
    created = university.offer(claims=claims, with_tx_code=True)
    token = university.exchange(created.code, created.tx_code)
    nonce = university.nonce()
    secrets = [CANARY, created.code, created.reference, created.tx_code or "", token, nonce]
    stored = database_bytes(tmp_path)
    assert created.id.encode() in stored
    assert hashlib.sha256(created.code.encode()).digest() in stored
    for secret in secrets:
        assert secret.encode() not in stored
    issued = university.issue(token, [university.proof(nonce=nonce)])
    accepted = Notification(issued.notification_id or "", NotificationEvent.ACCEPTED)
    record_notification(university.register, accepted, token, now=NOW)
    assert sealed(university) == [None]
    stored = database_bytes(tmp_path)
    for secret in [*secrets, *issued.credentials, issued.notification_id or ""]:
        assert secret.encode() not in stored


def test_number_of_copies_is_bounded_by_the_settings(university: University) -> None:
    for wanted, given in ((None, 10), (1, 1), (3, 3), (11, 10)):
        token = university.exchange(university.offer(copies=wanted).code)
        assert len(university.issue(token, university.proofs(10)).credentials) == given


@pytest.mark.parametrize("tx_code", [None, "493536"])
def test_sealed_content_opens_only_for_its_offer_and_its_key(tx_code: str | None) -> None:
    content = OfferContent(EXAMPLE, tx_code)
    seal = OfferSeal(bytes(32))
    text = seal.seal(content, offer_id="first", entropy=CountedEntropy())
    assert seal.open(text, offer_id="first") == content
    altered = text[:-1] + bytes([text[-1] ^ 1])
    for other, data, offer_id in (
        (seal, text, "second"),
        (OfferSeal(bytes([1] * 32)), text, "first"),
        (seal, altered, "first"),
        (seal, b"", "first"),
    ):
        with pytest.raises(UnavailableError) as failure:
            other.open(data, offer_id=offer_id)
        assert failure.value.code is Code.DATABASE_DAMAGED
