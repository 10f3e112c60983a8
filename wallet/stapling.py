"""Evidence about issuers beside a presentation, if a verifier asks for it (docs/formats/stapled-evidence.md).

The wallet asks the ledger and the issuers when it looks after its credentials anyway, and keeps what they
said. So nobody learns from its asking when it presents.
"""

from contextlib import suppress
from datetime import datetime, timedelta
from itertools import zip_longest

from protocol.errors import TallyError
from protocol.openid4vp.stapled_evidence import MAX_STAPLED, StapledEvidence
from protocol.status_list import parse_status_list_expiry, parse_status_list_subject
from wallet.consent import Consent
from wallet.content import WalletContent
from wallet.held import CredentialCopy
from wallet.issuer_evidence import IssuerEvidence
from wallet.outside import Outside
from wallet.status import gather_evidence, read_status_list, status_addresses

# Verifiers usually take what is a day old: half of that is left for the way to them.
FRESH = timedelta(hours=12)


def staple_evidence(content: WalletContent, consent: Consent, *, outside: Outside) -> StapledEvidence:
    """What vouches for the issuers of all that `consent` sends, and for the copies it sends.

    It is what the wallet keeps, if that is fresh. Else it asks now, and where nobody can be asked, it gives
    what it has. The first proofs, those of the histories, stand before all others: what there is no room for
    is at the end.
    """
    copies: dict[str, list[CredentialCopy]] = {}
    for item in consent.items:
        copies.setdefault(item.credential.issuer, []).append(item.copy)
    proofs: list[tuple[bytes, ...]] = []
    lists: list[str] = []
    for issuer, shown in copies.items():
        addresses = status_addresses(shown)
        evidence = _evidence_about(issuer, addresses, content, outside)
        if evidence is not None:
            proofs.append(evidence.proofs)
            usable = _usable_lists(evidence, outside.clock())
            lists += [token for subject, token in usable.items() if subject in addresses]
    # By turns: the long list of one issuer's accreditations takes no room from the history of another.
    in_turn = [proof for turn in zip_longest(*proofs) for proof in turn if proof is not None]
    return StapledEvidence(tuple(in_turn[:MAX_STAPLED]), tuple(lists[:MAX_STAPLED]))


def _evidence_about(
    issuer: str, addresses: frozenset[str], content: WalletContent, outside: Outside
) -> IssuerEvidence | None:
    kept = content.evidence_about(issuer)
    now = outside.clock()
    if (
        kept is not None
        # What was asked for in the future was asked for by a clock that was wrong.
        and timedelta(0) <= now - kept.asked_at <= FRESH
        and addresses <= _usable_lists(kept, now).keys()
    ):
        return kept
    with suppress(TallyError):
        lists = [read_status_list(issuer, address, outside=outside)[0] for address in addresses]
        return gather_evidence(issuer, lists, outside=outside)
    return kept


def _usable_lists(evidence: IssuerEvidence, now: datetime) -> dict[str, str]:
    """Its status lists by their addresses. A verifier refuses what it is shown with one that has expired."""
    dated = ((token, parse_status_list_expiry(token)) for token in evidence.status_lists)
    return {
        parse_status_list_subject(token): token
        for token, expires_at in dated
        if expires_at is None or now < expires_at
    }
