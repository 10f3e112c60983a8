import pytest

from protocol.claim_path import ClaimPath
from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import MalformedError, RefusedError, VerificationError
from protocol.jws import sign_jws
from protocol.keys import Ed25519PrivateKey, P256PrivateKey
from protocol.keys.jwk import encode_jwk
from protocol.sdjwt.parse import SdJwt
from protocol.sdjwt.verify import verify_disclosures
from protocol.sdjwt_vc import (
    PROTECTED_CLAIMS,
    issue_sd_jwt_vc,
    issuer_key_id,
    parse_credential,
    parse_credential_jws,
    verify_credential_rules,
)
from tests.attacks.artefacts import counted_salts

DID = "did:example:issuer"
KEY_ID = f"{DID}#key-1"
KEY = Ed25519PrivateKey(bytes(range(32)))
HOLDER = P256PrivateKey(bytes(31) + b"\x07")
CLAIMS: JsonObject = {"iss": DID, "vct": "urn:example:1", "iat": 1_795_341_600, "name": "Ada"}


def issue(claims: JsonObject = CLAIMS, *paths: ClaimPath, key_id: str = KEY_ID) -> SdJwt:
    return issue_sd_jwt_vc(claims, disclosable=paths, key=KEY, key_id=key_id, salts=counted_salts(), decoys=1)


def rules(claims: JsonObject) -> object:
    return verify_credential_rules(claims, verify_disclosures(claims, []))


def test_issued_credential_says_who_issued_what_with_which_key() -> None:
    credential = parse_credential(parse_credential_jws(issue(CLAIMS, ("name",))))
    assert (credential.issuer, credential.vct, credential.issued_at) == (DID, "urn:example:1", 1_795_341_600)
    assert issuer_key_id(credential) == KEY_ID
    assert credential.jws.header == {"alg": "EdDSA", "typ": "dc+sd-jwt", "kid": KEY_ID}


@pytest.mark.parametrize("name", PROTECTED_CLAIMS)
def test_protected_claim_is_never_issued_as_disclosable(name: str) -> None:
    for path in [(name,), (name, "jwk", "x"), (name, None)]:
        with pytest.raises(RefusedError) as caught:
            issue(CLAIMS | {name: DID}, path)
        assert (caught.value.code, caught.value.detail) == (Code.CLAIM_NOT_DISCLOSABLE, name)


@pytest.mark.parametrize(
    ("claims", "key_id"),
    [
        ({"iss": DID}, KEY_ID),
        ({"iss": DID, "vct": 5}, KEY_ID),
        ({"vct": "urn:example:1"}, KEY_ID),
        (CLAIMS, "did:example:another#key-1"),
        (CLAIMS, DID),
    ],
)
def test_credential_without_type_or_issuer_of_its_key_is_a_programming_error(
    claims: JsonObject, key_id: str
) -> None:
    with pytest.raises(ValueError, match="vct"):
        issue(claims, key_id=key_id)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"iss": None}, Code.CLAIM_INVALID),
        ({"iss": ""}, Code.CLAIM_INVALID),
        ({"iss": "d" * 2049}, Code.CLAIM_INVALID),
        ({"vct": ["urn:example:1"]}, Code.CLAIM_INVALID),
        ({"iat": "now"}, Code.CLAIM_INVALID),
    ],
)
def test_credential_that_does_not_say_who_issued_what_is_refused(changes: JsonObject, code: Code) -> None:
    sd_jwt = SdJwt(sign_jws(CLAIMS | changes, KEY, typ="dc+sd-jwt"), ())
    with pytest.raises(VerificationError) as caught:
        parse_credential(parse_credential_jws(sd_jwt))
    assert caught.value.code is code


def test_type_of_2048_characters_is_read() -> None:
    jwt = sign_jws(CLAIMS | {"vct": "u" * 2048}, KEY, typ="dc+sd-jwt")
    assert len(parse_credential(parse_credential_jws(SdJwt(jwt, ()))).vct) == 2048


@pytest.mark.parametrize("name", ["iss", "vct"])
def test_credential_without_issuer_or_type_is_refused(name: str) -> None:
    claims = {each: value for each, value in CLAIMS.items() if each != name}
    with pytest.raises(VerificationError) as caught:
        parse_credential(parse_credential_jws(SdJwt(sign_jws(claims, KEY, typ="dc+sd-jwt"), ())))
    assert (caught.value.code, caught.value.detail) == (Code.CLAIM_MISSING, name)


def test_payload_that_is_no_object_is_refused() -> None:
    with pytest.raises(MalformedError):
        parse_credential(
            parse_credential_jws(SdJwt("eyJhbGciOiJFZERTQSIsInR5cCI6ImRjK3NkLWp3dCJ9.W10.AA", ()))
        )


@pytest.mark.parametrize(
    "header", [{}, {"kid": 5}, {"kid": "#key-1"}, {"kid": DID}, {"kid": f"{DID}:a#key-1"}]
)
def test_key_id_that_does_not_lie_under_the_issuer_is_refused(header: JsonObject) -> None:
    sd_jwt = SdJwt(sign_jws(CLAIMS, KEY, typ="dc+sd-jwt", header=header), ())
    with pytest.raises(VerificationError) as caught:
        issuer_key_id(parse_credential(parse_credential_jws(sd_jwt)))
    assert caught.value.code is Code.ISSUER_KEY_NOT_AUTHORIZED


@pytest.mark.parametrize("key", [KEY, HOLDER])
def test_holder_key_is_the_one_jwk_of_the_confirmation(key: Ed25519PrivateKey | P256PrivateKey) -> None:
    assert rules(CLAIMS | {"cnf": {"jwk": encode_jwk(key.public_key)}}) == key.public_key
    assert rules(CLAIMS) is None


@pytest.mark.parametrize(
    "confirmation",
    [
        {"jwk": encode_jwk(KEY.public_key) | {"d": "AA"}},
        {"jwk": "AA"},
        {"jwk": {}},
        {"jwk": encode_jwk(KEY.public_key), "kid": "a"},
        {"kid": "a"},
        [],
        None,
    ],
)
def test_confirmation_that_is_not_exactly_one_usable_jwk_is_refused(confirmation: JsonValue) -> None:
    with pytest.raises(VerificationError) as caught:
        rules(CLAIMS | {"cnf": confirmation})
    assert caught.value.code is Code.HOLDER_KEY_INVALID


@pytest.mark.parametrize("types", [["urn:example:0"], ["urn:a", "urn:b"]])
def test_further_types_are_other_types(types: JsonValue) -> None:
    rules(CLAIMS | {"aka_vcts": types})


@pytest.mark.parametrize("types", [[], "urn:a", None, [5], {"a": 1}, ["urn:a", "urn:example:1"]])
def test_further_types_of_another_form_are_refused(types: JsonValue) -> None:
    with pytest.raises(VerificationError) as caught:
        rules(CLAIMS | {"aka_vcts": types})
    assert caught.value.code is Code.CLAIM_INVALID
