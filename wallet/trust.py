"""Whose word a wallet believes about issuers and verifiers: ledgers its owner chose, each by its policy."""

from ledger.memory import CheckpointMemory
from ledger.trust import (
    LEDGERS_FILE,
    TrustedLedger,
    TrustedLedgers,
    encode_trusted_ledgers,
    parse_ledgers_file,
    trust_ledgers,
)
from protocol.codes import Code
from protocol.errors import RefusedError
from storage.atomic_file import Folder
from wallet.folder import WalletFolder

_MAX_BYTES = 256 * 1024


def load_ledgers(wallet: WalletFolder) -> TrustedLedgers:
    """The ledgers the wallet trusts: none where there is no file.

    Raises:
        RefusedError: the file cannot be used, or others could change it.
    """
    with Folder(wallet.path, private=True) as folder:
        if not folder.exists(LEDGERS_FILE):
            return TrustedLedgers(())
        source = folder.read(LEDGERS_FILE, max_bytes=_MAX_BYTES)
    return parse_ledgers_file(source)


def save_ledgers(wallet: WalletFolder, trusted: TrustedLedgers) -> None:
    """Write the ledgers the wallet trusts."""
    with Folder(wallet.path, private=True) as folder:
        folder.replace(LEDGERS_FILE, encode_trusted_ledgers(trusted).encode())


def checkpoint_memory(wallet: WalletFolder) -> CheckpointMemory:
    """What the wallet has seen of its ledgers."""
    return CheckpointMemory(wallet.state / "seen")


def with_ledger(trusted: TrustedLedgers, ledger: TrustedLedger, *, replacing: bool) -> TrustedLedgers:
    """With `ledger` trusted as well, or, if `replacing`, in the place of what was trusted at its address.

    Raises:
        RefusedError: at this address, or under this name, something else is trusted already.
    """
    others = [known for known in trusted.ledgers if not is_same_ledger(known, ledger)]
    if ledger in trusted.ledgers:
        return trusted
    if len(others) < len(trusted.ledgers) and not replacing:
        raise RefusedError(Code.VAULT_EXISTS, f"{ledger.url} is trusted by another policy; give --replace")
    return trust_ledgers((*others, ledger))


def without_ledger(trusted: TrustedLedgers, url: str) -> TrustedLedgers:
    """Without the ledger at `url`.

    Raises:
        RefusedError: it is not trusted anyway.
    """
    others = [known for known in trusted.ledgers if known.url != url.rstrip("/")]
    if len(others) == len(trusted.ledgers):
        raise RefusedError(Code.NOT_FOUND, f"no trusted ledger is at {url}")
    return trust_ledgers(others)


def is_same_ledger(one: TrustedLedger, other: TrustedLedger) -> bool:
    """Whether only one of two can be trusted, whatever their policies say."""
    # DIDs find their ledger by its address, checkpoints by its name: neither may lead to two.
    return one.authority == other.authority or one.origin == other.origin
