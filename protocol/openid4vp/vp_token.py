"""How a verifier checks an answer: each presentation, then all against the query (OpenID4VP 1.0 §8.6)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from protocol.checks import CheckRecord, CheckResult, Outcome
from protocol.claim_path import ClaimPath
from protocol.codes import Code
from protocol.credential_status import StatusListFetcher
from protocol.did.verified import DidResolver
from protocol.errors import VerificationError
from protocol.issuer_trust import AccreditationReader
from protocol.openid4vp.dcql.query import DcqlQuery
from protocol.openid4vp.dcql.satisfaction import Answer, verify_equal_claims, verify_satisfaction
from protocol.openid4vp.response import VpToken
from protocol.policy import KeyBindingRule, VerificationPolicy
from protocol.presentation import VerifiedPresentation, verify_presentation


class ResponseCheck(StrEnum):
    """The checks of a whole answer, beside those of each presentation; the words are stable."""

    REQUEST_EXPIRY = "request_expiry"
    QUERY = "query"
    SAME_PERSON = "same_person"


@dataclass(frozen=True, slots=True)
class VerifiedAnswer:
    """A presentation that was verified, and what of it answers its credential query."""

    presentation: VerifiedPresentation
    answer: Answer


@dataclass(frozen=True, slots=True)
class VerifiedResponse:
    """An answer of which every part was verified, by query id, and the checks of the whole."""

    answers: Mapping[str, tuple[VerifiedAnswer, ...]]
    checks: tuple[CheckResult, ...]


def verify_vp_token(
    vp_token: VpToken,
    *,
    query: DcqlQuery,
    expected_nonce: str,
    expected_audience: str,
    expires_at: datetime,
    policy: VerificationPolicy,
    now: datetime,
    resolve_did: DidResolver,
    fetch_status_list: StatusListFetcher,
    read_accreditations: AccreditationReader | None = None,
    equal_claims: Sequence[ClaimPath] = (),
) -> VerifiedResponse:
    """Check the answer to the request that asked `query` with `expected_nonce` and expires at `expires_at`.

    `expected_audience` is the verifier's full client identifier. `equal_claims` are those that must agree in
    all credentials. A credential query that asks for holder binding gets it, whatever the policy says. One
    bad presentation spoils the answer: nothing of it is returned. Not checked: that the request was not
    answered before, and `state`.

    Raises:
        MalformedError, VerificationError, UnavailableError: of `verify_presentation`, with its checks.
        VerificationError: the request has expired, or the query is not satisfied; with the checks of every
            presentation before those of the whole.
    """
    record = CheckRecord(tuple(ResponseCheck))
    with record:
        record.begin(ResponseCheck.REQUEST_EXPIRY)
        if now >= expires_at:
            raise VerificationError(Code.REQUEST_EXPIRED)

    presentations: dict[str, tuple[VerifiedPresentation, ...]] = {}
    for query_id, texts in vp_token.items():
        # §8.6 step 2: integrity, trust, key binding for this client and nonce, status.
        strict = replace(policy, key_binding=KeyBindingRule.REQUIRED)
        presentations[query_id] = tuple(
            verify_presentation(
                text,
                expected_nonce=expected_nonce,
                expected_audience=expected_audience,
                policy=strict if _must_be_bound(query, query_id) else policy,
                now=now,
                resolve_did=resolve_did,
                fetch_status_list=fetch_status_list,
                read_accreditations=read_accreditations,
            )
            for text in texts
        )

    every_presentation = [each for group in presentations.values() for each in group]
    try:
        with record:
            # §8.6 steps 2.2 and 3: what was asked for, and all of it.
            record.begin(ResponseCheck.QUERY)
            answers = verify_satisfaction(query, presentations)
            _require_distinct(vp_token)
            record.begin(ResponseCheck.SAME_PERSON)
            verify_equal_claims(every_presentation, equal_claims)
            if not equal_claims:
                record.note(Outcome.SKIPPED, "not asked for")
    except VerificationError as error:
        error.checks = (*(check for each in every_presentation for check in each.checks), *error.checks)
        raise
    verified = {
        query_id: tuple(
            VerifiedAnswer(presentation, answer)
            for presentation, answer in zip(group, answers[query_id], strict=True)
        )
        for query_id, group in presentations.items()
    }
    return VerifiedResponse(verified, record.results)


def _must_be_bound(query: DcqlQuery, query_id: str) -> bool:
    credential_query = query.credential(query_id)
    return credential_query is None or credential_query.holder_binding_required


def _require_distinct(vp_token: VpToken) -> None:
    # Under `multiple`, one credential shown twice would count as two.
    for query_id, texts in vp_token.items():
        if len({text.partition("~")[0] for text in texts}) != len(texts):
            raise VerificationError(Code.QUERY_NOT_SATISFIED, f"{query_id}: the same credential twice")
