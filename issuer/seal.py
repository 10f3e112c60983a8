"""The seal on open offers: their claims are unreadable to whoever has the register but not the key ring."""

from dataclasses import dataclass

import nacl.bindings
import nacl.exceptions

from issuer.register import Entropy
from protocol.codes import Code
from protocol.encoding.members import object_member, optional_text_member
from protocol.encoding.strict_json import JsonObject, encode_json, parse_json_object
from protocol.errors import UnavailableError

_NONCE_BYTES = nacl.bindings.crypto_aead_xchacha20poly1305_ietf_NPUBBYTES


@dataclass(frozen=True, slots=True)
class OfferContent:
    """What an offer holds sealed: the claims, and the transaction code if it asks for one."""

    claims: JsonObject
    tx_code: str | None


class OfferSeal:
    """Seals the content of offers with XChaCha20-Poly1305, bound to the id of the offer it belongs to.

    Args:
        key: 32 bytes from the key ring.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal(self, content: OfferContent, *, offer_id: str, entropy: Entropy) -> bytes:
        """`content` as a nonce of 24 bytes and the ciphertext."""
        document: JsonObject = {"claims": content.claims}
        if content.tx_code is not None:
            document["tx_code"] = content.tx_code
        nonce = entropy(_NONCE_BYTES)
        return nonce + nacl.bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(
            encode_json(document), offer_id.encode("ascii"), nonce, self._key
        )

    def open(self, sealed: bytes, *, offer_id: str) -> OfferContent:
        """The content that was sealed for this offer.

        Raises:
            UnavailableError: altered, of another offer, or sealed with another key.
        """
        try:
            document = nacl.bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(
                sealed[_NONCE_BYTES:], offer_id.encode("ascii"), sealed[:_NONCE_BYTES], self._key
            )
        except nacl.exceptions.CryptoError as error:
            raise UnavailableError(Code.DATABASE_DAMAGED, "a sealed offer does not open") from error
        source = parse_json_object(document)
        return OfferContent(object_member(source, "claims"), optional_text_member(source, "tx_code"))
