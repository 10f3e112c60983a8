"""Answering a request on the screen: what is seen, what is asked, and what leaves."""

from dataclasses import replace

import pytest

from doors.screen.dialog import Field, Notice
from protocol.openid4vp.response import ErrorResponse, parse_response
from tests.screen_stage import NARROW, WIDE
from tests.wallet.holder import PASSPHRASE, Holder, names_sent
from tests.wallet.parties import DEGREE, HOSTILE, REQUEST, asking_for, signed, unsigned
from tests.wallet.tui.pictures import assert_looks_like
from tests.wallet.tui.stage import Stage, on_stage
from wallet.content import ActivityKind
from wallet.tui.screens.choice import Choice
from wallet.tui.screens.consent import ConsentScreen
from wallet.tui.screens.dialog import Question, Refusal, TypedQuestion
from wallet.tui.screens.offer import OfferDialog
from wallet.tui.screens.present import PresentScreen
from wallet.tui.screens.unlock import UnlockScreen


async def asked(stage: Stage, link: str) -> ConsentScreen:
    """Give the wallet a link, and see who asks."""
    stage.app.push_screen(PresentScreen())
    await stage.screen(PresentScreen)
    await stage.enter(link)
    return await stage.screen(ConsentScreen)


@pytest.mark.parametrize(("name", "size"), [("narrow", NARROW), ("wide", WIDE)])
async def test_consent_to_a_known_party_looks_as_agreed(
    ada: Holder, name: str, size: tuple[int, int]
) -> None:
    async with on_stage(ada, size=size) as stage:
        await asked(stage, signed())
        assert_looks_like(f"consent-{name}", stage.text())


async def test_only_what_is_needed_leaves_and_the_result_is_told(ada: Holder) -> None:
    async with on_stage(ada) as stage:
        await asked(stage, signed())
        await stage.shows("2 facts will be sent.", "[=] ", "[ ] Grade")
        assert ada.outside.sent == []
        await stage.press("s")
        await stage.screen(Question)
        await stage.shows("Share 2 facts with verifier.example?")
        assert ada.outside.sent == []
        await stage.press("y")
        await stage.screen(Notice)
        await stage.shows("✓ Sent 2 facts to “Northgate”, verifier.example.")
        await stage.press("enter")
        assert names_sent(ada) == {"title", "field"}
        (entry,) = stage.app.session.content.activity
        assert (entry.kind, entry.outcome) == (ActivityKind.PRESENTED, None)


async def test_optional_fact_leaves_only_after_it_was_turned_on_and_not_when_it_was_turned_off_again(
    ada: Holder,
) -> None:
    async with on_stage(ada) as stage:
        screen = await asked(stage, signed())
        await stage.press("end", "space")
        await stage.shows("[x] Grade", "3 facts will be sent.")
        await stage.press("space")
        await stage.shows("[ ] Grade", "2 facts will be sent.")
        # What is needed cannot be turned off, by key or by whatever a widget could do.
        await stage.press("home", "space", "down", "space", "enter")
        assert screen.consent.facts == 2
        await stage.press("end", "enter", "s", "y")
        await stage.screen(Notice)
        assert names_sent(ada) == {"title", "field", "grade"}


async def test_enter_on_the_last_question_is_a_no_and_leads_back(ada: Holder) -> None:
    async with on_stage(ada) as stage:
        await asked(stage, signed())
        await stage.press("s")
        await stage.screen(Question)
        await stage.press("enter")
        await stage.screen(ConsentScreen)
        assert ada.outside.sent == []


async def test_escape_goes_away_and_nothing_is_sent_or_declined(ada: Holder) -> None:
    async with on_stage(ada) as stage:
        await asked(stage, signed())
        await stage.press("escape")
        await stage.until(
            lambda: [note.message for note in stage.app._notifications] == ["Nothing was sent."]
        )
        assert (ada.outside.sent, stage.app.session.content.activity) == ([], ())


async def test_decline_tells_them_only_if_that_is_wanted(ada: Holder) -> None:
    async with on_stage(ada) as stage:
        await asked(stage, signed())
        await stage.press("d")
        await stage.screen(Question)
        await stage.press("y")
        await stage.until(lambda: bool(stage.app.session.content.activity))
        ((_, body),) = ada.outside.sent
        assert isinstance(parse_response(body), ErrorResponse)


@pytest.mark.parametrize(("name", "size"), [("narrow", NARROW), ("wide", WIDE)])
async def test_unverified_party_needs_its_host_typed_before_anything_leaves(
    ada: Holder, name: str, size: tuple[int, int]
) -> None:
    async with on_stage(ada, size=size) as stage:
        await asked(stage, unsigned())
        assert_looks_like(f"consent-unverified-{name}", stage.text())
        await stage.press("s", "y")
        await stage.screen(TypedQuestion)
        await stage.shows("Nobody knows who verifier.example is.")
        await stage.enter("verifier")
        await stage.screen(TypedQuestion)
        assert ada.outside.sent == []
        await stage.enter("verifier.example")
        await stage.screen(Notice)
        assert len(ada.outside.sent) == 1


