"""What a verifier demands before it believes a presentation: its choice, never the token's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class KeyBindingRule(StrEnum):
    """Whether the presenter must prove to hold the credential's key (RFC 9901 §7.3 step 1)."""

    REQUIRED = "required"
    NOT_REQUIRED = "not_required"


class StatusRule(StrEnum):
    """What is asked of the credential's status.

    REQUIRED: it must have a status, and the status must be known and valid.
    WHEN_PRESENT: a credential without a status passes; one with a status must be known to be valid.
    WHEN_REACHABLE: as before, but a status list that cannot be had right now is let pass as unknown.
    """

    REQUIRED = "required"
    WHEN_PRESENT = "when_present"
    WHEN_REACHABLE = "when_reachable"


class AccreditationRule(StrEnum):
    """When the accreditation of an issuer that the policy does not list has to have counted.

    WHEN_ISSUED: when the credential was issued, by the issuer's own word; what was done in its time stays
    good. WHEN_CHECKED: then, and still when the credential is checked.
    """

    WHEN_ISSUED = "when_issued"
    WHEN_CHECKED = "when_checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationPolicy:
    """What must hold for a presentation to be believed.

    Attributes:
        trusted_issuers: The issuer DIDs that count, per credential type (`vct`), compared byte for byte.
        trusted_roots: The DIDs of those who say, per credential type, which further issuers count: each that
            an accreditation on the root's ledger leads to.
        accreditation: When such an accreditation has to have counted.
        key_binding: Whether key binding is demanded.
        status: What is demanded of the status.
        expiry_required: Whether a credential must state when it expires.
        clock_skew: How far the clocks of honest parties may be apart.
        key_binding_max_age: How old a key binding may be.
        evidence_max_age: How old the co-signed time of the issuer's DID history may be.
        offline_evidence_max_age: The same for evidence that somebody handed in, and for a status list that
            was.
    """

    trusted_issuers: Mapping[str, frozenset[str]]
    trusted_roots: Mapping[str, frozenset[str]] = field(default_factory=dict)
    accreditation: AccreditationRule = AccreditationRule.WHEN_ISSUED
    key_binding: KeyBindingRule = KeyBindingRule.REQUIRED
    status: StatusRule = StatusRule.WHEN_PRESENT
    expiry_required: bool = False
    clock_skew: timedelta = field(default=timedelta(seconds=60))
    key_binding_max_age: timedelta = field(default=timedelta(seconds=300))
    evidence_max_age: timedelta = field(default=timedelta(hours=1))
    offline_evidence_max_age: timedelta = field(default=timedelta(hours=24))
