"""What an honest issuer says in OpenID4VCI, for the tests: offers and metadata of every shape."""

from protocol.openid4vci.configuration import ClaimDescription, CredentialConfiguration, Display
from protocol.openid4vci.metadata import AuthorizationServerMetadata, IssuerMetadata
from protocol.openid4vci.offer import (
    AuthorizationCodeGrant,
    CredentialOffer,
    InputMode,
    PreAuthorizedGrant,
    TransactionCode,
)

ISSUER = "https://issuer.example/tenant"
OFFERS = {
    "no grant": CredentialOffer(ISSUER, ("degree", "card")),
    "code": CredentialOffer(ISSUER, ("degree",), PreAuthorizedGrant("c0de")),
    "code and server": CredentialOffer(
        ISSUER, ("degree",), PreAuthorizedGrant("c", None, "https://as.example")
    ),
    "any transaction code": CredentialOffer(ISSUER, ("degree",), PreAuthorizedGrant("c", TransactionCode())),
    "described transaction code": CredentialOffer(
        ISSUER, ("degree",), PreAuthorizedGrant("c", TransactionCode(InputMode.TEXT, 6, "By post, é"))
    ),
    "login": CredentialOffer(ISSUER, ("degree",), None, AuthorizationCodeGrant()),
    "login with state": CredentialOffer(
        ISSUER, ("degree",), PreAuthorizedGrant("c"), AuthorizationCodeGrant("state", "https://as.example")
    ),
}

DEGREE = CredentialConfiguration(
    format="dc+sd-jwt",
    vct="https://issuer.example/vct/degree/1",
    scope="degree",
    binding_methods=("jwk", "did:key"),
    proof_types=("jwt",),
    proof_algorithms=("EdDSA", "Ed25519", "ES256"),
    signing_algorithms=("EdDSA",),
    display=(
        Display(
            "Degree", "en", "What you learned", "data:image/png;base64,AAAA", "a hat", "#12107c", "#FFFFFF"
        ),
        Display("Abschluss", "de", logo_uri="https://issuer.example/logo.png"),
    ),
    claims=(
        ClaimDescription(("title",), mandatory=True, display=(Display("Title", "en"),)),
        ClaimDescription(("courses", None, "name")),
    ),
)
FULL = IssuerMetadata(
    credential_issuer=ISSUER,
    credential_endpoint=f"{ISSUER}/credential?x=1",
    nonce_endpoint=f"{ISSUER}/nonce",
    deferred_credential_endpoint=f"{ISSUER}/deferred",
    notification_endpoint=f"{ISSUER}/notification",
    authorization_servers=("https://as.example", ISSUER),
    batch_size=10,
    display=(Display("University", "en"),),
    configurations={"degree": DEGREE},
)
BARE = IssuerMetadata(
    credential_issuer=ISSUER,
    credential_endpoint=f"{ISSUER}/credential",
    configurations={"ticket": CredentialConfiguration(format="dc+sd-jwt")},
)
SERVER = AuthorizationServerMetadata(
    issuer=ISSUER, token_endpoint=f"{ISSUER}/token", grant_types=("urn:x",), anonymous_access=True
)
