"""Whether to believe a presentation: every check there is, in one function to read from top to bottom.

`verify_presentation` and `verify_credential` differ only in the key binding; `_verify` below is both of
them. Its steps carry the section numbers of RFC 9901 (SD-JWT), of draft-ietf-oauth-sd-jwt-vc-19 (VC) and
of draft-ietf-oauth-status-list-20 (TSL).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

import msgspec

from protocol.accreditation import VerifiedAccreditation
from protocol.checks import CheckRecord, CheckResult, Outcome
from protocol.claim_path import ClaimPath
from protocol.codes import Code
from protocol.credential_status import StatusListFetcher, verify_credential_status
from protocol.did.document import Relationship
from protocol.did.verified import DidResolver
from protocol.encoding.strict_json import JsonObject
from protocol.encoding.time import encode_utc, from_seconds
from protocol.errors import VerificationError
from protocol.evidence_age import require_did_without_history, verify_evidence_age
from protocol.issuer_trust import AccreditationReader, verify_issuer_trust
from protocol.jws import parse_jws_header, verify_jws
from protocol.keys import PublicKey
from protocol.policy import KeyBindingRule, VerificationPolicy
from protocol.sdjwt.key_binding import verify_key_binding
from protocol.sdjwt.parse import parse_sd_jwt, read_hash_algorithm
from protocol.sdjwt.verify import verify_disclosures
from protocol.sdjwt_vc import (
    issuer_key_id,
    parse_credential,
    parse_credential_jws,
    verify_credential_rules,
)
from protocol.validity import verify_validity


class Check(StrEnum):
    """The checks of a credential in the order they are made; the words are stable."""

    FORMAT = "format"
    KEY_BINDING_PRESENCE = "key_binding_presence"
    HEADER = "header"
    ISSUER_TRUST = "issuer_trust"
    ISSUER_DID = "issuer_did"
    EVIDENCE_AGE = "evidence_age"
    ISSUER_KEY = "issuer_key"
    SIGNATURE = "signature"
    DISCLOSURES = "disclosures"
    CREDENTIAL_RULES = "credential_rules"
    VALIDITY = "validity"
    KEY_BINDING = "key_binding"
    STATUS = "status"


_CHECKS = tuple(Check)


class VerifiedCredential(msgspec.Struct, frozen=True):
    """A credential that passed every check the policy asks for.

    Attributes:
        issuer: The DID of the issuer, trusted for this type by the policy.
        vct: The type of the credential.
        claims: The processed claims: the ones always visible, and the ones disclosed.
        disclosed: Where in `claims` the disclosed ones stand.
        holder_key: The key the credential is bound to, None if to none.
        checks: Each check with its outcome.
        accreditation: How a root that the policy names leads to the issuer, None where it lists the issuer.
    """

    issuer: str
    vct: str
    claims: JsonObject
    disclosed: tuple[ClaimPath, ...]
    holder_key: PublicKey | None
    checks: tuple[CheckResult, ...]
    accreditation: VerifiedAccreditation | None = None


class VerifiedPresentation(VerifiedCredential, frozen=True):
    """A credential presented for one request, by the holder of its key if the policy asks for that."""


_Verified = TypeVar("_Verified", bound=VerifiedCredential)


class _Request(msgspec.Struct, frozen=True):
    """What a presentation must be made for."""

    nonce: str
    audience: str
    transaction_data: Sequence[str]


def verify_presentation(
    presentation: str,
    *,
    expected_nonce: str,
    expected_audience: str,
    policy: VerificationPolicy,
    now: datetime,
    resolve_did: DidResolver,
    fetch_status_list: StatusListFetcher,
    read_accreditations: AccreditationReader | None = None,
    expected_transaction_data: Sequence[str] = (),
    at: datetime | None = None,
) -> VerifiedPresentation:
    """Check a presentation against the request it answers and the policy (RFC 9901 §7.3).

    With `at`, a moment of the past, it is checked as of then: `resolve_did` answers for that moment, and how
    long ago the holder signed is not judged. How old the evidence is, is judged as of `now` all the same.

    `read_accreditations` is needed where the policy names roots.

    `expected_transaction_data` are the encoded strings the request asked to confirm; none is asked for by
    default, and then none is accepted. Not checked: that the nonce was used only once, and that the claims
    are the ones asked for (`openid4vp`).

    Raises:
        MalformedError: it cannot be read.
        VerificationError: it can be read, and must not be believed.
        UnavailableError: the issuer's DID or the status could not be had, so nobody knows.
        ValueError: an empty nonce or audience, which would bind to nothing; a resolver that answers for
            another moment than `at`; or a policy with roots, and no `read_accreditations`.

    Every error carries in `checks` how far the verification came.
    """
    if not expected_nonce or not expected_audience:
        raise ValueError("a presentation is bound to a nonce and an audience")
    request = _Request(expected_nonce, expected_audience, expected_transaction_data)
    return _verify(
        VerifiedPresentation,
        presentation,
        request,
        policy,
        now,
        at,
        resolve_did,
        fetch_status_list,
        read_accreditations,
    )


def verify_credential(
    credential: str,
    *,
    policy: VerificationPolicy,
    now: datetime,
    resolve_did: DidResolver,
    fetch_status_list: StatusListFetcher,
    read_accreditations: AccreditationReader | None = None,
    at: datetime | None = None,
) -> VerifiedCredential:
    """Check a credential that nobody presents: what a holder does with a new one (RFC 9901 §7.2).

    With `at` it is checked as of that moment, as in `verify_presentation`.

    Whoever hands it over need not be its holder, so a key binding is refused here and the policy's rule for
    it has no say; for presentations there is `verify_presentation`.

    Raises:
        MalformedError, VerificationError, UnavailableError: as `verify_presentation`.
    """
    return _verify(
        VerifiedCredential,
        credential,
        None,
        policy,
        now,
        at,
        resolve_did,
        fetch_status_list,
        read_accreditations,
    )


def _verify(
    kind: type[_Verified],
    text: str,
    request: _Request | None,
    policy: VerificationPolicy,
    now: datetime,
    at: datetime | None,
    resolve_did: DidResolver,
    fetch_status_list: StatusListFetcher,
    read_accreditations: AccreditationReader | None,
) -> _Verified:
    on_that_day = "" if at is None else f"on {encode_utc(at)}"
    with CheckRecord(_CHECKS) as record:
        # 1. Take it apart. RFC 9901 §7.1 step 1, §7.3 step 3.
        record.begin(Check.FORMAT)
        sd_jwt = parse_sd_jwt(text)
        # Any three words with dots between them would come this far.
        parse_jws_header(sd_jwt.issuer_jwt)

        # 2. Whether there must be a key binding is for the policy to say, never for what arrived: whoever
        #    stole a credential would strip it. RFC 9901 §7.3 steps 1 and 2; for holders §7.2.
        record.begin(Check.KEY_BINDING_PRESENCE)
        if request is None:
            if sd_jwt.key_binding_jwt is not None:
                raise VerificationError(Code.KEY_BINDING_UNEXPECTED)
            record.note(Outcome.SKIPPED, "not presented")
        elif sd_jwt.key_binding_jwt is None:
            if policy.key_binding is KeyBindingRule.REQUIRED or request.transaction_data:
                raise VerificationError(Code.KEY_BINDING_MISSING)
            record.note(Outcome.SKIPPED, "not asked for by the policy")

        # 3. The header: type, algorithm, nothing critical, no key of its own. RFC 9901 §7.1 step 2.1,
        #    VC §2.2.1, RFC 8725.
        record.begin(Check.HEADER)
        jws = parse_credential_jws(sd_jwt)

        # 4. Trust comes before any other look-up: nothing is fetched on the word of an issuer the policy does
        #    not trust for this very type, by its name, byte for byte, or because a root that the policy names
        #    accredits it, for which that root's own ledger is asked. VC §2.5 and §7.
        record.begin(Check.ISSUER_TRUST)
        credential = parse_credential(jws)
        trust = verify_issuer_trust(
            credential, policy=policy, now=now, at=at, read_accreditations=read_accreditations
        )
        record.note(Outcome.PASSED, trust.detail)

        # 5. The verified history of the issuer's DID, at a co-signed time that is recent enough: what is in
        #    the log and old says nothing about keys that were taken back since.
        record.begin(Check.ISSUER_DID)
        key_id = issuer_key_id(credential)
        issuer = resolve_did(credential.issuer)
        record.begin(Check.EVIDENCE_AGE)
        if issuer.evidence is None:
            require_did_without_history(issuer)
            record.note(Outcome.SKIPPED, "the DID is its own key and has no history")
        else:
            record.note(Outcome.PASSED, verify_evidence_age(issuer.evidence, policy=policy, now=now))
            if issuer.evidence.as_of != at:
                raise ValueError("the resolver answers for another moment")

        # 6. The issuer's key as it was when the credential says it was issued. RFC 9901 §7.1 step 2.3.
        record.begin(Check.ISSUER_KEY)
        issued_at = None if credential.issued_at is None else from_seconds(credential.issued_at)
        issuer_key = issuer.key_used_at(key_id, Relationship.ASSERTION, issued_at)
        record.note(Outcome.PASSED, on_that_day)

        # 7. The signature. RFC 9901 §7.1 step 2.2. From here on the payload is the issuer's word.
        record.begin(Check.SIGNATURE)
        verify_jws(jws, issuer_key)

        # 8. Every disclosure belongs to a digest the issuer signed. RFC 9901 §7.1 steps 2.4 and 3 to 5.
        record.begin(Check.DISCLOSURES)
        verified = verify_disclosures(credential.payload, sd_jwt.disclosures)

        # 9. What the other checks depend on was not hidden, and names one usable holder key. VC §2.2.2.3.
        record.begin(Check.CREDENTIAL_RULES)
        holder_key = verify_credential_rules(credential.payload, verified)

        # 10. The times, and that it says what the policy wants said. RFC 9901 §7.1 step 6, §9.7.
        record.begin(Check.VALIDITY)
        verify_validity(verified.claims, now=at or now, clock_skew=policy.clock_skew)
        if policy.expiry_required and "exp" not in verified.claims:
            raise VerificationError(Code.CLAIM_MISSING, "exp")
        record.note(Outcome.PASSED, on_that_day)

        # 11. The holder's signature over this presentation, for this request. RFC 9901 §7.3 step 5. One that
        #     the policy does not ask for is checked all the same: it is no decoration.
        record.begin(Check.KEY_BINDING)
        if request is None:
            record.note(Outcome.SKIPPED, "not presented")
        elif sd_jwt.key_binding_jwt is None:
            record.note(Outcome.SKIPPED, "not asked for by the policy")
        elif holder_key is None:
            raise VerificationError(Code.HOLDER_KEY_INVALID, "no cnf")
        else:
            verify_key_binding(
                sd_jwt.key_binding_jwt,
                sd_jwt=sd_jwt,
                hash_algorithm=read_hash_algorithm(credential.payload),
                holder_key=holder_key,
                expected_nonce=request.nonce,
                expected_audience=request.audience,
                expected_transaction_data=request.transaction_data,
                now=now,
                max_age=policy.key_binding_max_age if at is None else timedelta.max,
                clock_skew=policy.clock_skew,
            )

        # 12. The status comes last: for an invalid credential nobody is asked, so that nobody can learn from
        #     the question who shows what to whom. TSL §8.3.
        record.begin(Check.STATUS)
        verify_credential_status(
            credential,
            issuer=issuer,
            policy=policy,
            now=now,
            at=at,
            fetch_status_list=fetch_status_list,
            record=record,
        )

    return kind(
        issuer=credential.issuer,
        vct=credential.vct,
        claims=verified.claims,
        disclosed=tuple(verified.disclosed),
        holder_key=holder_key,
        checks=record.results,
        accreditation=trust.accreditation,
    )
