"""The proof that the holder has the key a credential is to be bound to (OpenID4VCI 1.0 App. F.1, F.4).

{"alg": "EdDSA", "typ": "openid4vci-proof+jwt", "jwk": {…}}          or "kid": "did:key:…#…"
{"aud": "https://issuer.example", "iat": 1795341600, "nonce": "<c_nonce>"}
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

from protocol.codes import Code
from protocol.did.document import Relationship
from protocol.did.jwk import resolve_did_jwk
from protocol.did.key import resolve_did_key
from protocol.encoding.members import integer_member, object_member, text_member
from protocol.encoding.strict_json import JsonObject
from protocol.encoding.time import to_seconds
from protocol.errors import MalformedError, RefusedError, VerificationError
from protocol.jws import Algorithm, UnverifiedJws, parse_jws, sign_jws, verify_jws
from protocol.keys import Ed25519PublicKey, PublicKey, SigningKey
from protocol.keys.jwk import encode_jwk, parse_jwk
from protocol.openid4vci.credential import MAX_PROOF_CHARACTERS

PROOF_TYP = "openid4vci-proof+jwt"
MAX_AGE = timedelta(minutes=5)
CLOCK_SKEW = timedelta(seconds=60)


def create_proof(
    key: SigningKey,
    *,
    audience: str,
    nonce: str | None,
    issued_at: datetime,
    algorithms: Collection[str],
    key_id: str | None = None,
) -> str:
    """Prove to the issuer `audience` that we have `key`, with the first of its `algorithms` that fits.

    `nonce` is the issuer's `c_nonce`, None where it has no nonce endpoint. `key_id` is the DID URL to bind
    to; by default the key itself is sent. There is no `iss`: our wallets have no client id.

    Raises:
        RefusedError: none of `algorithms` fits the key.
    """
    is_ed25519 = isinstance(key.public_key, Ed25519PublicKey)
    fitting = (Algorithm.EDDSA, Algorithm.ED25519) if is_ed25519 else (Algorithm.ES256,)
    algorithm = next((Algorithm(name) for name in algorithms if name in fitting), None)
    if algorithm is None:
        raise RefusedError(Code.ALGORITHM_NOT_ALLOWED, "the issuer takes no proof by a key of this kind")
    header: JsonObject = {"jwk": encode_jwk(key.public_key)} if key_id is None else {"kid": key_id}
    payload: JsonObject = {"aud": audience, "iat": to_seconds(issued_at)}
    if nonce is not None:
        payload["nonce"] = nonce
    return sign_jws(payload, key, typ=PROOF_TYP, header=header, ed25519_name=algorithm)


def verify_proofs(
    proofs: Sequence[str],
    *,
    expected_audience: str,
    nonce_is_fresh: Callable[[str], bool],
    allowed_algorithms: Collection[str],
    client_id: str | None,
    now: datetime,
) -> tuple[PublicKey, ...]:
    """Check every proof of a request; the holder keys, in their order and each once.

    `expected_audience` is our Credential Issuer Identifier. `nonce_is_fresh` says whether a nonce is ours and
    still good, and is asked only when all else is right. `client_id` is None for a wallet that did not say
    who it is. One bad proof spoils the request.

    Raises:
        VerificationError: with the code PROOF_INVALID, or PROOF_NONCE_INVALID where only the nonce is bad.
    """
    if not proofs:
        raise VerificationError(Code.PROOF_INVALID, "proofs: member missing")
    keys: list[PublicKey] = []
    nonces: dict[str, None] = {}
    for proof in proofs:
        try:
            key, nonce = _verify_proof(proof, expected_audience, allowed_algorithms, client_id, now)
        except (MalformedError, VerificationError) as error:
            reason = error.code.replace("_", " ")
            raise VerificationError(
                Code.PROOF_INVALID, f"{error.detail}: {reason}" if error.detail else reason
            ) from error
        if key in keys:
            raise VerificationError(Code.PROOF_INVALID, "two proofs of the same key")
        keys.append(key)
        nonces[nonce] = None
    for nonce in nonces:
        if not nonce_is_fresh(nonce):
            raise VerificationError(Code.PROOF_NONCE_INVALID)
    return tuple(keys)


def _verify_proof(
    proof: str,
    expected_audience: str,
    allowed_algorithms: Collection[str],
    client_id: str | None,
    now: datetime,
) -> tuple[PublicKey, str]:
    # App. F.4, in its order: typ, algorithm, key, signature, nonce, time.
    jws = parse_jws(
        proof,
        expected_typ=PROOF_TYP,
        allowed_key_headers=frozenset({"jwk"}),
        max_characters=MAX_PROOF_CHARACTERS,
    )
    if jws.algorithm not in allowed_algorithms:
        raise VerificationError(Code.ALGORITHM_NOT_ALLOWED, "alg is not in the metadata")
    key = _named_key(jws)
    verify_jws(jws, key)

    payload = jws.payload_object()
    # A string, and the identifier exactly: a list, or one more slash, would fit more than one issuer.
    if payload.get("aud") != expected_audience:
        raise VerificationError(Code.AUDIENCE_MISMATCH, "aud")
    if "iss" in payload and (client_id is None or payload["iss"] != client_id):
        raise VerificationError(Code.CLAIM_INVALID, "iss")
    nonce = text_member(payload, "nonce")
    age = now.timestamp() - integer_member(payload, "iat")
    if not -CLOCK_SKEW.total_seconds() <= age <= MAX_AGE.total_seconds():
        raise VerificationError(Code.CLAIM_INVALID, "iat")
    return key, nonce


def _named_key(jws: UnverifiedJws) -> PublicKey:
    if ("jwk" in jws.header) == ("kid" in jws.header):
        raise VerificationError(Code.KEY_SOURCE_FORBIDDEN, "exactly one of jwk and kid")
    if "jwk" in jws.header:
        return parse_jwk(object_member(jws.header, "jwk"))
    key_id = text_member(jws.header, "kid")
    did = key_id.partition("#")[0]
    # DIDs that are their own key: nothing is fetched on the word of whoever asks for a credential.
    if did.startswith("did:key:"):
        return resolve_did_key(did).current_key(key_id, Relationship.AUTHENTICATION)
    if did.startswith("did:jwk:"):
        return resolve_did_jwk(did).current_key(key_id, Relationship.AUTHENTICATION)
    raise VerificationError(Code.DID_METHOD_UNSUPPORTED, "kid")
