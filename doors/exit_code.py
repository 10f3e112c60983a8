"""The number a command ends with, for scripts: it says what kind of failure it was."""

from collections.abc import Mapping
from enum import IntEnum

from protocol.codes import Code
from protocol.errors import TallyError, UnavailableError, VerificationError


class ExitCode(IntEnum):
    """The number a command ends with; scripts rely on them."""

    SUCCESS = 0
    FAILURE = 1
    USAGE = 2
    NOT_VALID = 3  # a verification had a negative result
    NOT_FOUND = 4  # or nothing matches
    LOCKED = 5  # or not authorised
    DECLINED = 6  # by the person
    NETWORK = 7
    UNTRUSTED = 8  # the policy does not trust the party
    PARTLY = 9  # some items of a bulk task failed
    INTERRUPTED = 130


# The kind of error decides, except for the codes listed here.
_EXIT_CODES: Mapping[Code, ExitCode] = {
    code: exit_code
    for exit_code, codes in {
        # Faults of the machine's own files and disk, not of anything that was to be verified or fetched.
        ExitCode.FAILURE: (
            Code.AGENT_UNAVAILABLE,
            Code.BACKUP_DAMAGED,
            Code.CLIPBOARD_UNAVAILABLE,
            Code.DATABASE_BUSY,
            Code.DATABASE_DAMAGED,
            Code.DATABASE_REFUSED,
            Code.DATABASE_UNAVAILABLE,
            Code.DISK_ERROR,
            Code.DISK_FULL,
            Code.INTERNAL_ERROR,
            Code.VAULT_DAMAGED,
            Code.VAULT_ROLLBACK,
        ),
        ExitCode.USAGE: (
            Code.INPUT_REQUIRED,
            Code.LEDGER_ADDRESS_INVALID,
            Code.LINK_INVALID,
            Code.PASSPHRASE_TOO_SHORT,
            Code.PASSPHRASE_UNREPEATED,
            Code.PATH_INVALID,
            Code.PATH_IS_FOLDER,
            Code.TRANSACTION_CODE_REQUIRED,
            Code.USAGE_INVALID,
        ),
        ExitCode.NOT_FOUND: (
            Code.NOT_FOUND,
            Code.CREDENTIAL_NOT_FOUND,
            Code.CREDENTIAL_TYPE_UNKNOWN,
            Code.DID_NOT_FOUND,
            Code.LOG_UNPUBLISHED,
            Code.NOTHING_MATCHES,
            Code.NOT_INITIALIZED,
            Code.OFFER_NOT_FOUND,
            Code.REQUEST_NOT_FOUND,
            Code.VAULT_MISSING,
        ),
        ExitCode.LOCKED: (
            Code.ACCESS_TOKEN_INVALID,
            Code.MANAGEMENT_KEY_INVALID,
            Code.PASSPHRASE_WRONG,
            Code.SCOPE_INSUFFICIENT,
            Code.VAULT_LOCKED,
            Code.VAULT_PERMISSIONS,
            Code.WRITER_NOT_AUTHORIZED,
        ),
        ExitCode.DECLINED: (Code.DECLINED, Code.HOLDER_DECLINED),
        ExitCode.NOT_VALID: (
            Code.ACTIVITY_EXPORT_INVALID,
            Code.CREDENTIAL_REVOKED,
            Code.CREDENTIAL_SUSPENDED,
            Code.EXPIRED,
            Code.NOT_YET_VALID,
        ),
        ExitCode.NETWORK: tuple(code for code in Code if code.startswith("network_")),
        ExitCode.UNTRUSTED: (
            Code.ISSUER_METADATA_MISMATCH,
            Code.ISSUER_NOT_TRUSTED,
            Code.LEDGER_NOT_TRUSTED,
            Code.PARTY_BLOCKED,
            Code.PARTY_CHANGED,
            Code.REQUEST_CLIENT_UNVERIFIED,
            Code.REQUEST_OVERASKS,
        ),
    }.items()
    for code in codes
}


def exit_code(error: TallyError) -> ExitCode:
    """The number a command that failed with `error` ends with."""
    if error.code in _EXIT_CODES:
        return _EXIT_CODES[error.code]
    match error:
        case VerificationError():
            return ExitCode.NOT_VALID
        case UnavailableError():
            return ExitCode.NETWORK
        case _:
            return ExitCode.FAILURE
