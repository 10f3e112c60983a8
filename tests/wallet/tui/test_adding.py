"""Getting a credential on the screen: what is seen before anything is sent, what is asked, and what comes."""

import threading
from pathlib import Path

import pytest
from textual.events import Paste

from tests.wallet.holder import PASSPHRASE, Holder
from tests.wallet.parties import DEGREE, HOSTILE, ISSUER, NOW, UNKNOWN_TYPE, signed
from tests.wallet.pictures import encoded, printed
from tests.wallet.tui.pictures import assert_looks_like
from tests.wallet.tui.stage import NARROW, WIDE, Stage, on_stage
from wallet.known_party import PartyMark
from wallet.tui.app import WalletApp
from wallet.tui.screens.add import AddScreen
from wallet.tui.screens.consent import ConsentScreen
from wallet.tui.screens.credentials import CredentialsScreen
from wallet.tui.screens.dialog import Field, Question, Refusal, Telling
from wallet.tui.screens.files import FileDialog
from wallet.tui.screens.offer import OfferDialog
from wallet.tui.screens.qr import QrScreen
from wallet.tui.screens.received import ReceivedDialog
from wallet.tui.screens.source import LinkField


async def paste(stage: Stage, text: str) -> None:
    """Give the wallet a link from its list of credentials."""
    await stage.press("a")
    await stage.screen(AddScreen)
    await stage.enter(text)


def meet_issuer(holder: Holder) -> None:
    with holder.vault() as vault:
        vault.change(lambda content: content.with_issuer_seen(ISSUER, host="issuer.example", now=NOW))


@pytest.mark.parametrize(("name", "size"), [("narrow", NARROW), ("wide", WIDE)])
async def test_person_sees_who_offers_what_gets_it_and_reads_what_came(
    holder: Holder, name: str, size: tuple[int, int]
) -> None:
    async with on_stage(holder, size=size) as stage:
        await stage.shows("No credentials yet.", "Press a")
        await stage.press("a")
        await stage.screen(AddScreen)
        assert_looks_like(f"add-{name}", stage.text())
        await stage.enter(holder.outside.offer())
        await stage.screen(OfferDialog)
        await stage.shows("issuer.example offers you:", "You get 3 copies")
        assert_looks_like(f"offer-{name}", stage.text())
        assert holder.outside.sent == []
        await stage.press("y")
        await stage.screen(ReceivedDialog)
        await stage.shows("✓ Degree from city-university", "3 copies", "••••••")
        assert str(DEGREE.example["title"]) not in stage.text()
        await stage.press("v")
        await stage.shows(str(DEGREE.example["title"]))
        await stage.press("right", "enter")
        await stage.until(lambda: str(DEGREE.example["title"]) not in stage.text())
        await stage.press("left", "enter")
        await stage.screen(CredentialsScreen)
        await stage.shows("✓ valid", "Degree")
    (held,) = holder.vault().content.credentials
    assert len(held.copies) == 3


async def test_nothing_is_sent_to_a_stranger_whose_offer_enter_declines(holder: Holder) -> None:
    async with on_stage(holder) as stage:
        await paste(stage, holder.outside.offer())
        await stage.screen(OfferDialog)
        await stage.shows("! You never had anything from this host.")
        await stage.press("enter")
        await stage.screen(AddScreen)
    assert holder.outside.sent == []


async def test_enter_accepts_the_offer_of_an_issuer_that_is_known(holder: Holder) -> None:
    meet_issuer(holder)
    async with on_stage(holder) as stage:
        await paste(stage, holder.outside.offer())
        await stage.screen(OfferDialog)
        await stage.shows("You have had 1 credential from it")
        await stage.until(lambda: stage.app.focused is not None and stage.app.focused.id == "yes")
        await stage.press("enter")
        await stage.screen(ReceivedDialog)


async def test_blocked_issuer_gets_nothing_and_is_not_even_shown(holder: Holder) -> None:
    meet_issuer(holder)
    with holder.vault() as vault:
        (party,) = vault.content.parties
        vault.change(lambda content: content.with_party_marked(party, PartyMark.BLOCKED))
    async with on_stage(holder) as stage:
        await paste(stage, holder.outside.offer())
        await stage.screen(Refusal)
        await stage.shows("party_blocked")
    assert holder.outside.sent == []


