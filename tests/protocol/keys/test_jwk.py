import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.encoding.base64url import encode_base64url
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import MalformedError
from protocol.keys import Ed25519PrivateKey, Ed25519PublicKey, P256PrivateKey
from protocol.keys.jwk import encode_jwk, parse_jwk, thumbprint

VECTORS = Path(__file__).parents[2] / "vectors/jose"
ED25519: JsonObject = {
    "kty": "OKP",
    "crv": "Ed25519",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
}
P256 = encode_jwk(P256PrivateKey((7).to_bytes(32)).public_key)


def test_key_and_thumbprint_of_rfc_8037_are_as_printed() -> None:
    vector = json.loads((VECTORS / "rfc8037-ed25519.json").read_text())
    public = {name: value for name, value in vector["jwk"].items() if name != "d"}
    key = parse_jwk(public)
    assert encode_jwk(key) == public
    assert thumbprint(key) == vector["thumbprint_sha256"]
    with pytest.raises(MalformedError) as caught:
        parse_jwk(vector["jwk"])
    assert caught.value.code is Code.KEY_INVALID


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"use": "sig"},
        {"key_ops": ["verify"]},
        {"key_ops": ["sign", "verify"]},
        {"kid": "1", "x5t#S256": "a"},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    ("jwk", "algorithms"), [(ED25519, ["EdDSA", "Ed25519"]), (P256, ["ES256"])], ids=["ed25519", "p256"]
)
def test_public_key_is_read_with_what_it_may_say_beside(
    jwk: JsonObject, algorithms: list[str], extra: JsonObject
) -> None:
    assert encode_jwk(parse_jwk(jwk | extra)) == jwk
    for algorithm in algorithms:
        assert parse_jwk(jwk | extra | {"alg": algorithm}) == parse_jwk(jwk)


REFUSED: dict[str, tuple[JsonObject, Code]] = {
    "private": (ED25519 | {"d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}, Code.KEY_INVALID),
    "private-empty": (ED25519 | {"d": ""}, Code.KEY_INVALID),
    "private-p256": (P256 | {"d": "AA"}, Code.KEY_INVALID),
    "symmetric": ({"kty": "oct", "k": "AAAA"}, Code.KEY_INVALID),
    "rsa": ({"kty": "RSA", "crv": "P-256", "n": "AAAA", "e": "AQAB"}, Code.KEY_INVALID),
    "x25519": (ED25519 | {"crv": "X25519"}, Code.KEY_INVALID),
    "ed448": (ED25519 | {"crv": "Ed448"}, Code.KEY_INVALID),
    "p384": (P256 | {"crv": "P-384"}, Code.KEY_INVALID),
    "secp256k1": (P256 | {"crv": "secp256k1"}, Code.KEY_INVALID),
    "curve-in-lower-case": (ED25519 | {"crv": "ed25519"}, Code.KEY_INVALID),
    "curve-of-the-other-type": (ED25519 | {"kty": "EC"}, Code.KEY_INVALID),
    "no-type": ({"crv": "Ed25519", "x": ED25519["x"]}, Code.MEMBER_MISSING),
    "no-x": ({"kty": "OKP", "crv": "Ed25519"}, Code.MEMBER_MISSING),
    "no-y": ({"kty": "EC", "crv": "P-256", "x": P256["x"]}, Code.MEMBER_MISSING),
    "x-of-31-bytes": (ED25519 | {"x": encode_base64url(b"\x05" * 31)}, Code.KEY_INVALID),
    "x-of-33-bytes": (ED25519 | {"x": encode_base64url(b"\x05" * 33)}, Code.KEY_INVALID),
    "x-number": (ED25519 | {"x": 5}, Code.MEMBER_INVALID),
    "x-padded": (ED25519 | {"x": f"{ED25519['x']}="}, Code.ENCODING_INVALID),
    "x-with-unused-bits": (ED25519 | {"x": str(ED25519["x"])[:-1] + "p"}, Code.ENCODING_INVALID),
    "small-order": (ED25519 | {"x": encode_base64url(bytes(32))}, Code.KEY_INVALID),
    "off-curve": (P256 | {"y": P256["x"]}, Code.KEY_INVALID),
    "for-encryption": (ED25519 | {"use": "enc"}, Code.KEY_INVALID),
    "use-list": (ED25519 | {"use": ["sig"]}, Code.MEMBER_INVALID),
    "for-signing-alone": (ED25519 | {"key_ops": ["sign"]}, Code.KEY_INVALID),
    "for-nothing": (ED25519 | {"key_ops": []}, Code.KEY_INVALID),
    "operations-text": (ED25519 | {"key_ops": "verify"}, Code.KEY_INVALID),
    "algorithm-of-another-key": (ED25519 | {"alg": "ES256"}, Code.KEY_INVALID),
    "algorithm-of-another-curve": (P256 | {"alg": "ES384"}, Code.KEY_INVALID),
    "algorithm-mac": (P256 | {"alg": "HS256"}, Code.KEY_INVALID),
}


@pytest.mark.parametrize(("jwk", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_key_that_must_not_verify_is_refused(jwk: JsonObject, code: Code) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_jwk(jwk)
    assert caught.value.code is code
    assert "nWGxne" not in str(caught.value)


@given(st.integers(1, 2**255), st.binary(min_size=32, max_size=32))
def test_keys_survive(scalar: int, seed: bytes) -> None:
    for key in (P256PrivateKey(scalar.to_bytes(32)).public_key, Ed25519PrivateKey(seed).public_key):
        assert parse_jwk(encode_jwk(key)) == key
        assert len(thumbprint(key)) == 43


members = st.sampled_from(["kty", "crv", "x", "y", "d", "use", "key_ops", "alg"])
values: st.SearchStrategy[JsonValue] = st.sampled_from(
    ["OKP", "EC", "Ed25519", "P-256", "sig", "verify", "", ED25519["x"], P256["y"], None, 1, []]
)


@given(st.dictionaries(members, values))
def test_garbage_is_malformed_or_a_key(jwk: JsonObject) -> None:
    try:
        key = parse_jwk(jwk)
    except MalformedError:
        return
    assert isinstance(key, Ed25519PublicKey) is (jwk["kty"] == "OKP")
