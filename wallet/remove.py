"""Taking things out of the wallet again."""

from datetime import datetime

from wallet.content import ActivityEntry, ActivityKind, WalletContent
from wallet.held import HeldCredential
from wallet.vault import Vault


def remove_credential(vault: Vault, credential_id: str, *, now: datetime) -> HeldCredential:
    """Remove a credential with all its copies, and keep that it was; the credential that is gone.

    Raises:
        RefusedError: there is no such credential, or another process holds the wallet.
        UnavailableError: the disk's fault; it is still there.
    """
    held = vault.content.credential(credential_id)
    entry = ActivityEntry(
        time=now, kind=ActivityKind.REMOVED, party=held.issuer, credential_type=held.credential_type
    )

    def change(content: WalletContent) -> WalletContent:
        return content.without_credential(credential_id).with_activity(entry)

    vault.change(change)
    return held
