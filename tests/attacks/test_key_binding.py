"""Attacks on the key binding of a presentation (NT-K01 to NT-K20)."""

import hashlib
import hmac

import pytest

from protocol.codes import Code
from protocol.encoding.base64url import encode_base64url
from protocol.encoding.strict_json import JsonValue
from protocol.keys import P256PrivateKey
from protocol.keys.jwk import encode_jwk
from protocol.presentation import verify_presentation
from protocol.sdjwt.disclosure import HashAlgorithm, digest_of
from tests.attacks.artefacts import (
    AUDIENCE,
    BASIS,
    HOLDER_KEY,
    ISSUER_KEY,
    KB_HEADER,
    NONCE,
    NOW,
    OTHER_KEY,
    POLICY,
    SECONDS,
    Verifier,
    assert_attack_fails,
    attack,
    bind,
    compact,
    credential,
    honest,
    issuer_jwt,
    json_bytes,
    json_serialization,
    key_binding_payload,
    minimal,
    parts,
    sha256,
    verified_did,
    without,
)

YEAR = 365 * 86_400
P256_KEY = P256PrivateKey(bytes(31) + b"\x07")
TRANSACTION = ("eyJ0eXBlIjoicGF5bWVudCJ9", "eyJ0eXBlIjoic2lnbmF0dXJlIn0")
TEXT = compact(*parts(honest())[:2])


def with_claims(**changes: JsonValue) -> str:
    """The honest presentation with another key binding, signed again; a member of None is taken away."""
    return bind(TEXT, key_binding_payload(TEXT, **changes))


def with_header(**changes: JsonValue) -> str:
    header = {name: value for name, value in (KB_HEADER | changes).items() if value is not None}
    return bind(TEXT, header=header)


def with_mac() -> str:
    header, payload = json_bytes(KB_HEADER | {"alg": "HS256"}), json_bytes(key_binding_payload(TEXT))
    signing_input = f"{encode_base64url(header)}.{encode_base64url(payload)}"
    mac = hmac.digest(HOLDER_KEY.public_key.raw, signing_input.encode(), hashlib.sha256)
    return f"{TEXT}{signing_input}.{encode_base64url(mac)}"


def unsigned() -> str:
    header, payload = json_bytes(KB_HEADER | {"alg": "none"}), json_bytes(key_binding_payload(TEXT))
    return f"{TEXT}{encode_base64url(header)}.{encode_base64url(payload)}."


def corrupt_signature() -> str:
    return honest()[:-10] + ("A" if honest()[-10] != "A" else "B") + honest()[-9:]


def glued(disclosures: list[str]) -> str:
    """Other disclosures under the key binding of the honest presentation."""
    first, _, binding = parts(honest())
    return compact(first, disclosures) + binding


def with_sha_256_for_sha_512() -> str:
    return minimal(_sd_alg="sha-512")


def confirming(*transactions: str, **changes: JsonValue) -> str:
    hashes: list[JsonValue] = [sha256(text) for text in transactions]
    return with_claims(**{"transaction_data_hashes": hashes} | changes)


_, SENT, _ = parts(honest())
_, ALL, _ = parts(bind(credential().encoded_without_key_binding))
OTHER_CREDENTIAL = credential(salts="other").encoded_without_key_binding
JWK = encode_jwk(HOLDER_KEY.public_key)
CONFIRMATIONS: dict[str, JsonValue] = {
    "jwk-and-kid": {"jwk": JWK, "kid": "a"},
    "jwk-and-jwe": {"jwk": JWK, "jwe": "a"},
    "jwe": {"jwe": "eyJ"},
    "kid": {"kid": "a"},
    "jku": {"jku": "https://holder.example/keys", "kid": "a"},
    "private-jwk": {"jwk": JWK | {"d": encode_base64url(HOLDER_KEY.seed)}},
    "unknown-method": {"x5t": "a"},
    "empty": {},
    "text": "a",
    "jwk-a-text": {"jwk": "a"},
}

