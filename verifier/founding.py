"""Making a new verifier: its policy, its keys, its DID on the ledger if it is to have one, its files.

Every step may be repeated: whoever is interrupted calls the same functions again. The settings come last, so
a verifier that has them is complete.
"""

from dataclasses import replace
from datetime import datetime

from ledger.fetch import Fetcher
from ledger.identity import IdentityKeeper, confirm_identity, create_identity
from ledger.trust import TrustedLedger, choose_ledger, trust_ledgers
from protocol.codes import Code
from protocol.errors import RefusedError
from storage.database_address import REGISTER
from verifier.folder import VerifierFolder
from verifier.policy_file import load_policy
from verifier.settings import VerifierSettings, encode_settings, parse_settings


def trust_ledger(folder: VerifierFolder, url: str, *, policy: str | None, fetcher: Fetcher) -> TrustedLedger:
    """Trust the ledger at `url` by the text of a policy, or by its own word where there is none.

    Raises:
        RefusedError: the policy is for another ledger; or there is a policy.toml that trusts other ones.
        MalformedError: it is not a policy for one log.
        UnavailableError: the ledger cannot be reached.
    """
    ledger = choose_ledger(url, policy=policy, fetcher=fetcher)
    if not folder.policy.exists():
        folder.save_policy(trust_ledgers([ledger]))
    elif ledger not in load_policy(folder.policy).ledgers.ledgers:
        raise RefusedError(Code.VAULT_EXISTS, f"{folder.policy.name} trusts another ledger")
    return ledger


def found_without_did(folder: VerifierFolder, settings: VerifierSettings) -> None:
    """Write the settings of a verifier that is to have no DID.

    Raises:
        RefusedError: one was begun.
    """
    if folder.prepared_entry.exists():
        raise RefusedError(Code.VAULT_EXISTS, f"{folder.prepared_entry.name} is of a DID; finish that first")
    folder.save_settings(settings)


def found_with_did(
    folder: VerifierFolder, keeper: IdentityKeeper, settings: VerifierSettings, *, slug: str, now: datetime
) -> VerifierSettings:
    """Log a DID for the verifier, which ends in `slug`, and write its settings with it.

    Raises:
        MalformedError: `slug` cannot be part of a DID.
        RefusedError: the ledger does not admit it.
        UnavailableError: the ledger cannot be reached; call again.
    """
    named = replace(settings, did=create_identity(keeper, name=slug, witnessed=False, now=now))
    folder.save_settings(named)
    confirm_identity(keeper)
    return named


def check_settings(name: str, url: str, database: str = REGISTER) -> VerifierSettings:
    """The settings of a verifier that has no DID yet.

    Raises:
        RefusedError: an unusable name, address or database.
    """
    return parse_settings(encode_settings(VerifierSettings(name, url, None, database=database)))
