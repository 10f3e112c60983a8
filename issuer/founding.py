"""Making a new institution: its keys, its DID on the ledger, its files.

Every step may be repeated: whoever is interrupted calls the same functions again. The settings come last, so
an institution that has them is complete.
"""

from datetime import datetime
from pathlib import Path

from issuer.folder import IssuerFolder
from issuer.institution import OFFERS
from issuer.settings import IssuerSettings, parse_issuer_url
from ledger.fetch import Fetcher
from ledger.identity import IdentityKeeper, confirm_identity, create_identity, create_identity_keys
from ledger.trust import TrustedLedger, TrustedLedgers, fetch_trusted_ledger, parse_trusted_ledger
from protocol.codes import Code
from protocol.errors import RefusedError
from protocol.web_address import parse_web_address
from storage.key_ring import KeyRing, KeyType, create_key
from storage.passphrase import KdfParameters, Passphrase

_MAX_NAME = 100


def trust_ledger(folder: IssuerFolder, url: str, *, policy: str | None, fetcher: Fetcher) -> TrustedLedger:
    """Trust the ledger at `url` by the text of a policy, or by its own word where there is none.

    Raises:
        RefusedError: the policy is for another ledger.
        MalformedError: it is not a policy for one log.
        UnavailableError: the ledger cannot be reached.
    """
    ledger = fetch_trusted_ledger(url, fetcher=fetcher) if policy is None else parse_trusted_ledger(policy)
    if ledger.url != url.rstrip("/"):
        raise RefusedError(Code.LOG_POLICY_INVALID, f"it is for the ledger at {ledger.url}")
    is_local = parse_web_address(ledger.url, development=True).host.endswith(".localhost")
    folder.save_ledgers(TrustedLedgers((ledger,), development=is_local))
    return ledger


def open_new_keys(
    folder: IssuerFolder, passphrase: Passphrase, *, kdf: KdfParameters, marks: Path, now: datetime
) -> KeyRing:
    """The key ring of a new institution; one that an interrupted `init` left behind is used.

    Raises:
        RefusedError: there is a ring that this passphrase does not open.
        UnavailableError: the disk's fault.
    """
    if folder.keys.exists():
        return KeyRing.open(folder.keys, passphrase, mark_folder=marks)
    keys = {**create_identity_keys(now=now), OFFERS: create_key(KeyType.SYMMETRIC, now=now)}
    return KeyRing.create(folder.keys, passphrase=passphrase, keys=keys, kdf=kdf, mark_folder=marks)


def found_institution(
    folder: IssuerFolder, keeper: IdentityKeeper, *, name: str, slug: str, url: str, now: datetime
) -> IssuerSettings:
    """Log the institution's DID, which ends in `slug`, and write its settings.

    Raises:
        RefusedError: an unusable name or address; or the ledger does not admit the DID.
        MalformedError: `slug` cannot be part of a DID.
        UnavailableError: the ledger cannot be reached.
    """
    if not name.isprintable() or not 0 < len(name) <= _MAX_NAME:
        raise RefusedError(Code.SETTINGS_INVALID, f"a name has 1 to {_MAX_NAME} printable characters")
    parse_issuer_url(url)
    settings = IssuerSettings(name, url, create_identity(keeper, name=slug, now=now))
    folder.save_settings(settings)
    confirm_identity(keeper)
    return settings
