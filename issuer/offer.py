"""Offers: a credential that waits for one wallet to fetch it.

    openid-credential-offer://?credential_offer_uri=https://issuer.example/offers/<reference>

Whoever has the link may redeem it once, so the register keeps only digests of what is in it. The claims, and
the transaction code that the institution sends another way, lie sealed under a key of the key ring until the
credential was delivered and no further copies may be fetched, or the offer expires, is blocked or withdrawn.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, and_, insert, select, update
from sqlalchemy.engine import Engine

from issuer.claims import check_claims
from issuer.grant import remove_nonces
from issuer.institution import Institution
from issuer.register import OfferState, access_tokens, credentials, forget_claims, lock_offers, nonces, offers
from issuer.seal import OfferContent
from protocol.codes import Code
from protocol.encoding.base64url import encode_base64url
from protocol.encoding.strict_json import JsonObject
from protocol.encoding.time import from_seconds, to_seconds
from protocol.errors import RefusedError
from protocol.openid4vci.offer import CredentialOffer, InputMode, PreAuthorizedGrant, TransactionCode
from storage.database import erase_traces, read_only
from storage.register import Entropy, digest, new_id, new_secret

TRIES = 5
TX_CODE_DIGITS = 6


@dataclass(frozen=True, slots=True)
class CreatedOffer:
    """A new offer with its secrets, which are shown now or never: `reference` ends its link, `code` is the
    pre-authorized code, `tx_code` goes to the holder another way.
    """

    id: str
    type: str
    reference: str
    code: str
    tx_code: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class OfferRecord:
    """What the register knows of an offer; `credential` is what it was redeemed for."""

    id: str
    type: str
    state: OfferState
    tx_code_required: bool
    created_at: datetime
    expires_at: datetime
    credential: str | None


def create_offer(
    institution: Institution,
    *,
    type_name: str,
    claims: JsonObject,
    with_tx_code: bool,
    copies: int | None = None,
    lifetime: timedelta | None = None,
    now: datetime,
    entropy: Entropy,
) -> CreatedOffer:
    """Offer a credential with these claims to whoever redeems it first, and once.

    `copies` is how many a wallet may have, each with a key of its own, and `lifetime` how long the offer
    stands; the settings say how many and how long at most, and where nothing is given.

    Raises:
        RefusedError: no such type, or the claims do not fit it.
    """
    settings = institution.settings
    issued = institution.types.load(type_name)
    check_claims(issued.definition, claims)
    reference = new_secret(entropy)
    created = CreatedOffer(
        id=new_id(entropy),
        type=type_name,
        reference=reference,
        code=code_of(reference),
        tx_code=_new_tx_code(entropy) if with_tx_code else None,
        expires_at=now + min(lifetime or settings.offer_lifetime, settings.offer_lifetime),
    )
    sealed = institution.seal.seal(
        OfferContent(claims, created.tx_code), offer_id=created.id, entropy=entropy
    )
    with institution.register.begin() as connection:
        connection.execute(
            insert(offers).values(
                id=created.id,
                type=type_name,
                state=OfferState.OPEN,
                copies=min(copies or settings.copies, settings.copies),
                created_at=to_seconds(now),
                expires_at=to_seconds(created.expires_at),
                reference_digest=digest(reference),
                code_digest=digest(created.code),
                tx_code_required=with_tx_code,
                tries_left=TRIES,
                refill_until=to_seconds(now + issued.refill) if issued.refill else None,
                sealed=sealed,
            )
        )
    return created


def code_of(reference: str) -> str:
    """The pre-authorized code of the offer with this reference.

    It follows from the reference, so that the offer can be served by reference while the register knows
    neither of the two.
    """
    return encode_base64url(hashlib.sha256(f"pre-authorized code of {reference}".encode()).digest())


def offer_address(issuer_url: str, reference: str) -> str:
    """Where the offer with this reference is served."""
    return f"{issuer_url}/offers/{reference}"


def credential_offer(
    issuer_url: str, type_name: str, reference: str, *, tx_code_required: bool
) -> CredentialOffer:
    """The offer as the wallet reads it."""
    tx_code = TransactionCode(InputMode.NUMERIC, TX_CODE_DIGITS) if tx_code_required else None
    grant = PreAuthorizedGrant(code_of(reference), tx_code)
    return CredentialOffer(issuer_url, (type_name,), pre_authorized=grant)


def find_open_offer(register: Engine, reference: str, *, now: datetime) -> OfferRecord:
    """The offer that `reference` leads to, while its code can be used.

    Raises:
        RefusedError: there is none, or not any more.
    """
    chosen = _records().where(
        offers.c.reference_digest == digest(reference),
        offers.c.state == OfferState.OPEN,
        offers.c.expires_at > to_seconds(now),
    )
    with read_only(register).begin() as connection:
        row = connection.execute(chosen).one_or_none()
    if row is None:
        raise RefusedError(Code.OFFER_NOT_FOUND)
    return _record(row)


def list_offers(
    register: Engine, *, type_name: str | None = None, state: OfferState | None = None
) -> list[OfferRecord]:
    """Every offer, or those of a type or in a state, the latest first."""
    chosen = _records().order_by(offers.c.created_at.desc(), offers.c.id)
    if type_name is not None:
        chosen = chosen.where(offers.c.type == type_name)
    if state is not None:
        chosen = chosen.where(offers.c.state == state)
    with read_only(register).begin() as connection:
        return [_record(row) for row in connection.execute(chosen)]


def find_offer(register: Engine, offer_id: str) -> OfferRecord:
    """The record of one offer, whatever became of it.

    Raises:
        RefusedError: there is none of this id.
    """
    with read_only(register).begin() as connection:
        row = connection.execute(_records().where(offers.c.id == offer_id)).one_or_none()
    if row is None:
        raise RefusedError(Code.OFFER_NOT_FOUND)
    return _record(row)


def withdraw_offer(register: Engine, offer_id: str) -> OfferRecord:
    """Take an offer back that was not redeemed yet, forget its claims at once, and return its record.

    Withdrawing it again changes nothing.

    Raises:
        RefusedError: there is no such offer, or it ended otherwise.
    """
    of_this = offers.c.id == offer_id
    with register.begin() as connection:
        connection.execute(
            update(offers)
            .where(of_this, offers.c.state.in_([OfferState.OPEN, OfferState.GRANTED]))
            .values(state=OfferState.WITHDRAWN)
        )
        row = connection.execute(_records().where(of_this)).one_or_none()
        if row is None:
            raise RefusedError(Code.OFFER_NOT_FOUND)
        if row.state != OfferState.WITHDRAWN:
            raise RefusedError(Code.OFFER_CLOSED, row.state)
        forget_claims(connection, of_this)
        connection.execute(access_tokens.delete().where(access_tokens.c.offer == offer_id))
    erase_traces(register)
    return _record(row)


def remove_expired(register: Engine, *, now: datetime) -> None:
    """Forget the claims of every offer whose time is over, and what else is out of date."""
    moment = to_seconds(now)
    over = and_(offers.c.expires_at <= moment, offers.c.sealed.is_not(None))
    with register.begin() as connection:
        lock_offers(connection, over)
        connection.execute(
            update(offers).where(over, offers.c.state != OfferState.REDEEMED).values(state=OfferState.EXPIRED)
        )
        forget_claims(connection, over)
        connection.execute(access_tokens.delete().where(access_tokens.c.expires_at <= moment))
        remove_nonces(connection, nonces.c.expires_at <= moment)


def _new_tx_code(entropy: Entropy) -> str:
    # Of 8 bytes, the remainder is as good as uniform.
    return f"{int.from_bytes(entropy(8)) % 10**TX_CODE_DIGITS:0{TX_CODE_DIGITS}}"


def _records() -> Any:  # noqa: ANN401 (a Select of these columns, whose type has no shorter spelling)
    return select(offers, credentials.c.id.label("credential")).outerjoin(
        credentials, credentials.c.offer == offers.c.id
    )


def _record(row: Row[Any]) -> OfferRecord:
    return OfferRecord(
        id=row.id,
        type=row.type,
        state=OfferState(row.state),
        tx_code_required=row.tx_code_required,
        created_at=from_seconds(row.created_at),
        expires_at=from_seconds(row.expires_at),
        credential=row.credential,
    )
