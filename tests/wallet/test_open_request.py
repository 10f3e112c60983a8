"""Requests the wallet must not answer, and how those come that it may."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.encoding.form import encode_link, parse_link
from protocol.errors import TallyError
from protocol.openid4vp.invocation import encode_reference
from protocol.openid4vp.refusal import ErrorWord, RequestRefusedError
from protocol.openid4vp.request_object import VerifiedRequest
from tests.counted import NOW, SetClock
from tests.openid_parties import OTHER_KEY, VERIFIER, resolve_did
from tests.wallet.counterparts import Courier, is_away
from tests.wallet.holdings import DEGREE
from tests.wallet.inspector import Inspector, query_for, resigned
from wallet.outside import Outside
from wallet.present import open_request
from wallet.vault import Vault


def refusal(vault: Vault, link: str, outside: Outside) -> TallyError:
    with pytest.raises(TallyError) as caught:
        open_request(vault, link, outside=outside)
    return caught.value


# Requests that are none


def with_queries(count: int) -> Callable[[dict[str, Any]], object]:
    queries = [query_for("urn:x:y", query_id=f"q{number}") for number in range(count)]
    return lambda it: it["dcql_query"].update(credentials=queries)


@pytest.mark.parametrize(
    ("forge", "code"),
    [
        pytest.param(
            lambda token: token[:-4] + "AAAA", Code.SIGNATURE_INVALID, id="NT-P20 signature of another text"
        ),
        pytest.param(resigned(key=OTHER_KEY), Code.SIGNATURE_INVALID, id="NT-P20 signature of another key"),
        pytest.param(
            lambda token: token.rpartition(".")[0] + ".", Code.SIGNATURE_INVALID, id="NT-P20 no signature"
        ),
        pytest.param(
            resigned(lambda it: it.update(client_id="decentralized_identifier:did:web:shop.example")),
            Code.REQUEST_CLIENT_UNVERIFIED,
            id="NT-P21 another client inside",
        ),
        pytest.param(
            resigned(lambda it: it.update(client_id=VERIFIER)),
            Code.REQUEST_CLIENT_UNVERIFIED,
            id="NT-P21 without its prefix",
        ),
        pytest.param(
            resigned(lambda it: it.pop("client_id")),
            Code.REQUEST_CLIENT_UNVERIFIED,
            id="NT-P21 no client inside",
        ),
        pytest.param(
            resigned(header={"kid": f"{VERIFIER}#z6MkOther"}),
            Code.REQUEST_CLIENT_UNVERIFIED,
            id="NT-P24 key not in the DID",
        ),
        pytest.param(
            resigned(header={"kid": "did:web:shop.example#key-1"}),
            Code.REQUEST_CLIENT_UNVERIFIED,
            id="NT-P24 key of another DID",
        ),
        pytest.param(
            resigned(lambda it: it.pop("wallet_nonce")), Code.NONCE_MISMATCH, id="NT-P29 no wallet nonce"
        ),
        pytest.param(
            resigned(lambda it: it.update(wallet_nonce="x" * 22)),
            Code.NONCE_MISMATCH,
            id="NT-P29 other wallet nonce",
        ),
        pytest.param(resigned(typ="JWT"), Code.TYPE_MISMATCH, id="NT-P29 typ"),
        pytest.param(
            resigned(lambda it: it.update(aud="https://self-issued.me")),
            Code.AUDIENCE_MISMATCH,
            id="NT-P29 audience",
        ),
        pytest.param(
            resigned(lambda it: it.update(exp=int(NOW.timestamp()))),
            Code.REQUEST_EXPIRED,
            id="NT-P29 expired",
        ),
        pytest.param(
            resigned(lambda it: it.update(exp=2**53)),
            Code.JSON_NUMBER,
            id="NT-P29 expires beyond all numbers",
        ),
        pytest.param(
            resigned(lambda it: it.pop("response_uri")), Code.REQUEST_INVALID, id="NT-P25 nowhere to answer"
        ),
        pytest.param(
            resigned(lambda it: it.update(response_uri="http://10.0.0.1/")),
            Code.REQUEST_INVALID,
            id="NT-P25 inside",
        ),
        pytest.param(resigned(with_queries(10_000)), Code.SIZE_EXCEEDED, id="NT-P34 10,000 queries"),
    ],
)
def test_a_request_whose_sender_is_not_established_is_not_answered_at_all(
    vault: Vault, inspector: Inspector, outside: Outside, forge: Callable[[str], str], code: Code
) -> None:
    inspector.forge = forge
    error = refusal(vault, inspector.link, outside)
    assert error.code is code
    assert not isinstance(error, RequestRefusedError)
    assert inspector.answers == []


@pytest.mark.parametrize(
    ("client_id", "code"),
    [
        pytest.param("shop.example", Code.REQUEST_INVALID, id="NT-P22 no prefix"),
        pytest.param("https://shop.example", Code.REQUEST_INVALID, id="NT-P22 https"),
        pytest.param("origin:https://shop.example", Code.REQUEST_INVALID, id="NT-P22 origin"),
        pytest.param("openid_federation:https://shop.example", Code.REQUEST_INVALID, id="NT-P22 unknown"),
        pytest.param("verifier_attestation:shop", Code.REQUEST_INVALID, id="NT-P22 attestation"),
        pytest.param(f"DECENTRALIZED_IDENTIFIER:{VERIFIER}", Code.REQUEST_INVALID, id="NT-P22 upper case"),
        pytest.param("redirect_uri:{url}/response", Code.REQUEST_INVALID, id="NT-P23 signed by an address"),
        pytest.param(
            "x509_san_dns:verifier.example", Code.REQUEST_CLIENT_UNVERIFIED, id="NT-P23 by a certificate"
        ),
        pytest.param(
            "decentralized_identifier:did:web:shop.example",
            Code.REQUEST_CLIENT_UNVERIFIED,
            id="NT-P21 another client in the link",
        ),
    ],
)
def test_a_client_that_cannot_be_checked_is_refused(
    vault: Vault, inspector: Inspector, outside: Outside, client_id: str, code: Code
) -> None:
    parameters = {
        "client_id": client_id.format(url=inspector.url),
        "request_uri": f"{inspector.url}/request",
        "request_uri_method": "post",
    }
    assert refusal(vault, encode_link("openid4vp", parameters), outside).code is code
    assert inspector.answers == []


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        pytest.param(
            {"client_id": f"decentralized_identifier:{VERIFIER}"},
            Code.REQUEST_CLIENT_UNVERIFIED,
            id="NT-P23 unsigned by a DID",
        ),
        pytest.param(
            {"client_id": "x509_san_dns:verifier.example"},
            Code.REQUEST_CLIENT_UNVERIFIED,
            id="NT-P23 unsigned by a certificate",
        ),
        pytest.param(
            {"response_uri": "https://other.example/response"},
            Code.REQUEST_INVALID,
            id="NT-P25 the answer goes elsewhere",
        ),
        pytest.param(
            {"client_id": "redirect_uri:https://user@shop.example/"},
            Code.REQUEST_INVALID,
            id="NT-P25 user name",
        ),
    ],
)
def test_an_unsigned_request_only_comes_from_the_address_that_is_answered(
    vault: Vault, inspector: Inspector, outside: Outside, changed: dict[str, str], code: Code
) -> None:
    parameters = parse_link(inspector.unsigned_link(), scheme="openid4vp") | changed
    assert refusal(vault, encode_link("openid4vp", parameters), outside).code is code
    assert inspector.answers == []


BAD_QUERIES: dict[str, Any] = {
    "NT-P33 claim sets without claims": {"claim_sets": [["a"]]},
    "NT-P33 two claims share an id": {
        "claims": [{"id": "a", "path": ["x"]}, {"id": "a", "path": ["y"]}],
        "claim_sets": [["a"]],
    },
    "NT-P33 negative index": {"claims": [{"path": ["x", -1]}]},
    "NT-P33 float index": {"claims": [{"path": ["x", 1.0]}]},
    "NT-P33 boolean index": {"claims": [{"path": ["x", True]}]},
    "NT-P33 path to digests": {"claims": [{"path": ["_sd"]}]},
    "NT-P33 path to an ellipsis": {"claims": [{"path": ["x", "..."]}]},
    "NT-P34 endless path": {"claims": [{"path": ["x"] * 17}]},
    "NT-P34 endless claims": {"claims": [{"path": [f"x{number}"]} for number in range(65)]},
    "NT-P34 endless claim sets": {"claims": [{"id": "a", "path": ["x"]}], "claim_sets": [["a"]] * 65},
    "NT-P34 endless values": {"claims": [{"path": ["x"], "values": list(range(65))}]},
}


@pytest.mark.parametrize(
    ("change", "word", "code"),
    [
        pytest.param(
            lambda it: it.update(redirect_uri="https://verifier.example/done"),
            ErrorWord.INVALID_REQUEST,
            Code.REQUEST_INVALID,
            id="NT-P26 two addresses",
        ),
        pytest.param(
            lambda it: it.pop("nonce"), ErrorWord.INVALID_REQUEST, Code.REQUEST_INVALID, id="NT-P27 no nonce"
        ),
        pytest.param(
            lambda it: it.update(nonce="n-0S6+WzA2MjTz9LwNfZpQ"),
            ErrorWord.INVALID_REQUEST,
            Code.REQUEST_INVALID,
            id="NT-P27 other characters in the nonce",
        ),
        pytest.param(
            lambda it: it.update(nonce="short"),
            ErrorWord.INVALID_REQUEST,
            Code.REQUEST_INVALID,
            id="NT-P27 short",
        ),
        pytest.param(
            lambda it: it.update(transaction_data=["eyJ0eXBlIjoicGF5In0"]),
            ErrorWord.INVALID_TRANSACTION_DATA,
            Code.TRANSACTION_DATA_UNSUPPORTED,
            id="NT-P30 a transaction",
        ),
        pytest.param(
            lambda it: it.update(scope="x"),
            ErrorWord.INVALID_REQUEST,
            Code.REQUEST_INVALID,
            id="NT-P33 query and scope",
        ),
        pytest.param(
            lambda it: (it.pop("dcql_query"), it.update(scope="x")),
            ErrorWord.INVALID_SCOPE,
            Code.REQUEST_INVALID,
            id="NT-P33 scope",
        ),
        pytest.param(
            lambda it: it["dcql_query"].update(credentials=[]),
            ErrorWord.INVALID_REQUEST,
            Code.QUERY_INVALID,
            id="NT-P33 no credentials",
        ),
        pytest.param(
            lambda it: it["dcql_query"].update(credentials=it["dcql_query"]["credentials"] * 2),
            ErrorWord.INVALID_REQUEST,
            Code.QUERY_INVALID,
            id="NT-P33 two queries share an id",
        ),
        pytest.param(
            lambda it: it["dcql_query"].update(credential_sets=[{"options": [["it"]] * 65}]),
            ErrorWord.INVALID_REQUEST,
            Code.QUERY_INVALID,
            id="NT-P34 endless credential sets",
        ),
        pytest.param(
            with_queries(17),
            ErrorWord.INVALID_REQUEST,
            Code.QUERY_INVALID,
            id="NT-P34 endless queries",
        ),
        pytest.param(
            lambda it: it["client_metadata"].update(vp_formats_supported={"mso_mdoc": {}}),
            ErrorWord.VP_FORMATS_NOT_SUPPORTED,
            Code.REQUEST_INVALID,
            id="another format",
        ),
        *[
            pytest.param(
                lambda it, members=members: it["dcql_query"].update(
                    credentials=[query_for(DEGREE) | members]
                ),
                ErrorWord.INVALID_REQUEST,
                Code.QUERY_INVALID,
                id=name,
            )
            for name, members in BAD_QUERIES.items()
        ],
    ],
)
def test_a_request_that_cannot_be_served_is_declined_in_the_words_of_the_protocol(
    vault: Vault,
    inspector: Inspector,
    outside: Outside,
    change: Callable[[dict[str, Any]], object],
    word: ErrorWord,
    code: Code,
) -> None:
    inspector.forge = resigned(change)
    error = refusal(vault, inspector.link, outside)
    assert isinstance(error, RequestRefusedError)
    assert error.code is code
    assert inspector.declined() == (word.value, code.meaning)


def test_a_verifier_that_cannot_be_told_what_is_wrong_changes_nothing(
    vault: Vault, inspector: Inspector, outside: Outside, courier: Courier
) -> None:
    inspector.forge = resigned(lambda it: it.pop("nonce"))
    courier.lie("/response", is_away)
    assert isinstance(refusal(vault, inspector.link, outside), RequestRefusedError)


# How requests come


def test_a_request_comes_by_post_by_get_in_the_link_or_unsigned(
    vault: Vault, inspector: Inspector, outside: Outside, courier: Courier
) -> None:
    by_get = encode_reference(inspector.request.client_id, f"{inspector.url}/request", by_post=False)
    by_value = encode_link(
        "openid4vp",
        {"client_id": str(inspector.request.client_id), "request": inspector.sign(wallet_nonce=None)},
    )
    asked: list[VerifiedRequest] = [
        open_request(vault, link, outside=outside) for link in (inspector.link, by_get, f" {by_value}\n")
    ]
    assert [request.request for request in asked] == [inspector.request] * 3
    assert courier.paths("POST") == courier.paths("GET") == ["/request"]
    unsigned = open_request(vault, inspector.unsigned_link(), outside=outside)
    assert unsigned.request.query == inspector.request.query
    assert unsigned.request.statement is None


def test_each_fetch_of_a_request_has_a_nonce_of_its_own(
    vault: Vault, inspector: Inspector, outside: Outside, courier: Courier
) -> None:
    for _ in range(2):
        open_request(vault, inspector.link, outside=outside)
    one, other = [sent.body for sent in courier.sent]
    assert one != other
    assert b"degree" not in one


@pytest.mark.parametrize(
    ("status", "code"),
    [
        pytest.param(404, Code.REQUEST_NOT_FOUND, id="unknown"),
        pytest.param(409, Code.PRESENTATION_REPLAYED, id="answered"),
        pytest.param(410, Code.REQUEST_EXPIRED, id="gone"),
        pytest.param(400, Code.NETWORK_STATUS, id="refused"),
        pytest.param(503, Code.NETWORK_STATUS, id="down"),
    ],
)
def test_a_request_that_cannot_be_had_is_a_typed_error(
    vault: Vault, inspector: Inspector, outside: Outside, status: int, code: Code
) -> None:
    inspector.given = status
    assert refusal(vault, inspector.link, outside).code is code


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("", id="empty"),
        pytest.param("<html>", id="html"),
        pytest.param("a.b.c", id="no base64url"),
        pytest.param("é" * 9, id="no ascii"),
        pytest.param("e30." * 50_000, id="long"),
    ],
)
def test_a_request_object_that_cannot_be_read_is_a_typed_error(
    vault: Vault, inspector: Inspector, outside: Outside, body: str
) -> None:
    inspector.forge = lambda _token: body
    refusal(vault, inspector.link, outside)
    assert inspector.answers == []


# One wallet for all of them: none is written into it.
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.text(), st.text().map("openid4vp://?".__add__)))
def test_whatever_is_no_request_is_a_typed_error(vault: Vault, link: str) -> None:
    with Courier() as courier:
        outside = Outside(
            courier,
            resolve_did,
            SetClock(),
            development=True,
            prove_issuer=lambda _did: (),
            read_type_records=lambda _vct, _did: (),
        )
        assert isinstance(refusal(vault, link, outside), TallyError)
        assert courier.sent == []
