"""The wallet on disk: its content in one sealed file, opened by the passphrase or by the 24 words."""

import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from protocol.codes import Code
from protocol.errors import RefusedError
from storage.passphrase import WEAKEST_ACCEPTED, KdfParameters, Passphrase
from storage.sealed_file import SealedFile
from storage.sealed_format import MAX_BODY_BYTES
from storage.sealed_header import Secret
from wallet.content import WalletContent
from wallet.recovery_phrase import derive_recovery_key, derive_seed, first_key_index
from wallet.stored_content import encode_content, parse_content

# Two commands at once take turns; only one that waits for the network keeps the other one out.
PATIENCE = timedelta(seconds=2)


class Vault:
    """An open wallet. Give it back with `close` or a `with` statement.

    Attributes:
        file: The sealed file beneath, for its passphrase and what is known of its age.
        content: What is in it, as of the opening or the last change.
    """

    def __init__(self, file: SealedFile) -> None:
        """Use `create` or `open`."""
        self.file = file
        self._keep(parse_content(file.body))

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        passphrase: Passphrase,
        entropy: bytes,
        kdf: KdfParameters,
        mark_folder: Path,
        now: datetime,
        words_confirmed: bool = False,
    ) -> "Vault":
        """Make an empty wallet on the 32 bytes behind its recovery phrase, new or restored.

        `words_confirmed` says whether its owner has just given the words back.

        Raises:
            RefusedError, UnavailableError: as `SealedFile.create`.
        """
        content = WalletContent(
            entropy=entropy,
            next_key_index=first_key_index(now),
            words_confirmed_at=now if words_confirmed else None,
        )
        return cls.create_with(path, content, passphrase=passphrase, kdf=kdf, mark_folder=mark_folder)

    @classmethod
    def create_with(
        cls,
        path: Path,
        content: WalletContent,
        *,
        passphrase: Passphrase,
        kdf: KdfParameters,
        mark_folder: Path,
    ) -> "Vault":
        """Make a wallet that holds `content` from the first moment.

        Raises:
            RefusedError, UnavailableError: as `SealedFile.create`; also more than a wallet holds.
        """
        return cls(
            SealedFile.create(
                path,
                passphrase=passphrase,
                body=_encode(content),
                kdf=kdf,
                mark_folder=mark_folder,
                recovery_key=derive_recovery_key(derive_seed(content.entropy)),
            )
        )

    @classmethod
    def open(
        cls,
        path: Path,
        secret: Secret,
        *,
        mark_folder: Path,
        weakest_kdf: KdfParameters = WEAKEST_ACCEPTED,
        accept_rollback: bool = False,
    ) -> "Vault":
        """Open the wallet; for the words of a recovery phrase, `derive_recovery_key` gives the secret.

        Raises:
            TallyError: as `SealedFile.open`.
            MalformedError: there is something other than a wallet in the file.
        """
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(
                SealedFile.open(
                    path,
                    secret,
                    mark_folder=mark_folder,
                    weakest_kdf=weakest_kdf,
                    accept_rollback=accept_rollback,
                    patience=PATIENCE,
                )
            )
            vault = cls(file)
            stack.pop_all()
            return vault

    def __enter__(self) -> "Vault":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget the content and the key."""
        self.file.close()

    def change(self, change: Callable[[WalletContent], WalletContent]) -> None:
        """Save what `change` makes of the content as it is on the disk now.

        Another process may have changed the wallet since it was opened here: `change` gets that content, and
        what it raises calls everything off.

        Raises:
            RefusedError: another process holds the wallet, or gave it another key; it is full.
            UnavailableError: full disk, or the disk's fault; the old content is intact.
        """
        with self.file.hold():
            changed = change(self.reload())
            self.file.save(_encode(changed))
        self._keep(changed)

    def reload(self) -> WalletContent:
        """The content as it is on the disk now, after another process may have changed it.

        Raises:
            TallyError: as `SealedFile.reload`.
        """
        body = self.file.reload()
        if self.file.generation != self._generation:
            self._keep(parse_content(body))
        return self.content

    def rekey(self, passphrase: Passphrase, *, kdf: KdfParameters) -> None:
        """Give the wallet a new key, for when the old passphrase became known; the words stay the same.

        Raises:
            RefusedError, UnavailableError: as `SealedFile.rekey`.
        """
        recovery_key = derive_recovery_key(derive_seed(self.content.entropy))
        self.file.rekey(passphrase=passphrase, kdf=kdf, recovery_key=recovery_key)

    def _keep(self, content: WalletContent) -> None:
        """`content` is what the file holds in the generation that it is at."""
        self.content = content
        self._generation = self.file.generation


def _encode(content: WalletContent) -> bytes:
    body = encode_content(content)
    if len(body) > MAX_BODY_BYTES:
        raise RefusedError(Code.VAULT_FULL, f"{MAX_BODY_BYTES >> 20} MiB")
    return body
