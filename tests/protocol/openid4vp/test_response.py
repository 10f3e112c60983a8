import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.encoding.form import encode_form
from protocol.errors import MalformedError
from protocol.oauth_error import OAuthError
from protocol.openid4vp.refusal import ErrorWord
from protocol.openid4vp.response import (
    ErrorResponse,
    PresentationResponse,
    encode_acknowledgement,
    encode_error_response,
    encode_response,
    parse_acknowledgement,
    parse_response,
)


@pytest.mark.parametrize("state", [None, "qJ2b0yq3iQ3Y2aVdC8vGJw"])
def test_response_is_read_as_it_was_written(state: str | None) -> None:
    vp_token = {"pid": ("eyJ~a~eyJ",), "tickets": ("eyJ~", "eyK~")}
    assert parse_response(encode_response(vp_token, state=state)) == PresentationResponse(vp_token, state)


@pytest.mark.parametrize("state", [None, "s"])
def test_error_response_is_read_as_it_was_written(state: str | None) -> None:
    body = encode_error_response(ErrorWord.ACCESS_DENIED, 'The "holder" said no.', state=state)
    assert parse_response(body.encode()) == ErrorResponse(
        OAuthError("access_denied", "The 'holder' said no."), state
    )


def test_error_response_need_not_describe_the_error() -> None:
    assert parse_response("error=access_denied") == ErrorResponse(OAuthError("access_denied"), None)


def test_unknown_parameters_are_ignored() -> None:
    body = encode_response({"pid": ["a~"]}, state=None) + "&id_token=x&iss=y"
    assert parse_response(body) == PresentationResponse({"pid": ("a~",)}, None)


@pytest.mark.parametrize("vp_token", [{}, {"pid": ()}, {"pid": ("a~",), "degree": ()}])
def test_partial_response_is_never_written(vp_token: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(ValueError, match="vp_token"):
        encode_response(vp_token, state=None)


@pytest.mark.parametrize(
    "vp_token",
    [
        pytest.param('["a~"]', id="NT-P03 an array"),
        pytest.param('"a~"', id="NT-P03 a string"),
        pytest.param("a~", id="NT-P03 no JSON"),
        pytest.param("{}", id="NT-P03 empty object"),
        pytest.param('{"pid": "a~"}', id="NT-P03 string for an array"),
        pytest.param('{"pid": []}', id="NT-P03 empty array"),
        pytest.param('{"pid": [{"format": "x"}]}', id="NT-P03 object for a string"),
        pytest.param('{"pid": [["a~"]]}', id="array for a string"),
        pytest.param('{"pid": ["a~"], "pid": ["b~"]}', id="an id twice"),
        pytest.param(json.dumps({"pid": ["a~"] * 17}), id="17 presentations"),
        pytest.param(json.dumps({str(index): ["a~"] for index in range(17)}), id="17 ids"),
    ],
)
def test_vp_token_of_another_shape_is_refused(vp_token: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_response(encode_form({"vp_token": vp_token}))
    assert caught.value.code is Code.RESPONSE_INVALID


@pytest.mark.parametrize(
    "body",
    [
        "",
        "state=x",
        "response=eyJ",
        "vp_token=%7B%22a%22%3A%5B%22b%22%5D%7D&error=access_denied",
        "vp_token=%7B%22a%22%3A%5B%22b%22%5D%7D&vp_token=%7B%22a%22%3A%5B%22b%22%5D%7D",
        "vp_token=%7B%22a%22%3A%5B%22b%22%5D%7D&state=",
        "vp_token=%7B%22a%22%3A%5B%22b%22%5D%7D&state=" + "s" * 2049,
        "error=",
        '{"vp_token": {"pid": ["a~"]}}',
        "vp_token=%ff",
        "vp_token=" + "a" * (512 * 1024),
    ],
)
def test_body_that_breaks_the_rules_is_refused(body: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_response(body)
    assert caught.value.code is Code.RESPONSE_INVALID


@pytest.mark.parametrize(
    "redirect_uri", [None, "https://shop.example/cb#response_code=091535f699ea575c7937fa5f0f454aee"]
)
def test_acknowledgement_is_read_as_it_was_written(redirect_uri: str | None) -> None:
    body = json.dumps(encode_acknowledgement(redirect_uri) | {"unknown": 1})
    assert parse_acknowledgement(body, development=False) == redirect_uri


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        '{"redirect_uri": null}',
        '{"redirect_uri": ""}',
        '{"redirect_uri": "javascript:alert(1)"}',
        '{"redirect_uri": "file:///etc/passwd"}',
        '{"redirect_uri": "http://shop.example/"}',
        '{"redirect_uri": "https://shop.localhost/"}',
    ],
)
def test_acknowledgement_that_sends_the_user_anywhere_else_is_refused(body: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_acknowledgement(body, development=False)
    assert caught.value.code is Code.RESPONSE_INVALID


@given(st.text() | st.binary() | st.text().map(lambda text: encode_form({"vp_token": text})))
def test_any_body_is_a_response_or_malformed(body: str | bytes) -> None:
    with suppress(MalformedError):
        parse_response(body)
    with suppress(MalformedError):
        parse_acknowledgement(body, development=True)
