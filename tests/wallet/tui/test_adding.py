"""Getting a credential on the screen: what is seen before anything is sent, what is asked, and what comes."""

import threading
from pathlib import Path

import pytest
from textual.events import Paste

from doors.screen.dialog import Field
from tests.screen_stage import NARROW, WIDE
from tests.wallet.holder import PASSPHRASE, Holder
from tests.wallet.parties import DEGREE, HOSTILE, ISSUER, NOW, UNKNOWN_TYPE, signed
from tests.wallet.pictures import encoded, printed
from tests.wallet.tui.pictures import assert_looks_like
from tests.wallet.tui.stage import Stage, on_stage
from wallet.known_party import PartyMark
from wallet.tui.app import WalletApp
from wallet.tui.screens.add import AddScreen
from wallet.tui.screens.consent import ConsentScreen
from wallet.tui.screens.credentials import CredentialsScreen
from wallet.tui.screens.dialog import Question, Refusal, Telling
from wallet.tui.screens.files import FileDialog
from wallet.tui.screens.offer import OfferDialog
from wallet.tui.screens.qr import QrScreen
from wallet.tui.screens.received import ReceivedDialog
from wallet.tui.screens.source import LinkField

TITLE = str(DEGREE.example["title"])


async def paste(stage: Stage, text: str) -> None:
    """Give the wallet a link from its list of credentials."""
    await stage.press("a")
    await stage.screen(AddScreen)
    await stage.enter(text)


async def refused(stage: Stage, *texts: str) -> None:
    """See why something was refused, and that it can be corrected."""
    await stage.screen(Refusal)
    await stage.shows(*texts)
    await stage.press("enter")
    await stage.screen(AddScreen)


def meet_issuer(holder: Holder) -> None:
    with holder.vault() as vault:
        vault.change(lambda content: content.with_issuer_seen(ISSUER, host="issuer.example", now=NOW))


async def test_person_sees_who_offers_what_gets_it_and_reads_what_came(holder: Holder) -> None:
    async with on_stage(holder) as stage:
        await stage.shows("No credentials yet.", "Press a")
        await stage.press("a")
        await stage.screen(AddScreen)
        assert_looks_like("add-narrow", stage.text())
        await stage.enter(holder.outside.offer())
        await stage.screen(OfferDialog)
        await stage.shows("issuer.example offers you:", "You get 3 copies")
        assert_looks_like("offer-narrow", stage.text())
        assert holder.outside.sent == []
        await stage.press("y")
        await stage.screen(ReceivedDialog)
        await stage.shows("✓ Degree from city-university", "3 copies", "••••••")
        assert TITLE not in stage.text()
        await stage.press("v")
        await stage.shows(TITLE)
        await stage.press("right", "enter")
        await stage.until(lambda: TITLE not in stage.text())
        await stage.press("left", "enter")
        await stage.screen(CredentialsScreen)
        await stage.shows("✓ valid", "Degree")
    (held,) = holder.vault().content.credentials
    assert len(held.copies) == 3


async def test_nothing_is_sent_to_a_stranger_whose_offer_enter_declines(holder: Holder) -> None:
    async with on_stage(holder, size=WIDE) as stage:
        await paste(stage, holder.outside.offer())
        await stage.screen(OfferDialog)
        await stage.shows("! You never had anything from this host.")
        assert_looks_like("offer-wide", stage.text())
        await stage.press("Q")
        await stage.screen(QrScreen)
        await stage.pilot.resize_terminal(120, 60)
        await stage.shows("▄▄▄▄▄")
        await stage.pilot.resize_terminal(*NARROW)
        await stage.shows("Make the window larger for a QR code", "openid-credential-offer://")
        await stage.press("escape")
        await stage.screen(OfferDialog)
        await stage.press("enter")
        await stage.screen(AddScreen)
        stage.app.push_screen(QrScreen("{" + "x" * 3000))
        await stage.shows("This is too long for a QR code", "{xxx")
    assert holder.outside.sent == []


async def test_known_issuer_is_accepted_with_enter_and_its_code_asked_for_while_tries_are_left(
    holder: Holder,
) -> None:
    meet_issuer(holder)
    holder.outside.transaction_code = "266641"
    async with on_stage(holder) as stage:
        await paste(stage, holder.outside.offer())
        await stage.screen(OfferDialog)
        await stage.shows("You have had 1 credential from it")
        await stage.until(lambda: stage.app.focused is not None and stage.app.focused.id == "yes")
        await stage.press("enter")
        await stage.screen(Field)
        await stage.shows("6 digits", "The issuer says about the code: “")
        await stage.enter("12345")
        await stage.shows("Nothing was sent: it has to be 6 digits.")
        assert holder.outside.sent == []
        await stage.enter("000000")
        await stage.shows("2 tries left")
        await stage.enter("266641")
        await stage.screen(ReceivedDialog)


