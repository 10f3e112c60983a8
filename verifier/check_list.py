"""The checks of an answer as people and programs read them: the word, how it ended, and what that means."""

from collections.abc import Iterable, Mapping

from protocol.accreditation import VerifiedAccreditation, link_document
from protocol.checks import CheckResult, Outcome
from protocol.codes import find_code
from protocol.encoding.strict_json import JsonObject
from protocol.openid4vp.vp_token import ResponseCheck
from protocol.presentation import Check

_NOT_REACHED = "Not looked at, because an earlier check ended the verification."
_MEANINGS: Mapping[str, str] = {
    Check.FORMAT: "It has the form of a credential.",
    Check.KEY_BINDING_PRESENCE: "The proof of the holder's key is there where the policy demands it.",
    Check.HEADER: "Its type and algorithm are allowed, and it brings no key of its own.",
    Check.ISSUER_TRUST: "The policy trusts the issuer for this type of credential.",
    Check.ISSUER_DID: "The issuer's DID and its whole history are on a trusted ledger.",
    Check.EVIDENCE_AGE: "The ledger's state was co-signed recently enough.",
    Check.ISSUER_KEY: "The key was one of the issuer's for issuing at that time.",
    Check.SIGNATURE: "The issuer signed exactly this.",
    Check.DISCLOSURES: "Every claim that is shown is one the issuer signed.",
    Check.CREDENTIAL_RULES: "Nothing that the checks depend on is hidden.",
    Check.VALIDITY: "It is valid at this time.",
    Check.KEY_BINDING: "The holder's own key signed it for this request.",
    Check.STATUS: "The issuer has neither revoked nor suspended it.",
    ResponseCheck.REQUEST_EXPIRY: "The answer came in time.",
    ResponseCheck.QUERY: "It is what was asked for, and all of it.",
    ResponseCheck.SAME_PERSON: "The credentials agree on who they are about.",
}


def check_documents(
    checks: Iterable[CheckResult], accreditation: VerifiedAccreditation | None = None
) -> list[JsonObject]:
    """Each check with its outcome, and what that means in a sentence; beside the trust in the issuer the
    `accreditation` that it rests on.
    """
    documents: list[JsonObject] = []
    for check in checks:
        document: JsonObject = {
            "id": check.id,
            "outcome": check.outcome.value,
            "detail": _detail(check),
        }
        if check.id == Check.ISSUER_TRUST and accreditation is not None:
            document["accreditation"] = [link_document(link) for link in accreditation.links]
        documents.append(document)
    return documents


def _detail(check: CheckResult) -> str:
    match check.outcome:
        case Outcome.PASSED:
            meaning = _MEANINGS[check.id]
            return f"{meaning.removesuffix('.')} ({check.detail})." if check.detail else meaning
        case Outcome.NOT_REACHED:
            return _NOT_REACHED
        case _:
            # A failed check states the code of the error, and behind a colon what is special about it.
            word, _, special = check.detail.partition(": ")
            code = find_code(word)
            if code is None:
                return f"{check.detail[:1].upper()}{check.detail[1:]}."
            return f"{code.meaning} ({special})" if special else code.meaning
