import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.did.webvh.identifier import (
    MAX_DID_CHARACTERS,
    WebvhId,
    encode_webvh,
    parse_webvh,
    parse_webvh_url,
)
from protocol.errors import MalformedError

SCID = "QmdmPkUdYzbr9txmx8gM2rsHPgr5L6m3gHjJGAf4vUFoGE"
DID = f"did:webvh:{SCID}:issuer.example"

# The examples of the specification, and the local names of the demo.
PLACES = [
    ("example.com", "https://example.com/.well-known/did.jsonl"),
    ("issuer.example.com", "https://issuer.example.com/.well-known/did.jsonl"),
    ("example.com:dids:issuer", "https://example.com/dids/issuer/did.jsonl"),
    ("example.com%3A3000:dids:issuer", "https://example.com:3000/dids/issuer/did.jsonl"),
    ("example.com%3a3000", "https://example.com:3000/.well-known/did.jsonl"),
    ("ledger.localhost%3A8443", "https://ledger.localhost:8443/.well-known/did.jsonl"),
    ("Example.COM", "https://example.com/.well-known/did.jsonl"),
    (
        "xn--jp-cd2fp15c.xn--fsq.jp:%E7%94%A8%E6%88%B7",
        "https://xn--jp-cd2fp15c.xn--fsq.jp/%E7%94%A8%E6%88%B7/did.jsonl",
    ),
    ("example.com:%e7%94%a8", "https://example.com/%E7%94%A8/did.jsonl"),
    ("example.com:a%20b:c_d.e-f%7E", "https://example.com/a%20b/c_d.e-f~/did.jsonl"),
]


@pytest.mark.parametrize(("place", "url"), PLACES)
def test_did_leads_to_the_url_of_its_log_and_of_its_witness_proofs(place: str, url: str) -> None:
    webvh = parse_webvh(f"did:webvh:{SCID}:{place}")
    assert webvh.log_url() == url
    assert webvh.witness_url() == url.replace("did.jsonl", "did-witness.json")
    assert (webvh.did, webvh.scid) == (f"did:webvh:{SCID}:{place}", SCID)


def test_parts_and_schemes_are_left_to_the_fetcher() -> None:
    webvh = parse_webvh(f"did:webvh:{SCID}:ledger.localhost%3A8443:issuers:uni")
    assert webvh == WebvhId(webvh.did, SCID, "ledger.localhost", 8443, ("issuers", "uni"))
    assert webvh.authority == "ledger.localhost:8443"
    assert webvh.log_path() == "/issuers/uni/did.jsonl"
    assert webvh.witness_path() == "/issuers/uni/did-witness.json"
    assert webvh.log_url(scheme="http") == "http://ledger.localhost:8443/issuers/uni/did.jsonl"
    assert webvh.witness_url(scheme="http") == "http://ledger.localhost:8443/issuers/uni/did-witness.json"


@pytest.mark.parametrize(
    ("did", "code"),
    [
        ("", Code.DID_INVALID),
        ("webvh", Code.DID_INVALID),
        ("did:web:issuer.example", Code.DID_METHOD_UNSUPPORTED),
        (f"did:webvh2:{SCID}:issuer.example", Code.DID_METHOD_UNSUPPORTED),
        (f"DID:webvh:{SCID}:issuer.example", Code.DID_INVALID),
        (f"did:WEBVH:{SCID}:issuer.example", Code.DID_METHOD_UNSUPPORTED),
        (f"did:webvh:{SCID}", Code.DID_INVALID),
        (f"did:webvh:{SCID}:", Code.DID_INVALID),
        ("did:webvh:{SCID}:issuer.example", Code.DID_INVALID),
        ("did:webvh::issuer.example", Code.DID_INVALID),
        (f"did:webvh:{SCID[:-1]}:issuer.example", Code.DID_INVALID),
        (f"did:webvh:{SCID[:-1]}0:issuer.example", Code.DID_INVALID),
        (f"did:webvh:{'1' * 46}:issuer.example", Code.DID_INVALID),
        (f"did:webvh:{'z' * 46}:issuer.example", Code.DID_INVALID),
        (f"{DID}:", Code.DID_INVALID),
        (f"{DID}:a b", Code.DID_INVALID),
        (f"{DID}:é", Code.DID_INVALID),
        (f"{DID} ", Code.DID_INVALID),
        (f"{DID}\n", Code.DID_INVALID),
        (f"{DID}#key-1", Code.DID_INVALID),
        (f"{DID}?versionId=1", Code.DID_INVALID),
        (f"{DID}/whois", Code.DID_INVALID),
        (f"{DID}:a?b=c", Code.DID_INVALID),
        (f"{DID}%3A", Code.DID_INVALID),
        (f"{DID}%3A08", Code.DID_INVALID),
        (f"{DID}%3A123456", Code.DID_INVALID),
        (f"{DID}%3Ax", Code.DID_INVALID),
        (f"did:webvh:{SCID}:-issuer.example", Code.DID_INVALID),
        (f"did:webvh:{SCID}:issuer-.example", Code.DID_INVALID),
        (f"did:webvh:{SCID}:issuer..example", Code.DID_INVALID),
        (f"did:webvh:{SCID}:.example", Code.DID_INVALID),
        (f"did:webvh:{SCID}:iss_uer.example", Code.DID_INVALID),
        (f"did:webvh:{SCID}:{'a' * 64}.example", Code.DID_INVALID),
        (f"did:webvh:{SCID}:{'a.' * 124}example", Code.DID_INVALID),
        (f"did:webvh:{SCID}:issuer%2eexample%25", Code.DID_INVALID),
        (f"{DID}:{'a' * MAX_DID_CHARACTERS}", Code.DID_INVALID),
    ],
)
def test_text_that_is_not_a_did_webvh_is_refused(did: str, code: Code) -> None:
    with pytest.raises(MalformedError) as refusal:
        parse_webvh(did)
    assert refusal.value.code is code


