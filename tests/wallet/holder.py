"""A holder on a stage: a real wallet in a home of its own, and everybody else as `parties` has them.

`python -m tests.wallet.holder` is the command on the same stage in a process of its own.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import tally
import wallet.cli.asking
import wallet.cli.backups
import wallet.cli.credentials
import wallet.cli.history
import wallet.cli.keys
import wallet.cli.presenting
import wallet.cli.setup
import wallet.door.network
from ledger.trust import TrustedLedger, TrustedLedgers, trust_ledgers
from ledger.type_records import LoggedType
from protocol.keys import Ed25519PublicKey
from protocol.openid4vp.response import PresentationResponse, parse_response
from protocol.sdjwt.parse import parse_sd_jwt
from storage.passphrase import TEST_ONLY, KdfParameters, Passphrase
from storage.sealed_header import Secret
from tests.command import environment_of, run_tally
from tests.processes import Finished, converse
from tests.wallet.parties import (
    DEGREE,
    ISSUER,
    ISSUER_URL,
    NOW,
    POLICY,
    RESPONSE_URI,
    URL,
    Outside,
    issue,
    resolve_did,
)
from wallet.folder import WalletFolder
from wallet.held import CredentialCopy, HeldCredential, Standing, StandingWord
from wallet.recovery_phrase import HolderKey, HolderKeyType
from wallet.trust import save_ledgers
from wallet.vault import Vault

PASSPHRASE = "correct horse battery staple"
ENTROPY = bytes(range(32))
TRUSTED = trust_ledgers([TrustedLedger(URL, POLICY)])
NO_LEDGERS = trust_ledgers([])
KNOWN_VALID = Standing(word=StandingWord.VALID, checked_at=NOW)


@dataclass(frozen=True)
class Holder:
    """Somebody with a wallet in `home`, in front of `outside`."""

    home: Path
    outside: Outside = field(default_factory=Outside)

    @property
    def folder(self) -> WalletFolder:
        return WalletFolder(self.home / "wallet", self.home / "state" / "wallet")

    @property
    def passphrase_file(self) -> Path:
        file = self.home / "passphrase"
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(PASSPHRASE + "\n")
        return file

    @property
    def environment(self) -> dict[str, str]:
        return {**environment_of(self.home), "TALLY_PASSPHRASE_FILE": str(self.passphrase_file)}

    def create(self, *, kdf: KdfParameters = TEST_ONLY, ledgers: TrustedLedgers = TRUSTED) -> None:
        """Make the wallet, which trusts `ledgers`."""
        Vault.create(
            self.folder.vault,
            passphrase=Passphrase(PASSPHRASE),
            entropy=ENTROPY,
            kdf=kdf,
            mark_folder=self.folder.state,
            now=NOW,
            words_confirmed=True,
        ).close()
        save_ledgers(self.folder, ledgers)

    def vault(self) -> Vault:
        """The open wallet."""
        return open_cheaply(self.folder.vault, Passphrase(PASSPHRASE), mark_folder=self.folder.state)

    def hold(
        self,
        credential_id: str = "degree-0001",
        *,
        copies: int = 2,
        standing: Standing | None = KNOWN_VALID,
        **about: Any,
    ) -> None:
        """Put a credential into the wallet; `about` as in `issue`."""
        with self.vault() as vault:
            vault.change(lambda content: content.with_keys_reserved(copies))
            first = vault.content.next_key_index - copies
            keys = [HolderKey(HolderKeyType.ED25519, first + number) for number in range(copies)]
            issued: list[CredentialCopy] = []
            for key in keys:
                public = vault.content.signing_key(key).public_key
                assert isinstance(public, Ed25519PublicKey)
                issued.append(CredentialCopy(credential=issue(public, **about), key=key))
            held = HeldCredential(
                id=credential_id,
                issuer=ISSUER,
                credential_type=about.get("vct", DEGREE.vct),
                credential_issuer=ISSUER_URL,
                received_at=NOW,
                copies=tuple(issued),
                standing=standing,
            )
            vault.change(lambda content: content.with_credential(held))

    def run(self, *arguments: str, stdin: str | bytes = "") -> Finished:
        """Run a command in this process, without a terminal."""
        with staged(self.outside):
            return run_tally(self.home, *arguments, stdin=stdin, environment=self.environment)

    def converse(
        self, *arguments: str, answers: Sequence[tuple[str, str]], asks_passphrase: bool = False
    ) -> Finished:
        """Run a command in a terminal, in a process of its own, on the stage as it is at first."""
        environment = self.environment
        if asks_passphrase:
            del environment["TALLY_PASSPHRASE_FILE"]
        return converse("tests.wallet.holder", *arguments, answers=answers, environment=environment)


def names_sent(holder: Holder) -> set[str | None]:
    """The names of the claims in the one presentation that left."""
    ((address, body),) = holder.outside.sent
    assert address == RESPONSE_URI
    answer = parse_response(body)
    assert isinstance(answer, PresentationResponse)
    (((presentation,)),) = answer.vp_token.values()
    return {disclosure.name for disclosure in parse_sd_jwt(presentation).disclosures}


def open_cheaply(
    path: Path,
    secret: Secret,
    *,
    mark_folder: Path,
    accept_rollback: bool = False,
    open_vault: Callable[..., Vault] = Vault.open,
) -> Vault:
    return open_vault(
        path, secret, mark_folder=mark_folder, accept_rollback=accept_rollback, weakest_kdf=TEST_ONLY
    )


@contextmanager
def staged(outside: Outside) -> Iterator[None]:
    """Let the commands find `outside` where the network and the clock would be."""

    class Resolver:
        def __init__(self, *_arguments: object, **_more: object) -> None:
            self.resolve = resolve_did

        def prove_issuer(self, _did: str) -> tuple[bytes, ...]:
            return ()

        def read_type_records(self, _vct: str, _did: str) -> tuple[LoggedType, ...]:
            return ()

    with ExitStack() as patches:
        for module in (
            wallet.cli.asking,
            wallet.cli.backups,
            wallet.cli.credentials,
            wallet.cli.history,
            wallet.door.network,
            wallet.cli.presenting,
            wallet.cli.setup,
        ):
            patches.enter_context(mock.patch.object(module, "now", return_value=NOW))
        patches.enter_context(mock.patch.object(wallet.door.network, "fetcher_for", return_value=outside))
        for module in (wallet.cli.backups, wallet.cli.keys, wallet.cli.setup):
            patches.enter_context(mock.patch.object(module, "calibrate_kdf", return_value=TEST_ONLY))
        patches.enter_context(mock.patch.object(wallet.door.network, "chosen_fetcher", return_value=outside))
        patches.enter_context(mock.patch.object(wallet.door.network, "LedgerResolver", Resolver))
        patches.enter_context(mock.patch.object(Vault, "open", open_cheaply))
        yield


if __name__ == "__main__":
    stage = Outside()
    with staged(stage):
        ended = tally.main()
    # What left the wallet, for the test to read behind the conversation.
    sys.stdout.write(f"sent: {[body[:40].decode() for _, body in stage.sent]}\n")
    sys.exit(ended)
