"""Issuing: an access token and proofs of keys in, one credential out, in a copy for each key.

All of it is one transaction: the token and the nonce are used up, the claims taken out of the offer, the
credential recorded and its statuses allocated together, before the answer is sent. Whatever fails, or dies,
on the way leaves the register as it was. If only the answer is lost, the credential stands in the register
and can be revoked; the institution makes a new offer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection, Engine

from issuer.claims import disclosable_paths
from issuer.credential_type import IssuedType
from issuer.grant import Grant, find_grant, use_nonce, use_token
from issuer.institution import Institution
from issuer.metadata import PROOF_ALGORITHMS
from issuer.register import OfferState, credentials, offers
from issuer.status import draw_place, record_copy, status_list_uri
from ledger.identity import IdentityKey
from protocol.codes import Code
from protocol.encoding.base64url import encode_base64url
from protocol.encoding.strict_json import JsonObject
from protocol.encoding.time import to_seconds
from protocol.errors import RefusedError
from protocol.keys import PublicKey
from protocol.keys.jwk import encode_jwk, thumbprint
from protocol.openid4vci.credential import (
    ConfigurationId,
    CredentialIdentifier,
    CredentialRequest,
    IssuedCredentials,
    Notification,
)
from protocol.openid4vci.proof import verify_proofs
from protocol.sdjwt_vc import issue_sd_jwt_vc
from protocol.status_list import Status
from storage.database import read_only
from storage.register import Entropy, digest, new_id, new_secret

_SALT_BYTES = 16


def issue_credential(
    institution: Institution, request: CredentialRequest, token: str, *, now: datetime, entropy: Entropy
) -> IssuedCredentials:
    """Redeem an access token: a copy of its credential for each proved key, as far as the offer goes.

    Raises:
        RefusedError: the token is unknown, expired or used, or the request is for something else.
        VerificationError: a proof is missing or not good.
    """
    signer = institution.signer()
    with read_only(institution.register).begin() as connection:
        grant = find_grant(connection, token, now=now)
    issued = _requested_type(institution, request, grant)
    with institution.register.begin() as connection:
        use_token(connection, token, now=now)
        keys = verify_proofs(
            request.proofs,
            expected_audience=institution.settings.url,
            nonce_is_fresh=lambda nonce: use_nonce(connection, nonce, now=now),
            allowed_algorithms=PROOF_ALGORITHMS,
            client_id=None,
            now=now,
        )
        credential = _Credential(
            id=new_id(entropy),
            issued=issued,
            claims=_take_claims(institution, connection, grant),
            issued_at=_whole_hour(now),
            expires_at=_whole_hour(now + issued.validity),
        )
        notification_id = new_secret(entropy)
        _record(connection, credential, grant, notification_id, now)
        copies = _issue_copies(institution, connection, credential, keys[: grant.copies], signer, entropy)
    return IssuedCredentials(copies, notification_id)


def record_notification(register: Engine, notification: Notification, token: str, *, now: datetime) -> None:
    """Note what became of a credential, as its wallet says.

    Raises:
        RefusedError: the token is unknown, expired, or not the one the credential was issued for; or there
            is no credential with this notification id.
    """
    noted = credentials.c.notification_digest == digest(notification.notification_id)
    with register.begin() as connection:
        grant = find_grant(connection, token, now=now)
        offer = connection.execute(select(credentials.c.offer).where(noted)).scalar_one_or_none()
        if offer is None:
            raise RefusedError(Code.NOTIFICATION_INVALID)
        if offer != grant.offer:
            raise RefusedError(Code.ACCESS_TOKEN_INVALID)
        connection.execute(update(credentials).where(noted).values(notified=notification.event.value))


@dataclass(frozen=True, slots=True)
class _Credential:
    id: str
    issued: IssuedType
    claims: JsonObject
    issued_at: datetime
    expires_at: datetime


def _requested_type(institution: Institution, request: CredentialRequest, grant: Grant) -> IssuedType:
    match request.target:
        case CredentialIdentifier(value) if value != grant.offer:
            raise RefusedError(Code.CREDENTIAL_IDENTIFIER_UNKNOWN)
        case ConfigurationId(value) if value != grant.type:
            is_known = institution.types.has(value)
            raise RefusedError(Code.SCOPE_INSUFFICIENT if is_known else Code.CREDENTIAL_CONFIGURATION_UNKNOWN)
    return institution.types.load(grant.type)


def _take_claims(institution: Institution, connection: Connection, grant: Grant) -> JsonObject:
    chosen = offers.c.id == grant.offer
    sealed = connection.execute(select(offers.c.sealed).where(chosen)).scalar_one()
    connection.execute(update(offers).where(chosen).values(state=OfferState.REDEEMED, sealed=None))
    return institution.seal.open(sealed, offer_id=grant.offer).claims


def _record(
    connection: Connection, credential: _Credential, grant: Grant, notification_id: str, now: datetime
) -> None:
    connection.execute(
        insert(credentials).values(
            id=credential.id,
            type=credential.issued.name,
            offer=grant.offer,
            issued_at=to_seconds(now),
            expires_at=to_seconds(credential.expires_at),
            status=Status.VALID,
            status_changed_at=to_seconds(now),
            notification_digest=digest(notification_id),
        )
    )


def _issue_copies(
    institution: Institution,
    connection: Connection,
    credential: _Credential,
    keys: Sequence[PublicKey],
    signer: IdentityKey,
    entropy: Entropy,
) -> tuple[str, ...]:
    settings = institution.settings
    copies: list[str] = []
    for key in keys:
        place = draw_place(connection, list_size=settings.list_size, entropy=entropy)
        record_copy(connection, credential.id, place, holder_key=thumbprint(key))
        status: JsonObject = {"idx": place.index, "uri": status_list_uri(settings.url, place.list)}
        # Nothing here tells the copies, or the holders of one hour, apart but what has to.
        payload: JsonObject = {
            **credential.claims,
            "iss": settings.did,
            "vct": credential.issued.definition.vct,
            "iat": to_seconds(credential.issued_at),
            "exp": to_seconds(credential.expires_at),
            "cnf": {"jwk": encode_jwk(key)},
            "status": {"status_list": status},
        }
        sd_jwt = issue_sd_jwt_vc(
            payload,
            disclosable=disclosable_paths(credential.issued.definition.type_metadata, credential.claims),
            key=signer.key,
            key_id=signer.key_id,
            salts=lambda: encode_base64url(entropy(_SALT_BYTES)),
            ed25519_name=settings.signing_name,
        )
        copies.append(sd_jwt.encoded)
    return tuple(copies)


def _whole_hour(moment: datetime) -> datetime:
    return moment - (moment - moment.min.replace(tzinfo=moment.tzinfo)) % timedelta(hours=1)
