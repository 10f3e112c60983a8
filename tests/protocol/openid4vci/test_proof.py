import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.did.jwk import encode_did_jwk
from protocol.did.key import encode_did_key_method
from protocol.encoding.base64url import encode_base64url
from protocol.encoding.strict_json import JsonObject, JsonValue, encode_json
from protocol.encoding.time import from_seconds
from protocol.errors import RefusedError, VerificationError
from protocol.jws import parse_jws
from protocol.keys import Ed25519PrivateKey, P256PrivateKey, PublicKey, SigningKey
from protocol.keys.jwk import encode_jwk, parse_jwk
from protocol.openid4vci.proof import PROOF_TYP, create_proof, verify_proofs
from tests.openid_parties import HOLDER_KEY, NOW, OTHER_KEY, SECONDS

ISSUER = "https://issuer.example/tenant"
NONCE = "wKI4LT17ac15ES9bw8ac4"
P256_KEY = P256PrivateKey(bytes(31) + b"\x07")
ALGORITHMS = ("EdDSA", "ES256")
GENERATED = Path(__file__).parents[2] / "vectors" / "generated-ed25519" / "oid4vc.json"


def create(key: SigningKey = HOLDER_KEY, **changes: Any) -> str:
    values: dict[str, Any] = {"audience": ISSUER, "nonce": NONCE, "issued_at": NOW, "algorithms": ALGORITHMS}
    return create_proof(key, **values | changes)


def verify(*proofs: str, **changes: Any) -> tuple[PublicKey, ...]:
    values: dict[str, Any] = {
        "expected_audience": ISSUER,
        "nonce_is_fresh": {NONCE}.__contains__,
        "allowed_algorithms": ALGORITHMS,
        "client_id": None,
        "now": NOW,
    }
    return verify_proofs(proofs, **values | changes)


def refused(*proofs: str, **changes: Any) -> tuple[Code, str]:
    with pytest.raises(VerificationError) as caught:
        verify(*proofs, **changes)
    return caught.value.code, caught.value.detail


def resigned(header: JsonObject | None = None, key: SigningKey = HOLDER_KEY, /, **changes: JsonValue) -> str:
    """A good proof with one change in header or payload, signed again; a member of None is taken away."""
    honest: JsonObject = {"alg": "EdDSA", "typ": PROOF_TYP, "jwk": encode_jwk(HOLDER_KEY.public_key)}
    claims: JsonObject = {"aud": ISSUER, "iat": SECONDS, "nonce": NONCE}
    parts = [
        encode_base64url(encode_json({name: value for name, value in part.items() if value is not None}))
        for part in (honest | (header or {}), claims | changes)
    ]
    signing_input = ".".join(parts)
    return f"{signing_input}.{encode_base64url(key.sign(signing_input.encode()))}"


def with_mac() -> str:
    header: JsonObject = {"alg": "HS256", "typ": PROOF_TYP, "jwk": encode_jwk(HOLDER_KEY.public_key)}
    signing_input = resigned(header).rpartition(".")[0]
    mac = hmac.digest(HOLDER_KEY.public_key.raw, signing_input.encode(), hashlib.sha256)
    return f"{signing_input}.{encode_base64url(mac)}"


KEY_ID = encode_did_key_method(HOLDER_KEY.public_key)
JWK = encode_jwk(HOLDER_KEY.public_key)


@pytest.mark.parametrize("key", [HOLDER_KEY, P256_KEY])
def test_proof_by_either_kind_of_key_is_verified(key: SigningKey) -> None:
    assert verify(create(key)) == (key.public_key,)


@pytest.mark.parametrize("key_id", [KEY_ID, encode_did_jwk(HOLDER_KEY.public_key) + "#0"])
def test_proof_that_names_a_did_is_verified(key_id: str) -> None:
    proof = create(key_id=key_id)
    header = parse_jws(proof, expected_typ=PROOF_TYP).header
    assert header == {"alg": "EdDSA", "typ": PROOF_TYP, "kid": key_id}
    assert verify(proof) == (HOLDER_KEY.public_key,)


def test_proof_says_nothing_about_the_wallet() -> None:
    payload = parse_jws(
        create(), expected_typ=PROOF_TYP, allowed_key_headers=frozenset({"jwk"})
    ).payload_object()
    assert payload == {"aud": ISSUER, "iat": SECONDS, "nonce": NONCE}


def test_proof_without_a_nonce_is_made_where_the_issuer_has_none() -> None:
    jws = parse_jws(create(nonce=None), expected_typ=PROOF_TYP, allowed_key_headers=frozenset({"jwk"}))
    assert "nonce" not in jws.payload_object()


