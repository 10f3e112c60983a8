from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.encoding.form import encode_link, parse_form
from protocol.encoding.strict_json import parse_json_object
from protocol.errors import MalformedError
from protocol.openid4vp.invocation import (
    RequestByReference,
    RequestByValue,
    UnsignedRequest,
    encode_fetch_body,
    encode_reference,
    encode_unsigned_request,
    parse_fetch_body,
    parse_invocation,
)
from protocol.openid4vp.request import encode_request
from protocol.openid4vp.request_object import verify_unsigned_request
from tests.openid_parties import CLIENT_ID, REQUEST, UNSIGNED

REQUEST_URI = "https://verifier.example/request/7"


@pytest.mark.parametrize("by_post", [True, False])
def test_link_to_a_request_object_is_read_as_it_was_written(by_post: bool) -> None:
    link = encode_reference(CLIENT_ID, REQUEST_URI, by_post=by_post)
    assert parse_invocation(link, development=False) == RequestByReference(
        str(CLIENT_ID), REQUEST_URI, by_post
    )


def test_method_get_is_the_default() -> None:
    parameters = {"client_id": "x", "request_uri": REQUEST_URI, "request_uri_method": "get"}
    link = encode_link("openid4vp", parameters)
    assert parse_invocation(link, development=False) == RequestByReference("x", REQUEST_URI, by_post=False)


def test_request_object_in_the_link_is_handed_on_unread() -> None:
    link = "openid4vp://authorize?client_id=x509_hash%3Aabc&request=eyJ.eyJ.abc&other=1"
    assert parse_invocation(link, development=False) == RequestByValue("x509_hash:abc", "eyJ.eyJ.abc")


def test_unsigned_request_is_read_as_it_was_written() -> None:
    invocation = parse_invocation(encode_unsigned_request(UNSIGNED), development=False)
    assert invocation == UnsignedRequest(encode_request(UNSIGNED))
    assert isinstance(invocation, UnsignedRequest)
    assert verify_unsigned_request(invocation.parameters, development=False).request == UNSIGNED


@pytest.mark.parametrize(
    "link",
    [
        "",
        "https://wallet.example/?client_id=x&request=eyJ",
        "openid4vp://",
        "openid4vp://?request=eyJ",
        "openid4vp://?client_id=&request=eyJ",
        "openid4vp://?client_id=x&request=eyJ&request_uri=https%3A%2F%2Fa.example",
        "openid4vp://?client_id=x&client_id=x&request=eyJ",
        "openid4vp://?client_id=x&request=eyJ&request_uri_method=post",
        "openid4vp://?client_id=x&request_uri=https%3A%2F%2Fa.example&request_uri_method=POST",
        "openid4vp://?client_id=x&request_uri=http%3A%2F%2Fa.example",
        "openid4vp://?client_id=x&request_uri=https%3A%2F%2Fa.example%2F%23fragment",
        "openid4vp://?client_id=x&dcql_query=",
        "openid4vp://?client_id=x&dcql_query=%5B%5D",
        "openid4vp://?client_id=x&client_metadata=%7B%22a%22%3A1%2C%22a%22%3A2%7D",
    ],
)
def test_link_that_breaks_the_rules_is_refused(link: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_invocation(link, development=False)
    assert caught.value.code is Code.REQUEST_INVALID


def test_request_under_localhost_is_accepted_in_development() -> None:
    link = encode_reference(CLIENT_ID, "http://verifier.localhost:8080/r", by_post=False)
    assert isinstance(parse_invocation(link, development=True), RequestByReference)


def test_client_that_must_sign_cannot_ask_unsigned() -> None:
    with pytest.raises(ValueError, match="redirect_uri"):
        encode_unsigned_request(REQUEST)


def test_wallet_posts_what_it_can_do_and_its_nonce() -> None:
    body = encode_fetch_body("w" * 22)
    assert parse_fetch_body(body) == "w" * 22
    metadata = parse_json_object(parse_form(body)["wallet_metadata"])
    assert metadata["client_id_prefixes_supported"] == ["decentralized_identifier"]
    algorithms = ["EdDSA", "Ed25519", "ES256"]
    assert metadata["vp_formats_supported"] == {
        "dc+sd-jwt": {"sd-jwt_alg_values": algorithms, "kb-jwt_alg_values": algorithms}
    }


def test_wallet_need_not_post_a_nonce() -> None:
    assert parse_fetch_body(b"") is None
    assert parse_fetch_body("unknown=1") is None


@pytest.mark.parametrize(
    "body", ["wallet_nonce=", "wallet_nonce=" + "a" * 513, "wallet_nonce", "wallet_nonce=a&wallet_nonce=b"]
)
def test_body_that_breaks_the_rules_is_refused(body: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_fetch_body(body)
    assert caught.value.code is Code.REQUEST_INVALID


@given(
    st.text()
    | st.dictionaries(st.sampled_from(["client_id", "request", "dcql_query", "x"]), st.text()).map(
        lambda p: encode_link("openid4vp", p)
    )
)
def test_any_link_is_an_invocation_or_malformed(link: str) -> None:
    with suppress(MalformedError):
        parse_invocation(link, development=True)
