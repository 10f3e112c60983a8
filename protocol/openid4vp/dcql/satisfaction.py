"""The verifier's side of a query: whether what was presented is what was asked for (§6.4, §8.6, §14.11).

The wallet was asked to apply the query; that it did is never assumed. What it sent beyond the query is
dropped, and named.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from protocol.claim_path import ClaimPath, is_on_one_line, select_claims
from protocol.codes import Code
from protocol.encoding.jcs import canonicalize
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import VerificationError
from protocol.openid4vp.dcql.query import CredentialQuery, DcqlQuery


class PresentedCredential(Protocol):
    """What this check needs of a presentation that was verified."""

    @property
    def vct(self) -> str:
        """The credential type."""

    @property
    def claims(self) -> JsonObject:
        """The processed claims."""

    @property
    def disclosed(self) -> Sequence[ClaimPath]:
        """Where in `claims` those stand that the holder chose to disclose."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of one presented credential to its credential query.

    Attributes:
        claims: The claims that were asked for and are there, each under its own path.
        excess: Where the holder disclosed claims that nobody asked for. Their values are not here: what was
            not asked for is not to be used.
    """

    claims: Mapping[ClaimPath, JsonValue]
    excess: tuple[ClaimPath, ...]


def verify_satisfaction(
    query: DcqlQuery, presented: Mapping[str, Sequence[PresentedCredential]]
) -> dict[str, tuple[Answer, ...]]:
    """Check the verified credentials in `presented`, by query id, against `query`.

    Checked: the ids, how many credentials answer each, their types, claims and values, and that the
    credential sets are satisfied. Not checked: signatures and holder binding (whoever verified the
    presentations did), and trusted authorities, which help the wallet choose; trust is the policy's. An index
    in a path counts the elements that were disclosed: a verifier cannot see how many were not.

    Raises:
        VerificationError: with the code QUERY_NOT_SATISFIED; the detail names the credential query.
    """
    answers: dict[str, tuple[Answer, ...]] = {}
    for query_id, credentials in presented.items():
        credential_query = query.credential(query_id)
        if credential_query is None:
            raise VerificationError(Code.QUERY_NOT_SATISFIED, "a credential answers no credential query")
        if not credentials or (len(credentials) > 1 and not credential_query.multiple):
            raise VerificationError(Code.QUERY_NOT_SATISFIED, f"{query_id}: wrong number of credentials")
        answers[query_id] = tuple(_answer(credential_query, credential) for credential in credentials)
    for credential_set in query.credential_sets:
        satisfied = any(all(member in answers for member in option) for option in credential_set.options)
        if credential_set.required and not satisfied:
            raise VerificationError(Code.QUERY_NOT_SATISFIED, "a required credential is missing")
    return answers


def verify_equal_claims(credentials: Sequence[PresentedCredential], paths: Sequence[ClaimPath]) -> None:
    """Check that the claims at each of `paths` are the same, and present, in all `credentials`.

    Two credentials in one answer need not be about the same person. A verifier that combines them names the
    claims that must agree, such as `("birthdate",)` or `("cnf", "jwk")`.

    Raises:
        VerificationError: with the code QUERY_NOT_SATISFIED.
    """
    for path in paths:
        found = [list(select_claims(credential.claims, path).values()) for credential in credentials]
        # Canonical bytes are compared, because `true` equals 1 to Python.
        if not all(found) or len({canonicalize(values) for values in found}) > 1:
            raise VerificationError(Code.QUERY_NOT_SATISFIED, "the credentials are not about the same person")


def _answer(query: CredentialQuery, credential: PresentedCredential) -> Answer:
    if credential.vct not in query.vct_values:
        raise VerificationError(Code.QUERY_NOT_SATISFIED, f"{query.id}: another type of credential")
    found = [
        {
            path: value
            for path, value in select_claims(credential.claims, claim.path).items()
            if claim.admits(value)
        }
        for claim in query.claims
    ]
    present = frozenset(index for index, selected in enumerate(found) if selected)
    if not any(option <= present for option in query.claim_options):
        raise VerificationError(
            Code.QUERY_NOT_SATISFIED, f"{query.id}: a requested claim is missing or differs"
        )
    claims = {path: value for selected in found for path, value in selected.items()}
    excess = [
        place for place in credential.disclosed if not any(is_on_one_line(place, path) for path in claims)
    ]
    return Answer(claims, tuple(excess))
