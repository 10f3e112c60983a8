"""What kind of link a person has: one that brings a credential, or one that asks for facts."""

from enum import StrEnum

from protocol.openid4vci.offer import SCHEME as OFFER
from protocol.openid4vp.invocation import SCHEME as REQUEST


class LinkKind(StrEnum):
    """What a wallet can be invoked with; the value is the scheme of such links."""

    OFFER = OFFER
    REQUEST = REQUEST


def kind_of_link(text: str) -> LinkKind | None:
    """What `text` is by its scheme alone, in any case and with white space around it; None for all else.

    An offer may also come as its JSON (OpenID4VCI 1.0 §4.1.1), a request never does.
    """
    text = text.strip()
    if text.startswith("{"):
        return LinkKind.OFFER
    scheme = text.partition(":")[0].lower()
    return LinkKind(scheme) if scheme in set(LinkKind) else None
