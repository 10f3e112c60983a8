"""Making a wallet, and choosing the ledgers it trusts: `tally init`, `tally trust`."""

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import click

from doors.clock import now
from doors.command import Command, pass_terminal
from doors.ledger_address import LedgerAddress
from doors.prompts import PassphraseSource, confirm, passphrase_options
from doors.terminal import Terminal, bold, good, verbatim, warning
from ledger.trust import TrustedLedger, TrustedLedgers, parse_trusted_ledger
from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject, JsonValue, decode_utf8
from protocol.errors import RefusedError
from protocol.tlog.note import encode_vkey
from storage.passphrase import calibrate_kdf
from wallet.cli.access import read_new_passphrase
from wallet.cli.recovery_words import read_words, require_new_file, show_words, write_words
from wallet.door.ledger_lines import ledger_lines
from wallet.door.network import ask_ledger
from wallet.door.place import require_wallet, wallet_folder
from wallet.making import make_wallet, require_no_wallet
from wallet.recovery_phrase import ENTROPY_BYTES, encode_recovery_phrase
from wallet.trust import load_ledgers, save_ledgers, with_ledger, without_ledger

_MAX_POLICY_BYTES = 64 * 1024


@click.command("init", cls=Command, examples=["tally init --ledger https://ledger.example"])
@click.option(
    "--ledger",
    "urls",
    metavar="URL",
    type=LedgerAddress(),
    multiple=True,
    help="A ledger to trust; may be repeated.",
)
@click.option(
    "--ledger-policy",
    "policies",
    type=click.File("rb"),
    multiple=True,
    help="The policy to trust one of them by; else its own word counts.",
)
@click.option("--recover", is_flag=True, help="Make it anew from the 24 words of an earlier one.")
@click.option(
    "--words-file",
    type=click.Path(path_type=Path),
    help="Write the words to this new file (mode 0600); with --recover, read them from it.",
)
@click.option("--yes", is_flag=True, help="Do not ask whether to trust the ledgers.")
@passphrase_options
@pass_terminal
def init(
    terminal: Terminal,
    *,
    urls: Sequence[str],
    policies: Sequence[BinaryIO],
    recover: bool,
    words_file: Path | None,
    yes: bool,
    passphrase: PassphraseSource,
) -> None:
    """Make a wallet and its recovery words.

    Whoever has the 24 words has your keys: write them down, and tell nobody. They bring the keys back, not
    the credentials; those are in a backup (`tally backup restore`), or come from their issuers again.
    """
    folder = wallet_folder(make=True)
    require_no_wallet(folder)
    if words_file is not None and not recover:
        require_new_file(words_file)
    trusted = TrustedLedgers(())
    for ledger in _choose(urls, policies):
        trusted = with_ledger(trusted, ledger, replacing=False)
        _tell(terminal, ledger)
        # A script that has the passphrase at hand has compared the keys, or has a policy.
        if not yes and terminal.interactive and passphrase.is_prompt:
            _confirm(terminal, ledger)
    entropy = read_words(terminal, words_file) if recover else secrets.token_bytes(ENTROPY_BYTES)
    secret = read_new_passphrase(terminal, passphrase)
    words = encode_recovery_phrase(entropy)
    if words_file is not None and not recover:
        # Before the wallet: one whose words were asked for and could not be written must not be.
        write_words(words_file, words)
    make_wallet(
        folder,
        entropy=entropy,
        passphrase=secret,
        kdf=calibrate_kdf(),
        ledgers=trusted,
        words_confirmed=recover,
        now=now(),
    ).close()
    documents: list[JsonValue] = [_document(ledger) for ledger in trusted.ledgers]
    terminal.document(
        {
            "wallet": str(folder.path),
            "recovered": recover,
            "words_file": None if words_file is None else str(words_file),
            "ledgers": documents,
        }
    )
    terminal.say(good("✓ "), f"Your wallet is in {folder.path}.")
    if recover:
        terminal.note("Its keys are back. Your credentials are in a backup, if you made one: add it with")
        terminal.note("`tally backup restore FILE`. Else get them from their issuers again.")
    elif words_file is None and terminal.interactive:
        show_words(terminal, words)
    elif words_file is None:
        terminal.note(warning("! "), "Write down its 24 words: `tally key words` shows them in a terminal.")
    if not trusted.ledgers:
        terminal.note(warning("! "), "It trusts no ledger yet, so no issuer. Add one with `tally trust URL`.")


@click.command("trust", cls=Command, examples=["tally trust https://ledger.example"])
@click.argument("url", type=LedgerAddress(), required=False)
@click.option("--policy", type=click.File("rb"), help="The policy to trust it by; else its own word counts.")
@click.option("--replace", "replacing", is_flag=True, help="Put this in the place of what is trusted there.")
@click.option("--remove", "removing", is_flag=True, help="Trust it no longer.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_terminal
def trust(
    terminal: Terminal,
    *,
    url: str | None,
    policy: BinaryIO | None,
    replacing: bool,
    removing: bool,
    yes: bool,
) -> None:
    """List the ledgers your wallet trusts, or trust the one at URL as well.

    What a trusted ledger says about who an issuer or a verifier is, your wallet believes.
    """
    folder = wallet_folder()
    require_wallet(folder)
    trusted = load_ledgers(folder)
    if url is not None and removing:
        trusted = without_ledger(trusted, url)
        if not yes:
            confirm(terminal, f"Trust {url} no longer?")
        save_ledgers(folder, trusted)
    elif url is not None:
        (ledger,) = _choose([url], [] if policy is None else [policy])
        changed = with_ledger(trusted, ledger, replacing=replacing)
        _tell(terminal, ledger)
        if not yes and changed != trusted:
            _confirm(terminal, ledger)
        trusted = changed
        save_ledgers(folder, trusted)
    documents: list[JsonValue] = [_document(known) for known in trusted.ledgers]
    terminal.document({"ledgers": documents})
    for known in trusted.ledgers:
        terminal.say(good("✓ "), bold(known.url))
        terminal.say(verbatim(f"  {encode_vkey(known.policy.logs[0].key)}"))
    if not trusted.ledgers:
        terminal.note("No ledger is trusted. Add one with `tally trust URL`.")


def _choose(urls: Sequence[str], policies: Sequence[BinaryIO]) -> list[TrustedLedger]:
    """The ledgers at `urls`: each by the policy that is for it, the others by their own word."""
    texts = [decode_utf8(policy.read(_MAX_POLICY_BYTES)) for policy in policies]
    by_url = {parse_trusted_ledger(text).url: text for text in texts}
    wanted = dict.fromkeys(urls)
    for url in by_url:
        if url not in wanted:
            raise RefusedError(Code.LOG_POLICY_INVALID, f"it is for the ledger at {url}")
    return [ask_ledger(url, policy=by_url.get(url)) for url in wanted]


def _tell(terminal: Terminal, ledger: TrustedLedger) -> None:
    for line in ledger_lines(ledger):
        terminal.note(*line)


def _confirm(terminal: Terminal, ledger: TrustedLedger) -> None:
    confirm(terminal, f"Believe what {ledger.url} says about issuers and verifiers?")


def _document(ledger: TrustedLedger) -> JsonObject:
    return {"url": ledger.url, "origin": ledger.origin, "key": encode_vkey(ledger.policy.logs[0].key)}
