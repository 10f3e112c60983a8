"""A wallet with 10, 1,000 and 10,000 credentials of about 3 KB: what its holder waits for.

The wallet is one sealed file, so every change writes all of it: the raw limit is XChaCha20-Poly1305 over as
many bytes, written and flushed. What a passphrase costs is chosen, not measured, and stands apart.

`python -m benchmarks.wallets FOLDER` is one command on the wallet in FOLDER, for its peak memory.
"""

import os
import re
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import cast

import nacl.bindings

from benchmarks import askar
from benchmarks.measure import row
from ledger.fetch import Fetched, Fetcher
from protocol.did.key import encode_did_key, resolve_did_key
from protocol.keys import Ed25519PrivateKey, Ed25519PublicKey
from protocol.keys.jwk import encode_jwk
from protocol.openid4vp.client_id import ClientId, ClientIdPrefix
from protocol.openid4vp.dcql.query import parse_dcql_query
from protocol.openid4vp.refusal import ReplyAddress
from protocol.openid4vp.request import AuthorizationRequest
from protocol.openid4vp.request_object import RedirectUriClient, VerifiedRequest
from protocol.sdjwt.issue import issue_sd_jwt
from storage.passphrase import INTERACTIVE, MODERATE, SALT_BYTES, TEST_ONLY, Passphrase, derive_key
from wallet.consent import prepare_consent
from wallet.content import WalletContent
from wallet.held import CredentialCopy, HeldCredential, Standing, StandingWord
from wallet.outside import Outside
from wallet.present import send_presentation
from wallet.recovery_phrase import HolderKey, HolderKeyType
from wallet.standing import standing_of
from wallet.vault import Vault

SIZES = (10, 1_000, 10_000)
TURNS = 5
KINDS = 10  # so that a tenth of the credentials could answer a request
FACTS = 15
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PASSPHRASE = Passphrase("correct horse battery staple")
ISSUER = Ed25519PrivateKey(bytes(range(32)))
ISSUER_DID = encode_did_key(ISSUER.public_key)
EMPTY = WalletContent(entropy=bytes(range(32)), next_key_index=0)
ANSWER_TO = "https://verifier.example/response"


class _Verifier:
    """Takes whatever it is sent."""

    def fetch(self, _url: str, **_about: object) -> Fetched:
        return Fetched(200, "application/json", b"{}")


OUTSIDE = Outside(
    cast(Fetcher, _Verifier()),
    resolve_did_key,
    lambda: NOW,
    development=False,
    prove_issuer=lambda _: (),
    read_type_records=lambda _vct, _did: (),
)


def run() -> None:
    print("\nA wallet with so many credentials of one copy of 3 KB, in milliseconds, best of", TURNS)
    for name, kdf in (("the least", INTERACTIVE), ("the most", MODERATE)):
        took = _best(partial(derive_key, PASSPHRASE, salt=bytes(SALT_BYTES), kdf=kdf))
        row(f"the passphrase (Argon2id), {name} a new wallet gets", f"{took:,.0f} ms")
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            _run(size, Path(folder) / str(size))
        askar.run(
            Path(folder), records=max(SIZES), bytes_each=len(_held(0, _public_key()).copies[0].credential)
        )


def _run(size: int, folder: Path) -> None:
    create_wallet(folder, size)
    with open_wallet(folder) as vault:
        file = vault.file
        sealed = (folder / "wallet.sealed").stat().st_size
        opened = _best(lambda: open_wallet(folder).close())
        listed = _best(lambda: [standing_of(held, now=NOW) for held in vault.content.credentials])
        added = _best(lambda: add_one(vault))
        presented = _best(lambda: _present_one(vault))
        raw = _best(lambda: _write_raw(folder / "raw", file.body))
        row(f"{size:,} credentials: size of the sealed file", f"{sealed / 1e6:,.1f} MB")
        row("  open, without the passphrase", f"{opened:,.1f} ms")
        row("  how each of them stands", f"{listed:,.1f} ms", f"{1000 * listed / size:,.0f} µs each")
        row("  raw limit of a save: encrypt, write, flush", f"{raw:,.1f} ms")
        row("  add one, saved once", f"{added:,.1f} ms", f"{added / raw:.1f} x the raw limit")
        row("  present one, saved twice", f"{presented:,.1f} ms", f"{presented / raw:.1f} x the raw limit")
    row("  peak memory of a process that opens it and adds one", f"{_peak_memory(folder):,.0f} MiB")


