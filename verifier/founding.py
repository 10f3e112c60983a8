"""Making a new verifier: its policy, its keys, its DID on the ledger if it is to have one, its files.

Every step may be repeated: whoever is interrupted calls the same functions again. The settings come last, so
a verifier that has them is complete.
"""

from datetime import datetime
from pathlib import Path

from ledger.client import LedgerClient
from ledger.fetch import Fetcher
from ledger.identity import IdentityKeeper, create_identity, create_identity_keys
from ledger.trust import TrustedLedger, TrustedLedgers, fetch_trusted_ledger, parse_trusted_ledger
from protocol.codes import Code
from protocol.errors import RefusedError
from protocol.web_address import parse_web_address
from storage.key_ring import KeyRing, KeyType, create_key
from storage.passphrase import KdfParameters, Passphrase
from verifier.folder import VerifierFolder
from verifier.policy_file import load_policy
from verifier.settings import VerifierSettings, encode_settings, parse_settings
from verifier.verifier import ANSWERS


def trust_ledger(folder: VerifierFolder, url: str, *, policy: str | None, fetcher: Fetcher) -> TrustedLedger:
    """Trust the ledger at `url` by the text of a policy, or by its own word where there is none.

    Raises:
        RefusedError: the policy is for another ledger; or there is a policy.toml that trusts other ones.
        MalformedError: it is not a policy for one log.
        UnavailableError: the ledger cannot be reached.
    """
    ledger = fetch_trusted_ledger(url, fetcher=fetcher) if policy is None else parse_trusted_ledger(policy)
    if ledger.url != url.rstrip("/"):
        raise RefusedError(Code.LOG_POLICY_INVALID, f"it is for the ledger at {ledger.url}")
    is_local = parse_web_address(ledger.url, development=True).host.endswith(".localhost")
    trusted = TrustedLedgers((ledger,), development=is_local)
    if not folder.policy.exists():
        folder.save_policy(trusted)
    elif ledger not in load_policy(folder.policy).ledgers.ledgers:
        raise RefusedError(Code.VAULT_EXISTS, f"{folder.policy.name} trusts another ledger")
    return ledger


def open_new_keys(
    folder: VerifierFolder, passphrase: Passphrase, *, kdf: KdfParameters, marks: Path, now: datetime
) -> KeyRing:
    """The key ring of a new verifier; one that an interrupted `init` left behind is used.

    Raises:
        RefusedError: there is a ring that this passphrase does not open.
        UnavailableError: the disk's fault.
    """
    if folder.keys.exists():
        return KeyRing.open(folder.keys, passphrase, mark_folder=marks)
    keys = {**create_identity_keys(now=now), ANSWERS: create_key(KeyType.SYMMETRIC, now=now)}
    return KeyRing.create(folder.keys, passphrase=passphrase, keys=keys, kdf=kdf, mark_folder=marks)


def create_did(
    folder: VerifierFolder,
    ring: KeyRing,
    client: LedgerClient,
    *,
    slug: str,
    onboarding_token: str,
    now: datetime,
) -> str:
    """Make the verifier's DID, which ends in `slug`, and log it.

    Raises:
        MalformedError: `slug` cannot be part of a DID.
        RefusedError: the ledger does not admit it.
        UnavailableError: the ledger cannot be reached; call again.
    """
    keeper = IdentityKeeper(ring, folder.prepared_entry, client, onboarding_token)
    return create_identity(keeper, name=slug, now=now)


def check_settings(name: str, url: str) -> VerifierSettings:
    """The settings of a verifier that has no DID yet.

    Raises:
        RefusedError: an unusable name or address.
    """
    if not name.isprintable() or not name.strip():
        raise RefusedError(Code.SETTINGS_INVALID, "a name is one line of visible text")
    return parse_settings(encode_settings(VerifierSettings(name, url, None)))
