"""Where secrets could get out on their way: command lines, files in between, what is left of a crash."""

import os
from pathlib import Path
from typing import Any

import click
import pytest

import tally
from storage import atomic_file
from tests.counted import NOW
from tests.docs.test_code_blocks import all_commands
from tests.storage.place import row
from tests.wallet.counterparts import ENTROPY, PASSPHRASE
from tests.wallet.holder import TRUSTED
from tests.wallet.holdings import PENDING, with_held
from wallet.backup import make_backup, open_backup
from wallet.folder import WalletFolder
from wallet.recovery_phrase import encode_recovery_phrase
from wallet.restore import merge_backup
from wallet.vault import Vault

SECRET_WORDS = ("passphrase", "words", "secret", "seed", "token")


def wallet_options() -> list[tuple[str, click.Option]]:
    contexts = all_commands(click.Context(tally.commands, info_name="tally"))
    return [
        (context.command_path, parameter)
        for context in contexts
        for parameter in context.command.params
        if isinstance(parameter, click.Option) and not parameter.is_flag
    ]


@row("NT-W28-command-line")
def test_no_secret_is_an_argument_that_a_shell_or_the_list_of_processes_would_keep() -> None:
    secret = [
        (path, option)
        for path, option in wallet_options()
        if any(word in option.opts[0] for word in SECRET_WORDS)
    ]
    assert {"--passphrase-file", "--passphrase-fd", "--words-file"} <= {
        option.opts[0] for _, option in secret
    }
    for path, option in secret:
        assert option.type.name in ("path", "file", "filename") or option.opts[0].endswith("-fd"), (
            path,
            option.opts,
        )


@row("NT-W28-files-in-between")
def test_nothing_of_a_backup_or_restore_is_written_unsealed(
    vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[bytes] = []

    class Disk:
        def __getattr__(self, name: str) -> Any:
            return getattr(os, name)

        def write(self, descriptor: int, data: bytes) -> int:
            written.append(bytes(data))
            return os.write(descriptor, data)

    vault.change(lambda content: with_held(content).with_pending(PENDING))
    monkeypatch.setattr(atomic_file, "os", Disk())
    file = tmp_path / "wallet.backup"
    make_backup(vault, TRUSTED, file, now=NOW)
    folder = WalletFolder(tmp_path / "wallet", tmp_path / "state")
    merge_backup(open_backup(file, ENTROPY), vault, folder, now=NOW)
    (held,) = vault.content.credentials
    canaries = [
        PASSPHRASE.text,
        encode_recovery_phrase(ENTROPY),
        PENDING.access_token,
        held.id,
        *(copy.credential for copy in held.copies),
    ]
    everything = b"".join(written)
    assert len(everything) > 8192
    assert [canary for canary in canaries if canary.encode() in everything] == []
    assert ENTROPY not in everything
