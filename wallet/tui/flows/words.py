"""Handing the 24 words over to a person, and asking three of them back."""

import os
import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from doors.screen.dialog import Notice
from doors.terminal import bad, warning
from wallet.content import WalletContent
from wallet.door.recording import recording_warnings
from wallet.recovery_phrase import encode_recovery_phrase
from wallet.tui.flows.passphrase import prove_ownership
from wallet.tui.screens.word_check import WordCheck, WordsAnswer
from wallet.tui.screens.words import WordsDialog

if TYPE_CHECKING:
    from wallet.tui.app import WalletApp

_ASKED_BACK = 3


async def hand_over_words(app: "WalletApp", entropy: bytes, *, can_skip: bool) -> bool | None:
    """Show the words until three of them come back; whether they did. None when the person gives up."""
    words = encode_recovery_phrase(entropy).split()
    warnings = tuple(recording_warnings(os.environ))
    while await app.ask(WordsDialog(words, warnings=warnings, go_on="I have written them down")):
        match await app.ask(WordCheck(words, _numbers(words), can_skip=can_skip)):
            case WordsAnswer.CONFIRMED:
                return True
            case WordsAnswer.SKIPPED:
                await app.ask(
                    Notice(
                        "Not now",
                        (warning("! "), "Without the words nobody can bring your wallet back."),
                        ("The line on top reminds you until you have given three of them back, under Keys.",),
                    )
                )
                return False
            case WordsAnswer.WRONG:
                await app.ask(
                    Notice(
                        "Not the same words",
                        (bad("✗ "), "What you typed is not what was shown. You see the words again."),
                    )
                )
            case WordsAnswer.AGAIN:
                pass
    return None


async def show_words(app: "WalletApp") -> None:
    """Show the words of the open wallet to its owner; as long as they were never given back, ask three."""
    if not await prove_ownership(app, "Whoever has the 24 words has all your keys."):
        return
    content = app.session.content
    if content.words_confirmed_at is not None or app.session.other_window is not None:
        words = encode_recovery_phrase(content.entropy).split()
        warnings = tuple(recording_warnings(os.environ))
        await app.ask(WordsDialog(words, warnings=warnings, go_on="Done"))
    elif await hand_over_words(app, content.entropy, can_skip=False):
        await app.work("Saving …", lambda: note_words_confirmed(app), can_cancel=False)
        app.tell("Your words are confirmed.")
        app.refresh_view()


def note_words_confirmed(app: "WalletApp") -> None:
    """Note in the open wallet that its owner has just given the words back."""
    now = app.session.clock()

    def confirmed(content: WalletContent) -> WalletContent:
        return replace(content, words_confirmed_at=now)

    with app.session.opened() as vault:
        vault.change(confirmed)


def _numbers(words: Sequence[str]) -> list[int]:
    return sorted(secrets.SystemRandom().sample(range(1, len(words) + 1), _ASKED_BACK))