def test_url_is_taken_apart_before_the_did_is_read() -> None:
    url = parse_webvh_url(f"{DID}:uni/path/to%20file?versionTime=2026-01-01T00%3A00%3A00Z&x=a=b#key-1")
    assert url.id == parse_webvh(f"{DID}:uni")
    assert url.path == "/path/to%20file"
    assert url.query == {"versionTime": "2026-01-01T00:00:00Z", "x": "a=b"}
    assert url.fragment == "key-1"


def test_bare_did_is_a_url_with_nothing_behind_it() -> None:
    url = parse_webvh_url(DID)
    assert (url.id.did, url.path, url.query, url.fragment) == (DID, "", {}, None)
    assert parse_webvh_url(f"{DID}#").fragment == ""


@pytest.mark.parametrize(
    "rest",
    ["?", "?a", "?=b", "?a=1&a=2", "?a=1&", "?a=%FF", "?a=%0", "?a=b c", "/a b", "#a#b", "#ä", "/%", "#%"],
)
def test_url_with_an_unclear_path_query_or_fragment_is_refused(rest: str) -> None:
    with pytest.raises(MalformedError) as refusal:
        parse_webvh_url(DID + rest)
    assert refusal.value.code is Code.DID_INVALID


@pytest.mark.parametrize(
    ("host", "port", "path"),
    [
        ("issuer.example", None, ()),
        ("ledger.localhost", 8443, ("issuers", "uni")),
        ("issuer.example", None, ("用户", "a b~c", "a:b")),
    ],
)
def test_written_did_is_read_as_what_it_was_written_from(
    host: str, port: int | None, path: tuple[str, ...]
) -> None:
    webvh = parse_webvh(encode_webvh(SCID, host, port, path))
    assert (webvh.scid, webvh.host, webvh.port, webvh.path) == (SCID, host, port, path)


@pytest.mark.parametrize(
    ("host", "port", "path"),
    [
        ("localhost", None, ()),
        ("127.0.0.1", None, ()),
        ("issuer.example:80", None, ()),
        ("issuer.example", 65536, ()),
        ("issuer.example", 0, ()),
        ("issuer.example", None, ("",)),
        ("issuer.example", None, ("..",)),
        ("issuer.example", None, ("a/b",)),
        ("issuer.example", None, ("a%2Fb",)),
    ],
)
def test_did_that_could_not_be_read_is_not_written(
    host: str, port: int | None, path: tuple[str, ...]
) -> None:
    with pytest.raises(MalformedError):
        encode_webvh(SCID, host, port, path)


def _id_of_url(url: str) -> WebvhId:
    return parse_webvh_url(url).id


@given(st.text() | st.text(alphabet="did:webvQmz.%3A2e/#?&=[]~").map(f"did:webvh:{SCID}:".__add__))
def test_garbage_is_refused_with_our_own_errors_or_leads_to_a_name(text: str) -> None:
    for read in (parse_webvh, _id_of_url):
        try:
            webvh = read(text)
        except MalformedError:
            continue
        assert "." in webvh.host
        assert not webvh.host.rpartition(".")[2][0].isdigit()
        assert ".." not in webvh.path
