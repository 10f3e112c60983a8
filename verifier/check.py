"""Checking a credential or presentation that did not come through a request: from a file, or another program.

Nobody here knows whether a presentation was shown before; whoever made the nonce does.
"""

from dataclasses import dataclass
from datetime import datetime

from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.encoding.time import encode_utc
from protocol.errors import MalformedError, RefusedError, TallyError, UnavailableError, VerificationError
from protocol.presentation import VerifiedCredential, verify_credential, verify_presentation
from verifier.check_list import check_documents
from verifier.grounds import Grounds
from verifier.result import error_document


@dataclass(frozen=True, slots=True)
class Material:
    """What is to be checked: a presentation with what it was made for, or a credential alone."""

    text: str
    nonce: str | None
    audience: str | None


@dataclass(frozen=True, slots=True)
class CheckedMaterial:
    """How a check ended: with a verified credential, or with the error that says why not.

    `at` is the moment of the past that was asked about; None if it was now.
    """

    verified: VerifiedCredential | None
    error: TallyError | None
    at: datetime | None = None

    @property
    def status(self) -> str:
        """`verified`, `refused`, or `unavailable` where nobody could find out."""
        if self.error is None:
            return "verified"
        is_known = isinstance(self.error, MalformedError | VerificationError)
        return "refused" if is_known else "unavailable"


def check_material(material: Material, grounds: Grounds, *, now: datetime) -> CheckedMaterial:
    """Check `material` against the policy, as of the moment that the grounds are for.

    Raises:
        RefusedError: a nonce without an audience, or the other way round; or the moment is yet to come.
    """
    at = grounds.at
    if at is not None and at > now:
        raise RefusedError(Code.MOMENT_NOT_COVERED, "it is yet to come")
    if (material.nonce is None) is not (material.audience is None):
        raise RefusedError(Code.INPUT_REQUIRED, "nonce and audience go together")
    inquiry = grounds.inquiry(now)
    text = material.text.strip()
    try:
        if material.nonce is None or material.audience is None:
            verified = verify_credential(
                text,
                policy=grounds.policy,
                now=now,
                at=at,
                resolve_did=inquiry.resolve_did,
                fetch_status_list=inquiry.fetch_status_list,
                read_accreditations=inquiry.read_accreditations,
            )
        else:
            verified = verify_presentation(
                text,
                expected_nonce=material.nonce,
                expected_audience=material.audience,
                policy=grounds.policy,
                now=now,
                at=at,
                resolve_did=inquiry.resolve_did,
                fetch_status_list=inquiry.fetch_status_list,
                read_accreditations=inquiry.read_accreditations,
            )
    except (MalformedError, VerificationError, UnavailableError, RefusedError) as error:
        return CheckedMaterial(None, error, at)
    return CheckedMaterial(verified, None, at)


def check_document(checked: CheckedMaterial) -> JsonObject:
    """`checked` as the management API and the command tell it."""
    asked: JsonObject = {} if checked.at is None else {"at": encode_utc(checked.at)}
    if checked.error is not None:
        return asked | {
            "status": checked.status,
            "checks": list[JsonValue](check_documents(checked.error.checks)),
            "claims": {},
            "error": error_document(checked.error.code, checked.error.detail),
        }
    verified = checked.verified
    assert verified is not None, "without an error there is a credential"
    return asked | {
        "status": checked.status,
        "checks": list[JsonValue](check_documents(verified.checks, verified.accreditation)),
        "claims": verified.claims,
        "vct": verified.vct,
        "issuer": verified.issuer,
    }
