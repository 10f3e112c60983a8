"""The verifier: asks for presentations, and decides by its policy what to believe.

As a library it needs no service, and imports nothing but what is used:

    from verifier import VerificationPolicy, verify_presentation

    verified = verify_presentation(
        text, expected_nonce=nonce, expected_audience="https://shop.example", policy=policy, now=now,
        resolve_did=resolve_did, fetch_status_list=fetch_status_list,
    )

`PolicyGrounds` makes the policy and the look-ups from a policy.toml. Where the policy names roots,
`read_accreditations` is needed too.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from protocol.checks import CheckResult, Outcome
    from protocol.errors import MalformedError, TallyError, UnavailableError, VerificationError
    from protocol.policy import KeyBindingRule, StatusRule, VerificationPolicy
    from protocol.presentation import (
        VerifiedCredential,
        VerifiedPresentation,
        verify_credential,
        verify_presentation,
    )
    from verifier.grounds import PolicyGrounds

__all__ = [
    "CheckResult",
    "KeyBindingRule",
    "MalformedError",
    "Outcome",
    "PolicyGrounds",
    "StatusRule",
    "TallyError",
    "UnavailableError",
    "VerificationError",
    "VerificationPolicy",
    "VerifiedCredential",
    "VerifiedPresentation",
    "verify_credential",
    "verify_presentation",
]

_HOMES = {
    "protocol.checks": ("CheckResult", "Outcome"),
    "protocol.errors": ("MalformedError", "TallyError", "UnavailableError", "VerificationError"),
    "protocol.policy": ("KeyBindingRule", "StatusRule", "VerificationPolicy"),
    "protocol.presentation": (
        "VerifiedCredential",
        "VerifiedPresentation",
        "verify_credential",
        "verify_presentation",
    ),
    "verifier.grounds": ("PolicyGrounds",),
}


def __getattr__(name: str) -> object:
    # Imported on use (PEP 562): the command passes through here too, and would wait for all of it.
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(home), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
