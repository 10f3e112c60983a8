"""Making a new institution: its keys, its DID on the ledger, its files.

Every step may be repeated: whoever is interrupted calls the same functions again. The settings come last, so
an institution that has them is complete.
"""

from dataclasses import replace
from datetime import datetime

from issuer.folder import IssuerFolder
from issuer.settings import IssuerSettings, encode_settings, parse_settings
from ledger.fetch import Fetcher
from ledger.identity import IdentityKeeper, confirm_identity, create_identity
from ledger.trust import TrustedLedger, choose_ledger, trust_ledgers
from storage.database_address import REGISTER


def trust_ledger(folder: IssuerFolder, url: str, *, policy: str | None, fetcher: Fetcher) -> TrustedLedger:
    """Trust the ledger at `url` by the text of a policy, or by its own word where there is none.

    Raises:
        RefusedError, MalformedError, UnavailableError: as `choose_ledger`.
    """
    ledger = choose_ledger(url, policy=policy, fetcher=fetcher)
    folder.save_ledgers(trust_ledgers([ledger]))
    return ledger


def check_settings(name: str, url: str, database: str = REGISTER) -> IssuerSettings:
    """The settings of an institution whose DID is yet to be made.

    Raises:
        RefusedError: an unusable name, address or database.
    """
    return parse_settings(encode_settings(IssuerSettings(name, url, "did:webvh:…", database=database)))


def found_institution(
    folder: IssuerFolder,
    keeper: IdentityKeeper,
    settings: IssuerSettings,
    *,
    slug: str,
    witnessed: bool,
    now: datetime,
) -> IssuerSettings:
    """Log the institution's DID, which ends in `slug`, and write its settings with it.

    With `witnessed` the DID names the nodes of the ledger's policy as its witnesses.

    Raises:
        MalformedError: `slug` cannot be part of a DID.
        RefusedError: the ledger does not admit the DID; QUORUM_UNSAFE, too few nodes can be witnesses.
        UnavailableError: the ledger cannot be reached; call again.
    """
    named = replace(settings, did=create_identity(keeper, name=slug, witnessed=witnessed, now=now))
    folder.save_settings(named)
    confirm_identity(keeper)
    return named
