import dataclasses
from datetime import timedelta

import pytest

from protocol.policy import KeyBindingRule, StatusRule, VerificationPolicy


def test_policy_demands_key_binding_and_a_checked_status_unless_told_otherwise() -> None:
    policy = VerificationPolicy(trusted_issuers={})
    assert policy.key_binding is KeyBindingRule.REQUIRED
    assert policy.status is StatusRule.WHEN_PRESENT
    assert policy.clock_skew <= timedelta(minutes=1)
    assert policy.key_binding_max_age <= timedelta(minutes=5)


def test_policy_trusts_nobody_by_default_and_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        VerificationPolicy()  # type: ignore[call-arg]
    policy = VerificationPolicy(trusted_issuers={})
    with pytest.raises(dataclasses.FrozenInstanceError):
        policy.key_binding = KeyBindingRule.NOT_REQUIRED  # type: ignore[misc]
