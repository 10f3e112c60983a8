"""Issuing: an access token and proofs of keys in, one credential out, in a copy for each key.

All of it is one transaction: the token and the nonce are used, the offer closed, the credential recorded and
its statuses allocated together, before the answer is sent. Whatever fails, or dies, on the way leaves the
register as it was.

The answer may be lost all the same, or its wallet not be able to keep it. Therefore the claims stay sealed
until the wallet says that it has the credential, for a day at most, and until then the same token with proofs
of the same keys brings the same credential: of the same record, in the same places of the status lists,
valid from and to the same hours, signed anew.

The access token of a refill brings further copies of a credential: of the same record, valid from and to the
same hours, in places of their own, for other keys.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, case, insert, or_, select, true, update
from sqlalchemy.engine import Connection, Engine

from issuer.claims import disclosable_paths
from issuer.credential_type import IssuedType
from issuer.grant import COMPLETION_TIME, Grant, find_grant, use_nonce, use_token
from issuer.institution import Institution
from issuer.metadata import PROOF_ALGORITHMS
from issuer.register import OfferState, copies, credentials, forget_claims, lock_offers, offers
from issuer.status import Place, draw_place, record_copy, status_list_uri
from ledger.identity import IdentityKey
from protocol.codes import Code
from protocol.encoding.base64url import encode_base64url
from protocol.encoding.strict_json import JsonObject
from protocol.encoding.time import from_seconds, to_seconds
from protocol.errors import RefusedError
from protocol.keys import PublicKey
from protocol.keys.jwk import encode_jwk, thumbprint
from protocol.openid4vci.credential import (
    ConfigurationId,
    CredentialIdentifier,
    CredentialRequest,
    IssuedCredentials,
    Notification,
    NotificationEvent,
)
from protocol.openid4vci.proof import verify_proofs
from protocol.sdjwt_vc import issue_sd_jwt_vc
from protocol.status_list import Status
from storage.database import read_only
from storage.register import Entropy, digest, new_id

_SALT_BYTES = 16


def issue_credential(
    institution: Institution, request: CredentialRequest, token: str, *, now: datetime, entropy: Entropy
) -> IssuedCredentials:
    """A copy of the credential of an access token for each proved key, as far as the offer goes.

    With proofs of the same keys it may be asked for again, until it was delivered.

    Raises:
        RefusedError: the token is unknown or expired, the request is for something else, or the credential
            was issued for other keys, delivered already, suspended, or revoked.
        VerificationError: a proof is missing or not good.
    """
    signer = institution.signer()
    with read_only(institution.register).begin() as connection:
        grant = find_grant(connection, token, now=now)
    issued = _requested_type(institution, request, grant)
    with institution.register.begin() as connection:
        lock_offers(connection, offers.c.id == grant.offer)
        is_first = use_token(connection, token, now=now)
        proved = verify_proofs(
            request.proofs,
            expected_audience=institution.settings.url,
            nonce_is_fresh=lambda nonce: use_nonce(connection, nonce, now=now),
            allowed_algorithms=PROOF_ALGORITHMS,
            client_id=None,
            now=now,
        )
        keys = {thumbprint(key): key for key in proved[: grant.copies]}
        sealed = _sealed(connection, grant)
        claims = institution.seal.open(sealed, offer_id=grant.offer).claims
        notification_id = _notification_id(token, sealed)
        if is_first:
            if grant.refill:
                credential_id = _find_refillable(connection, grant, notification_id)
            else:
                credential_id = _record(connection, grant, issued, notification_id, now=now, entropy=entropy)
            for name in keys:
                place = draw_place(connection, list_size=institution.settings.list_size, entropy=entropy)
                record_copy(connection, credential_id, place, holder_key=name, refill=grant.refill)
        credential = _recorded(connection, grant)
        if credential.places.keys() != keys.keys():
            raise RefusedError(Code.ISSUANCE_REFUSED, "it was issued for other keys")
        copies_of_it = tuple(
            _sign_copy(institution, issued, claims, credential, key, signer, entropy) for key in keys.values()
        )
    return IssuedCredentials(copies_of_it, notification_id)


def record_notification(register: Engine, notification: Notification, token: str, *, now: datetime) -> None:
    """Note what became of a credential, as its wallet says; once it was kept or declined, forget its claims,
    unless it was kept and further copies may be fetched.

    Raises:
        RefusedError: the token is unknown, expired, or not the one the credential was issued for; or there
            is no credential with this notification id.
    """
    noted = credentials.c.notification_digest == digest(notification.notification_id)
    with register.begin() as connection:
        grant = find_grant(connection, token, now=now)
        lock_offers(connection, offers.c.id == grant.offer)
        offer = connection.execute(select(credentials.c.offer).where(noted)).scalar_one_or_none()
        if offer is None:
            raise RefusedError(Code.NOTIFICATION_INVALID)
        if offer != grant.offer:
            raise RefusedError(Code.ACCESS_TOKEN_INVALID)
        connection.execute(update(credentials).where(noted).values(notified=notification.event.value))
        # After a failure the wallet may come again.
        if notification.event is not NotificationEvent.FAILURE:
            is_over = or_(offers.c.refill_until.is_(None), offers.c.refill_until <= to_seconds(now))
            is_unwanted = notification.event is NotificationEvent.DELETED
            forget_claims(connection, and_(offers.c.id == grant.offer, true() if is_unwanted else is_over))


@dataclass(frozen=True, slots=True)
class _Credential:
    """What the register knows, and every copy says; the places are under the thumbprints of the keys."""

    issued_at: datetime
    expires_at: datetime
    places: Mapping[str, Place]


def _requested_type(institution: Institution, request: CredentialRequest, grant: Grant) -> IssuedType:
    match request.target:
        case CredentialIdentifier(value) if value != grant.offer:
            raise RefusedError(Code.CREDENTIAL_IDENTIFIER_UNKNOWN)
        case ConfigurationId(value) if value != grant.type:
            is_known = institution.types.has(value)
            raise RefusedError(Code.SCOPE_INSUFFICIENT if is_known else Code.CREDENTIAL_CONFIGURATION_UNKNOWN)
    return institution.types.load(grant.type)


def _sealed(connection: Connection, grant: Grant) -> bytes:
    sealed: bytes | None = connection.execute(
        select(offers.c.sealed).where(offers.c.id == grant.offer)
    ).scalar_one()
    if sealed is None:
        raise RefusedError(Code.ISSUANCE_REFUSED, "it was delivered already, or revoked")
    return sealed


def _notification_id(token: str, sealed: bytes) -> str:
    """It follows from the access token and the seal, so that it is the same again while the register does not
    know it, and nobody can say that a credential was delivered who has but the token.
    """
    return encode_base64url(hashlib.sha256(token.encode() + sealed).digest())


def _record(
    connection: Connection,
    grant: Grant,
    issued: IssuedType,
    notification_id: str,
    *,
    now: datetime,
    entropy: Entropy,
) -> str:
    completed_by = to_seconds(now + COMPLETION_TIME)
    until = case((offers.c.refill_until > completed_by, offers.c.refill_until), else_=completed_by)
    chosen = update(offers).where(offers.c.id == grant.offer)
    connection.execute(chosen.values(state=OfferState.REDEEMED, expires_at=until))
    credential_id = new_id(entropy)
    connection.execute(
        insert(credentials).values(
            id=credential_id,
            type=issued.name,
            offer=grant.offer,
            issued_at=to_seconds(now),
            expires_at=to_seconds(_whole_hour(now + issued.validity)),
            status=Status.VALID,
            status_changed_at=to_seconds(now),
            notification_digest=digest(notification_id),
        )
    )
    return credential_id


def _find_refillable(connection: Connection, grant: Grant, notification_id: str) -> str:
    """The credential that gets further copies, whose wallet tells of these from now on."""
    chosen = update(credentials).where(
        credentials.c.offer == grant.offer, credentials.c.status == Status.VALID
    )
    credential_id: str | None = connection.execute(
        chosen.values(notification_digest=digest(notification_id)).returning(credentials.c.id)
    ).scalar_one_or_none()
    if credential_id is None:
        raise RefusedError(Code.ISSUANCE_REFUSED, "it is suspended")
    return credential_id


def _recorded(connection: Connection, grant: Grant) -> _Credential:
    row = connection.execute(select(credentials).where(credentials.c.offer == grant.offer)).one()
    of_it = (copies.c.credential == row.id, copies.c.refill == grant.refill)
    places = connection.execute(select(copies).where(*of_it))
    return _Credential(
        # A credential does not tell the minute, for that would tell its holder from others.
        issued_at=_whole_hour(from_seconds(row.issued_at)),
        expires_at=from_seconds(row.expires_at),
        places={place.holder_key: Place(place.list, place.idx) for place in places},
    )


def _sign_copy(
    institution: Institution,
    issued: IssuedType,
    claims: JsonObject,
    credential: _Credential,
    key: PublicKey,
    signer: IdentityKey,
    entropy: Entropy,
) -> str:
    settings, definition = institution.settings, issued.definition
    place = credential.places[thumbprint(key)]
    status: JsonObject = {"idx": place.index, "uri": status_list_uri(settings.url, place.list)}
    # Nothing here tells the copies, or the holders of one hour, apart but what has to.
    payload: JsonObject = {
        **claims,
        "iss": settings.did,
        "vct": definition.vct,
        "vct#integrity": definition.integrity,
        "iat": to_seconds(credential.issued_at),
        "exp": to_seconds(credential.expires_at),
        "cnf": {"jwk": encode_jwk(key)},
        "status": {"status_list": status},
    }
    sd_jwt = issue_sd_jwt_vc(
        payload,
        disclosable=disclosable_paths(definition.type_metadata, claims),
        key=signer.key,
        key_id=signer.key_id,
        salts=lambda: encode_base64url(entropy(_SALT_BYTES)),
        ed25519_name=settings.signing_name,
    )
    return sd_jwt.encoded


def _whole_hour(moment: datetime) -> datetime:
    return moment - (moment - moment.min.replace(tzinfo=moment.tzinfo)) % timedelta(hours=1)