ABSENT = [
    attack("K01-stripped", Code.KEY_BINDING_MISSING, TEXT),
    attack("K02-no-cnf", Code.HOLDER_KEY_INVALID, bind(compact(issuer_jwt(without(BASIS, "cnf"))))),
    *[
        attack(f"K17-{name}", Code.HOLDER_KEY_INVALID, minimal(cnf=confirmation))
        for name, confirmation in CONFIRMATIONS.items()
    ],
]
SIGNATURES = [
    attack("K03-corrupt", Code.KEY_BINDING_SIGNATURE_INVALID, corrupt_signature()),
    attack("K04-another-key", Code.KEY_BINDING_SIGNATURE_INVALID, bind(TEXT, key=OTHER_KEY)),
    attack("K04-the-issuers-key", Code.KEY_BINDING_SIGNATURE_INVALID, bind(TEXT, key=ISSUER_KEY)),
    attack(
        "K04-own-key-in-header",
        Code.KEY_SOURCE_FORBIDDEN,
        bind(TEXT, header=KB_HEADER | {"jwk": encode_jwk(OTHER_KEY.public_key)}, key=OTHER_KEY),
    ),
    attack("K05-missing", Code.TYPE_MISMATCH, with_header(typ=None)),
    *[
        attack(f"K05-{typ}", Code.TYPE_MISMATCH, with_header(typ=typ))
        for typ in ("JWT", "KB+JWT", "dc+sd-jwt", "openid4vci-proof+jwt")
    ],
    attack("K06-none", Code.ALGORITHM_NOT_ALLOWED, unsigned()),
    attack("K06-hs256", Code.ALGORITHM_NOT_ALLOWED, with_mac()),
    attack("K06-es256-for-ed25519", Code.ALGORITHM_NOT_ALLOWED, with_header(alg="ES256")),
    attack(
        "K06-eddsa-for-p256",
        Code.ALGORITHM_NOT_ALLOWED,
        minimal(cnf={"jwk": encode_jwk(P256_KEY.public_key)}),
    ),
]
REPLAYS = [
    attack("K07-another", Code.NONCE_MISMATCH, with_claims(nonce="n-other")),
    attack("K07-missing", Code.NONCE_MISMATCH, with_claims(nonce=None)),
    attack("K07-number", Code.NONCE_MISMATCH, with_claims(nonce=5)),
    attack("K07-empty", Code.NONCE_MISMATCH, with_claims(nonce="")),
    attack("K07-other-letters", Code.NONCE_MISMATCH, with_claims(nonce=NONCE + "ä")),
    # That a nonce is used only once is the verifier service's to keep; here it counts for one request alone.
    attack("K08-of-another-session", Code.NONCE_MISMATCH, honest(), nonce="n-another-live-session"),
    attack("K09-another", Code.AUDIENCE_MISMATCH, with_claims(aud="x509_san_dns:shop.example")),
    attack("K09-array", Code.AUDIENCE_MISMATCH, with_claims(aud=[AUDIENCE])),
    attack("K09-without-prefix", Code.AUDIENCE_MISMATCH, with_claims(aud="verifier.example")),
    attack("K09-missing", Code.AUDIENCE_MISMATCH, with_claims(aud=None)),
]
TIMES = [
    attack("K10-a-year-ahead", Code.KEY_BINDING_NOT_FRESH, with_claims(iat=SECONDS + YEAR)),
    attack("K10-beyond-the-skew", Code.KEY_BINDING_NOT_FRESH, with_claims(iat=SECONDS + 61)),
    attack("K10-a-year-ago", Code.KEY_BINDING_NOT_FRESH, with_claims(iat=SECONDS - YEAR)),
    attack("K10-beyond-the-age", Code.KEY_BINDING_NOT_FRESH, with_claims(iat=SECONDS - 301)),
    attack("K10-in-1970", Code.KEY_BINDING_NOT_FRESH, with_claims(iat=1)),
    attack("K10-missing", Code.KEY_BINDING_NOT_FRESH, with_claims(iat=None)),
    attack("K10-text", Code.KEY_BINDING_NOT_FRESH, with_claims(iat=str(SECONDS))),
    attack("K10-true", Code.KEY_BINDING_NOT_FRESH, with_claims(iat=True)),
    attack("K18-expired", Code.EXPIRED, with_claims(exp=SECONDS - 1)),
    attack("K18-expires-now", Code.EXPIRED, with_claims(exp=SECONDS)),
    attack("K18-not-yet", Code.NOT_YET_VALID, with_claims(nbf=SECONDS + 61)),
]
COVERAGE = [
    attack("K11-wrong", Code.PRESENTATION_HASH_MISMATCH, with_claims(sd_hash=sha256("another"))),
    attack("K11-missing", Code.PRESENTATION_HASH_MISMATCH, with_claims(sd_hash=None)),
    attack("K11-number", Code.PRESENTATION_HASH_MISMATCH, with_claims(sd_hash=5)),
    *[
        attack(f"K12-{name}-json", Code.FORMAT_INVALID, json_serialization(glued(ALL), general=general))
        for name, general in {"flattened": False, "general": True}.items()
    ],
    attack("K13-added", Code.PRESENTATION_HASH_MISMATCH, glued(ALL)),
    attack("K13-removed", Code.PRESENTATION_HASH_MISMATCH, glued(SENT[:1])),
    attack("K13-all-removed", Code.PRESENTATION_HASH_MISMATCH, glued([])),
    attack("K13-reordered", Code.PRESENTATION_HASH_MISMATCH, glued(SENT[::-1])),
    attack("K14-sha-256-for-sha-512", Code.PRESENTATION_HASH_MISMATCH, with_sha_256_for_sha_512()),
    attack(
        "K15-legacy-name",
        Code.PRESENTATION_HASH_MISMATCH,
        with_claims(sd_hash=None, _sd_hash=sha256(TEXT)),
    ),
    attack(
        "K16-of-another-credential", Code.PRESENTATION_HASH_MISMATCH, OTHER_CREDENTIAL + parts(honest())[2]
    ),
]
MISMATCH = Code.TRANSACTION_DATA_MISMATCH
TRANSACTIONS = [
    attack("K19-none-asked-for", MISMATCH, confirming(*TRANSACTION)),
    attack("K19-none-asked-for-but-named", MISMATCH, with_claims(transaction_data_hashes_alg="sha-256")),
    attack("K19-missing", MISMATCH, honest(), transaction_data=TRANSACTION),
    attack("K19-one-missing", MISMATCH, confirming(TRANSACTION[0]), transaction_data=TRANSACTION),
    attack("K19-extra", MISMATCH, confirming(*TRANSACTION, "e30"), transaction_data=TRANSACTION),
    attack("K19-reordered", MISMATCH, confirming(*TRANSACTION[::-1]), transaction_data=TRANSACTION),
    attack(
        "K19-another-hash",
        MISMATCH,
        confirming(*TRANSACTION, transaction_data_hashes_alg="sha-512"),
        transaction_data=TRANSACTION,
    ),
    attack(
        "K19-text",
        MISMATCH,
        confirming(transaction_data_hashes=sha256(TRANSACTION[0])),
        transaction_data=TRANSACTION[:1],
    ),
]


