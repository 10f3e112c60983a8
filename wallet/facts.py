"""What a credential says about its holder, for the holder's own eyes."""

from collections.abc import Iterable, Mapping
from functools import cache

from protocol.claim_path import ClaimPath
from protocol.encoding.strict_json import JsonObject
from protocol.sdjwt.parse import parse_sd_jwt
from protocol.sdjwt.verify import verify_disclosures
from wallet.consent import ShownClaim
from wallet.content import HeldCredential
from wallet.holder_claims import ABOUT_THE_CREDENTIAL, list_holder_claims
from wallet.label import claim_label, type_metadata


def held_facts(held: HeldCredential) -> tuple[ShownClaim, ...]:
    """The facts in `held`, each as small as it can be shown to a verifier."""
    vct = held.credential_type
    pieces = list_holder_claims(held.next_copy.credential)
    return in_order(
        vct, (ShownClaim(piece.path, claim_label(vct, piece.path), piece.value) for piece in pieces)
    )


def held_claims(held: HeldCredential) -> JsonObject:
    """The same as one object, as the issuer structured it."""
    sd_jwt = parse_sd_jwt(held.next_copy.credential)
    claims = verify_disclosures(sd_jwt.unverified_payload(), sd_jwt.disclosures).claims
    return {name: value for name, value in claims.items() if name not in ABOUT_THE_CREDENTIAL}


def in_order(vct: str, facts: Iterable[ShownClaim]) -> tuple[ShownClaim, ...]:
    """The facts in the order the type lists its claims; issuers shuffle them in the credential."""
    return tuple(sorted(facts, key=lambda fact: claim_rank(vct, fact.path)))


def claim_rank(vct: str, path: ClaimPath) -> int:
    """Where the type lists the claim at `path`; behind all others where it does not."""
    ranks = _ranks(vct)
    return ranks.get(path[0], len(ranks))


@cache
def _ranks(vct: str) -> Mapping[str | int | None, int]:
    metadata = type_metadata(vct)
    names = dict.fromkeys(claim.path[0] for claim in (metadata.claims if metadata is not None else ()))
    return {name: rank for rank, name in enumerate(names)}
