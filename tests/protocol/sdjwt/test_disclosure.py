import pytest

from protocol.codes import Code
from protocol.encoding.base64url import encode_base64url
from protocol.encoding.strict_json import JsonValue
from protocol.errors import MalformedError
from protocol.sdjwt.disclosure import (
    MAX_DISCLOSURE_CHARACTERS,
    HashAlgorithm,
    create_disclosure,
    digest_of,
    exceed_limits,
    parse_disclosure,
)

# RFC 9901 §4.2.1 and §4.2.3: spaces after the commas, as the published example has them.
FAMILY_NAME = "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"
FAMILY_NAME_DIGEST = "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"
# The same claim spelled with an escape (§4.2.1): another text, hence another digest.
FAMILY_NAME_ESCAPED = "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNXHUwMGY2Yml1cyJd"
NATIONALITY = "WyJsa2x4RjVqTVlsR1RQVW92TU5JdkNBIiwgIkZSIl0"
NATIONALITY_DIGEST = "w0I8EKcdCtUPkGCNUrfwVp2xEgNjtoIDlOxc9-PlOhs"


def test_published_disclosures_are_read() -> None:
    disclosure = parse_disclosure(FAMILY_NAME)
    assert (disclosure.salt, disclosure.name, disclosure.value) == (
        "_26bc4LT-ac6q2KI6cBW5es",
        "family_name",
        "Möbius",
    )
    element = parse_disclosure(NATIONALITY)
    assert (element.salt, element.name, element.value) == ("lklxF5jMYlGTPUovMNIvCA", None, "FR")


def test_digest_is_over_the_text_as_received() -> None:
    assert digest_of(FAMILY_NAME, HashAlgorithm.SHA_256) == FAMILY_NAME_DIGEST
    assert digest_of(NATIONALITY, HashAlgorithm.SHA_256) == NATIONALITY_DIGEST
    escaped = parse_disclosure(FAMILY_NAME_ESCAPED)
    assert escaped.value == parse_disclosure(FAMILY_NAME).value
    assert digest_of(escaped.encoded, HashAlgorithm.SHA_256) != FAMILY_NAME_DIGEST


@pytest.mark.parametrize(
    ("algorithm", "characters"),
    [(HashAlgorithm.SHA_256, 43), (HashAlgorithm.SHA_384, 64), (HashAlgorithm.SHA_512, 86)],
)
def test_digest_has_the_length_of_its_hash(algorithm: HashAlgorithm, characters: int) -> None:
    assert len(digest_of(NATIONALITY, algorithm)) == characters


@pytest.mark.parametrize("value", [None, True, 5, 1.5, "Möbius", [], {}, {"a": [1, {"b": None}]}])
@pytest.mark.parametrize("name", ["family_name", "", "ü", None])
def test_created_disclosure_reads_back_the_same(name: str | None, value: JsonValue) -> None:
    created = create_disclosure("_26bc4LT-ac6q2KI6cBW5es", name, value)
    assert parse_disclosure(created.encoded) == created


def test_disclosure_of_16_kb_is_read_and_one_more_character_is_refused() -> None:
    room = MAX_DISCLOSURE_CHARACTERS * 3 // 4 - len('["salt","a",""]')
    largest = create_disclosure("salt", "a", "x" * room).encoded
    assert len(largest) == MAX_DISCLOSURE_CHARACTERS
    parse_disclosure(largest)
    for longer in (1, room * 100):
        with pytest.raises(MalformedError) as caught:
            parse_disclosure(create_disclosure("salt", "a", "x" * (room + longer)).encoded)
        assert caught.value.code is Code.DISCLOSURE_LIMIT_EXCEEDED


def test_disclosure_of_another_shape_is_refused() -> None:
    with pytest.raises(MalformedError) as caught:
        parse_disclosure(encode_base64url(b'{"salt": "a"}'))
    assert caught.value.code is Code.DISCLOSURE_MALFORMED


@pytest.mark.parametrize(
    ("texts", "too_much"),
    [
        (["a"] * 256, False),
        (["a"] * 257, True),
        (["a" * 16_384] * 8, False),
        ([*["a" * 16_384] * 8, "a"], True),
    ],
)
def test_limits_are_256_disclosures_and_128_kb_together(texts: list[str], too_much: bool) -> None:
    assert exceed_limits(texts) is too_much