def create_wallet(folder: Path, size: int) -> None:
    """A wallet in `folder`; all copies are bound to one key, which changes nothing of what is measured."""
    key = _public_key()
    content = replace(EMPTY, credentials=tuple(_held(number, key) for number in range(size)))
    Vault.create_with(
        folder / "wallet.sealed", content, passphrase=PASSPHRASE, kdf=TEST_ONLY, mark_folder=folder / "state"
    ).close()


def add_one(vault: Vault) -> None:
    new = replace(_held(0, _public_key()), id=secrets.token_hex(8))
    vault.change(lambda content: content.with_credential(new))


def _public_key() -> Ed25519PublicKey:
    key = EMPTY.signing_key(HolderKey(HolderKeyType.ED25519, 0)).public_key
    assert isinstance(key, Ed25519PublicKey)
    return key


def _held(number: int, key: Ed25519PublicKey) -> HeldCredential:
    kind = f"urn:example:kind:{number % KINDS}"
    claims = {f"fact_{each}": secrets.token_urlsafe(24) for each in range(FACTS)}
    credential = issue_sd_jwt(
        {
            "iss": ISSUER_DID,
            "vct": kind,
            "iat": int(NOW.timestamp()),
            "exp": int((NOW + timedelta(days=365)).timestamp()),
            "cnf": {"jwk": encode_jwk(key)},
            "status": {"status_list": {"idx": number, "uri": "https://issuer.example/status/1"}},
            **claims,
        },
        disclosable=[(name,) for name in claims],
        key=ISSUER,
        salts=lambda: secrets.token_urlsafe(16),
        typ="dc+sd-jwt",
        header={"kid": f"{ISSUER_DID}#key"},
    )
    copy = CredentialCopy(
        credential=credential.encoded_without_key_binding, key=HolderKey(HolderKeyType.ED25519, 0)
    )
    return HeldCredential(
        id=f"kind-{number:08d}",
        issuer=ISSUER_DID,
        credential_type=kind,
        credential_issuer="https://issuer.example",
        received_at=NOW,
        copies=(copy,),
        standing=Standing(word=StandingWord.VALID, checked_at=NOW),
    )


def open_wallet(folder: Path) -> Vault:
    return Vault.open(
        folder / "wallet.sealed", PASSPHRASE, mark_folder=folder / "state", weakest_kdf=TEST_ONLY
    )


def _present_one(vault: Vault) -> None:
    query = parse_dcql_query(
        {
            "credentials": [
                {
                    "id": "kind",
                    "format": "dc+sd-jwt",
                    "meta": {"vct_values": [f"urn:example:kind:{KINDS - 1}"]},
                    "claims": [{"path": ["fact_1"]}, {"path": ["fact_2"]}],
                }
            ]
        }
    )
    request = AuthorizationRequest(
        client_id=ClientId(ClientIdPrefix.REDIRECT_URI, ANSWER_TO),
        reply_to=ReplyAddress(ANSWER_TO, None),
        nonce=secrets.token_urlsafe(16),
        query=query,
    )
    asked = VerifiedRequest(request, RedirectUriClient("verifier.example"))
    send_presentation(vault, prepare_consent(vault.content, asked, now=NOW), outside=OUTSIDE)


def _write_raw(path: Path, body: bytes) -> None:
    key, nonce = bytes(32), secrets.token_bytes(24)
    sealed = nacl.bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(body, None, nonce, key)
    with path.open("wb") as file:
        file.write(sealed)
        file.flush()
        os.fsync(file.fileno())


def _peak_memory(folder: Path) -> float:
    command = [sys.executable, "-m", "benchmarks.wallets", str(folder)]
    return int(subprocess.check_output(command, cwd=Path(__file__).parent.parent)) / 1024


def _best(case: Callable[[], object]) -> float:
    """In milliseconds."""
    best = float("inf")
    for _ in range(TURNS):
        begin = time.perf_counter()
        case()
        best = min(best, time.perf_counter() - begin)
    return best * 1000


if __name__ == "__main__":
    with open_wallet(Path(sys.argv[1])) as opened:
        add_one(opened)
    # Not `getrusage`: that counts what the process was before it became this one.
    print(re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[0])
