"""What an issuer and its authorization server say about themselves (OpenID4VCI 1.0 §12.2, RFC 8414).

    GET https://issuer.example/.well-known/openid-credential-issuer/tenant      for https://issuer.example/tenant

Metadata names the party it belongs to, and that must be, character for character, the one it was fetched
for: otherwise a wallet could be led to send one issuer's codes to another.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from protocol.codes import Code
from protocol.encoding.members import (
    boolean_member,
    integer_member,
    object_member,
    objects_member,
    optional_object_member,
    text_member,
    texts_member,
)
from protocol.encoding.strict_json import JsonObject, JsonValue, parse_json_object
from protocol.errors import MalformedError, RefusedError, VerificationError
from protocol.openid4vci.configuration import (
    CredentialConfiguration,
    Display,
    encode_configuration,
    encode_display,
    parse_configuration,
    parse_display,
)
from protocol.sdjwt_vc import SD_JWT_VC_TYP as SD_JWT_VC
from protocol.web_address import WebAddress, parse_web_address

ISSUER_WELL_KNOWN = "openid-credential-issuer"
AUTHORIZATION_SERVER_WELL_KNOWN = "oauth-authorization-server"

ANONYMOUS_ACCESS = "pre-authorized_grant_anonymous_access_supported"

MAX_CONFIGURATIONS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerMetadata:
    """The metadata of a credential issuer.

    Attributes:
        batch_size: How many credentials one request may ask for; 1 where batches are not offered.
        encryption_required: Whether the issuer takes or gives encrypted messages only, which no one here can.
    """

    credential_issuer: str
    credential_endpoint: str
    nonce_endpoint: str | None = None
    deferred_credential_endpoint: str | None = None
    notification_endpoint: str | None = None
    authorization_servers: tuple[str, ...] = ()
    batch_size: int = 1
    encryption_required: bool = False
    display: tuple[Display, ...] = ()
    configurations: Mapping[str, CredentialConfiguration]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationServerMetadata:
    """The metadata of an authorization server, as far as the pre-authorized code flow needs it.

    Attributes:
        anonymous_access: Whether a code may be redeemed without a `client_id`.
    """

    issuer: str
    token_endpoint: str | None = None
    grant_types: tuple[str, ...] = ()
    anonymous_access: bool = False


def parse_issuer_identifier(identifier: str, *, development: bool) -> WebAddress:
    """Read a Credential Issuer Identifier: a web address without query and fragment (§12.2.1).

    Raises:
        MalformedError: it is not one.
    """
    address = parse_web_address(identifier, development=development)
    if identifier != address.origin + address.path:
        raise MalformedError(Code.FORMAT_INVALID, "an issuer identifier has no query")
    return address


def well_known_address(identifier: str, name: str, *, development: bool) -> str:
    """Where the metadata `name` of `identifier` is published: the well-known part stands between host and
    path, and a final `/` of the path is left out (RFC 8414 §3.1).

    Raises:
        MalformedError: not an issuer identifier.
    """
    address = parse_issuer_identifier(identifier, development=development)
    return f"{address.origin}/.well-known/{name}{address.path.removesuffix('/')}"


def parse_issuer_metadata(body: str | bytes, *, expected_issuer: str, development: bool) -> IssuerMetadata:
    """Read the metadata fetched for `expected_issuer`. Members this reader does not know are ignored.

    Raises:
        MalformedError: it cannot be read.
        VerificationError: it belongs to another issuer.
    """
    source = parse_json_object(body)
    _require_same(source, "credential_issuer", expected_issuer)
    parse_issuer_identifier(expected_issuer, development=development)
    servers = _optional_texts(source, "authorization_servers")
    for server in servers:
        parse_issuer_identifier(server, development=development)
    batch = optional_object_member(source, "batch_credential_issuance")
    configurations = object_member(source, "credential_configurations_supported")
    if len(configurations) > MAX_CONFIGURATIONS:
        raise MalformedError(Code.SIZE_EXCEEDED, "credential_configurations_supported")
    return IssuerMetadata(
        credential_issuer=expected_issuer,
        credential_endpoint=_address(source, "credential_endpoint", development=development),
        nonce_endpoint=_optional_address(source, "nonce_endpoint", development=development),
        deferred_credential_endpoint=_optional_address(
            source, "deferred_credential_endpoint", development=development
        ),
        notification_endpoint=_optional_address(source, "notification_endpoint", development=development),
        authorization_servers=servers,
        batch_size=1 if batch is None else integer_member(batch, "batch_size", minimum=2),
        encryption_required=_parse_encryption(source),
        display=parse_display(source),
        configurations={
            identifier: parse_configuration(object_member(configurations, identifier))
            for identifier in configurations
        },
    )


def encode_issuer_metadata(metadata: IssuerMetadata) -> JsonObject:
    """The JSON object of `metadata`.

    Raises:
        ValueError: encryption is required, which is not offered here.
    """
    if metadata.encryption_required:
        raise ValueError("encrypted issuance is not offered")
    members: dict[str, JsonValue] = {
        "credential_issuer": metadata.credential_issuer,
        "authorization_servers": list(metadata.authorization_servers) or None,
        "credential_endpoint": metadata.credential_endpoint,
        "nonce_endpoint": metadata.nonce_endpoint,
        "deferred_credential_endpoint": metadata.deferred_credential_endpoint,
        "notification_endpoint": metadata.notification_endpoint,
        "batch_credential_issuance": {"batch_size": metadata.batch_size} if metadata.batch_size > 1 else None,
        "display": encode_display(metadata.display) or None,
        "credential_configurations_supported": {
            identifier: encode_configuration(configuration)
            for identifier, configuration in metadata.configurations.items()
        },
    }
    return {name: value for name, value in members.items() if value is not None}


def select_configuration(metadata: IssuerMetadata, configuration_id: str) -> CredentialConfiguration:
    """The configuration a wallet asks for, which must be one it can use.

    Raises:
        RefusedError: the issuer does not offer it, it is no SD-JWT VC with a type, or the issuer demands
            encryption, a key attestation or another proof than a `jwt`.
    """
    configuration = metadata.configurations.get(configuration_id)
    if configuration is None or configuration.format != SD_JWT_VC or configuration.vct is None:
        raise RefusedError(Code.CREDENTIAL_CONFIGURATION_UNKNOWN, "no SD-JWT VC of this name")
    if metadata.encryption_required:
        raise RefusedError(Code.CREDENTIAL_CONFIGURATION_UNKNOWN, "the issuer demands encryption")
    needs_proof = configuration.proof_types or configuration.binding_methods
    if needs_proof and (not configuration.proof_algorithms or configuration.key_attestation_required):
        raise RefusedError(Code.CREDENTIAL_CONFIGURATION_UNKNOWN, "the issuer demands another kind of proof")
    return configuration


def select_authorization_server(metadata: IssuerMetadata, hint: str | None) -> str:
    """The authorization server to use; `hint` is the one the offer names (§4.1.1, §12.2.4).

    Raises:
        VerificationError: the hint is not among the issuer's servers.
        RefusedError: the issuer has several, and there is no hint.
    """
    servers = metadata.authorization_servers
    if hint is not None and hint not in servers:
        raise VerificationError(Code.ISSUER_METADATA_MISMATCH, "authorization_server")
    if not servers:
        return metadata.credential_issuer
    if hint is None and len(servers) > 1:
        raise RefusedError(Code.OFFER_INVALID, "it does not say which authorization server to use")
    return hint or servers[0]


def parse_authorization_server_metadata(
    body: str | bytes, *, expected_issuer: str, development: bool
) -> AuthorizationServerMetadata:
    """Read the metadata fetched for the authorization server `expected_issuer` (RFC 8414 §3.3).

    Raises:
        MalformedError: it cannot be read.
        VerificationError: it belongs to another server.
    """
    source = parse_json_object(body)
    _require_same(source, "issuer", expected_issuer)
    return AuthorizationServerMetadata(
        issuer=expected_issuer,
        token_endpoint=_optional_address(source, "token_endpoint", development=development),
        grant_types=_optional_texts(source, "grant_types_supported"),
        anonymous_access=boolean_member(source, ANONYMOUS_ACCESS, default=False),
    )


def encode_authorization_server_metadata(metadata: AuthorizationServerMetadata) -> JsonObject:
    """The JSON object of `metadata`, without `response_types_supported` (§12.3: where no one logs in)."""
    source: JsonObject = {"issuer": metadata.issuer, ANONYMOUS_ACCESS: metadata.anonymous_access}
    if metadata.token_endpoint is not None:
        source["token_endpoint"] = metadata.token_endpoint
    if metadata.grant_types:
        source["grant_types_supported"] = list(metadata.grant_types)
    return source


def _require_same(source: JsonObject, name: str, expected: str) -> None:
    # Character for character, with no normalization (§12.2.4, RFC 8414 §3.3).
    if text_member(source, name) != expected:
        raise VerificationError(Code.ISSUER_METADATA_MISMATCH, name)


def _parse_encryption(source: JsonObject) -> bool:
    required = False
    request = optional_object_member(source, "credential_request_encryption")
    if request is not None:
        objects_member(object_member(request, "jwks"), "keys", minimum=1)
    response = optional_object_member(source, "credential_response_encryption")
    if response is not None:
        texts_member(response, "alg_values_supported", minimum=1)
    for encryption in (request, response):
        if encryption is not None:
            texts_member(encryption, "enc_values_supported", minimum=1)
            if "encryption_required" not in encryption:
                raise MalformedError(Code.MEMBER_MISSING, "encryption_required")
            required |= boolean_member(encryption, "encryption_required", default=False)
    return required


def _address(source: JsonObject, name: str, *, development: bool) -> str:
    address = text_member(source, name)
    parse_web_address(address, development=development)
    return address


def _optional_address(source: JsonObject, name: str, *, development: bool) -> str | None:
    return _address(source, name, development=development) if name in source else None


def _optional_texts(source: JsonObject, name: str) -> tuple[str, ...]:
    return tuple(texts_member(source, name, minimum=1)) if name in source else ()
