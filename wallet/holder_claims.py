"""Which claims of a credential are about its holder: all but what it says about itself."""

from collections.abc import Collection

from protocol.claim_path import ClaimPath
from protocol.sdjwt.parse import parse_sd_jwt
from protocol.sdjwt.present import HeldClaim, list_claims, select_disclosures
from protocol.sdjwt.verify import verify_disclosures
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


def leaving_with(credential: str, paths: Collection[ClaimPath]) -> tuple[HeldClaim, ...]:
    """The facts that leave when the claims at `paths` are shown.

    These, what stands open in every presentation, and what the issuer left open beside a claim inside another
    one, which cannot be shown without it.

    Raises:
        MalformedError, VerificationError: as `list_holder_claims`; also for a path that selects nothing.
    """
    sd_jwt = parse_sd_jwt(credential)
    sent = {disclosure.encoded for disclosure in select_disclosures(sd_jwt, paths).disclosures}
    closed = [
        place
        for place, disclosure in verify_disclosures(
            sd_jwt.unverified_payload(), sd_jwt.disclosures
        ).disclosed.items()
        if disclosure.encoded not in sent
    ]
    return tuple(
        piece
        for piece in list_holder_claims(credential)
        if not any(piece.path[: len(place)] == place for place in closed)
    )
