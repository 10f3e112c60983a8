"""The pages in docs/formats, followed to the letter, and the files that were written in the past."""

import hashlib
import hmac
import json
import re
import shutil
import unicodedata
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from nacl import bindings as sodium

from storage.passphrase import Passphrase
from storage.sealed_file import Freshness, SealedFile
from storage.sealed_header import RecoveryKey

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "formats" / "sealed-file.md").read_text()
SHELF = ROOT / "tests" / "vectors" / "sealed-file"
CASES: dict[str, Any] = json.loads((SHELF / "v1.json").read_text())
FILES = sorted(path.name for path in SHELF.glob("*.sealed"))
OPENINGS = [(name, secret) for name in FILES for secret in CASES["files"][name]["secrets"]]
SECRETS: dict[str, Passphrase | RecoveryKey] = {
    "passphrase": Passphrase(CASES["passphrase"]),
    "recovery key": RecoveryKey(bytes.fromhex(CASES["recovery_key"])),
}


def decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def read_by_the_page(data: bytes, *, passphrase: str | None, recovery_key: bytes | None) -> dict[str, Any]:
    """A second reader, written from the page alone; Argon2id is OpenSSL's, not libsodium's."""
    assert data.startswith(b"tallystick sealed\n")
    length = int.from_bytes(data[18:22])
    covered, rest = data[: 22 + length], data[22 + length :]
    header_hash, header_mac, stream_header, chunks = rest[:32], rest[32:64], rest[64:88], rest[88:]
    assert hashlib.sha256(covered).digest() == header_hash
    header = json.loads(covered[22:])
    assert rfc8785.dumps(header) == covered[22:]
    file_id = decode(header["file_id"])

    def hkdf(key: bytes, purpose: bytes) -> bytes:
        info = b"tallystick sealed v1 " + purpose + b" " + file_id
        return hmac.digest(key, info + b"\x01", "sha256")

    associated = {name: header[name] for name in ("file_id", "suite", "version")}
    if passphrase is not None:
        slot = header["passphrase"]
        associated["passphrase"] = {name: slot[name] for name in ("memory_kib", "passes", "salt")}
        key = Argon2id(
            salt=decode(slot["salt"]),
            length=32,
            iterations=slot["passes"],
            lanes=1,
            memory_cost=slot["memory_kib"],
        ).derive(unicodedata.normalize("NFKC", passphrase).encode())
    else:
        assert recovery_key is not None
        slot, associated["recovery"] = header["recovery"], {}
        key = hkdf(recovery_key, b"recovery")
    master_key = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
        decode(slot["wrapped_key"]), rfc8785.dumps(associated), decode(slot["nonce"]), key
    )
    assert hmac.digest(hkdf(master_key, b"header"), covered, "sha256") == header_mac
    state = sodium.crypto_secretstream_xchacha20poly1305_state()
    sodium.crypto_secretstream_xchacha20poly1305_init_pull(state, stream_header, hkdf(master_key, b"body"))
    frame, tags = b"", list[int]()
    for start in range(0, len(chunks), 65_536 + 17):
        part, tag = sodium.crypto_secretstream_xchacha20poly1305_pull(
            state, chunks[start : start + 65_536 + 17], file_id + header_mac
        )
        frame, tags = frame + part, [*tags, tag]
    final = sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL
    assert tags == [0] * (len(tags) - 1) + [final]
    body_length = int.from_bytes(frame[40:48])
    assert not any(frame[48 + body_length :])
    return {
        "generation": int.from_bytes(frame[:8]),
        "mark_key": frame[8:40].hex(),
        "body": frame[48 : 48 + body_length],
    }


@pytest.mark.parametrize(("name", "secret"), OPENINGS)
def test_a_reader_made_from_the_page_reads_what_was_written(name: str, secret: str) -> None:
    case = CASES["files"][name]
    found = read_by_the_page(
        (SHELF / name).read_bytes(),
        passphrase=CASES["passphrase"] if secret == "passphrase" else None,
        recovery_key=bytes.fromhex(CASES["recovery_key"]),
    )
    assert found == {
        "generation": case["generation"],
        "mark_key": CASES["mark_key"],
        "body": (case["body_repeated"] * case["times"]).encode(),
    }


@pytest.mark.parametrize(("name", "secret"), OPENINGS)
def test_a_file_written_by_an_earlier_version_opens(tmp_path: Path, name: str, secret: str) -> None:
    (tmp_path / "home").mkdir(0o700)
    path = tmp_path / "home" / "old.sealed"
    shutil.copy(SHELF / name, path)
    path.chmod(0o600)
    case = CASES["files"][name]
    with SealedFile.open(path, SECRETS[secret], mark_folder=tmp_path / "state") as opened:
        assert opened.body == (case["body_repeated"] * case["times"]).encode()
        assert (opened.generation, opened.freshness) == (case["generation"], Freshness.UNKNOWN)


def test_the_shelf_is_complete_and_the_page_shows_its_header() -> None:
    assert sorted(CASES["files"]) == FILES
    assert (len(FILES), len(OPENINGS)) == (3, 5)
    data = (SHELF / "v1-small.sealed").read_bytes()
    shown = re.search(r"```json\n(\{.*?\n\})\n```", PAGE, re.DOTALL)
    assert shown is not None
    assert json.loads(shown[1]) == json.loads(data[22 : 22 + int.from_bytes(data[18:22])])
