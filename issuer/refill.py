"""Further copies of a credential that was issued, for its wallet and without a new offer.

The access token of an offer that allows it comes with a refresh token (RFC 6749 §6), good for one more access
token and one more refresh token, until the time is over or the claims are forgotten. Answers get lost, so a
refresh token is spent only when something that came for it is used. One that was spent and is used again is
in two hands, nobody can tell which are the right ones, and no hand gets anything more (RFC 9700 §4.14.2).
See [decision 0007](../docs/decisions/0007-refill.md).
"""

from datetime import datetime

from sqlalchemy import and_, func, select
from sqlalchemy.engine import Connection, Engine

from issuer.grant import (
    ACCESS_TOKEN_LIFETIME,
    create_access_token,
    create_refresh_token,
    spend_refresh_tokens,
)
from issuer.institution import Institution
from issuer.register import (
    CredentialRecord,
    access_tokens,
    copies,
    credentials,
    find_credential,
    forget_claims,
    lock_offers,
    offers,
    refresh_tokens,
)
from protocol.codes import Code
from protocol.encoding.time import to_seconds
from protocol.errors import RefusedError
from protocol.openid4vci.token import RefreshRequest, TokenResponse
from storage.database import erase_traces
from storage.register import Entropy, digest

MAX_COPIES = 1000
"""How many copies of one credential there are at most: each takes a place in a status list for good."""


def exchange_refresh_token(
    institution: Institution, request: RefreshRequest, *, now: datetime, entropy: Entropy
) -> TokenResponse:
    """Give an access token for further copies, and the refresh token for the next time.

    Raises:
        RefusedError: GRANT_INVALID; an unknown or spent refresh token, or no further copies may be had.
    """
    response = None
    with institution.register.begin() as connection:
        is_this = refresh_tokens.c.digest == digest(request.refresh_token)
        lock_offers(connection, offers.c.id.in_(select(refresh_tokens.c.offer).where(is_this)))
        row = connection.execute(
            select(refresh_tokens)
            .join(offers, offers.c.id == refresh_tokens.c.offer)
            # Not before the credential was issued: until then its code's own token is there for it.
            .join(credentials, credentials.c.offer == offers.c.id)
            .where(is_this, offers.c.refill_until > to_seconds(now))
        ).one_or_none()
        if row is not None and row.spent_at is None and _count_copies(connection, row.offer) < MAX_COPIES:
            _forget_answers(connection, row.offer, to=row.number)
            spend_refresh_tokens(connection, row.offer, before=row.number, now=now)
            number = row.number + 1
            response = TokenResponse(
                create_access_token(connection, row.offer, refill=number, now=now, entropy=entropy),
                ACCESS_TOKEN_LIFETIME,
                refresh_token=create_refresh_token(connection, row.offer, number=number, entropy=entropy),
            )
        elif row is not None:
            forget_claims(connection, offers.c.id == row.offer)
    # After the commit, for what was forgotten has to stay so.
    if response is None:
        raise RefusedError(Code.GRANT_INVALID, "the refresh token")
    return response


def end_refill(register: Engine, credential_id: str) -> CredentialRecord:
    """Forget what is still sealed of a credential, so that nobody gets further copies, and return its record.

    The copies that are out stay good. Asking again changes nothing.

    Raises:
        RefusedError: there is no such credential.
    """
    with register.begin() as connection:
        offer = find_credential(connection, credential_id).offer
        lock_offers(connection, offers.c.id == offer)
        forget_claims(connection, offers.c.id == offer)
        record = find_credential(connection, credential_id)
    erase_traces(register)
    return record


def _count_copies(connection: Connection, offer_id: str) -> int:
    of_it = and_(copies.c.credential == credentials.c.id, credentials.c.offer == offer_id)
    return connection.execute(select(func.count()).select_from(copies).join(credentials, of_it)).scalar_one()


def _forget_answers(connection: Connection, offer_id: str, *, to: int) -> None:
    """Forget what was given before and not used, so that one refill at most is open.

    What was given for the refresh token `to` did not arrive, or that would be spent.
    """
    unused = (access_tokens.c.refill > 0, access_tokens.c.used_at.is_(None))
    connection.execute(access_tokens.delete().where(access_tokens.c.offer == offer_id, *unused))
    later = (refresh_tokens.c.offer == offer_id, refresh_tokens.c.number > to)
    connection.execute(refresh_tokens.delete().where(*later))
