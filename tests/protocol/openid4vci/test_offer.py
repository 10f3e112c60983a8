import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.encoding.form import encode_link
from protocol.errors import MalformedError
from protocol.openid4vci.offer import (
    AUTHORIZATION_CODE,
    PRE_AUTHORIZED_CODE,
    CredentialOffer,
    InputMode,
    OfferReference,
    PreAuthorizedGrant,
    TransactionCode,
    encode_offer,
    encode_offer_link,
    encode_reference_link,
    parse_offer,
    parse_offer_link,
)
from tests.openid_issuer import ISSUER, OFFERS

PLAIN: dict[str, Any] = {"credential_issuer": ISSUER, "credential_configuration_ids": ["degree"]}


@pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS.keys())
def test_offer_is_read_as_it_was_written(offer: CredentialOffer) -> None:
    assert parse_offer(json.dumps(encode_offer(offer)), development=False) == offer
    assert parse_offer_link(encode_offer_link(offer), development=False) == offer


def test_reference_is_read_as_it_was_written() -> None:
    link = encode_reference_link("https://issuer.example/offer/7")
    assert parse_offer_link(link, development=False) == OfferReference("https://issuer.example/offer/7")


def with_grant(name: str, **members: Any) -> dict[str, Any]:
    return PLAIN | {"grants": {name: members}}


def test_unknown_members_and_grants_are_ignored() -> None:
    grants = {
        "urn:other": 7,
        PRE_AUTHORIZED_CODE: {"pre-authorized_code": "c", "interval": 5, "tx_code": {"x": 1}},
    }
    source = PLAIN | {"grants": grants, "unknown": [1]}
    offer = CredentialOffer(ISSUER, ("degree",), PreAuthorizedGrant("c", TransactionCode()))
    assert parse_offer(json.dumps(source), development=False) == offer


@pytest.mark.parametrize("tx_code", [{}, {"length": 4}, {"input_mode": "numeric"}])
def test_transaction_code_is_needed_however_little_is_said_about_it(tx_code: dict[str, Any]) -> None:
    source = with_grant(PRE_AUTHORIZED_CODE, **{"pre-authorized_code": "c", "tx_code": tx_code})
    offer = parse_offer(json.dumps(source), development=False)
    assert offer.pre_authorized is not None
    assert offer.pre_authorized.transaction_code is not None
    assert offer.pre_authorized.transaction_code.input_mode is InputMode.NUMERIC


def pre_authorized(**changes: Any) -> dict[str, Any]:
    return with_grant(PRE_AUTHORIZED_CODE, **{"pre-authorized_code": "c"} | changes)


BROKEN: dict[str, Any] = {
    "no object": [],
    "NT-I27 issuer is plain http": PLAIN | {"credential_issuer": "http://issuer.example"},
    "NT-I27 issuer under localhost": PLAIN | {"credential_issuer": "https://issuer.localhost"},
    "NT-I27 issuer is no address": PLAIN | {"credential_issuer": "issuer.example"},
    "issuer with a user": PLAIN | {"credential_issuer": "https://issuer.example@evil.example"},
    "issuer with a query": PLAIN | {"credential_issuer": "https://issuer.example?a=b"},
    "issuer with a fragment": PLAIN | {"credential_issuer": "https://issuer.example#a"},
    "no issuer": {"credential_configuration_ids": ["degree"]},
    "issuer is no text": PLAIN | {"credential_issuer": 7},
    "no configurations": {"credential_issuer": ISSUER},
    "empty configurations": PLAIN | {"credential_configuration_ids": []},
    "configuration is no text": PLAIN | {"credential_configuration_ids": [7]},
    "configuration is empty": PLAIN | {"credential_configuration_ids": [""]},
    "configuration twice": PLAIN | {"credential_configuration_ids": ["a", "a"]},
    "65 configurations": PLAIN | {"credential_configuration_ids": [str(index) for index in range(65)]},
    "grants is no object": PLAIN | {"grants": []},
    "grant is no object": PLAIN | {"grants": {PRE_AUTHORIZED_CODE: "c"}},
    "login is no object": PLAIN | {"grants": {AUTHORIZATION_CODE: []}},
    "no code": with_grant(PRE_AUTHORIZED_CODE),
    "empty code": pre_authorized(**{"pre-authorized_code": ""}),
    "tx_code is true": pre_authorized(tx_code=True),
    "tx_code is null": pre_authorized(tx_code=None),
    "unknown input_mode": pre_authorized(tx_code={"input_mode": "emoji"}),
    "length is text": pre_authorized(tx_code={"length": "4"}),
    "length is zero": pre_authorized(tx_code={"length": 0}),
    "length is 65": pre_authorized(tx_code={"length": 65}),
    "length is true": pre_authorized(tx_code={"length": True}),
    "description too long": pre_authorized(tx_code={"description": "a" * 301}),
    "issuer_state is no text": with_grant(AUTHORIZATION_CODE, issuer_state=7),
    "server is no text": pre_authorized(authorization_server=[]),
}


