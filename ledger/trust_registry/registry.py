"""The two questions of ToIP TRQP v2, answered from the accreditations of the log, with their proofs.

    {"entity_id": <DID>, "authority_id": <DID>, "action": "issue", "resource": <vct>,
     "context": {"time": "2026-11-22T12:00:00Z"}}

Authorization asks whether the entity may do the action with credentials of the type `resource`, by a chain of
accreditations up to the authority. Recognition asks whether it may say, by such a chain, who else may. Nobody
has to believe the answer: it is what the proofs beside it say (docs/formats/trust-answer.md).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from protocol.accreditation import VerifiedAccreditation, link_document, verify_accreditation
from protocol.codes import Code
from protocol.did.webvh.identifier import parse_webvh
from protocol.encoding.base64url import encode_base64url
from protocol.encoding.members import optional_object_member, text_member
from protocol.encoding.strict_json import JsonObject, JsonValue, parse_json_object
from protocol.encoding.time import encode_utc, from_seconds, parse_utc, to_seconds
from protocol.errors import MalformedError, RefusedError, UnavailableError, VerificationError
from protocol.index.proof import TallyProof, VerifiedRecords, encode_tally_proof, verify_tally_proof
from protocol.index.subject import MAX_NAME_BYTES, Subject
from protocol.records.accreditation import Action, accreditation_subject, type_subject
from protocol.tlog.policy import LogPolicy

MAX_QUERY_BYTES = 16 * 1024
MAX_PROOFS_CHARACTERS = 16 << 20
"""How long the proofs of one answer are together: strangers ask, and other strangers write what is proven."""
CLOCK_TOLERANCE = timedelta(minutes=1)
"""How far ahead of ours the clock of whoever asks may be."""

# How many further accreditors must be allowed below one who says who may do the action.
_DEPTH = {Action.ISSUE.value: 0, Action.ACCREDIT.value: 1}
_MEANINGS = {
    "authorized": "A chain of accreditations leads from the authority to the entity.",
    "recognized": "A chain of accreditations lets the entity accredit others.",
}


class Question(StrEnum):
    """Which of the two is asked; the words are those of their answers."""

    AUTHORIZED = "authorized"
    RECOGNIZED = "recognized"


@dataclass(frozen=True, slots=True)
class TrustQuery:
    """A question as it came. `time`, UTC with Z, is empty where none was named, and the present is meant."""

    entity: str
    authority: str
    action: str
    resource: str
    time: str
    context: JsonObject | None


def parse_trust_query(body: bytes) -> TrustQuery:
    """Read the body of a question; members that TRQP does not have are passed over.

    Not checked: that there is such an entity, authority, action or type.

    Raises:
        MalformedError: not a JSON object, a member is missing or has another form, or the time is not UTC
            with Z.
    """
    source = parse_json_object(body, max_bytes=MAX_QUERY_BYTES)
    entity, authority, action, resource = (
        text_member(source, name, max_characters=MAX_NAME_BYTES)
        for name in ("entity_id", "authority_id", "action", "resource")
    )
    for subject_of, name, text in (
        (accreditation_subject, "entity_id", entity),
        (accreditation_subject, "authority_id", authority),
        (type_subject, "resource", resource),
    ):
        try:
            subject_of(text)
        except MalformedError as error:
            raise MalformedError(Code.MEMBER_INVALID, name) from error
    context = optional_object_member(source, "context")
    if context is not None and not all(isinstance(value, str) for value in context.values()):
        raise MalformedError(Code.MEMBER_INVALID, "context")
    # TRQP lets it stand there empty, too.
    time = "" if context is None else str(context.get("time", ""))
    if time:
        parse_utc(time)
    return TrustQuery(entity, authority, action, resource, time, context)


@dataclass(frozen=True, slots=True)
class TrustRegistry:
    """Answers by the accreditations that the log of `policy` has published.

    Attributes:
        evidence: Gives the tally proof about a subject.
        policy: The log policy that the proofs satisfy.
        authority: Host and port of the ledger, as the DIDs on it name them.
        clock: Tells the time.
    """

    evidence: Callable[[Subject], TallyProof]
    policy: LogPolicy
    authority: str
    clock: Callable[[], datetime]

    def answer(self, question: Question, query: TrustQuery) -> JsonObject:
        """The answer to `query`, with the proofs that anybody can compute it from again.

        Raises:
            RefusedError: NOT_FOUND, the authority does not live on this ledger.
            MalformedError: MEMBER_INVALID, the time is yet to come.
            UnavailableError: nothing is published, the proofs of this ledger do not hold, or
                ACCREDITATIONS_TOO_MANY, there is no room for those that it takes.
        """
        if not self._knows(query.authority):
            raise RefusedError(Code.NOT_FOUND, "the authority does not live on this ledger")
        now = from_seconds(to_seconds(self.clock()))
        moment = parse_utc(query.time) if query.time else now
        if moment > now + CLOCK_TOLERANCE:
            raise MalformedError(Code.MEMBER_INVALID, "context.time is yet to come")
        answer: JsonObject = {
            "entity_id": query.entity,
            "authority_id": query.authority,
            "action": query.action,
            "resource": query.resource,
            "time_evaluated": encode_utc(now),
        }
        if query.context is not None:
            answer["context"] = query.context
        if query.time:
            answer["time_requested"] = query.time
        proofs: list[JsonValue] = []
        answer["proofs"] = proofs
        try:
            accreditation = self._evaluate(question, query, moment, proofs)
        except VerificationError as error:
            message = f"{error.code.meaning} ({error.detail})" if error.detail else error.code.meaning
            return answer | {question.value: False, "code": error.code.value, "message": message}
        return answer | {
            question.value: True,
            "accreditation": [link_document(link) for link in accreditation.links],
            "message": _MEANINGS[question.value],
        }

    def _knows(self, authority: str) -> bool:
        try:
            return parse_webvh(authority).authority == self.authority
        except MalformedError:
            return False

    def _evaluate(
        self,
        question: Question,
        query: TrustQuery,
        moment: datetime,
        proofs: list[JsonValue],
    ) -> VerifiedAccreditation:
        def read(did: str) -> VerifiedRecords:
            subject = accreditation_subject(did)
            proof = self.evidence(subject)
            text = encode_base64url(encode_tally_proof(proof).encode())
            if sum(len(str(each)) for each in proofs) + len(text) > MAX_PROOFS_CHARACTERS:
                raise UnavailableError(Code.ACCREDITATIONS_TOO_MANY)
            proofs.append(text)
            try:
                return verify_tally_proof(proof, subject=subject, policy=self.policy, now=self.clock())
            except (MalformedError, VerificationError) as error:
                raise UnavailableError(Code.LOG_SELF_CHECK_FAILED, "its own proof") from error

        if query.action not in _DEPTH:
            # Whatever is proven, no accreditation gives it.
            raise VerificationError(Code.ACCREDITATION_MISSING, "there is no such action")
        is_authorization = question is Question.AUTHORIZED
        return verify_accreditation(
            query.entity,
            action=Action(query.action) if is_authorization else Action.ACCREDIT,
            vct=query.resource,
            root=query.authority,
            moment=moment,
            read_records=read,
            least_depth=0 if is_authorization else _DEPTH[query.action],
        )
