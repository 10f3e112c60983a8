"""Making a new institution: its keys, its DID on the ledger, its files.

Every step may be repeated: whoever is interrupted calls the same functions again. The settings come last, so
an institution that has them is complete.
"""

from datetime import datetime

from issuer.folder import IssuerFolder
from issuer.settings import IssuerSettings, parse_issuer_url
from ledger.fetch import Fetcher
from ledger.identity import IdentityKeeper, confirm_identity, create_identity
from ledger.trust import TrustedLedger, choose_ledger, trust_ledgers
from protocol.codes import Code
from protocol.errors import RefusedError

_MAX_NAME = 100


def trust_ledger(folder: IssuerFolder, url: str, *, policy: str | None, fetcher: Fetcher) -> TrustedLedger:
    """Trust the ledger at `url` by the text of a policy, or by its own word where there is none.

    Raises:
        RefusedError, MalformedError, UnavailableError: as `choose_ledger`.
    """
    ledger = choose_ledger(url, policy=policy, fetcher=fetcher)
    folder.save_ledgers(trust_ledgers([ledger]))
    return ledger


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
