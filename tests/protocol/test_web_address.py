import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.errors import MalformedError
from protocol.web_address import WebAddress, is_host_name, parse_web_address


@pytest.mark.parametrize(
    ("text", "origin", "host", "path"),
    [
        ("https://issuer.example", "https://issuer.example", "issuer.example", ""),
        ("https://issuer.example/", "https://issuer.example", "issuer.example", "/"),
        ("https://Issuer.EXAMPLE:8443/a/b", "https://Issuer.EXAMPLE:8443", "issuer.example", "/a/b"),
        ("https://a-1.example/%C3%A9/x?y=1&z=/?", "https://a-1.example", "a-1.example", "/%C3%A9/x"),
        ("https://issuer.example?q", "https://issuer.example", "issuer.example", ""),
        (
            "https://xn--bcher-kva.example/a..b/.well-known",
            "https://xn--bcher-kva.example",
            "xn--bcher-kva.example",
            "/a..b/.well-known",
        ),
    ],
)
def test_web_address_is_taken_apart(text: str, origin: str, host: str, path: str) -> None:
    assert parse_web_address(text, development=False) == WebAddress(text, origin, host, path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "issuer.example",
        "//issuer.example/",
        "HTTPS://issuer.example/",
        "ftp://issuer.example/",
        "https:/issuer.example/",
        "https:///path",
        "https://user@issuer.example/",
        "https://user:secret@issuer.example/",
        "https://issuer.example\\@evil.example/",
        "https://issuer.example/a\\b",
        "https://issuer%2eexample/",
        "https://issuer.example%00/",
        "https://issuer.example./",
        "https://.issuer.example/",
        "https://issuer..example/",
        "https://-issuer.example/",
        "https://issuer_1.example/",
        "https://issuer/",
        "https://localhost/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://a.0x7f000001/",
        "https://[::1]/",
        "https://bücher.example/",
        "https://issuer.example:/",
        "https://issuer.example:0/",
        "https://issuer.example:080/",
        "https://issuer.example:65536/",
        "https://issuer.example:99999999999/",
        "https://issuer.example/a b",
        "https://issuer.example/\n",
        "https://issuer.example/%zz",
        "https://issuer.example/%2",
        "https://issuer.example/é",
        "https://issuer.example/#fragment",
        "https://issuer.example/../admin",
        "https://issuer.example/a/./b",
        "https://issuer.example/a/..",
        "https://issuer.example/a/%2e%2E/b",
        "https://issuer.example/a/.%2e?q",
        " https://issuer.example/",
        "https://" + "a" * 64 + ".example/",
        "https://" + "a." * 130 + "example/",
        "https://issuer.example/" + "a" * 2048,
    ],
)  # fmt: skip
def test_text_outside_the_grammar_is_refused(text: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_web_address(text, development=True)
    assert caught.value.code is Code.FORMAT_INVALID


def test_plain_http_is_refused() -> None:
    with pytest.raises(MalformedError) as caught:
        parse_web_address("http://issuer.example/", development=True)
    assert caught.value.code is Code.NETWORK_SCHEME_FORBIDDEN


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_name_under_localhost_is_accepted_in_development_only(scheme: str) -> None:
    text = f"{scheme}://ledger.localhost:8080/log"
    assert parse_web_address(text, development=True).host == "ledger.localhost"
    with pytest.raises(MalformedError) as caught:
        parse_web_address(text, development=False)
    assert caught.value.code is Code.NETWORK_HOST_FORBIDDEN


def test_name_that_only_ends_like_localhost_is_no_local_name() -> None:
    with pytest.raises(MalformedError) as caught:
        parse_web_address("http://evil-localhost.example/", development=True)
    assert caught.value.code is Code.NETWORK_SCHEME_FORBIDDEN


def test_fragment_is_accepted_where_a_browser_is_sent() -> None:
    text = "https://shop.example/thanks#response_code=091535f699ea575c7937fa5f0f454aee"
    assert parse_web_address(text, development=False, fragment_allowed=True).path == "/thanks"


def test_host_name_has_at_most_253_characters() -> None:
    assert is_host_name("a." * 123 + "example")
    assert not is_host_name("a." * 124 + "example")


@given(st.text())
def test_any_text_is_an_address_or_malformed(text: str) -> None:
    try:
        address = parse_web_address(text, development=True, fragment_allowed=True)
    except MalformedError:
        return
    assert text.startswith(address.origin + address.path)