async def test_last_wrong_code_ends_with_the_reason(holder: Holder) -> None:
    holder.outside.transaction_code, holder.outside.tries_left = "266641", 1
    async with on_stage(holder) as stage:
        await paste(stage, holder.outside.offer())
        await stage.screen(OfferDialog)
        await stage.press("y")
        await stage.screen(Field)
        await stage.enter("000000")
        await refused(stage, "transaction_code_wrong", "that was the last try")


async def test_blocked_issuer_gets_nothing_and_is_not_even_shown(holder: Holder) -> None:
    meet_issuer(holder)
    with holder.vault() as vault:
        (party,) = vault.content.parties
        vault.change(lambda content: content.with_party_marked(party, PartyMark.BLOCKED))
    async with on_stage(holder) as stage:
        await paste(stage, holder.outside.offer())
        await refused(stage, "party_blocked")
    assert holder.outside.sent == []


async def test_what_was_interrupted_is_not_lost_and_an_empty_field_goes_on_with_it(holder: Holder) -> None:
    holder.outside.lost = 1
    async with on_stage(holder) as stage:
        await paste(stage, holder.outside.offer())
        await stage.screen(OfferDialog)
        await stage.press("y")
        await stage.screen(Refusal)
        await stage.shows("It is not lost.")
        await stage.press("enter")
        await stage.screen(CredentialsScreen)
        await stage.shows("! Not here yet, and not lost: “Degree” from issuer.example.")
        await paste(stage, "")
        await stage.screen(ReceivedDialog)
        await stage.press("enter")
        await stage.screen(CredentialsScreen)
        await stage.shows("✓ valid")
        assert "Not here yet" not in stage.text()
        # The same link again: it is known what came of it.
        await paste(stage, holder.outside.offer())
        await stage.screen(ReceivedDialog)
        await stage.shows("You have it already")


async def test_what_is_no_offer_is_refused_and_a_request_can_be_answered(
    ada: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wallet.tui.screens.source.read_picture", lambda: b"no picture")
    async with on_stage(ada) as stage:
        await paste(stage, "/nowhere/offer.txt")
        await refused(stage, "link_invalid")
        await stage.enter("https://issuer.example/offer")
        await refused(stage, "offer_invalid")
        await stage.press("ctrl+g")
        await refused(stage, "picture_invalid")
        await stage.enter(signed())
        await stage.screen(Question)
        await stage.shows("This asks you for something")
        await stage.press("y")
        await stage.screen(ConsentScreen)


async def test_offer_comes_from_a_file_whose_name_is_no_markup_a_picture_or_a_broken_link(
    holder: Holder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    link = holder.outside.offer()
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    (downloads / "[bold]offer[@click=app.quit].txt").write_text(link)
    monkeypatch.setenv("HOME", str(downloads))
    picture = encoded(printed(link))
    monkeypatch.setattr("wallet.tui.screens.source.read_picture", lambda: picture)
    async with on_stage(holder) as stage:
        await stage.press("a")
        screen = await stage.screen(AddScreen)
        await stage.press("ctrl+o")
        await stage.screen(FileDialog)
        await stage.shows("[bold]offer[@click=app.quit].txt")
        await stage.press("down", "enter")
        await stage.screen(OfferDialog)
        await stage.press("n")
        await stage.screen(AddScreen)
        screen.query_one(LinkField).value = ""
        stage.app.post_message(Paste(f" {link[:40]}\n{link[40:]}\n"))
        await stage.until(lambda: screen.query_one(LinkField).value == link)
        await stage.press("ctrl+g")
        await stage.screen(OfferDialog)


async def test_offer_the_program_was_called_with_is_shown_once_the_wallet_is_open(holder: Holder) -> None:
    async with on_stage(holder, link=holder.outside.offer(), unlocked=False) as stage:
        await stage.enter(PASSPHRASE)
        await stage.screen(OfferDialog)
        await stage.press("n")
        await stage.screen(CredentialsScreen)


async def test_steps_of_what_takes_long_are_told_while_it_is_done(holder: Holder) -> None:
    gate, telling = threading.Event(), Telling("Asking for the credential …")

    async def wait(app: WalletApp) -> None:
        await app.work(telling, gate.wait, can_cancel=False)

    async with on_stage(holder) as stage:
        stage.app.start(wait(stage.app))
        await stage.shows("Asking for the credential …")
        telling.words = "Checking what came …"
        await stage.shows("Checking what came …")
        gate.set()
        await stage.screen(CredentialsScreen)


async def test_hostile_words_of_an_issuer_stay_words(holder: Holder) -> None:
    holder.outside.issuer_name = holder.outside.type_title = f"[b]{HOSTILE}[/] [@click=app.quit]x[/]"
    holder.outside.claims = {"[/]": HOSTILE, HOSTILE: "[b]x"}
    holder.outside.offered = (UNKNOWN_TYPE,)
    async with on_stage(holder) as stage:
        await paste(stage, holder.outside.offer())
        await stage.screen(OfferDialog)
        await stage.shows("“[b]a\ufffd[2J\ufffdb\ufffd\ufffdc")
        await stage.press("y")
        await stage.screen(ReceivedDialog)
        await stage.press("v")
        await stage.shows("[b]x")
