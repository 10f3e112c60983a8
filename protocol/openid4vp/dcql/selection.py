"""The wallet's side of a query: which credentials answer it, and exactly which claims leave with each (§6.4).

All or nothing: when one required credential is missing, nothing is selected, because a partial answer would
tell the verifier what the person has.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from protocol.claim_path import ClaimPath, select_claims
from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject
from protocol.errors import RefusedError
from protocol.openid4vp.dcql.query import CredentialQuery, DcqlQuery


@dataclass(frozen=True, slots=True)
class Candidate:
    """A credential the wallet could present.

    Attributes:
        id: The wallet's own name for it.
        format: The credential format, `dc+sd-jwt`.
        vct: Its type.
        claims: Its processed claims, all disclosures applied.
        holder_bound: Whether it names a holder key, which the wallet has.
    """

    id: str
    format: str
    vct: str
    claims: JsonObject
    holder_bound: bool


@dataclass(frozen=True, slots=True)
class Match:
    """A candidate that answers one credential query, and the claims to disclose: full paths, without None."""

    candidate: Candidate
    disclosed: frozenset[ClaimPath]


@dataclass(frozen=True, slots=True)
class Choice:
    """Alternative sets of query ids the holder can answer, the verifier's favourite first.

    A choice that is not required is the holder's to leave out.
    """

    options: tuple[tuple[str, ...], ...]
    required: bool


@dataclass(frozen=True, slots=True)
class Selection:
    """What can be answered: every match of every credential query by its id, and the choices among them."""

    matches: Mapping[str, tuple[Match, ...]]
    choices: tuple[Choice, ...]

    def first_answer(self) -> dict[str, Match]:
        """The least that answers the query: of every required choice the first option, of every query in it
        the first match.
        """
        return {
            query_id: self.matches[query_id][0]
            for choice in self.choices
            if choice.required
            for query_id in choice.options[0]
        }


def select_credentials(query: DcqlQuery, candidates: Sequence[Candidate]) -> Selection:
    """Find what answers `query` among `candidates`; matches stand in the order of the candidates.

    The work is bounded by the limits of the query: each claim is looked up once per candidate, and no
    combination of credentials is ever tried.

    Raises:
        RefusedError: a required credential is missing; nothing may be answered then.
    """
    matches = {credential.id: _matches(credential, candidates) for credential in query.credentials}
    choices: list[Choice] = []
    for credential_set in query.credential_sets:
        options = tuple(
            option for option in credential_set.options if all(matches[query_id] for query_id in option)
        )
        if options:
            choices.append(Choice(options, credential_set.required))
        elif credential_set.required:
            asked_for = dict.fromkeys(query_id for option in credential_set.options for query_id in option)
            missing = [query_id for query_id in asked_for if not matches[query_id]]
            raise RefusedError(Code.NOTHING_MATCHES, f"no credential for {', '.join(missing)}")
    return Selection(matches, tuple(choices))


def _matches(query: CredentialQuery, candidates: Sequence[Candidate]) -> tuple[Match, ...]:
    # No authority of the defined types (X.509, OpenID Federation) certifies issuers here, and a credential
    # that would not be accepted should not be shown (§6.1.1).
    if query.trusted_authorities:
        return ()
    matches: list[Match] = []
    for candidate in candidates:
        if candidate.format != query.format or candidate.vct not in query.vct_values:
            continue
        if query.holder_binding_required and not candidate.holder_bound:
            continue
        # An element with another value than asked for is treated as if it were not there (§6.4.1).
        found = [
            [
                path
                for path, value in select_claims(candidate.claims, claim.path).items()
                if claim.admits(value)
            ]
            for claim in query.claims
        ]
        present = frozenset(index for index, paths in enumerate(found) if paths)
        option = next((option for option in query.claim_options if option <= present), None)
        if option is not None:
            matches.append(Match(candidate, frozenset(path for index in option for path in found[index])))
    return tuple(matches)
