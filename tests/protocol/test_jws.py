import hashlib
import hmac
import json
from collections import Counter
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.encoding.base64url import decode_base64url, encode_base64url
from protocol.encoding.strict_json import JsonObject, JsonValue, encode_json
from protocol.errors import MalformedError, TallyError, VerificationError
from protocol.jws import MAX_HEADER_BYTES, Algorithm, parse_jws, sign_jws, verify_jws
from protocol.keys import Ed25519PrivateKey, P256PrivateKey, PublicKey
from protocol.keys.jwk import encode_jwk, parse_jwk

VECTORS = Path(__file__).parents[1] / "vectors/jose"
KEY = Ed25519PrivateKey(bytes(range(32)))
P256_KEY = P256PrivateKey(bytes(range(1, 33)))
PAYLOAD: JsonObject = {"iss": "did:example:1", "iat": 1}
TYP = "example+jwt"
# Tokens of the RFCs and of Wycheproof have no `typ`; ours always do. This stands for its absence.
NO_TYP = cast("str", None)


def verify(token: str, key: PublicKey = KEY.public_key, typ: str = TYP) -> JsonObject:
    jws = parse_jws(token, expected_typ=typ)
    verify_jws(jws, key)
    return jws.payload_object()


def signed(header: JsonValue, payload: bytes = encode_json(PAYLOAD)) -> str:
    """A token with any header at all, signed with the Ed25519 key."""
    raw = header.encode() if isinstance(header, str) else json.dumps(header).encode()
    signing_input = f"{encode_base64url(raw)}.{encode_base64url(payload)}"
    return f"{signing_input}.{encode_base64url(KEY.sign(signing_input.encode()))}"


@pytest.mark.parametrize("key", [KEY, P256_KEY], ids=["ed25519", "p256"])
def test_signed_token_is_verified(key: Ed25519PrivateKey | P256PrivateKey) -> None:
    token = sign_jws(PAYLOAD, key, typ=TYP, header={"kid": "did:example:1#key-1"})
    assert verify(token, key.public_key) == PAYLOAD
    jws = parse_jws(token, expected_typ=TYP)
    assert jws.key_id == "did:example:1#key-1"
    assert list(jws.header) == ["alg", "typ", "kid"]


def test_algorithm_is_named_after_the_key_and_the_setting() -> None:
    named = {
        parse_jws(token, expected_typ=TYP).algorithm
        for token in (
            sign_jws(PAYLOAD, KEY, typ=TYP),
            sign_jws(PAYLOAD, KEY, typ=TYP, ed25519_name=Algorithm.ED25519),
            sign_jws(PAYLOAD, P256_KEY, typ=TYP, ed25519_name=Algorithm.ED25519),
        )
    }
    assert named == {Algorithm.EDDSA, Algorithm.ED25519, Algorithm.ES256}
    verify(sign_jws(PAYLOAD, KEY, typ=TYP, ed25519_name=Algorithm.ED25519))


def test_key_id_that_is_absent_or_no_text_is_none() -> None:
    headers: list[JsonObject] = [{}, {"kid": 1}, {"kid": ["a"]}]
    for header in headers:
        assert parse_jws(signed(GOOD | header), expected_typ=TYP).key_id is None


def test_tokens_of_rfc_8037_are_verified() -> None:
    vector = json.loads((VECTORS / "rfc8037-ed25519.json").read_text())
    key = parse_jwk({name: vector["jwk"][name] for name in ("kty", "crv", "x")})
    for name in ("jws_alg_EdDSA", "jws_alg_Ed25519_generated"):
        jws = parse_jws(vector[name], expected_typ=NO_TYP)
        verify_jws(jws, key)
        assert jws.payload == b"Example of Ed25519 signing"
        with pytest.raises(MalformedError):
            jws.payload_object()
        with pytest.raises(VerificationError) as caught:
            parse_jws(vector[name], expected_typ=TYP)
        assert caught.value.code is Code.TYPE_MISMATCH


