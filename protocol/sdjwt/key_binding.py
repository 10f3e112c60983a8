"""The key binding: the presenter's signature over what is presented, to whom and for which request (§4.3).

{"alg": "EdDSA", "typ": "kb+jwt"}
{"iat": 1795341600, "aud": "<verifier>", "nonce": "<of its request>", "sd_hash": "<digest>"}
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.encoding.time import to_seconds
from protocol.errors import VerificationError
from protocol.jws import Algorithm, parse_jws, sign_jws, verify_jws
from protocol.keys import PublicKey, SigningKey
from protocol.sdjwt.disclosure import HashAlgorithm, digest_of
from protocol.sdjwt.parse import SdJwt, read_hash_algorithm
from protocol.validity import verify_validity

KEY_BINDING_TYP = "kb+jwt"
MAX_KEY_BINDING_CHARACTERS = 16 * 1024


def create_key_binding(
    sd_jwt: SdJwt,
    *,
    key: SigningKey,
    nonce: str,
    audience: str,
    issued_at: datetime,
    transaction_data: Sequence[str] = (),
    ed25519_name: Algorithm = Algorithm.EDDSA,
) -> str:
    """The key binding JWT that, put behind `sd_jwt.encoded_without_key_binding`, makes a presentation.

    `key` is the one the credential names in `cnf`. `transaction_data` are the encoded strings of the
    request that the holder has confirmed (OpenID4VP 1.0 §B.3.3.1).
    """
    payload: JsonObject = {
        "iat": to_seconds(issued_at),
        "aud": audience,
        "nonce": nonce,
        "sd_hash": _presentation_hash(sd_jwt, read_hash_algorithm(sd_jwt.unverified_payload())),
    }
    if transaction_data:
        payload["transaction_data_hashes"] = _transaction_hashes(transaction_data)
        payload["transaction_data_hashes_alg"] = HashAlgorithm.SHA_256.value
    return sign_jws(payload, key, typ=KEY_BINDING_TYP, ed25519_name=ed25519_name)


def verify_key_binding(
    key_binding_jwt: str,
    *,
    sd_jwt: SdJwt,
    hash_algorithm: HashAlgorithm,
    holder_key: PublicKey,
    expected_nonce: str,
    expected_audience: str,
    expected_transaction_data: Sequence[str],
    now: datetime,
    max_age: timedelta,
    clock_skew: timedelta,
) -> None:
    """Check that the holder of `holder_key` presented `sd_jwt` for this request (§7.3 step 5).

    `hash_algorithm` is the one the credential names for its digests.

    Raises:
        MalformedError: not a compact JWS of strict JSON.
        VerificationError: another type, algorithm or key, too old or from the future, for another request
            or verifier, over other disclosures, or confirming other transactions than expected.
    """
    # 5.2 to 5.4: the algorithm fits the key, the holder signed, and the type
    jws = parse_jws(key_binding_jwt, expected_typ=KEY_BINDING_TYP, max_characters=MAX_KEY_BINDING_CHARACTERS)
    try:
        verify_jws(jws, holder_key)
    except VerificationError as error:
        if error.code is Code.SIGNATURE_INVALID:
            raise VerificationError(Code.KEY_BINDING_SIGNATURE_INVALID) from error
        raise
    payload = jws.payload_object()
    # 5.5: the time of creation
    issued_at = payload.get("iat")
    if type(issued_at) is not int:
        raise VerificationError(Code.KEY_BINDING_NOT_FRESH, "iat")
    if not -clock_skew.total_seconds() <= now.timestamp() - issued_at <= max_age.total_seconds():
        raise VerificationError(Code.KEY_BINDING_NOT_FRESH)
    # 5.6: this request, and this verifier alone. The sender knows both, so they need no constant time.
    if payload.get("nonce") != expected_nonce:
        raise VerificationError(Code.NONCE_MISMATCH)
    if payload.get("aud") != expected_audience:
        raise VerificationError(Code.AUDIENCE_MISMATCH)
    # 5.7: exactly these disclosures
    if payload.get("sd_hash") != _presentation_hash(sd_jwt, hash_algorithm):
        raise VerificationError(Code.PRESENTATION_HASH_MISMATCH)
    # 5.8: valid in all other respects
    verify_validity(payload, now=now, clock_skew=clock_skew)
    # OpenID4VP 1.0 §B.3.3.1
    _verify_transaction_data(payload, expected_transaction_data)


def _verify_transaction_data(payload: JsonObject, expected: Sequence[str]) -> None:
    if not expected:
        # Nothing was to be confirmed: whoever confirms something is answering somebody else's question.
        if "transaction_data_hashes" in payload or "transaction_data_hashes_alg" in payload:
            raise VerificationError(Code.TRANSACTION_DATA_MISMATCH, "none was asked for")
        return
    # SHA-256 is what a request that names no other function asks for.
    if payload.get("transaction_data_hashes_alg", HashAlgorithm.SHA_256) != HashAlgorithm.SHA_256:
        raise VerificationError(Code.TRANSACTION_DATA_MISMATCH, "transaction_data_hashes_alg")
    if payload.get("transaction_data_hashes") != _transaction_hashes(expected):
        raise VerificationError(Code.TRANSACTION_DATA_MISMATCH)


def _presentation_hash(sd_jwt: SdJwt, algorithm: HashAlgorithm) -> str:
    return digest_of(sd_jwt.encoded_without_key_binding, algorithm)


def _transaction_hashes(transaction_data: Sequence[str]) -> list[JsonValue]:
    return [digest_of(encoded, HashAlgorithm.SHA_256) for encoded in transaction_data]