@pytest.mark.parametrize(
    ("key", "algorithms", "name"),
    [
        (HOLDER_KEY, ["ES256", "Ed25519", "EdDSA"], "Ed25519"),
        (HOLDER_KEY, ["EdDSA", "Ed25519"], "EdDSA"),
        (P256_KEY, ["EdDSA", "ES256"], "ES256"),
    ],
)
def test_first_algorithm_of_the_issuer_that_fits_the_key_is_used(
    key: SigningKey, algorithms: list[str], name: str
) -> None:
    proof = create(key, algorithms=algorithms)
    jws = parse_jws(proof, expected_typ=PROOF_TYP, allowed_key_headers=frozenset({"jwk"}))
    assert jws.algorithm == name
    assert verify(proof, allowed_algorithms=algorithms) == (key.public_key,)


@pytest.mark.parametrize(
    ("key", "algorithms"), [(HOLDER_KEY, ["ES256", "RS256"]), (P256_KEY, ["EdDSA"]), (P256_KEY, [])]
)
def test_key_the_issuer_takes_no_proof_of_is_refused(key: SigningKey, algorithms: list[str]) -> None:
    with pytest.raises(RefusedError) as caught:
        create(key, algorithms=algorithms)
    assert caught.value.code is Code.ALGORITHM_NOT_ALLOWED


def test_proofs_of_a_batch_give_their_keys_in_order() -> None:
    assert verify(create(OTHER_KEY), create(P256_KEY), create()) == (
        OTHER_KEY.public_key,
        P256_KEY.public_key,
        HOLDER_KEY.public_key,
    )


