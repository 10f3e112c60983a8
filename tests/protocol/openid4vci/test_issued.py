import pytest

from protocol.codes import Code
from protocol.errors import VerificationError
from protocol.keys import PublicKey
from protocol.openid4vci.issued import verify_issued
from protocol.presentation import VerifiedCredential
from tests.openid_parties import HOLDER_KEY, ISSUER, OTHER_KEY, VCT, VERIFIER_KEY

FIRST, SECOND, FOREIGN = (key.public_key for key in (HOLDER_KEY, OTHER_KEY, VERIFIER_KEY))


def credential(holder_key: PublicKey | None, vct: str = VCT) -> VerifiedCredential:
    return VerifiedCredential(
        issuer=ISSUER, vct=vct, claims={}, disclosed=(), holder_key=holder_key, checks=()
    )


@pytest.mark.parametrize(
    ("credentials", "keys"),
    [
        ([credential(FIRST)], [FIRST]),
        ([credential(SECOND), credential(FIRST)], [FIRST, SECOND]),
        ([credential(SECOND)], [FIRST, SECOND]),
        ([credential(None)], []),
    ],
    ids=["one", "a batch", "fewer than keys", "bound to nobody"],
)
def test_credentials_that_were_asked_for_are_accepted(
    credentials: list[VerifiedCredential], keys: list[PublicKey]
) -> None:
    verify_issued(credentials, expected_vct=VCT, proved_keys=keys)


@pytest.mark.parametrize(
    ("credentials", "keys"),
    [
        pytest.param([credential(FIRST, "other")], [FIRST], id="NT-I29 other vct"),
        pytest.param([credential(FOREIGN)], [FIRST], id="NT-I29 other cnf key"),
        pytest.param([credential(None)], [FIRST], id="NT-I29 no cnf key"),
        pytest.param([credential(FOREIGN)], [], id="NT-I29 cnf key nobody proved"),
        pytest.param([credential(FIRST), credential(FOREIGN)], [FIRST, SECOND], id="NT-I29 one bad of two"),
        pytest.param([credential(FIRST), credential(FIRST)], [FIRST, SECOND], id="NT-I30 one key twice"),
        pytest.param([credential(FIRST), credential(SECOND)], [FIRST], id="NT-I30 more than keys"),
    ],
)
def test_other_credentials_are_refused(credentials: list[VerifiedCredential], keys: list[PublicKey]) -> None:
    with pytest.raises(VerificationError) as caught:
        verify_issued(credentials, expected_vct=VCT, proved_keys=keys)
    assert caught.value.code is Code.CREDENTIAL_UNACCEPTABLE
