"""The files of one verifier, beside those that every institution has.

verifier.toml                 what it is; without secrets
policy.toml                   what it believes
"""

from pathlib import Path

from ledger.institution_folder import InstitutionFolder
from ledger.trust import TrustedLedgers
from verifier import policy_file, settings
from verifier.settings import VerifierSettings, encode_settings, parse_settings

KEY_PREFIX = "tally_verifier"


class VerifierFolder(InstitutionFolder):
    """The folder of one verifier.

    Attributes:
        policy: Where the policy is.
    """

    def __init__(self, path: Path, state: Path) -> None:
        super().__init__(path, state, key_prefix=KEY_PREFIX)
        self.policy = path / policy_file.FILE

    def is_initialized(self) -> bool:
        """Whether `init` came to its end here."""
        return (self.path / settings.FILE).exists()

    def load_settings(self) -> VerifierSettings:
        """What the verifier is.

        Raises:
            RefusedError: `init` did not come to its end here, or the settings cannot be used.
        """
        return parse_settings(self.read(settings.FILE))

    def save_settings(self, what: VerifierSettings) -> None:
        """Write what the verifier is, the last step of `init`."""
        self.write(settings.FILE, encode_settings(what))

    def save_policy(self, ledgers: TrustedLedgers) -> None:
        """Write a new policy that trusts `ledgers`."""
        self.write(policy_file.FILE, policy_file.encode_policy(ledgers))
