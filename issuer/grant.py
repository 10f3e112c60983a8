"""What lets a wallet in: the pre-authorized code, the access token, the nonce (OpenID4VCI 1.0 §6, §7).

Each is a random value that works once; only what an access token has begun, it may complete
([decision 0006](../docs/decisions/0006-completing-an-issuance.md)). The register knows only its SHA-256.
Where further copies may be fetched, a refresh token comes along, for `issuer.refill`.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, func, insert, select, update
from sqlalchemy.engine import Connection, Engine

from issuer.institution import Institution
from issuer.register import OfferState, access_tokens, forget_claims, nonces, offers, refresh_tokens
from protocol.codes import Code
from protocol.encoding.time import to_seconds
from protocol.errors import MalformedError, RefusedError, UnavailableError
from protocol.openid4vci.token import TokenRequest, TokenResponse
from storage.register import Entropy, digest, new_secret

# A bearer token is not to live longer (OpenID4VCI 1.0 §13.10). Once it was used it is good only together with
# proofs of the keys it was used for, and lives until what it brought should long have been kept.
ACCESS_TOKEN_LIFETIME = timedelta(minutes=5)
COMPLETION_TIME = timedelta(hours=24)
NONCE_LIFETIME = timedelta(minutes=5)
# Anybody may ask for a nonce; this is how many rows strangers can make us keep.
MAX_LIVE_NONCES = 1_000_000


@dataclass(frozen=True, slots=True)
class Grant:
    """What an access token is good for: one credential of this type, in up to so many copies; or, if `refill`
    is not 0, further copies of the one that was issued.
    """

    offer: str
    type: str
    copies: int
    refill: int


def exchange_code(
    institution: Institution, request: TokenRequest, *, now: datetime, entropy: Entropy
) -> TokenResponse:
    """Use up a pre-authorized code and give the access token for it.

    A wrong transaction code costs one of five tries; with the last one the offer closes, and what it held is
    forgotten.

    Raises:
        RefusedError: an unknown, used, expired or dead code; TRANSACTION_CODE_WRONG with how many tries are
            left; or the transaction code is missing, which costs no try.
        MalformedError: a transaction code, or a type of credential, that the offer does not have; this costs
            no try either.
    """
    response = None
    with institution.register.begin() as connection:
        offer = _spend_try(connection, request.code, now)
        _require_fitting(offer, request)
        if not offer.tx_code_required or _is_tx_code(institution, offer, request.transaction_code):
            response = _grant(connection, offer, request, now=now, entropy=entropy)
        elif offer.tries_left == 0:
            _block(connection, offer.id)
    # After the commit, for a wrong try has to stay counted.
    if response is None:
        raise RefusedError(Code.TRANSACTION_CODE_WRONG, _tries(offer.tries_left))
    return response


def _spend_try(connection: Connection, code: str, now: datetime) -> Row[Any]:
    offer = connection.execute(
        update(offers)
        .where(
            offers.c.code_digest == digest(code),
            offers.c.state == OfferState.OPEN,
            offers.c.expires_at > to_seconds(now),
        )
        .values(tries_left=offers.c.tries_left - 1)
        .returning(offers)
    ).one_or_none()
    if offer is None:
        raise RefusedError(Code.GRANT_INVALID)
    return offer


def _require_fitting(offer: Row[Any], request: TokenRequest) -> None:
    if offer.tx_code_required and request.transaction_code is None:
        raise RefusedError(Code.TRANSACTION_CODE_REQUIRED)
    if not offer.tx_code_required and request.transaction_code is not None:
        raise MalformedError(Code.MEMBER_INVALID, "tx_code: the offer asks for none")
    if set(request.configuration_ids) - {offer.type}:
        raise MalformedError(Code.MEMBER_INVALID, "authorization_details: not what was offered")


def _is_tx_code(institution: Institution, offer: Row[Any], given: str | None) -> bool:
    expected = institution.seal.open(offer.sealed, offer_id=offer.id).tx_code
    return hmac.compare_digest(digest(given or ""), digest(expected or ""))


def _tries(left: int) -> str:
    if left == 0:
        return "that was the last try; the offer is closed"
    return "1 try left" if left == 1 else f"{left} tries left"


def _block(connection: Connection, offer_id: str) -> None:
    chosen = update(offers).where(offers.c.id == offer_id)
    connection.execute(chosen.values(state=OfferState.BLOCKED))
    forget_claims(connection, offers.c.id == offer_id)


def _grant(
    connection: Connection, offer: Row[Any], request: TokenRequest, *, now: datetime, entropy: Entropy
) -> TokenResponse:
    expires_at = to_seconds(now + ACCESS_TOKEN_LIFETIME)
    chosen = update(offers).where(offers.c.id == offer.id)
    connection.execute(chosen.values(state=OfferState.GRANTED, expires_at=expires_at))
    is_refillable = offer.refill_until is not None and offer.refill_until > to_seconds(now)
    return TokenResponse(
        create_access_token(connection, offer.id, refill=0, now=now, entropy=entropy),
        ACCESS_TOKEN_LIFETIME,
        {offer.type: (offer.id,)} if request.configuration_ids else {},
        create_refresh_token(connection, offer.id, number=0, entropy=entropy) if is_refillable else None,
    )


def create_access_token(
    connection: Connection, offer_id: str, *, refill: int, now: datetime, entropy: Entropy
) -> str:
    """An access token for what the offer brings, or for its refill of this number."""
    token = new_secret(entropy)
    expires_at = to_seconds(now + ACCESS_TOKEN_LIFETIME)
    connection.execute(
        insert(access_tokens).values(
            digest=digest(token), offer=offer_id, refill=refill, expires_at=expires_at
        )
    )
    return token


def create_refresh_token(connection: Connection, offer_id: str, *, number: int, entropy: Entropy) -> str:
    """The refresh token that comes with the access token of this number."""
    token = new_secret(entropy)
    connection.execute(insert(refresh_tokens).values(digest=digest(token), offer=offer_id, number=number))
    return token


def spend_refresh_tokens(connection: Connection, offer_id: str, *, before: int, now: datetime) -> None:
    """What came with the token `before` arrived, so no earlier refresh token is needed any more."""
    connection.execute(
        update(refresh_tokens)
        .where(
            refresh_tokens.c.offer == offer_id,
            refresh_tokens.c.number < before,
            refresh_tokens.c.spent_at.is_(None),
        )
        .values(spent_at=to_seconds(now))
    )


def find_grant(connection: Connection, token: str, *, now: datetime) -> Grant:
    """What the access token `token` is good for, until it expires.

    Raises:
        RefusedError: unknown or expired.
    """
    row = connection.execute(
        select(offers.c.id, offers.c.type, offers.c.copies, access_tokens.c.refill)
        .join(offers, offers.c.id == access_tokens.c.offer)
        .where(access_tokens.c.digest == digest(token), access_tokens.c.expires_at > to_seconds(now))
    ).one_or_none()
    if row is None:
        raise RefusedError(Code.ACCESS_TOKEN_INVALID)
    return Grant(row.id, row.type, row.copies, row.refill)


def use_token(connection: Connection, token: str, *, now: datetime) -> bool:
    """Use the access token for issuing, which can be done once; whether nobody had done it yet.

    From then on it lives for `COMPLETION_TIME`, to get the same again and for the notification.
    """
    moment = to_seconds(now)
    used = connection.execute(
        update(access_tokens)
        .where(
            access_tokens.c.digest == digest(token),
            access_tokens.c.used_at.is_(None),
            access_tokens.c.expires_at > moment,
        )
        .values(used_at=moment, expires_at=to_seconds(now + COMPLETION_TIME))
        .returning(access_tokens.c.offer, access_tokens.c.refill)
    ).one_or_none()
    if used is None:
        return False
    spend_refresh_tokens(connection, used.offer, before=used.refill, now=now)
    return True


def create_nonce(register: Engine, *, now: datetime, entropy: Entropy) -> str:
    """A fresh nonce for proofs of possession.

    Raises:
        UnavailableError: too many are waiting to be used.
    """
    moment = to_seconds(now)
    nonce = new_secret(entropy)
    with register.begin() as connection:
        remove_nonces(connection, nonces.c.expires_at <= moment)
        live = connection.execute(select(func.count()).select_from(nonces)).scalar_one()
        if live >= MAX_LIVE_NONCES:
            raise UnavailableError(Code.NETWORK_BUSY, "nonces")
        connection.execute(
            insert(nonces).values(digest=digest(nonce), expires_at=to_seconds(now + NONCE_LIFETIME))
        )
    return nonce


def remove_nonces(connection: Connection, which: ColumnElement[bool]) -> None:
    """Remove the nonces that `which` selects, but for those that somebody else is removing."""
    free = select(nonces.c.digest).where(which).with_for_update(skip_locked=True)
    connection.execute(nonces.delete().where(nonces.c.digest.in_(free)))


def use_nonce(connection: Connection, nonce: str, *, now: datetime) -> bool:
    """Use up a nonce; whether it was ours and still good. The effect belongs into the same transaction."""
    moment = to_seconds(now)
    used = connection.execute(
        update(nonces)
        .where(nonces.c.digest == digest(nonce), nonces.c.used_at.is_(None), nonces.c.expires_at > moment)
        .values(used_at=moment)
    )
    return used.rowcount == 1