async def test_known_party_that_asks_for_too_much_is_doubted_and_needs_a_second_yes(ada: Holder) -> None:
    async with on_stage(ada) as stage:
        await asked(stage, signed(asking_for(DEGREE.vct, *DEGREE.example)))
        # More than the window holds: who asks and how much leaves is in view, the rest comes with the cursor.
        await stage.shows("Who asks", "✓ They signed as northgate", "13 facts will be sent.")
        await stage.press("end")
        await stage.shows("[=] Credits (ECTS)", "13 facts will be sent.")
        await stage.press("home")
        await stage.shows("[=] Given name")
        await stage.press("s", "y")
        await stage.screen(TypedQuestion)
        await stage.shows("Are you sure?", "! They ask for everything in your Degree.")
        await stage.press("escape")
        await stage.screen(ConsentScreen)
        assert ada.outside.sent == []


async def test_unlock_longer_ago_than_two_minutes_asks_for_the_passphrase_again(ada: Holder) -> None:
    async with on_stage(ada) as stage:
        await asked(stage, signed())
        stage.stopwatch.seconds += 121
        await stage.press("s", "y")
        await stage.screen(Field)
        await stage.enter("a wrong one")
        await stage.shows("✗ That passphrase does not open it.")
        assert ada.outside.sent == []
        await stage.enter(PASSPHRASE)
        await stage.screen(Notice)
        assert names_sent(ada) == {"title", "field"}


async def test_whoever_does_not_know_the_passphrase_ends_at_the_door(ada: Holder) -> None:
    async with on_stage(ada) as stage:
        await asked(stage, signed())
        stage.stopwatch.seconds += 121
        await stage.press("s", "y")
        for _ in range(3):
            field = await stage.screen(Field)
            await stage.enter("a wrong one")
            await stage.gone(field)
        await stage.screen(UnlockScreen)
        assert ada.outside.sent == []


async def test_another_credential_is_chosen_among_those_that_answer(ada: Holder) -> None:
    ada.hold("degree-0002")
    async with on_stage(ada) as stage:
        await asked(stage, signed())
        await stage.shows("your Degree degree-0001")
        await stage.press("c")
        await stage.screen(Choice)
        await stage.press("down", "enter")
        await stage.screen(ConsentScreen)
        await stage.shows("your Degree degree-0002")


@pytest.mark.parametrize(("name", "size"), [("narrow", NARROW), ("wide", WIDE)])
async def test_refused_answer_says_so_with_the_words_of_the_verifier_and_the_code_last(
    ada: Holder, name: str, size: tuple[int, int]
) -> None:
    ada.outside.acknowledgement = (400, {"error": "invalid_request", "error_description": HOSTILE})
    async with on_stage(ada, size=size) as stage:
        await asked(stage, signed())
        await stage.press("s", "y")
        await stage.screen(Refusal)
        assert_looks_like(f"refusal-{name}", stage.text())


async def test_answer_of_which_nobody_knows_whether_it_arrived_is_not_sent_again(ada: Holder) -> None:
    ada.outside.acknowledgement = (500, {})
    async with on_stage(ada) as stage:
        await asked(stage, signed())
        await stage.press("s", "y")
        await stage.screen(Notice)
        await stage.shows("Nobody knows whether your answer arrived.", "not sent again", "ask you anew")
        assert "try again" not in stage.text()
        await stage.press("enter")
        assert len(ada.outside.sent) == 1


async def test_request_that_nothing_answers_says_so_and_comes_to_no_consent(holder: Holder) -> None:
    async with on_stage(holder) as stage:
        stage.app.push_screen(PresentScreen())
        await stage.screen(PresentScreen)
        await stage.enter(signed())
        await stage.screen(Refusal)
        await stage.shows("nothing_matches")


async def test_hostile_words_of_a_verifier_stay_words(ada: Holder) -> None:
    statement = REQUEST.statement
    assert statement is not None
    hostile = replace(
        REQUEST,
        client_name=f"[@click=app.quit]{HOSTILE}[/]",
        statement=replace(statement, purpose=f"[b]{HOSTILE}[/][/]"),
    )
    async with on_stage(ada) as stage:
        await asked(stage, signed(hostile))
        await stage.shows("“[@click=app.quit]a\ufffd[2J\ufffdb", "“[b]a\ufffd[2J\ufffdb")
        await stage.press("v")
        await stage.screen(Notice)
        await stage.shows("client id")


async def test_offer_that_was_pasted_here_leads_to_its_preview(ada: Holder) -> None:
    async with on_stage(ada) as stage:
        stage.app.push_screen(PresentScreen())
        await stage.screen(PresentScreen)
        await stage.enter(ada.outside.offer())
        await stage.screen(OfferDialog)
        assert ada.outside.sent == []
