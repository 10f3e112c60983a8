import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.errors import MalformedError
from protocol.openid4vp.client_id import ClientId, ClientIdPrefix, parse_client_id


@pytest.mark.parametrize(
    ("text", "prefix", "value"),
    [
        ("redirect_uri:https://shop.example/cb", ClientIdPrefix.REDIRECT_URI, "https://shop.example/cb"),
        (
            "decentralized_identifier:did:web:a.example%3A8080:u",
            ClientIdPrefix.DECENTRALIZED_IDENTIFIER,
            "did:web:a.example%3A8080:u",
        ),
        ("x509_san_dns:client.example.org", ClientIdPrefix.X509_SAN_DNS, "client.example.org"),
        (
            "x509_hash:Uvo3HtuIxuhC92rShpgqcT3YXwrqRxWEviRiA0OZszk",
            ClientIdPrefix.X509_HASH,
            "Uvo3HtuIxuhC92rShpgqcT3YXwrqRxWEviRiA0OZszk",
        ),
    ],
)
def test_client_identifier_is_its_prefix_and_what_follows(
    text: str, prefix: ClientIdPrefix, value: str
) -> None:
    client_id = parse_client_id(text, development=False)
    assert client_id == ClientId(prefix, value)
    assert str(client_id) == text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("payment:shop.example", id="NT-P22 unknown prefix"),
        pytest.param("origin:https://shop.example", id="NT-P22 origin"),
        pytest.param("https://shop.example/cb", id="NT-P22 https"),
        pytest.param("shop", id="no prefix: registered in advance"),
        "",
        ":did:key:z6Mk",
        "Redirect_uri:https://shop.example/cb",
        "redirect_uri",
        "redirect_uri:",
        "redirect_uri:http://shop.example/cb",
        "redirect_uri:https://user@shop.example/cb",
        "redirect_uri:https://shop.localhost/cb",
        "decentralized_identifier:",
        "decentralized_identifier:z6Mk",
        "decentralized_identifier:did:key",
        "decentralized_identifier:did:key:",
        "decentralized_identifier:did:Key:z6Mk",
        "decentralized_identifier:did:key:z6Mk#z6Mk",
        "decentralized_identifier:did:key:z6Mk?a=b",
        "decentralized_identifier:did:key:z6Mk/path",
        "decentralized_identifier:did:key:z6Mk ",
        "decentralized_identifier:did:key:" + "z" * 2048,
        "x509_san_dns:localhost",
        "x509_san_dns:*.example.org",
        "x509_san_dns:https://client.example.org",
        "x509_hash:Uvo3",
        "x509_hash:Uvo3HtuIxuhC92rShpgqcT3YXwrqRxWEviRiA0OZszk=",
    ],
)  # fmt: skip
def test_other_client_identifier_is_refused(text: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_client_id(text, development=False)
    assert caught.value.code is Code.REQUEST_INVALID


def test_local_client_is_accepted_in_development() -> None:
    text = "redirect_uri:http://shop.localhost:8080/cb"
    assert str(parse_client_id(text, development=True)) == text


@given(
    st.text()
    | st.sampled_from([prefix + ":" for prefix in ClientIdPrefix]).flatmap(lambda p: st.text().map(p.__add__))
)
def test_any_text_is_a_client_identifier_or_malformed(text: str) -> None:
    try:
        assert str(parse_client_id(text, development=True)) == text
    except MalformedError as error:
        code = error.code
    else:
        code = Code.REQUEST_INVALID
    assert code is Code.REQUEST_INVALID