def test_token_of_rfc_7515_with_es256_is_verified() -> None:
    token = (
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19y"
        "b290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    )
    key = parse_jwk(
        {
            "kty": "EC",
            "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        }
    )
    assert verify(token, key, NO_TYP)["iss"] == "joe"


def _wycheproof_verdict(jwks: list[JsonObject], token: object) -> str:
    text = token if isinstance(token, str) else json.dumps(token)
    try:
        jws = parse_jws(text, expected_typ=NO_TYP)
        verify_jws(jws, parse_jwk(next(jwk for jwk in jwks if jwk.get("kid") == jws.key_id)))
    except (TallyError, StopIteration):
        return "invalid"
    return "valid"


def test_wycheproof_tokens_have_the_verdict_that_is_printed() -> None:
    # Other algorithms than ours and encryption are out of scope: every one of those must be refused.
    counts: Counter[str] = Counter()
    for name in ("wycheproof_json_web_crypto_test.json", "wycheproof_json_web_key_test.json"):
        for group in json.loads((VECTORS / name).read_text())["testGroups"]:
            keys = group.get("public", group["private"])
            jwks = keys.get("keys", [keys])
            for case in group["tests"]:
                is_p256 = any("y" in jwk for jwk in jwks)
                kind = "encrypted" if "jwe" in case else "P-256" if is_p256 else "other algorithm"
                verdict = _wycheproof_verdict(jwks, case.get("jws", case.get("jwe")))
                assert verdict == (case["result"] if kind == "P-256" else "invalid"), (name, case["tcId"])
                counts[f"{kind}, {verdict}"] += 1
    assert counts == {
        "P-256, valid": 1,
        "P-256, invalid": 22,
        "other algorithm, invalid": 52,
        "encrypted, invalid": 34,
    }


GOOD: JsonObject = {"alg": "EdDSA", "typ": TYP}
SIGNED = signed(GOOD)
HEADER, BODY, SIGNATURE = SIGNED.split(".")

REFUSED: dict[str, tuple[str, Code]] = {
    "empty": ("", Code.FORMAT_INVALID),
    "two-parts": (f"{HEADER}.{BODY}", Code.FORMAT_INVALID),
    "four-parts": (f"{SIGNED}.", Code.FORMAT_INVALID),
    "five-parts": (f"{SIGNED}.AA.AA", Code.FORMAT_INVALID),
    "dots-alone": ("..", Code.JSON_INVALID),
    "space-in-front": (f" {SIGNED}", Code.ENCODING_INVALID),
    "line-feed-behind": (f"{SIGNED}\n", Code.ENCODING_INVALID),
    "header-padded": (f"{HEADER}=.{BODY}.{SIGNATURE}", Code.ENCODING_INVALID),
    "payload-with-junk": (f"{HEADER}.{BODY}!!!.{SIGNATURE}", Code.ENCODING_INVALID),
    "signature-with-unused-bits": (f"{SIGNED[:-1]}{chr(ord(SIGNED[-1]) + 1)}", Code.ENCODING_INVALID),
    "not-ascii": (f"{HEADER}.{BODY}.ü{SIGNATURE[1:]}", Code.ENCODING_INVALID),
    "too-long": ("A" * 128 * 1024 + SIGNED, Code.SIZE_EXCEEDED),
    "header-too-long": (signed(GOOD | {"x": "A" * MAX_HEADER_BYTES}), Code.SIZE_EXCEEDED),
    "header-array": (signed(["EdDSA"]), Code.FORMAT_INVALID),
    "header-no-json": (signed("{'alg':'EdDSA'}"), Code.JSON_INVALID),
    "header-duplicate-alg": (
        signed('{"alg":"EdDSA","typ":"example+jwt","alg":"none"}'),
        Code.JSON_DUPLICATE_MEMBER,
    ),
    "header-duplicate-alg-reversed": (
        signed('{"alg":"none","typ":"example+jwt","alg":"EdDSA"}'),
        Code.JSON_DUPLICATE_MEMBER,
    ),
    "alg-missing": (signed({"typ": TYP}), Code.ALGORITHM_NOT_ALLOWED),
    "alg-none": (signed(GOOD | {"alg": "none"}), Code.ALGORITHM_NOT_ALLOWED),
    "alg-none-in-capitals": (signed(GOOD | {"alg": "nOnE"}), Code.ALGORITHM_NOT_ALLOWED),
    "alg-empty": (signed(GOOD | {"alg": ""}), Code.ALGORITHM_NOT_ALLOWED),
    "alg-number": (signed(GOOD | {"alg": 1}), Code.ALGORITHM_NOT_ALLOWED),
    "alg-list": (signed(GOOD | {"alg": ["EdDSA"]}), Code.ALGORITHM_NOT_ALLOWED),
    "alg-null": (signed(GOOD | {"alg": None}), Code.ALGORITHM_NOT_ALLOWED),
    "alg-in-lower-case": (signed(GOOD | {"alg": "eddsa"}), Code.ALGORITHM_NOT_ALLOWED),
    "alg-mac": (signed(GOOD | {"alg": "HS256"}), Code.ALGORITHM_NOT_ALLOWED),
    "alg-ed448": (signed(GOOD | {"alg": "Ed448"}), Code.ALGORITHM_NOT_ALLOWED),
    "alg-of-another-key": (signed(GOOD | {"alg": "ES256"}), Code.ALGORITHM_NOT_ALLOWED),
    "typ-missing": (signed({"alg": "EdDSA"}), Code.TYPE_MISMATCH),
    "typ-jwt": (signed(GOOD | {"typ": "JWT"}), Code.TYPE_MISMATCH),
    "typ-in-capitals": (signed(GOOD | {"typ": TYP.upper()}), Code.TYPE_MISMATCH),
    "typ-with-application": (signed(GOOD | {"typ": f"application/{TYP}"}), Code.TYPE_MISMATCH),
    "typ-list": (signed(GOOD | {"typ": [TYP]}), Code.TYPE_MISMATCH),
    "crit-known-claim": (signed(GOOD | {"crit": ["exp"], "exp": 1}), Code.CRITICAL_HEADER),
    "crit-unknown": (signed(GOOD | {"crit": ["x"], "x": 1}), Code.CRITICAL_HEADER),
    "crit-empty": (signed(GOOD | {"crit": []}), Code.CRITICAL_HEADER),
    "crit-null": (signed(GOOD | {"crit": None}), Code.CRITICAL_HEADER),
    "b64-false": (signed(GOOD | {"b64": False, "crit": ["b64"]}), Code.CRITICAL_HEADER),
    "b64-true": (signed(GOOD | {"b64": True}), Code.CRITICAL_HEADER),
    "jwk": (signed(GOOD | {"jwk": encode_jwk(KEY.public_key)}), Code.KEY_SOURCE_FORBIDDEN),
    "jku": (signed(GOOD | {"jku": "https://evil.example"}), Code.KEY_SOURCE_FORBIDDEN),
    "x5c": (signed(GOOD | {"x5c": ["AA=="]}), Code.KEY_SOURCE_FORBIDDEN),
    "x5u": (signed(GOOD | {"x5u": "https://evil.example"}), Code.KEY_SOURCE_FORBIDDEN),
    "signature-empty": (f"{HEADER}.{BODY}.", Code.SIGNATURE_INVALID),
    "signature-short": (
        f"{HEADER}.{BODY}.{encode_base64url(decode_base64url(SIGNATURE)[:63])}",
        Code.SIGNATURE_INVALID,
    ),
    "signature-of-another-payload": (
        f"{HEADER}.{encode_base64url(b'{}')}.{SIGNATURE}",
        Code.SIGNATURE_INVALID,
    ),
    "signature-of-another-header": (
        f"{encode_base64url(encode_json(GOOD | {'kid': '1'}))}.{BODY}.{SIGNATURE}",
        Code.SIGNATURE_INVALID,
    ),
    "payload-array": (signed(GOOD, b"[1]"), Code.FORMAT_INVALID),
    "payload-duplicate": (signed(GOOD, b'{"exp":1,"exp":2}'), Code.JSON_DUPLICATE_MEMBER),
    "payload-byte-order-mark": (signed(GOOD, b"\xef\xbb\xbf{}"), Code.TEXT_INVALID),
}


@pytest.mark.parametrize(("token", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_token_that_breaks_one_rule_is_refused(token: str, code: Code) -> None:
    verify(SIGNED)
    with pytest.raises(TallyError) as caught:
        verify(token)
    assert caught.value.code is code
    assert "eyJ" not in str(caught.value)


def test_mac_with_any_spelling_of_the_public_key_is_refused() -> None:
    header = encode_base64url(encode_json({"alg": "HS256", "typ": TYP}))
    raw = KEY.public_key.raw
    for secret in (raw, raw.hex().encode(), encode_json(encode_jwk(KEY.public_key))):
        mac = hmac.digest(secret, f"{header}.{BODY}".encode(), hashlib.sha256)
        with pytest.raises(VerificationError) as caught:
            verify(f"{header}.{BODY}.{encode_base64url(mac)}")
        assert caught.value.code is Code.ALGORITHM_NOT_ALLOWED


def test_ed25519_name_does_not_open_a_p256_key() -> None:
    for name in (Algorithm.EDDSA, Algorithm.ED25519):
        token = sign_jws(PAYLOAD, KEY, typ=TYP, ed25519_name=name)
        with pytest.raises(VerificationError) as caught:
            verify(token, P256_KEY.public_key)
        assert caught.value.code is Code.ALGORITHM_NOT_ALLOWED


def test_key_header_is_let_in_only_by_name() -> None:
    token = signed(GOOD | {"jwk": encode_jwk(KEY.public_key)})
    jws = parse_jws(token, expected_typ=TYP, allowed_key_headers=frozenset({"jwk"}))
    verify_jws(jws, KEY.public_key)
    with pytest.raises(VerificationError) as caught:
        parse_jws(token, expected_typ=TYP, allowed_key_headers=frozenset({"x5c"}))
    assert caught.value.code is Code.KEY_SOURCE_FORBIDDEN


def test_caller_may_bound_the_token() -> None:
    parse_jws(SIGNED, expected_typ=TYP, max_characters=len(SIGNED))
    with pytest.raises(MalformedError) as caught:
        parse_jws(SIGNED, expected_typ=TYP, max_characters=len(SIGNED) - 1)
    assert caught.value.code is Code.SIZE_EXCEEDED


def test_token_with_any_character_changed_is_refused() -> None:
    for position, character in enumerate(SIGNED):
        changed = f"{SIGNED[:position]}{'A' if character != 'A' else 'B'}{SIGNED[position + 1 :]}"
        with pytest.raises(TallyError):
            verify(changed)


@given(
    st.text(max_size=60)
    | st.text(alphabet=".eyJhbGciOiJFZERTQSJ9", max_size=60)
    | st.lists(st.binary(max_size=40), min_size=3, max_size=3).map(
        lambda parts: ".".join(encode_base64url(part) for part in parts)
    )
)
def test_garbage_is_refused(token: str) -> None:
    with pytest.raises((MalformedError, VerificationError)):
        verify(token)
