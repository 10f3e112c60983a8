"""What opens the wallet and what it is made of: `tally passwd`, `tally key`."""

from pathlib import Path

import click

from doors.command import Command, pass_terminal
from doors.prompts import PassphraseSource, passphrase_options, require_person
from doors.terminal import Terminal, dim, good
from protocol.encoding.strict_json import JsonValue
from protocol.encoding.time import encode_utc
from storage.passphrase import calibrate_kdf
from wallet.cli.access import open_vault, open_wallet, open_wallet_anew, read_new_passphrase
from wallet.cli.recovery_words import read_words, show_words
from wallet.door.agent import end_outdated_agent
from wallet.door.place import require_wallet, wallet_folder
from wallet.door.wording import shown_label
from wallet.label import type_label, type_name
from wallet.recovery_phrase import derive_recovery_key, derive_seed, encode_recovery_phrase
from wallet.vault import Vault


@click.command("passwd", cls=Command, examples=["tally passwd", "tally passwd --recover"])
@click.option(
    "--new-passphrase-file",
    type=click.Path(path_type=Path),
    help="Read the new passphrase from the first line of this file (mode 0600).",
)
@click.option("--recover", is_flag=True, help="Open the wallet with its recovery words instead.")
@click.option(
    "--words-file",
    type=click.Path(path_type=Path),
    help="Read the recovery words from this file (mode 0600).",
)
@passphrase_options
@pass_terminal
def passwd(
    terminal: Terminal,
    *,
    new_passphrase_file: Path | None,
    recover: bool,
    words_file: Path | None,
    passphrase: PassphraseSource,
) -> None:
    """Give the wallet a new passphrase, also when the old one is forgotten.

    Copies of the wallet elsewhere, a backup for example, still open with the old one.
    """
    if new_passphrase_file is None:
        require_person(terminal, "--new-passphrase-file")
    opened = _recover(terminal, words_file) if recover else open_wallet_anew(terminal, passphrase)
    with opened as vault:
        source = PassphraseSource(new_passphrase_file, None)
        new = read_new_passphrase(terminal, source)
        vault.rekey(new, kdf=calibrate_kdf())
    end_outdated_agent()
    terminal.document({"changed": True})
    terminal.say(good("✓ "), "The wallet opens with the new passphrase, and no longer with the old one.")


@click.command("key", cls=Command, examples=["tally key words"])
@click.argument("what", type=click.Choice(["list", "words"]), default="list")
@click.option("--reveal", is_flag=True, help="Print the words, whoever may read them there.")
@passphrase_options
@pass_terminal
def key(terminal: Terminal, *, what: str, reveal: bool, passphrase: PassphraseSource) -> None:
    """List the keys your credentials are bound to, or show the recovery words.

    Every copy of a credential has a key of its own. All of them follow from the 24 words; none is stored.
    """
    if what == "words" and not reveal:
        require_person(terminal, "--reveal")
    # Who shows the words gives everything away: that takes more than an unlocked wallet.
    opened = open_wallet(terminal, passphrase) if what == "list" else open_wallet_anew(terminal, passphrase)
    with opened as vault:
        if what == "list":
            _list_keys(terminal, vault)
            return
        words = encode_recovery_phrase(vault.content.entropy)
        if reveal:
            terminal.document({"words": words})
            terminal.say(words)
        else:
            show_words(terminal, words)


def _list_keys(terminal: Terminal, vault: Vault) -> None:
    copies = sorted(
        ((held, copy) for held in vault.content.credentials for copy in held.copies),
        key=lambda pair: pair[1].key.index,
    )
    documents: list[JsonValue] = [
        {
            "index": copy.key.index,
            "key_type": copy.key.type.value,
            "credential": held.id,
            "type": type_name(held.credential_type),
            "used_at": None if copy.used_at is None else encode_utc(copy.used_at),
        }
        for held, copy in copies
    ]
    terminal.document({"keys": documents, "next_index": vault.content.next_key_index})
    for held, copy in copies:
        used = "not shown yet" if copy.used_at is None else f"shown {encode_utc(copy.used_at)}"
        label = shown_label(type_label(held.credential_type))
        terminal.say(
            f"{copy.key.index:>12}  {copy.key.type.value.ljust(8)}  {held.id}  {label}", dim(f"  {used}")
        )
    if not copies:
        terminal.note("No keys yet: each is made for a credential.")


def _recover(terminal: Terminal, words_file: Path | None) -> Vault:
    folder = wallet_folder()
    require_wallet(folder)
    entropy = read_words(terminal, words_file)
    return open_vault(terminal, folder, derive_recovery_key(derive_seed(entropy)))
