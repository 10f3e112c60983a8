"""What a wallet holds, as the bytes that are sealed: JSON with the format and the version it is in."""

from dataclasses import dataclass

import msgspec

from protocol.codes import Code
from protocol.errors import MalformedError
from wallet.content import WalletContent

_FORMAT = "tallystick-wallet"
_VERSION = 1


@dataclass(frozen=True, slots=True)
class _Stored:
    format: str
    version: int
    content: WalletContent


@dataclass(frozen=True, slots=True)
class _Label:
    format: str
    version: int


def encode_content(content: WalletContent) -> bytes:
    """The content as JSON."""
    return msgspec.json.encode(_Stored(_FORMAT, _VERSION, content))


def parse_content(body: bytes) -> WalletContent:
    """Read a content.

    Raises:
        MalformedError: of another version, or not a wallet's content.
    """
    try:
        label = msgspec.json.decode(body, type=_Label)
        if label.format == _FORMAT and label.version != _VERSION:
            raise MalformedError(Code.VAULT_VERSION)
        stored = msgspec.json.decode(body, type=_Stored)
    except msgspec.MsgspecError:
        # From None: the error may quote what is in the wallet.
        raise MalformedError(Code.VAULT_DAMAGED, "its content is not that of a wallet") from None
    if stored.format != _FORMAT:
        raise MalformedError(Code.VAULT_DAMAGED, "it holds something other than a wallet")
    return stored.content
