"""What a holder can show of a credential, and choosing from it (RFC 9901 §7.2).

The credential is the holder's own, verified when it was received; its signature is not looked at again.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from protocol.claim_path import ClaimPath, select_claims
from protocol.codes import Code
from protocol.encoding.strict_json import JsonValue
from protocol.errors import VerificationError
from protocol.sdjwt.parse import SdJwt
from protocol.sdjwt.verify import VerifiedClaims, verify_disclosures


@dataclass(frozen=True, slots=True)
class HeldClaim:
    """One claim as a holder decides about it: shown or withheld as a whole.

    `always_visible` says that every verifier sees it, because the issuer did not make it disclosable.
    """

    path: ClaimPath
    value: JsonValue
    always_visible: bool

    @property
    def name(self) -> str:
        """The claim's own name; for an element that of the array it is in."""
        return next(component for component in reversed(self.path) if isinstance(component, str))


def list_claims(sd_jwt: SdJwt) -> tuple[HeldClaim, ...]:
    """Every claim of `sd_jwt` in the smallest pieces the issuer allows to show, in the credential's order.

    Raises:
        MalformedError: the payload or a disclosure cannot be read.
        VerificationError: the disclosures do not fit the payload.
    """
    held = verify_disclosures(sd_jwt.unverified_payload(), sd_jwt.disclosures)
    return tuple(_pieces(held, held.claims, ()))


def select_disclosures(sd_jwt: SdJwt, paths: Collection[ClaimPath]) -> SdJwt:
    """Keep the disclosures that show the claims at `paths`, and no others; a key binding is left behind.

    A path shows a claim with all its sub-claims (OpenID4VP 1.0 §7.3); to show fewer, name the sub-claims.
    What it lies in is shown as far as needed to be found, without anything beside it.

    Raises:
        MalformedError: the payload or a disclosure cannot be read.
        VerificationError: the disclosures do not fit the payload, or a path selects nothing.
    """
    held = verify_disclosures(sd_jwt.unverified_payload(), sd_jwt.disclosures)
    wanted: set[str] = set()
    for path in paths:
        places = select_claims(held.claims, path)
        if not places:
            raise VerificationError(Code.CLAIM_MISSING)
        for place in places:
            for disclosed_place, disclosure in held.disclosed.items():
                if _is_on_one_line(place, disclosed_place):
                    wanted.add(disclosure.encoded)
    return SdJwt(sd_jwt.issuer_jwt, tuple(each for each in sd_jwt.disclosures if each.encoded in wanted))


def _is_on_one_line(place: ClaimPath, other: ClaimPath) -> bool:
    """Whether one of the two places is the other or lies in it."""
    length = min(len(place), len(other))
    return place[:length] == other[:length]


def _pieces(held: VerifiedClaims, value: JsonValue, place: ClaimPath) -> Iterator[HeldClaim]:
    divisible = not place or any(
        len(inner) > len(place) and inner[: len(place)] == place for inner in held.disclosed
    )
    if divisible and isinstance(value, dict):
        for name, member in value.items():
            yield from _pieces(held, member, (*place, name))
    elif divisible and isinstance(value, list):
        for index, element in enumerate(value):
            yield from _pieces(held, element, (*place, index))
    else:
        hidden = any(place[: len(outer)] == outer for outer in held.disclosed)
        yield HeldClaim(place, value, always_visible=not hidden)