BROKEN: dict[str, Callable[[], str]] = {
    "NT-I10 signature of another key": lambda: resigned({}, OTHER_KEY),
    "NT-I12 no nonce": lambda: resigned(nonce=None),
    "nonce is a number": lambda: resigned(nonce=7),
    "NT-I14 typ JWT": lambda: resigned({"typ": "JWT"}),
    "NT-I14 no typ": lambda: resigned({"typ": None}),
    "NT-I14 alg none": lambda: resigned({"alg": "none"}),
    "NT-I14 HS256 keyed with the public key": with_mac,
    "NT-I14 alg not in the metadata": lambda: resigned({"alg": "Ed25519"}),
    "alg of another kind of key": lambda: resigned({"alg": "ES256"}),
    "NT-I15 aud of another issuer": lambda: resigned(aud="https://evil.example"),
    "NT-I15 aud is a list": lambda: resigned(aud=[ISSUER]),
    "NT-I15 aud with a trailing slash": lambda: resigned(aud=ISSUER + "/"),
    "no aud": lambda: resigned(aud=None),
    "NT-I16 kid and jwk": lambda: resigned({"kid": KEY_ID}),
    "NT-I16 jwk and x5c": lambda: resigned({"x5c": ["MII"]}),
    "NT-I16 x5c alone": lambda: resigned({"x5c": ["MII"], "jwk": None}),
    "NT-I16 no key": lambda: resigned({"jwk": None}),
    "NT-I16 jwk with d": lambda: resigned(
        {"jwk": JWK | {"d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}}
    ),
    "symmetric jwk": lambda: resigned({"jwk": {"kty": "oct", "k": "AAAA"}}),
    "jwk is text": lambda: resigned({"jwk": "x"}),
    "jwk of small order": lambda: resigned({"jwk": JWK | {"x": encode_base64url(bytes(32))}}),
    "jwk for encryption": lambda: resigned({"jwk": JWK | {"use": "enc"}}),
    "kid of a method that must be fetched": lambda: resigned({"jwk": None, "kid": "did:web:evil.example#1"}),
    "kid is no DID URL": lambda: resigned({"jwk": None, "kid": "key-1"}),
    "kid is a DID without fragment": lambda: resigned({"jwk": None, "kid": KEY_ID.partition("#")[0]}),
    "kid with the fragment of another key": lambda: resigned(
        {
            "jwk": None,
            "kid": KEY_ID.partition("#")[0]
            + "#"
            + encode_did_key_method(OTHER_KEY.public_key).partition("#")[2],
        }
    ),
    "kid with a broken did:jwk": lambda: resigned({"jwk": None, "kid": "did:jwk:e30#0"}),
    "kid of another key than signed": lambda: resigned(
        {"jwk": None, "kid": encode_did_key_method(OTHER_KEY.public_key)}
    ),
    "kid is a number": lambda: resigned({"jwk": None, "kid": 7}),
    "NT-I17 iat an hour ago": lambda: resigned(iat=SECONDS - 3600),
    "NT-I17 iat an hour ahead": lambda: resigned(iat=SECONDS + 3600),
    "iat just too old": lambda: resigned(iat=SECONDS - 301),
    "iat just too far ahead": lambda: resigned(iat=SECONDS + 61),
    "iat is a float": lambda: resigned(iat=SECONDS + 0.5),
    "no iat": lambda: resigned(iat=None),
    "NT-I17 iss in the anonymous flow": lambda: resigned(iss="wallet"),
    "critical header": lambda: resigned({"crit": ["exp"]}),
    "too long": lambda: resigned(padding="a" * 8192),
    "no JWS": lambda: "eyJ",
    "empty": lambda: "",
}


@pytest.mark.parametrize("proof", BROKEN.values(), ids=BROKEN.keys())
def test_proof_with_one_thing_wrong_is_refused(proof: Callable[[], str]) -> None:
    assert verify(resigned()) == (HOLDER_KEY.public_key,)
    assert refused(proof())[0] is Code.PROOF_INVALID


@pytest.mark.parametrize("iat", [SECONDS - 300, SECONDS + 60])
def test_proof_at_the_edge_of_its_time_is_verified(iat: int) -> None:
    verify(resigned(iat=iat))


@pytest.mark.parametrize("proofs", [pytest.param((), id="NT-I09 proofs missing")])
def test_request_without_a_proof_is_refused(proofs: tuple[str, ...]) -> None:
    assert refused(*proofs) == (Code.PROOF_INVALID, "proofs: member missing")


@pytest.mark.parametrize(
    "fresh",
    [
        pytest.param({"other"}, id="NT-I11 unknown nonce"),
        pytest.param(set[str](), id="NT-I13 nonce consumed"),
    ],
)
def test_proof_with_a_nonce_that_is_not_good_asks_for_a_fresh_one(fresh: set[str]) -> None:
    assert refused(create(), nonce_is_fresh=fresh.__contains__)[0] is Code.PROOF_NONCE_INVALID


def test_nonce_is_asked_about_once_and_only_when_all_proofs_are_right() -> None:
    asked: list[str] = []

    def nonce_is_fresh(nonce: str) -> bool:
        asked.append(nonce)
        return True

    refused(create(), resigned({}, OTHER_KEY), nonce_is_fresh=nonce_is_fresh)
    assert asked == []
    verify(create(), create(OTHER_KEY), create(P256_KEY, nonce="second"), nonce_is_fresh=nonce_is_fresh)
    assert asked == [NONCE, "second"]


@pytest.mark.parametrize(
    ("proofs", "detail"),
    [
        pytest.param([create(), create()], "two proofs of the same key", id="NT-I18 same key twice"),
        pytest.param(
            [create(), create(key_id=KEY_ID)], "two proofs of the same key", id="NT-I18 same key, other name"
        ),
        pytest.param(
            [create(Ed25519PrivateKey(bytes([n]) * 32)) for n in range(9)]
            + [resigned(aud="https://evil.example")],
            "aud: audience mismatch",
            id="NT-I18 one bad of ten",
        ),
    ],
)
def test_batch_with_one_bad_proof_is_refused(proofs: list[str], detail: str) -> None:
    assert refused(*proofs) == (Code.PROOF_INVALID, detail)


def test_wallet_with_a_client_id_may_name_it_and_no_other() -> None:
    assert verify(resigned(iss="wallet"), client_id="wallet")
    assert verify(resigned(), client_id="wallet")
    assert refused(resigned(iss="other"), client_id="wallet")[0] is Code.PROOF_INVALID


def test_generated_proofs_are_verified() -> None:
    generated = json.loads(GENERATED.read_bytes())
    proofs = [generated["openid4vci_proof_jwk"], generated["openid4vci_proof_did_kid"]]
    holder = parse_jwk(generated["keys"]["holder"]["jwk"])
    checked: dict[str, Any] = {
        "expected_audience": "https://issuer.example.com",
        "allowed_algorithms": ["Ed25519"],
        "now": from_seconds(1_767_225_600) + timedelta(seconds=10),
    }
    assert [verify(proof, **checked) for proof in proofs] == [(holder,), (holder,)]


json_values = st.booleans() | st.integers() | st.text(max_size=9) | st.lists(st.integers(), max_size=2)


@given(
    st.sampled_from(["alg", "typ", "jwk", "kid", "crit"]),
    st.sampled_from(["aud", "iat", "nonce", "iss"]),
    json_values,
)
def test_proof_with_any_member_replaced_is_refused(header: str, claim: str, value: JsonValue) -> None:
    assert refused(resigned({header: value}))[0] is Code.PROOF_INVALID
    assert refused(resigned(**{claim: value}))[0] in (Code.PROOF_INVALID, Code.PROOF_NONCE_INVALID)


@given(st.text())
def test_any_text_is_refused(proof: str) -> None:
    assert refused(proof)[0] is Code.PROOF_INVALID
