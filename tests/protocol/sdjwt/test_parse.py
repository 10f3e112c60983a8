import pytest

from protocol.codes import Code
from protocol.encoding.base64url import encode_base64url
from protocol.errors import MalformedError, VerificationError
from protocol.sdjwt.disclosure import HashAlgorithm, create_disclosure
from protocol.sdjwt.parse import SdJwt, parse_sd_jwt, parse_unverified_payload, read_hash_algorithm

PAYLOAD = encode_base64url(b'{"iss": "did:example:1"}')
FIRST = create_disclosure("salt", "name", "Ada")
SECOND = create_disclosure("salt", None, "FR")


@pytest.mark.parametrize(
    "sd_jwt",
    [
        SdJwt(f"e30.{PAYLOAD}.AA", ()),
        SdJwt(f"e30.{PAYLOAD}.AA", (FIRST,)),
        SdJwt(f"e30.{PAYLOAD}.AA", (FIRST, SECOND), "a.b.c"),
        SdJwt(f"e30.{PAYLOAD}.AA", (), "a.b.c"),
    ],
)
def test_sd_jwt_reads_back_the_same(sd_jwt: SdJwt) -> None:
    assert parse_sd_jwt(sd_jwt.encoded) == sd_jwt
    assert sd_jwt.unverified_payload() == {"iss": "did:example:1"}


def test_payload_is_read_without_a_look_at_the_disclosures() -> None:
    assert parse_unverified_payload(f"e30.{PAYLOAD}.AA~not a disclosure~") == {"iss": "did:example:1"}
    with pytest.raises(MalformedError) as caught:
        parse_unverified_payload(f"e30.{PAYLOAD}~a.b.c~")
    assert caught.value.code is Code.FORMAT_INVALID


def test_text_without_key_binding_ends_in_the_last_tilde() -> None:
    sd_jwt = SdJwt("a.b.c", (FIRST, SECOND), "d.e.f")
    assert sd_jwt.encoded_without_key_binding == f"a.b.c~{FIRST.encoded}~{SECOND.encoded}~"
    assert sd_jwt.encoded == f"a.b.c~{FIRST.encoded}~{SECOND.encoded}~d.e.f"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.b.c",
        "~",
        "~~",
        "a.b~",
        "a.b.c.d~",
        "a.b.c~~",
        "a.b.c~d",
        "a.b.c~d.e",
        "a.b.c~ ",
        " a.b.c~",
        "ä.b.c~",
    ],
)
def test_text_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_sd_jwt(text)
    assert caught.value.code is Code.FORMAT_INVALID


def test_256_disclosures_are_read_and_one_more_is_refused() -> None:
    texts = [create_disclosure("salt", "name", number).encoded for number in range(257)]
    assert len(parse_sd_jwt("~".join(["a.b.c", *texts[:256], ""])).disclosures) == 256
    with pytest.raises(MalformedError) as caught:
        parse_sd_jwt("~".join(["a.b.c", *texts, ""]))
    assert caught.value.code is Code.DISCLOSURE_LIMIT_EXCEEDED


def test_hash_function_is_sha_256_unless_named() -> None:
    assert read_hash_algorithm({}) is HashAlgorithm.SHA_256
    for algorithm in HashAlgorithm:
        assert read_hash_algorithm({"_sd_alg": algorithm.value}) is algorithm


@pytest.mark.parametrize("name", ["SHA-256", "sha-256-128", 5, None, ["sha-256"]])
def test_hash_function_outside_the_list_is_refused(name: str | int | None) -> None:
    with pytest.raises(VerificationError) as caught:
        read_hash_algorithm({"_sd_alg": name})
    assert caught.value.code is Code.HASH_ALGORITHM_NOT_ALLOWED
