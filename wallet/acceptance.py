"""Whether what an issuer sent may be kept: every check of a verifier, and those that only a holder makes."""

from collections.abc import Collection, Iterable, Sequence
from functools import cache

from ledger.type_records import verify_type_integrity
from protocol.checks import Outcome
from protocol.claim_path import ClaimPath
from protocol.codes import Code
from protocol.encoding.jcs import canonicalize
from protocol.encoding.strict_json import JsonObject
from protocol.errors import VerificationError
from protocol.keys import SigningKey
from protocol.openid4vci.issued import verify_issued
from protocol.policy import StatusRule, VerificationPolicy
from protocol.presentation import Check, VerifiedCredential, verify_credential
from protocol.sdjwt.parse import parse_sd_jwt
from protocol.sdjwt.verify import verify_disclosures
from protocol.sdjwt_vc import parse_credential, parse_credential_jws
from protocol.type_metadata import verify_type_rules
from wallet.held import HeldCredential
from wallet.holder_claims import ABOUT_THE_CREDENTIAL
from wallet.label import type_metadata
from wallet.outside import Outside


def verify_received(
    credentials: Sequence[str], *, expected_vct: str, keys: Collection[SigningKey], outside: Outside
) -> list[VerifiedCredential]:
    """Check the copies that came for proofs of `keys`: each by itself, and that they say the same.

    Raises:
        VerificationError: a copy must not be trusted, or is not what was asked for; or the type is another
            one than the issuer has logged.
        MalformedError: a copy, or a document that it depends on, cannot be read.
        UnavailableError: the issuer's keys, or what it logged of the type, cannot be had.
    """
    issuer = parse_credential(parse_credential_jws(parse_sd_jwt(credentials[0]))).issuer
    # The issuer that signed the first copy is the one that must have signed all of them. That the holder
    # wants a credential of this issuer was said when the offer was accepted.
    policy = VerificationPolicy(
        trusted_issuers={expected_vct: frozenset({issuer})},
        # A list that cannot be had right now does not spoil a code that can be redeemed only once.
        status=StatusRule.WHEN_REACHABLE,
    )
    resolve_did, fetch_status_list = cache(outside.resolve_did), outside.status_lists_once()
    verified = [
        verify_credential(
            credential,
            policy=policy,
            now=outside.clock(),
            resolve_did=resolve_did,
            fetch_status_list=fetch_status_list,
        )
        for credential in credentials
    ]
    verify_issued(verified, expected_vct=expected_vct, proved_keys=[key.public_key for key in keys])
    _verify_type(verified[0])
    _verify_type_unchanged(verified, outside)
    # Which copy is shown is no choice of the holder, so it must not make a difference.
    if len({_facts(each.claims, each.disclosed) for each in verified}) > 1:
        raise VerificationError(Code.CREDENTIAL_UNACCEPTABLE, "the copies do not say the same")
    return verified


def verify_further(held: HeldCredential, further: VerifiedCredential) -> None:
    """Check a further copy of `held`, verified by itself: of the same issuer and type, it says the same.

    Raises:
        VerificationError: CREDENTIAL_UNACCEPTABLE.
    """
    if (further.issuer, further.vct) != (held.issuer, held.credential_type):
        raise VerificationError(Code.CREDENTIAL_UNACCEPTABLE, "another issuer or type than before")
    sd_jwt = parse_sd_jwt(held.next_copy.credential)
    known = verify_disclosures(sd_jwt.unverified_payload(), sd_jwt.disclosures)
    if _facts(known.claims, known.disclosed) != _facts(further.claims, further.disclosed):
        raise VerificationError(Code.CREDENTIAL_UNACCEPTABLE, "it does not say the same as before")


def claim_names(credential: VerifiedCredential) -> tuple[tuple[str], ...]:
    """What a credential says of its holder, by name."""
    return _names(credential.claims)


def is_status_known(verified: Iterable[VerifiedCredential]) -> bool:
    """Whether the policy let no status pass that nobody could be asked for."""
    outcomes = {check.outcome for each in verified for check in each.checks if check.id == Check.STATUS}
    return Outcome.UNKNOWN not in outcomes


def _verify_type(credential: VerifiedCredential) -> None:
    """Check a credential of a type that is known here: that its holder can withhold what the type says."""
    metadata = type_metadata(credential.vct)
    if metadata is None:
        return
    try:
        verify_type_rules(metadata, credential.claims, disclosed=credential.disclosed, all_disclosed=True)
    except VerificationError as error:
        raise VerificationError(Code.CREDENTIAL_UNACCEPTABLE, error.detail) from error
    expected = {claim.path[0] for claim in metadata.claims}.union(ABOUT_THE_CREDENTIAL)
    if not credential.claims.keys() <= expected.union(path[0] for path in credential.disclosed):
        raise VerificationError(Code.CREDENTIAL_UNACCEPTABLE, "a claim beyond its type cannot be withheld")


def _verify_type_unchanged(verified: Sequence[VerifiedCredential], outside: Outside) -> None:
    """Check that the copies are of their type as their issuer has logged it, if both say what that is."""
    named = [each.claims["vct#integrity"] for each in verified if "vct#integrity" in each.claims]
    if not named:
        return
    vct, issuer = verified[0].vct, verified[0].issuer
    said = outside.read_type_records(vct, issuer)
    for integrity in named:
        if not isinstance(integrity, str):
            raise VerificationError(Code.CLAIM_INVALID, "vct#integrity")
        if said:
            verify_type_integrity(integrity, said, by=issuer)


def _facts(claims: JsonObject, disclosed: Iterable[ClaimPath]) -> tuple[bytes, frozenset[ClaimPath]]:
    return canonicalize({name: claims[name] for (name,) in _names(claims)}), frozenset(disclosed)


def _names(claims: JsonObject) -> tuple[tuple[str], ...]:
    return tuple((name,) for name in sorted(claims.keys() - ABOUT_THE_CREDENTIAL))
