"""What the issuer publishes about itself (OpenID4VCI 1.0 §12.2, RFC 8414)."""

from collections.abc import Iterable, Mapping

from issuer.credential_type import IssuedType
from issuer.settings import IssuerSettings
from protocol.encoding.strict_json import JsonObject
from protocol.jws import Algorithm
from protocol.openid4vci.configuration import ClaimDescription, CredentialConfiguration, Display
from protocol.openid4vci.metadata import (
    AuthorizationServerMetadata,
    IssuerMetadata,
    encode_authorization_server_metadata,
    encode_issuer_metadata,
)
from protocol.openid4vci.offer import PRE_AUTHORIZED_CODE
from protocol.openid4vci.token import REFRESH_TOKEN
from protocol.sdjwt_vc import SD_JWT_VC_TYP

PROOF_ALGORITHMS = tuple(algorithm.value for algorithm in Algorithm)


def issuer_metadata(settings: IssuerSettings, types: Iterable[IssuedType]) -> JsonObject:
    """The Credential Issuer Metadata: the endpoints, and a configuration for each type, of the same name."""
    return encode_issuer_metadata(
        IssuerMetadata(
            credential_issuer=settings.url,
            credential_endpoint=f"{settings.url}/credential",
            nonce_endpoint=f"{settings.url}/nonce",
            notification_endpoint=f"{settings.url}/notification",
            batch_size=settings.copies,
            display=(Display(name=settings.name),),
            configurations={issued.name: _configuration(settings, issued) for issued in types},
        )
    )


def authorization_server_metadata(settings: IssuerSettings) -> JsonObject:
    """The Authorization Server Metadata: codes that were handed out in advance, for anybody who has one, and
    the refresh tokens that came for them.
    """
    return encode_authorization_server_metadata(
        AuthorizationServerMetadata(
            issuer=settings.url,
            token_endpoint=f"{settings.url}/token",
            grant_types=(PRE_AUTHORIZED_CODE, REFRESH_TOKEN),
            anonymous_access=True,
        )
    )


def _configuration(settings: IssuerSettings, issued: IssuedType) -> CredentialConfiguration:
    metadata = issued.definition.type_metadata
    return CredentialConfiguration(
        format=SD_JWT_VC_TYP,
        vct=issued.definition.vct,
        binding_methods=("jwk",),
        proof_types=("jwt",),
        proof_algorithms=PROOF_ALGORITHMS,
        signing_algorithms=(settings.signing_name.value,),
        display=_display(metadata.names),
        claims=tuple(
            ClaimDescription(claim.path, claim.mandatory, _display(claim.labels)) for claim in metadata.claims
        ),
    )


def _display(texts: Mapping[str, str]) -> tuple[Display, ...]:
    return tuple(Display(name=text, locale=locale) for locale, text in texts.items())
