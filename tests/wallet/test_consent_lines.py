"""What a person reads before they decide, and how much of the screen it takes."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from doors.folding import fold
from doors.terminal import Styled
from protocol.did.key import resolve_did_key
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.openid4vp.dcql.query import parse_dcql_query
from protocol.openid4vp.request import RequestStatement
from protocol.openid4vp.request_object import DidClient, VerifiedRequest
from tests.counted import NOW
from tests.openid_parties import REQUEST, VERIFIER
from tests.wallet.counterparts import UNIVERSITY
from tests.wallet.holdings import CARD, DEGREE, EMPTY, with_held
from tests.wallet.inspector import query_for
from wallet.consent import Consent, prepare_consent
from wallet.content import ActivityEntry, ActivityKind, WalletContent
from wallet.door.consent_lines import (
    Line,
    consent_lines,
    count_line,
    doubt_lines,
    exact_lines,
    hint_word,
    outlook_lines,
)
from wallet.known_party import PartyMark, PartyRole, met

CLIENT_ID = f"decentralized_identifier:{VERIFIER}"
ROWS, COLUMNS = 24, 80
# The questions below the consent: what to add, whether to share.
QUESTIONS = 3


def with_wishes(vct: str, needed: list[str], *wishes: str) -> JsonObject:
    claims: list[JsonValue] = [{"id": name, "path": [name]} for name in (*needed, *wishes)]
    sets: list[JsonValue] = [[*needed, *wishes[:count]] for count in range(len(wishes) + 1)]
    return query_for(vct, claims=claims, claim_sets=sets)


def consent_to(
    *parts: JsonObject,
    purpose: str | None = "Job application",
    content: WalletContent | None = None,
    is_known: bool = True,
) -> Consent:
    statement = None if purpose is None else RequestStatement(purpose, timedelta(days=30))
    query = parse_dcql_query({"credentials": [*parts]})
    request = replace(REQUEST, query=query, statement=statement)
    did = replace(resolve_did_key(VERIFIER), evidence=UNIVERSITY.evidence if is_known else None)
    held = with_held(with_held(EMPTY), CARD, id="card-1") if content is None else content
    return prepare_consent(held, VerifiedRequest(request, DidClient(did)), now=NOW)


def text(line: Line) -> str:
    return "".join(part.text if isinstance(part, Styled) else part for part in line)


def texts(lines: Iterable[Line]) -> list[str]:
    return [text(line) for line in lines]


def rows(consent: Consent) -> int:
    return sum(len(list(fold(line, COLUMNS))) for line in texts(consent_lines(consent)))


@pytest.mark.parametrize(
    "part",
    [
        with_wishes(DEGREE, ["title", "university", "level"]),
        with_wishes(DEGREE, ["title", "university"], "grade"),
        with_wishes(CARD, ["age_over_18"], "given_name", "nationality"),
    ],
)
@pytest.mark.parametrize("is_known", [True, False])
def test_consent_to_three_facts_fits_a_small_window(part: JsonObject, is_known: bool) -> None:
    assert rows(consent_to(part, is_known=is_known)) + QUESTIONS <= ROWS


def test_what_is_odd_stands_behind_the_fact() -> None:
    part = with_wishes(CARD, ["birth_date", "given_name"], "portrait")
    shown = ActivityEntry(
        time=NOW,
        kind=ActivityKind.PRESENTED,
        party=CLIENT_ID,
        credential_type=CARD,
        claim_names=(("birth_date",),),
    )
    party = replace(met(CLIENT_ID, PartyRole.VERIFIER, now=NOW), presentations=1)
    content = replace(with_held(EMPTY, CARD), activity=(shown,), parties=(party,))

    def words(purpose: str | None) -> list[str | None]:
        consent = consent_to(part, purpose=purpose, content=content)
        (item,) = consent.items
        return [hint_word(consent, item, fact) for fact in (*item.needed, *item.optional)]

    odd = "unusual for an age check"
    assert words("Age check") == [odd, "Over 18 says less", odd]
    # Known facts come in the order of their type.
    new = "not shown last time"
    assert words(None) == [new, "Over 18 says less", "rarely needed"]
    consent = consent_to(part, purpose="Age check", content=content)
    assert f"  [=] Given name               Ada ! {odd}" in texts(consent_lines(consent))
    assert texts(doubt_lines(consent)) == [
        "! They ask for Date of birth, where Over 18 says less.",
        "! They were not shown this the last time: Given name.",
        "! Unusual for an age check: Given name, Date of birth.",
    ]
    assert texts(doubt_lines(consent_to(part, purpose=None, content=content)))[2:] == []


def test_doubts_begin_with_nobody_knowing_who_asks() -> None:
    consent = consent_to(query_for(DEGREE, ["student_number"]), purpose=None, is_known=False)
    assert texts(doubt_lines(consent)) == [
        "! Nobody knows who verifier.example is.",
        "! Rarely needed by anybody: Student number.",
    ]
    assert texts(doubt_lines(consent_to(query_for(DEGREE, ["title"])))) == []


def test_request_for_everything_is_said_to_be_one() -> None:
    content = with_held(EMPTY, "urn:ticket", id="ticket-1", claims={"seat": "1", "row": "2"})
    consent = consent_to(query_for("urn:ticket", ["seat"], ["row"]), content=content)
    everything = "! They ask for everything in your urn:ticket."
    assert everything in texts(consent_lines(consent))
    assert texts(doubt_lines(consent)) == [everything]


def test_of_several_credentials_it_is_said_which_one_hides_what() -> None:
    parts = [query_for(DEGREE, ["title"], query_id="a"), query_for(CARD, ["given_name"], query_id="b")]
    consent = consent_to(*parts)
    lines = texts(outlook_lines(consent))
    assert lines[0].startswith("Stays hidden    degree-1: Given name")
    assert lines[1] == "Linkable        degree-1: no: a copy nobody has seen, 2 left"
    assert lines[2].startswith("Stays hidden    card-1: Family name")
    assert texts(consent_lines(consent))[-1] == "2 facts will be sent."


def test_exact_lines_are_in_the_words_of_the_protocol() -> None:
    consent = consent_to(query_for(DEGREE, ["title"]))
    assert [line.split(maxsplit=1) for line in texts(exact_lines(consent))][:3] == [
        ["client", f"id       {CLIENT_ID}"],
        ["answer", "to       https://verifier.example/response"],
        ["ledger", "ledger.example"],
    ]
    assert texts(exact_lines(consent))[-1] == "facts           title"
    unknown = consent_to(query_for(DEGREE), is_known=False)
    assert texts(exact_lines(unknown))[-1] == "facts           none"
    assert "No fact about you" in text(count_line(unknown))


def test_evidence_that_goes_along_is_said_to_do_so() -> None:
    consent = consent_to(query_for(DEGREE, ["title"]))
    said = "Goes along      proof that the issuer is genuine, kept by this wallet or asked for now"
    assert said not in texts(consent_lines(consent))
    request = replace(consent.request.request, evidence_wanted=True)
    wanted = replace(consent, request=replace(consent.request, request=request))
    assert said in texts(consent_lines(wanted))


def test_standing_of_the_party_is_told() -> None:
    part = query_for(DEGREE, ["title"])

    def told(content: WalletContent) -> str:
        lines = texts(consent_lines(consent_to(part, content=content, is_known=False)))
        return "\n".join(lines)

    content = with_held(EMPTY)
    assert "verifier.example, which you never answered before" in told(content)
    assert "! Not verified: they signed with a key that anybody can have made" in told(content)
    content = content.with_party_seen(CLIENT_ID, name=None, presented=False, now=NOW)
    assert "which you never answered before" in told(content)
    content = content.with_party_seen(CLIENT_ID, name=None, presented=True, now=NOW)
    assert "verifier.example, known since 2026-11-22" in told(content)
    content = content.with_party_marked(content.parties[0], PartyMark.TRUSTED)
    assert "verifier.example, ✓ on your list, known since 2026-11-22" in told(content)
    assert "✓ They signed with the key that you trust" in told(content)