async def test_code_is_asked_for_in_its_form_and_again_while_tries_are_left(holder: Holder) -> None:
    holder.outside.transaction_code = "266641"
    async with on_stage(holder) as stage:
        await paste(stage, holder.outside.offer())
        await stage.screen(OfferDialog)
        await stage.press("y")
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
        await stage.screen(Refusal)
        await stage.shows("transaction_code_wrong", "that was the last try")
        await stage.press("enter")
        await stage.screen(AddScreen)


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


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("/nowhere/offer.txt", "usage_invalid"),
        ("https://issuer.example/offer", "offer_invalid"),
        ("{", "offer_invalid"),
    ],
)
async def test_what_is_no_offer_is_refused_and_can_be_corrected(
    holder: Holder, given: str, code: str
) -> None:
    async with on_stage(holder) as stage:
        await paste(stage, given)
        await stage.screen(Refusal)
        await stage.shows(code)
        await stage.press("enter")
        await stage.screen(AddScreen)


async def test_request_in_the_place_of_an_offer_can_be_answered(ada: Holder) -> None:
    async with on_stage(ada) as stage:
        await paste(stage, signed())
        await stage.screen(Question)
        await stage.shows("This asks you for something")
        await stage.press("y")
        await stage.screen(ConsentScreen)


async def test_offer_the_program_was_called_with_is_shown_once_the_wallet_is_open(holder: Holder) -> None:
    async with on_stage(holder, link=holder.outside.offer(), unlocked=False) as stage:
        await stage.enter(PASSPHRASE)
        await stage.screen(OfferDialog)
        await stage.press("n")
        await stage.screen(CredentialsScreen)


async def test_file_is_chosen_from_a_tree_in_which_no_name_is_markup(
    holder: Holder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    (downloads / "[bold]offer[@click=app.quit].txt").write_text(holder.outside.offer())
    monkeypatch.setenv("HOME", str(downloads))
    async with on_stage(holder) as stage:
        await stage.press("a")
        await stage.screen(AddScreen)
        await stage.press("ctrl+o")
        await stage.screen(FileDialog)
        await stage.shows("[bold]offer[@click=app.quit].txt")
        await stage.press("down", "enter")
        await stage.screen(OfferDialog)


async def test_offer_is_shown_as_a_qr_code_where_it_fits_and_else_as_a_link(holder: Holder) -> None:
    async with on_stage(holder, size=(120, 60)) as stage:
        await paste(stage, holder.outside.offer())
        await stage.screen(OfferDialog)
        await stage.press("Q")
        await stage.screen(QrScreen)
        await stage.shows("▄▄▄▄▄")
        await stage.pilot.resize_terminal(*NARROW)
        await stage.shows("Make the window larger for a QR code", "openid-credential-offer://")
        await stage.press("escape")
        await stage.screen(OfferDialog)


async def test_hostile_words_of_an_issuer_stay_words(holder: Holder) -> None:
    holder.outside.offered = (DEGREE.vct, UNKNOWN_TYPE)
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


async def test_picture_on_the_clipboard_gives_the_link_or_a_reason(
    holder: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = iter([b"no picture", encoded(printed(holder.outside.offer()))])
    monkeypatch.setattr("wallet.tui.screens.source.read_picture", lambda: next(pictures))
    async with on_stage(holder) as stage:
        await stage.press("a")
        await stage.screen(AddScreen)
        await stage.press("ctrl+g")
        await stage.screen(Refusal)
        await stage.shows("picture_invalid")
        await stage.press("enter")
        await stage.screen(AddScreen)
        await stage.press("ctrl+g")
        await stage.screen(OfferDialog)


async def test_link_that_a_mail_has_broken_into_lines_is_pasted_whole(holder: Holder) -> None:
    link = holder.outside.offer()
    async with on_stage(holder) as stage:
        await stage.press("a")
        screen = await stage.screen(AddScreen)
        stage.app.post_message(Paste(f" {link[:40]}\n{link[40:]}\n"))
        await stage.until(lambda: screen.query_one(LinkField).value == link)


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
