"""A credential in lines, and what is said before the list: values in, words out."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from doors.screen.text import Line
from doors.terminal import Styled
from protocol.codes import Code
from protocol.keys import Ed25519PrivateKey
from tests.wallet.parties import DEGREE, ISSUER, ISSUER_URL, NOW, VERIFIER, issue
from wallet.content import ActivityEntry, ActivityKind, WalletContent
from wallet.held import CredentialCopy, HeldCredential, Standing, StandingWord
from wallet.pending import PendingCredential, PendingIssuance, Refill
from wallet.recovery_phrase import HolderKey, HolderKeyType
from wallet.standing import standing_of
from wallet.tui.banners import banners, news
from wallet.tui.credential_lines import proof_lines, shared_lines, standing_mark, status_lines

DAY = timedelta(days=1)
EMPTY = WalletContent(entropy=bytes(32), next_key_index=0)
CREDENTIAL = issue(Ed25519PrivateKey(bytes([9]) * 32).public_key)
ENDING = issue(Ed25519PrivateKey(bytes([9]) * 32).public_key, lifetime=3 * DAY)
REFILL = Refill(
    authorization_server=ISSUER_URL, configuration_id="type-0", identifier=None, refresh_token="again"
)


def held(
    credential_id: str = "degree-1",
    *,
    word: str | None = "valid",
    since: datetime | None = None,
    used: int = 0,
    copies: int = 4,
    credential: str = CREDENTIAL,
) -> HeldCredential:
    standing = None if word is None else Standing(word=StandingWord(word), checked_at=NOW, since=since)
    return HeldCredential(
        id=credential_id,
        issuer=ISSUER,
        credential_type=DEGREE.vct,
        credential_issuer=ISSUER_URL,
        received_at=NOW - DAY,
        copies=tuple(
            CredentialCopy(
                credential=credential,
                key=HolderKey(HolderKeyType.ED25519, number),
                used_at=NOW if number < used else None,
            )
            for number in range(copies)
        ),
        standing=standing,
    )


def holding(*credentials: HeldCredential) -> WalletContent:
    return replace(EMPTY, credentials=credentials)


def plain(lines: list[Line]) -> list[str]:
    return ["".join(part.text if isinstance(part, Styled) else part for part in line) for line in lines]


def said(content: WalletContent, *, bad_news: str = "", asked_in_vain: str = "") -> list[str]:
    standings = {each.id: standing_of(each, now=NOW) for each in content.credentials}
    lines = banners(
        content, standings, now=NOW, bad_news=bad_news.split(), asked_in_vain=asked_in_vain.split()
    )
    return plain(list(lines))


def status(credential: HeldCredential, *, asked_in_vain: bool = False) -> str:
    return "\n".join(plain(list(status_lines(credential, now=NOW, asked_in_vain=asked_in_vain))))


def test_nothing_is_said_of_what_is_as_it_should_be() -> None:
    assert said(holding(held())) == []


def test_what_fell_ends_or_runs_out_is_said_in_one_line_each() -> None:
    revoked = [held(f"r{number}", word="revoked") for number in range(3)]
    suspended, ending = held("s", word="suspended"), held("e", credential=ENDING)
    scarce = replace(held("f", used=2), refill=REFILL)
    content = holding(*revoked, suspended, ending, scarce)
    assert said(content, bad_news="r0 r1 r2 s", asked_in_vain="e s") == [
        "✗ 3 credentials were revoked: nobody accepts them now.",
        "✗ Degree was suspended: nobody accepts it now.",
        "! Degree ends within 30 days: ask for a new one.",
        "! Degree: few copies left. Press f on it for new ones.",
        "? Nobody could be asked about Degree and Degree since 2026-11-22.",
    ]
    assert said(holding(held("n", word=None)), asked_in_vain="n") == [
        "? Nobody could be asked about Degree yet."
    ]


def test_what_did_not_come_yet_is_said_first() -> None:
    credential = PendingCredential(
        configuration_id="type-0",
        identifier=None,
        name="Degree",
        vct=DEGREE.vct,
        proof_algorithms=("EdDSA",),
        keys=(HolderKey(HolderKeyType.ED25519, 1),),
    )
    pending = PendingIssuance(
        offer="0" * 64,
        issuer_url=ISSUER_URL,
        credential_endpoint=ISSUER_URL,
        nonce_endpoint=None,
        notification_endpoint=None,
        access_token="access",
        begun_at=NOW,
        credentials=(credential,),
    )
    (line,) = said(EMPTY.with_pending(pending))
    assert line == "! Not here yet, and not lost: “Degree” from issuer.example. Press a and Enter to go on."


def test_only_a_change_for_the_worse_is_news() -> None:
    before = holding(held("a"), held("b"), held("c", word="revoked"), held("d", word=None))
    after = holding(
        held("a", word="revoked"),
        held("b", word=None),
        held("c", word="revoked"),
        held("d", word="suspended"),
        held("e", word="revoked"),
    )
    assert news(before, after) == {"a", "d"}


@pytest.mark.parametrize(
    ("word", "mark"), [("valid", "? as of Nov 22"), ("revoked", "✗ revoked"), (None, "? unknown")]
)
def test_what_nobody_could_be_asked_about_is_not_said_to_be_good_now(word: str | None, mark: str) -> None:
    standing = standing_of(held(word=word), now=NOW)
    assert standing_mark(standing, asked_in_vain=True).text == mark


def test_status_says_since_when_bad_news_is_known_and_what_is_left() -> None:
    shown = status(held(word="suspended", since=NOW - 3 * DAY, used=4))
    for text in (
        "! suspended",
        "Only they can lift that.",
        "Known since     2026-11-19, 3 days ago",
        "Copies left     0 of 4",
        "All were shown",
    ):
        assert text in shown
    assert "press f" not in shown
    assert "press f" in status(replace(held(), refill=REFILL))
    assert "? not yet" in status(held(word=None))
    assert "Nobody could be asked just now" in status(held(), asked_in_vain=True)


def test_parties_are_listed_with_the_names_of_what_they_saw_the_latest_first() -> None:
    def entry(party: str, day: int, *names: str, outcome: Code | None = None) -> ActivityEntry:
        return ActivityEntry(
            time=NOW + day * DAY,
            kind=ActivityKind.PRESENTED,
            party=party,
            credential_type=DEGREE.vct,
            claim_names=tuple((name,) for name in names),
            outcome=outcome,
        )

    content = EMPTY
    for line in (
        entry(f"decentralized_identifier:{VERIFIER}", 0, "title"),
        entry("redirect_uri:https://shop.example/r", 2, outcome=Code.NETWORK_TIMEOUT),
        entry(f"decentralized_identifier:{VERIFIER}", 1, "field", "title"),
        replace(entry("redirect_uri:https://else.example/r", 3), kind=ActivityKind.DECLINED),
    ):
        content = content.with_activity(line)
    shown = plain(list(shared_lines(held(), content)))
    assert [line.strip() for line in shown if line] == [
        "You have shown a Degree to:",
        "redirect_uri:https://shop.example/r",
        "once, last on 2026-11-24",
        "no fact, only that you have it",
        f"! {Code.NETWORK_TIMEOUT.meaning} network_timeout",
        "northgate on ledger.example",
        "2 times, last on 2026-11-23",
        "Degree, Field of study",
        "What they saw is listed by name; the values are kept nowhere.",
    ]
    assert plain(list(shared_lines(held(), EMPTY))) == ["Nobody has seen a Degree of yours."]


def test_proof_names_the_ledger_that_vouches_or_that_none_does() -> None:
    shown = "\n".join(plain(list(proof_lines(held(), EMPTY))))
    assert "by ledger.example, last on 2026-11-22" in shown
    assert "number 0 in https://issuer.example/status/1" in shown
    alone = replace(held(), issuer="did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK")
    assert "by nobody: its identifier is its own key" in "\n".join(plain(list(proof_lines(alone, EMPTY))))
