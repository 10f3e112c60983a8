"""The seal on open offers: their claims are unreadable to whoever has the register but not the key ring."""

from dataclasses import dataclass

from protocol.encoding.members import object_member, optional_text_member
from protocol.encoding.strict_json import JsonObject
from storage.register import Entropy
from storage.seal import Seal


@dataclass(frozen=True, slots=True)
class OfferContent:
    """What an offer holds sealed: the claims, and the transaction code if it asks for one."""

    claims: JsonObject
    tx_code: str | None


class OfferSeal:
    """Seals the content of offers, each bound to the id of its offer.

    Args:
        key: 32 bytes from the key ring.
    """

    def __init__(self, key: bytes) -> None:
        self._seal = Seal(key)

    def seal(self, content: OfferContent, *, offer_id: str, entropy: Entropy) -> bytes:
        """`content` as the register keeps it."""
        document: JsonObject = {"claims": content.claims}
        if content.tx_code is not None:
            document["tx_code"] = content.tx_code
        return self._seal.seal(document, record_id=offer_id, entropy=entropy)

    def open(self, sealed: bytes, *, offer_id: str) -> OfferContent:
        """The content that was sealed for this offer.

        Raises:
            UnavailableError: altered, of another offer, or sealed with another key.
        """
        document = self._seal.open(sealed, record_id=offer_id)
        return OfferContent(object_member(document, "claims"), optional_text_member(document, "tx_code"))
