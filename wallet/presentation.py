"""Making the presentation of a credential: the disclosures that were consented to, bound to one request."""

from datetime import datetime

from protocol.codes import Code
from protocol.errors import RefusedError
from protocol.jws import Algorithm
from protocol.keys import Ed25519PublicKey, SigningKey
from protocol.sdjwt.key_binding import create_key_binding
from protocol.sdjwt.parse import parse_sd_jwt
from protocol.sdjwt.present import select_disclosures
from wallet.consent import ConsentItem


def create_presentation(
    item: ConsentItem,
    *,
    key: SigningKey,
    nonce: str,
    audience: str,
    algorithms: tuple[Algorithm, ...],
    now: datetime,
) -> str:
    """The presentation of `item`, bound to one request by `key`, the key of its copy.

    Raises:
        RefusedError: the verifier takes no key binding by a key of this kind.
    """
    fitting = (
        (Algorithm.EDDSA, Algorithm.ED25519)
        if isinstance(key.public_key, Ed25519PublicKey)
        else (Algorithm.ES256,)
    )
    algorithm = next((name for name in algorithms if name in fitting), None)
    if algorithm is None:
        raise RefusedError(Code.ALGORITHM_NOT_ALLOWED, "the verifier takes no signature of this key's kind")
    credential = parse_sd_jwt(item.copy.credential)
    shown = select_disclosures(credential, [fact.path for fact in item.disclosed])
    binding = create_key_binding(
        shown, key=key, nonce=nonce, audience=audience, issued_at=now, ed25519_name=algorithm
    )
    return shown.encoded_without_key_binding + binding