@pytest.mark.parametrize("source", BROKEN.values(), ids=BROKEN.keys())
def test_offer_that_breaks_the_rules_is_refused(source: Any) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_offer(json.dumps(source), development=False)
    assert caught.value.code is Code.OFFER_INVALID


@pytest.mark.parametrize(
    "link",
    [
        "",
        "https://wallet.example/?credential_offer=%7B%7D",
        "openid-credential-offer://",
        "openid-credential-offer://?other=1",
        "openid-credential-offer://?credential_offer=%7B%7D&credential_offer_uri=https%3A%2F%2Fa.example",
        "openid-credential-offer://?credential_offer=",
        "openid-credential-offer://?credential_offer=%7B%7D",
        "openid-credential-offer://?credential_offer_uri=",
        "openid-credential-offer://?credential_offer_uri=http%3A%2F%2Fa.example",
        "openid-credential-offer://?credential_offer_uri=https%3A%2F%2F127.0.0.1%2F",
    ],
)
def test_link_that_breaks_the_rules_is_refused(link: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_offer_link(link, development=False)
    assert caught.value.code is Code.OFFER_INVALID


def test_link_whose_json_is_not_escaped_is_read() -> None:
    link = (
        "openid-credential-offer://?credential_offer=%7B%22credential_issuer%22:%22https://credential-issuer.exam"
        "ple.com%22,%22credential_configuration_ids%22:%5B%22org.iso.18013.5.1.mDL%22%5D%7D"
    )
    offer = CredentialOffer("https://credential-issuer.example.com", ("org.iso.18013.5.1.mDL",))
    assert parse_offer_link(link, development=False) == offer


def test_local_issuer_is_accepted_in_development() -> None:
    source = PLAIN | {"credential_issuer": "http://university.localhost:8443"}
    assert parse_offer(json.dumps(source), development=True).credential_issuer == source["credential_issuer"]


@pytest.mark.parametrize("offer", [pytest.param(OFFERS["code"], id="NT-I31 nothing happens by reading")])
def test_secrets_of_an_offer_are_only_read(offer: CredentialOffer) -> None:
    assert parse_offer_link(encode_offer_link(offer), development=False) == offer
    assert "c0de" not in repr(offer)


@given(
    st.text() | st.text().map(lambda text: encode_link("openid-credential-offer", {"credential_offer": text}))
)
def test_any_link_is_an_offer_or_malformed(link: str) -> None:
    with suppress(MalformedError):
        parse_offer_link(link, development=True)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.sampled_from(sorted(PLAIN)),
    json_values,
    st.dictionaries(st.sampled_from([PRE_AUTHORIZED_CODE, AUTHORIZATION_CODE]), json_values),
)
def test_any_object_is_an_offer_or_malformed(name: str, value: Any, grants: Any) -> None:
    with suppress(MalformedError):
        parse_offer(json.dumps(PLAIN | {name: value, "grants": grants}), development=True)
