"""Management keys and onboarding tokens: what a program shows to be let in by a service.

    tally_issuer_7f3a09c2_k0Yb…          prefix _ id _ secret
                 8 hex    43 of A-Z a-z 0-9 (256 bits)

The text is shown once. A store keeps the id and the SHA-256 of the whole text; with 256 random bits no slow
hash is needed. The prefix lets scanners for leaked secrets, and people, see what it is.
"""

import hashlib
import hmac
import re
import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass

from protocol.codes import Code
from protocol.errors import RefusedError

ID_CHARACTERS = 8
SECRET_CHARACTERS = 43
_ALPHABET = string.ascii_letters + string.digits
_NO_DIGEST = bytes(32)


@dataclass(frozen=True, slots=True)
class ManagementKey:
    """What a store keeps of a management key: its id, and the SHA-256 (32 bytes) of its text."""

    id: str
    digest: bytes


def create_management_key(prefix: str) -> tuple[str, ManagementKey]:
    """A fresh key: the text to show once, and what to store.

    `prefix` says which service and purpose it is for, for example `tally_issuer`.
    """
    key_id = secrets.token_hex(ID_CHARACTERS // 2)
    secret = "".join(secrets.choice(_ALPHABET) for _ in range(SECRET_CHARACTERS))
    text = f"{prefix}_{key_id}_{secret}"
    return text, ManagementKey(key_id, _digest(text))


def verify_management_key(
    text: str,
    *,
    prefix: str,
    find: Callable[[str], ManagementKey | None],
    code: Code = Code.MANAGEMENT_KEY_INVALID,
) -> ManagementKey:
    """The stored key that `text` is, in the same time whether its id is known or not.

    `find` looks a key up by its id. `code` is the error to raise: a ledger answers WRITER_NOT_AUTHORIZED.

    Raises:
        RefusedError: not a key of this prefix, unknown, or not the one stored.
    """
    match = _match(text, prefix)
    stored = find(match[1]) if match else None
    expected = stored.digest if stored else _NO_DIGEST
    if not hmac.compare_digest(_digest(text), expected) or stored is None:
        raise RefusedError(code)
    return stored


def parse_management_key(text: str, *, prefix: str, file: str, code: Code) -> str:
    """The key in a file named `file`, without the line end that an editor leaves behind it.

    Raises:
        RefusedError: there is none in it, with `code`.
    """
    key = text.strip()
    if _match(key, prefix) is None:
        raise RefusedError(code, f"{file} holds none")
    return key


def _match(text: str, prefix: str) -> re.Match[str] | None:
    form = rf"{re.escape(prefix)}_([0-9a-f]{{{ID_CHARACTERS}}})_[A-Za-z0-9]{{{SECRET_CHARACTERS}}}"
    return re.fullmatch(form, text)


def _digest(text: str) -> bytes:
    # A lone surrogate can be no key; it must become a refusal, not an encoding error.
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).digest()
