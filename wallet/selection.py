"""What of the wallet answers a request: which credential, and which of its claims leave or could leave."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from protocol.claim_path import ClaimPath, select_claims
from protocol.codes import Code
from protocol.errors import RefusedError
from protocol.openid4vp.dcql.query import CredentialQuery, DcqlQuery
from protocol.openid4vp.dcql.selection import Candidate, Choice, Match, Selection, select_credentials
from protocol.sdjwt.parse import parse_sd_jwt
from protocol.sdjwt.verify import verify_disclosures
from protocol.sdjwt_vc import SD_JWT_VC_TYP
from wallet.content import WalletContent
from wallet.held import HeldCredential
from wallet.standing import PresentWord, standing_of

_UNUSABLE = {
    PresentWord.REVOKED: Code.CREDENTIAL_REVOKED,
    PresentWord.SUSPENDED: Code.CREDENTIAL_SUSPENDED,
    PresentWord.EXPIRED: Code.EXPIRED,
    PresentWord.NOT_YET_VALID: Code.NOT_YET_VALID,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A credential that answers one part of a request.

    Attributes:
        query_id: The part of the request.
        credential: The credential.
        needed: Where the claims stand that the verifier does not do without.
        optional: Where those stand that it would like as well.
    """

    query_id: str
    credential: HeldCredential
    needed: frozenset[ClaimPath]
    optional: frozenset[ClaimPath]


def select_answers(
    content: WalletContent, query: DcqlQuery, *, now: datetime, prefer: str | None
) -> tuple[Answer, ...]:
    """The least that answers `query`, with the credential `prefer` where it is one of several that could.

    Credentials that are expired, revoked or suspended are not shown to anybody.

    Raises:
        RefusedError: no credential answers, or `prefer` does not; with the reason where it would, were it
            still good.
    """
    types = {vct for part in query.credentials for vct in part.vct_values}
    held = {each.id: each for each in content.credentials if each.credential_type in types}
    words = {each.id: standing_of(each, now=now).word for each in held.values()}
    # The first that fits is taken. Better one that can be shown without being recognized.
    order = sorted(held.values(), key=lambda each: (each.id != prefer, not each.unused_copies))
    usable = [each for each in order if words[each.id] not in _UNUSABLE]
    try:
        matches = _choose(query, usable, prefer)
    except RefusedError:
        # Perhaps one would answer that is no good; if not, this says so once more.
        raise _reason_against(_choose(query, order, prefer), words) from None
    return tuple(
        _answer(part, matches[part.id], held[matches[part.id].candidate.id])
        for part in query.credentials
        if part.id in matches
    )


def _choose(query: DcqlQuery, order: Sequence[HeldCredential], prefer: str | None) -> dict[str, Match]:
    selection = select_credentials(query, [_candidate(each) for each in order])

    def leads_elsewhere(option: Sequence[str]) -> bool:
        return all(selection.matches[query_id][0].candidate.id != prefer for query_id in option)

    # Where nothing is required, whoever answers at all answers the first wish.
    choices = [choice for choice in selection.choices if choice.required] or selection.choices[:1]
    options = [tuple(sorted(choice.options, key=leads_elsewhere)) for choice in choices]
    required = tuple(Choice(alternatives, required=True) for alternatives in options)
    matches = Selection(selection.matches, required).first_answer()
    if not matches:
        raise RefusedError(Code.NOTHING_MATCHES)
    if prefer is not None and leads_elsewhere(tuple(matches)):
        raise RefusedError(Code.NOTHING_MATCHES, f"{prefer} does not answer this request")
    return matches


def _candidate(held: HeldCredential) -> Candidate:
    sd_jwt = parse_sd_jwt(held.next_copy.credential)
    return Candidate(
        id=held.id,
        format=SD_JWT_VC_TYP,
        vct=held.credential_type,
        claims=verify_disclosures(sd_jwt.unverified_payload(), sd_jwt.disclosures).claims,
        holder_bound=True,
    )


def _reason_against(matches: dict[str, Match], words: dict[str, PresentWord]) -> RefusedError:
    """What is wrong with the first of these that is no good; there is one, or they would have been chosen."""
    used = (match.candidate.id for match in matches.values())
    unusable = next(credential_id for credential_id in used if words[credential_id] in _UNUSABLE)
    return RefusedError(_UNUSABLE[words[unusable]], unusable)


def _answer(query: CredentialQuery, match: Match, held: HeldCredential) -> Answer:
    claims = match.candidate.claims
    found = [
        frozenset(path for path, value in select_claims(claims, claim.path).items() if claim.admits(value))
        for claim in query.claims
    ]
    present = frozenset(index for index, paths in enumerate(found) if paths)
    favourite, *others = [option for option in query.claim_options if option <= present]
    # What the verifier would rather have and does without is a wish, whatever it names first.
    least = min([favourite, *(other for other in others if other < favourite)], key=len)
    # A wish the person can grant by itself: the least set with exactly this claim more is one of the sets.
    wishes = [index for index in present - least if least | {index} in query.claim_options]
    return Answer(
        query_id=query.id,
        credential=held,
        needed=frozenset().union(*(found[index] for index in least)),
        optional=frozenset().union(*(found[index] for index in wishes)),
    )
