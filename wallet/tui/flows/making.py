"""Making a wallet: new, or anew from its words. Until everything is known, nothing is written."""

import secrets
from typing import TYPE_CHECKING

from ledger.trust import TrustedLedgers
from storage.passphrase import Passphrase
from wallet.making import make_wallet, require_place
from wallet.recovery_phrase import ENTROPY_BYTES
from wallet.tui.flows.ledger import choose_ledgers
from wallet.tui.flows.words import hand_over_words
from wallet.tui.screens.dialog import Question
from wallet.tui.screens.new_passphrase import NewPassphrase
from wallet.tui.screens.typed_words import TypedWords

if TYPE_CHECKING:
    from wallet.tui.app import WalletApp


async def make_new(app: "WalletApp") -> None:
    """A new wallet: passphrase, words, ledger."""
    require_place(app.session.folder)
    passphrase = await app.ask(NewPassphrase("A passphrase for your new wallet"))
    if passphrase is None:
        return
    entropy = secrets.token_bytes(ENTROPY_BYTES)
    while (confirmed := await hand_over_words(app, entropy, can_skip=True)) is None:
        if await _means_to_stop(app):
            return
    await _finish(app, entropy, passphrase, words_confirmed=confirmed)


async def make_from_words(app: "WalletApp") -> None:
    """A wallet with the keys of an earlier one, and none of its credentials."""
    require_place(app.session.folder)
    entropy = await app.ask(
        TypedWords(
            "The 24 words of the earlier wallet",
            (
                "They bring its keys back, not its credentials: get those from their issuers again, or "
                "import a backup file instead, if you have one.",
            ),
            (),
        )
    )
    if entropy is None:
        return
    passphrase = await app.ask(NewPassphrase("A new passphrase for it"))
    if passphrase is not None:
        await _finish(app, entropy, passphrase, words_confirmed=True)


async def _finish(app: "WalletApp", entropy: bytes, passphrase: Passphrase, *, words_confirmed: bool) -> None:
    while (ledgers := await choose_ledgers(app)) is None:
        if await _means_to_stop(app):
            return
    await _make(app, entropy, passphrase, ledgers, words_confirmed=words_confirmed)
    app.enter()
    app.tell(f"Your wallet is in {app.session.folder.path}.")
    if not ledgers.ledgers:
        app.tell("It trusts no ledger yet, so no issuer. Add one with `tally trust URL`.")


async def _make(
    app: "WalletApp",
    entropy: bytes,
    passphrase: Passphrase,
    ledgers: TrustedLedgers,
    *,
    words_confirmed: bool,
) -> None:
    session = app.session

    def job() -> None:
        session.adopt(
            make_wallet(
                session.folder,
                entropy=entropy,
                passphrase=passphrase,
                kdf=session.choose_kdf(),
                ledgers=ledgers,
                words_confirmed=words_confirmed,
                now=session.clock(),
            )
        )

    await app.work("Making the wallet …", job, can_cancel=False)


async def _means_to_stop(app: "WalletApp") -> bool:
    return await app.ask(
        Question(
            "Make no wallet?",
            (
                "Nothing was written to the disk yet. Words that you wrote down for it are worth nothing "
                "then.",
            ),
            yes="Make none",
            no="Go on",
        )
    )
