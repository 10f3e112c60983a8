"""Whether credentials are the ones that were asked for, once each was verified (OpenID4VCI 1.0 §8.3)."""

from collections.abc import Collection, Sequence

from protocol.codes import Code
from protocol.errors import VerificationError
from protocol.keys import PublicKey
from protocol.presentation import VerifiedCredential


def verify_issued(
    credentials: Sequence[VerifiedCredential], *, expected_vct: str, proved_keys: Collection[PublicKey]
) -> None:
    """Check the verified `credentials` of one response against what was offered and proved.

    `expected_vct` is the type in the issuer's metadata. Each credential is bound to one of `proved_keys`, and
    each key to one credential at most; without any, the credentials are bound to nobody.

    Raises:
        VerificationError: with the code CREDENTIAL_UNACCEPTABLE.
    """
    unused = set(proved_keys)
    for credential in credentials:
        if credential.vct != expected_vct:
            raise VerificationError(Code.CREDENTIAL_UNACCEPTABLE, "another type than was offered")
        if not proved_keys and credential.holder_key is None:
            continue
        if credential.holder_key not in unused:
            raise VerificationError(Code.CREDENTIAL_UNACCEPTABLE, "not bound to an unused key of ours")
        unused.remove(credential.holder_key)
