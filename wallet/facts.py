"""What a credential says about its holder, as a person sees it: in the words and the order of its type."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from protocol.claim_path import ClaimPath
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.sdjwt.parse import parse_sd_jwt
from protocol.sdjwt.present import HeldClaim
from protocol.sdjwt.verify import verify_disclosures
from wallet.held import HeldCredential
from wallet.holder_claims import ABOUT_THE_CREDENTIAL, list_holder_claims
from wallet.label import claim_label, type_metadata


@dataclass(frozen=True, slots=True)
class ShownClaim:
    """One fact as a person sees it, with its value; `path` is where it is in the credential."""

    path: ClaimPath
    label: str
    value: JsonValue


def shown_facts(vct: str, pieces: Iterable[HeldClaim]) -> tuple[ShownClaim, ...]:
    """The facts in `pieces` of a credential of the type `vct`, in the order of `claim_order`."""
    facts = (ShownClaim(piece.path, claim_label(vct, piece.path), piece.value) for piece in pieces)
    return tuple(sorted(facts, key=lambda fact: claim_order(vct, fact.path)))


def held_facts(held: HeldCredential) -> tuple[ShownClaim, ...]:
    """The facts in `held`, each as small as it can be shown to a verifier."""
    return shown_facts(held.credential_type, list_holder_claims(held.next_copy.credential))


def held_claims(held: HeldCredential) -> JsonObject:
    """The same as one object, as the issuer structured it."""
    sd_jwt = parse_sd_jwt(held.next_copy.credential)
    claims = verify_disclosures(sd_jwt.unverified_payload(), sd_jwt.disclosures).claims
    return {name: value for name, value in claims.items() if name not in ABOUT_THE_CREDENTIAL}


def claim_order(vct: str, path: ClaimPath) -> tuple[tuple[int, str], ...]:
    """Sorts claims as the type lists them, and by name where it does not; issuers shuffle them."""
    ranks = _ranks(vct)
    return tuple(
        (ranks.get(_general(path[: depth + 1]), len(ranks)), name)
        if isinstance(name, str)
        else (name or 0, "")
        for depth, name in enumerate(path)
    )


@cache
def _ranks(vct: str) -> Mapping[ClaimPath, int]:
    """Every place that claims of the type stand at or lie in, numbered as it lists them."""
    metadata = type_metadata(vct)
    listed = [] if metadata is None else [claim.path for claim in metadata.claims]
    places = dict.fromkeys(path[:length] for path in listed for length in range(1, len(path) + 1))
    return {place: rank for rank, place in enumerate(places)}


def _general(path: ClaimPath) -> ClaimPath:
    """The path of every element of a list, for that of one."""
    return tuple(name if isinstance(name, str) else None for name in path)
