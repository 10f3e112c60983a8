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
from protocol.sdjwt.verify import verify_disclosures


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
    divisible = {(), *[outer for place in held.disclosed for outer in _line_to(place) if outer != place]}

    def pieces(value: JsonValue, place: ClaimPath, *, always_visible: bool) -> Iterator[HeldClaim]:
        always_visible = always_visible and place not in held.disclosed
        if place not in divisible:
            yield HeldClaim(place, value, always_visible)
        elif isinstance(value, dict):
            for name, member in value.items():
                yield from pieces(member, (*place, name), always_visible=always_visible)
        else:
            assert isinstance(value, list), "only objects and arrays have claims inside"
            for index, element in enumerate(value):
                yield from pieces(element, (*place, index), always_visible=always_visible)

    return tuple(pieces(held.claims, (), always_visible=True))


def select_disclosures(sd_jwt: SdJwt, paths: Collection[ClaimPath]) -> SdJwt:
    """Keep the disclosures that show the claims at `paths`, and no others; a key binding is left behind.

    A path shows a claim with all its sub-claims (OpenID4VP 1.0 §7.3); to show fewer, name the sub-claims.
    What it lies in is shown as far as needed to be found, without anything beside it.

    Raises:
        MalformedError: the payload or a disclosure cannot be read.
        VerificationError: the disclosures do not fit the payload, or a path selects nothing.
    """
    held = verify_disclosures(sd_jwt.unverified_payload(), sd_jwt.disclosures)
    chosen: set[ClaimPath] = set()
    for path in paths:
        places = select_claims(held.claims, path)
        if not places:
            raise VerificationError(Code.CLAIM_MISSING)
        chosen.update(places)
    parents = {outer for place in chosen for outer in _line_to(place)}
    wanted = {
        disclosure.encoded
        for place, disclosure in held.disclosed.items()
        if place in parents or not chosen.isdisjoint(_line_to(place))
    }
    return SdJwt(sd_jwt.issuer_jwt, tuple(each for each in sd_jwt.disclosures if each.encoded in wanted))


def _line_to(place: ClaimPath) -> list[ClaimPath]:
    """The place, and every place it lies in."""
    return [place[:length] for length in range(len(place) + 1)]