@pytest.mark.parametrize(
    ("code", "text", "verifier"),
    ABSENT + SIGNATURES + REPLAYS + TIMES + COVERAGE + TRANSACTIONS,
)
def test_presentation_its_holder_did_not_make_for_this_request_is_refused(
    code: Code, text: str, verifier: dict[str, object]
) -> None:
    assert_attack_fails(code, text, verifier)


@pytest.mark.parametrize(
    "transaction_data",
    [
        pytest.param((), id="NT-K19-none-is-accepted"),
        pytest.param(TRANSACTION, id="NT-K19-both-are-accepted"),
    ],
)
def test_presentation_confirming_exactly_what_was_asked_is_accepted(
    transaction_data: tuple[str, ...],
) -> None:
    text = confirming(*transaction_data) if transaction_data else honest()
    Verifier(transaction_data=transaction_data).verify(text)


@pytest.mark.parametrize("algorithm", [pytest.param(HashAlgorithm.SHA_512, id="NT-K14-sha-512-is-accepted")])
def test_hash_of_the_presentation_uses_the_function_of_the_credential(algorithm: HashAlgorithm) -> None:
    text = compact(issuer_jwt(BASIS | {"_sd_alg": algorithm.value}))
    payload = key_binding_payload(text, sd_hash=digest_of(text, algorithm))
    Verifier().verify(bind(text, payload))


@pytest.mark.parametrize(
    "missing",
    [
        pytest.param(name, id=f"NT-K20-without-{name}")
        for name in (
            "expected_nonce",
            "expected_audience",
            "policy",
            "now",
            "resolve_did",
            "fetch_status_list",
        )
    ],
)
def test_verifying_without_a_security_parameter_is_a_programming_error(missing: str) -> None:
    arguments: dict[str, object] = {
        "expected_nonce": NONCE,
        "expected_audience": AUDIENCE,
        "policy": POLICY,
        "now": NOW,
        "resolve_did": lambda did: verified_did(),
        "fetch_status_list": lambda uri: "",
    }
    verify_presentation(honest(), **arguments)  # type: ignore[arg-type]
    del arguments[missing]
    with pytest.raises(TypeError):
        verify_presentation(honest(), **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("nonce", "audience"),
    [
        pytest.param("", AUDIENCE, id="NT-K20-empty-nonce"),
        pytest.param(NONCE, "", id="NT-K20-empty-audience"),
    ],
)
def test_verifying_for_an_empty_nonce_or_audience_is_a_programming_error(nonce: str, audience: str) -> None:
    with pytest.raises(ValueError, match="nonce and an audience"):
        Verifier(nonce=nonce, audience=audience).verify(honest())
