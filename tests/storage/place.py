"""A sealed file and the folders it lives in, with a key derivation that costs nothing."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from protocol.codes import Code
from protocol.errors import TallyError
from storage.passphrase import TEST_ONLY, KdfParameters, Passphrase
from storage.sealed_file import SealedFile
from storage.sealed_header import RecoveryKey, Secret

PASSPHRASE = Passphrase("correct horse battery staple")


@dataclass(frozen=True)
class Place:
    """Where one sealed file is kept."""

    root: Path

    @property
    def path(self) -> Path:
        return self.root / "home" / "wallet.sealed"

    @property
    def previous(self) -> Path:
        return self.root / "home" / "wallet.sealed.previous"

    @property
    def marks(self) -> Path:
        return self.root / "state"

    def create(
        self, body: bytes = b"one", *, recovery_key: RecoveryKey | None = None, kdf: KdfParameters = TEST_ONLY
    ) -> SealedFile:
        return SealedFile.create(
            self.path,
            passphrase=PASSPHRASE,
            body=body,
            kdf=kdf,
            mark_folder=self.marks,
            recovery_key=recovery_key,
        )

    def open(self, secret: Secret = PASSPHRASE, *, accept_rollback: bool = False) -> SealedFile:
        return SealedFile.open(
            self.path,
            secret,
            mark_folder=self.marks,
            weakest_kdf=TEST_ONLY,
            accept_rollback=accept_rollback,
        )

    def body(self, secret: Secret = PASSPHRASE) -> bytes:
        with self.open(secret) as opened:
            return opened.body

    def keep(self, *bodies: bytes) -> None:
        """Make the file with one generation for each of `bodies`, and close it."""
        with self.create(bodies[0]) as created:
            for body in bodies[1:]:
                created.save(body)

    def copy_to(self, root: Path) -> "Place":
        """The same files at another place."""
        shutil.copytree(self.root, root)
        return Place(root)


def row(identifier: str) -> pytest.MarkDecorator:
    """Give a test without parameters the id of the row of the catalogue it stands for."""
    return pytest.mark.parametrize((), [pytest.param(id=identifier)])


def code_of(attempt: Callable[[], object]) -> Code | None:
    """The code of the typed error that `attempt` ends in, or None when it does what it should."""
    try:
        attempt()
    except TallyError as error:
        return error.code
    return None


def refusal_of(attempt: Callable[[], object]) -> TallyError:
    """The typed error that `attempt` ends in."""
    with pytest.raises(TallyError) as refusal:
        attempt()
    return refusal.value
