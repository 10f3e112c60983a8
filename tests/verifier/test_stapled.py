"""Evidence that a wallet staples to its answer."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from ledger.evidence import EvidenceResolver
from ledger.trust import TrustedLedgers
from protocol.codes import Code
from protocol.did.verified import VerifiedDid
from protocol.errors import TallyError, UnavailableError, VerificationError
from protocol.openid4vp.response import encode_response
from protocol.openid4vp.stapled_evidence import StapledEvidence, encode_stapled_evidence
from tests.attacks.artefacts import FRESH, verified_did
from tests.verifier.shop import Shop, issue, reference_of, status_token
from verifier.grounds import Grounds
from verifier.handed_in import HandedIn, HandedStatusLists, LookUps
from verifier.status_cache import StatusListMemory

TOKEN = status_token()
STAPLED = encode_stapled_evidence(StapledEvidence((b"proof",), (TOKEN,)))


class LonelyShop(Shop):
    """A shop that reaches neither ledger nor issuer, unless `reaches`."""

    reaches = False
    false = False
    taken: list[HandedIn]

    def grounds(self) -> Grounds:
        return replace(super().grounds(), hand_in=self.hand_in)

    def resolve(self, did: str) -> VerifiedDid:
        if self.reaches:
            return super().resolve(did)
        raise UnavailableError(Code.NETWORK_LEDGER_UNREACHABLE)

    def hand_in(self, given: HandedIn) -> LookUps:
        self.taken.append(given)

        def resolve(did: str, *, at: datetime | None = None) -> VerifiedDid:
            if self.false:
                raise VerificationError(Code.INDEX_PROOF_INVALID)
            return verified_did(evidence=replace(FRESH, time=self.clock(), handed_in=True))

        memory = StatusListMemory(self.folder / "handed")
        max_age = self.policy.offline_evidence_max_age
        lists = HandedStatusLists(given.status_lists, memory=memory, max_age=max_age)
        return LookUps(
            resolve, lists, EvidenceResolver(TrustedLedgers(()), (), clock=self.clock).read_accreditations
        )


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[LonelyShop]:
    shop = LonelyShop(tmp_path)
    shop.taken = []
    yield shop
    shop.close()


def answer(shop: LonelyShop, evidence: str | None) -> str:
    """What became of a request that was answered with `evidence`: its status, or why it is still open."""
    created = shop.ask()
    shown = shop.present(created, "level", credential=issue(status=True))
    body = encode_response({"degree": [shown]}, state=reference_of(created), evidence=evidence).encode()
    try:
        shop.receive(created, body)
    except TallyError as error:
        return f"{shop.result(created).status}: {error.code}"
    return shop.result(created).status


def test_stapled_evidence_counts_where_nobody_can_be_reached_and_is_read_once(shop: LonelyShop) -> None:
    assert answer(shop, None) == "pending: network_ledger_unreachable"
    assert answer(shop, STAPLED) == "verified"
    assert shop.taken == [HandedIn((b"proof",), (TOKEN,))]


def test_stapled_evidence_is_not_even_read_where_the_ledger_and_the_issuer_are(shop: LonelyShop) -> None:
    shop.reaches = True
    shop.status.tokens["https://issuer.example/status/1"] = TOKEN
    assert answer(shop, "{garbage") == "verified"
    assert shop.taken == []


def test_false_evidence_refuses_the_answer(shop: LonelyShop) -> None:
    shop.false = True
    assert answer(shop, STAPLED) == "refused: index_proof_invalid"
    assert answer(shop, "{garbage") == "refused: response_invalid"


def test_verifier_that_takes_nothing_goes_on_without_it(shop: LonelyShop) -> None:
    grounds = Shop.grounds(shop)
    assert grounds.with_stapled(STAPLED) is grounds
