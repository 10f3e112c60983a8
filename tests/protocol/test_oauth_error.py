import json

import pytest

from protocol.codes import Code
from protocol.errors import MalformedError, RefusedError
from protocol.oauth_error import (
    OAuthError,
    encode_description,
    encode_oauth_error,
    express_error,
    parse_oauth_error,
    refusal,
)

WORDS = {Code.GRANT_INVALID: "invalid_grant"}


def test_error_is_expressed_in_the_words_of_the_endpoint() -> None:
    error = express_error(RefusedError(Code.GRANT_INVALID, "used"), WORDS, otherwise="invalid_request")
    assert error == OAuthError("invalid_grant", "The code is wrong, was used before, or has expired. (used)")
    assert (
        express_error(RefusedError(Code.NOT_FOUND), WORDS, otherwise="invalid_request").error
        == "invalid_request"
    )


def test_error_of_the_endpoint_becomes_a_refusal_that_repeats_it() -> None:
    known, unknown = (
        refusal(OAuthError("invalid_grant"), WORDS),
        refusal(OAuthError("slow_down", "wait"), WORDS),
    )
    assert (known.code, known.detail) == (Code.GRANT_INVALID, "invalid_grant")
    assert (unknown.code, unknown.detail) == (Code.ISSUANCE_REFUSED, "slow_down: wait")


@pytest.mark.parametrize(("detail", "repeated"), [("", "invalid_grant"), ("used", "used")])
def test_what_the_code_says_anyhow_is_not_said_twice(detail: str, repeated: str) -> None:
    error = express_error(RefusedError(Code.GRANT_INVALID, detail), WORDS, otherwise="invalid_request")
    assert refusal(error, WORDS).detail == repeated


def test_description_holds_only_the_characters_the_specification_allows() -> None:
    assert encode_description('say "é\x1b[31m" \\ no\n') == "say '''[31m' ' no'"
    assert len(encode_description("a" * 1000)) == 500


@pytest.mark.parametrize("error", [OAuthError("invalid_grant"), OAuthError("invalid_grant", "No.")])
def test_error_survives_the_wire(error: OAuthError) -> None:
    assert parse_oauth_error(json.dumps(encode_oauth_error(error))) == error


def test_texts_of_the_other_party_are_cleaned() -> None:
    error = parse_oauth_error('{"error": "\\u001b]0;x", "error_description": "\\u202egood", "error_uri": 1}')
    assert error == OAuthError("']0;x", "'good")


@pytest.mark.parametrize("description", ["null", "7", '{"a": 1}'])
def test_description_that_is_not_text_is_left_out(description: str) -> None:
    assert parse_oauth_error(f'{{"error": "x", "error_description": {description}}}') == OAuthError("x")


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"error": ""}', '{"error": 1}', "<html>"])
def test_body_without_an_error_is_malformed(body: str) -> None:
    with pytest.raises(MalformedError):
        parse_oauth_error(body)


def test_long_sentence_of_the_other_party_is_cut() -> None:
    read = parse_oauth_error(b'{"error": "%s", "error_description": "%s"}' % (b"e" * 300, b"d" * 201))
    assert read == OAuthError("e" * 200 + "...", "d" * 200 + "...")
    assert parse_oauth_error(b'{"error": "%s"}' % (b"e" * 200)) == OAuthError("e" * 200)
