"""What its owner should know about the wallet all the time: the line on top says it."""

from collections.abc import Iterator

from storage.sealed_file import Freshness
from wallet.tui.session import WalletSession


def notices(session: WalletSession) -> Iterator[str]:
    """The notices about the open wallet, the weightiest first."""
    if session.other_window is not None:
        yield "READ ONLY"
    if session.vault.file.recovered:
        yield "newest file damaged: Doctor (6)"
    if session.vault.file.freshness is Freshness.UNKNOWN:
        yield "age unknown: Doctor (6)"
    if session.content.words_confirmed_at is None:
        yield "words not confirmed: Keys (4)"
