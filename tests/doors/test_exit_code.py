import pytest

from doors.exit_code import ExitCode, exit_code
from protocol.codes import Code
from protocol.errors import MalformedError, RefusedError, TallyError, UnavailableError, VerificationError


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (VerificationError(Code.SIGNATURE_INVALID), ExitCode.NOT_VALID),
        (VerificationError(Code.ISSUER_NOT_TRUSTED), ExitCode.UNTRUSTED),
        (VerificationError(Code.REQUEST_CLIENT_UNVERIFIED), ExitCode.UNTRUSTED),
        (UnavailableError(Code.STATUS_UNAVAILABLE), ExitCode.NETWORK),
        (UnavailableError(Code.DID_NOT_FOUND), ExitCode.NOT_FOUND),
        (RefusedError(Code.NETWORK_HOST_FORBIDDEN), ExitCode.NETWORK),
        (RefusedError(Code.NOTHING_MATCHES), ExitCode.NOT_FOUND),
        (RefusedError(Code.PASSPHRASE_WRONG), ExitCode.LOCKED),
        (RefusedError(Code.MANAGEMENT_KEY_INVALID), ExitCode.LOCKED),
        (RefusedError(Code.DECLINED), ExitCode.DECLINED),
        (RefusedError(Code.CREDENTIAL_REVOKED), ExitCode.NOT_VALID),
        (VerificationError(Code.VAULT_ROLLBACK), ExitCode.FAILURE),
        (RefusedError(Code.INPUT_REQUIRED), ExitCode.USAGE),
        (MalformedError(Code.JSON_INVALID), ExitCode.FAILURE),
        (TallyError(Code.INTERNAL_ERROR), ExitCode.FAILURE),
        (UnavailableError(Code.INTERNAL_ERROR), ExitCode.FAILURE),
    ],
)
def test_error_ends_the_command_with_its_number(error: TallyError, expected: ExitCode) -> None:
    assert exit_code(error) is expected
