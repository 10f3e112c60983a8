from dataclasses import replace
from typing import cast

import pytest

from doors.terminal import Styled
from tests.wallet.parties import HOSTILE, ISSUER, NOW, Outside
from wallet.content import WalletContent
from wallet.door.offer_lines import issuer_at, offer_lines
from wallet.known_party import PartyMark
from wallet.offer import OpenedOffer, open_offer
from wallet.outside import Outside as WalletOutside

EMPTY = WalletContent(entropy=bytes(32), next_key_index=0)
MET = EMPTY.with_issuer_seen(ISSUER, host="issuer.example", now=NOW)


def opened(stage: Outside) -> OpenedOffer:
    return open_offer(stage.offer(), outside=cast(WalletOutside, Away(stage)))


class Away:
    def __init__(self, stage: Outside) -> None:
        self.fetcher = stage
        self.development = True


def plain(offer: OpenedOffer, content: WalletContent) -> list[str]:
    return [
        "".join(part.text if isinstance(part, Styled) else part for part in line)
        for line in offer_lines(offer, issuer_at(content, offer))
    ]


def test_offer_of_a_stranger_says_that_it_is_one() -> None:
    lines = plain(opened(Outside()), EMPTY)
    assert lines == [
        "issuer.example offers you:",
        "  “Degree” (degree)",
        "It calls itself “City University”.",
        "! You never had anything from this host.",
    ]


def test_offer_of_an_acquaintance_says_how_it_is_known() -> None:
    offer = opened(Outside())
    (party,) = MET.parties
    assert plain(offer, MET)[-1] == "You have had 1 credential from it, the last on 2026-11-22."
    trusted = MET.with_party_marked(party, PartyMark.TRUSTED)
    assert plain(offer, trusted)[-1].startswith("✓ You trust it")
    elsewhere = replace(MET, parties=(replace(party, hosts=("issuer.example.evil",)),))
    assert plain(offer, elsewhere)[-1].startswith("!")


@pytest.mark.parametrize("name", [HOSTILE, "x" * 2_000, "It calls itself “the bank”."])
def test_strangers_words_stay_in_their_quotes(name: str) -> None:
    lines = plain(opened(Outside(issuer_name=name, type_title=name)), EMPTY)
    assert len(lines) == 4
    for line in lines[1:3]:
        assert line.count("“") == line.count("”") == 1
        assert line.isprintable()
