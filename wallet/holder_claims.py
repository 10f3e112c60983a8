"""Which claims of a credential are about its holder: all but what it says about itself."""

from protocol.sdjwt.parse import parse_sd_jwt
from protocol.sdjwt.present import HeldClaim, list_claims
from protocol.sdjwt_vc import PROTECTED_CLAIMS

ABOUT_THE_CREDENTIAL = frozenset({*PROTECTED_CLAIMS, "iat"})
"""What every presentation shows, and no fact about the holder."""


def list_holder_claims(credential: str) -> tuple[HeldClaim, ...]:
    """The facts in a credential in compact form, each as small as it can be shown, in the credential's order.

    Raises:
        MalformedError, VerificationError: not a credential as it was verified when it was received.
    """
    return tuple(
        piece
        for piece in list_claims(parse_sd_jwt(credential))
        if not (piece.always_visible and piece.path[0] in ABOUT_THE_CREDENTIAL)
    )
