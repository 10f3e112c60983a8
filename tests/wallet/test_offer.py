"""Opening offers of the real issuer, and of those who pretend to be one."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.encoding.form import encode_link
from protocol.errors import TallyError
from protocol.openid4vci.offer import PRE_AUTHORIZED_CODE
from tests.wallet.counterparts import Campus, Lie, changes, is_away, says
from wallet.offer import open_offer
from wallet.outside import Outside
from wallet.recovery_phrase import HolderKeyType

HOSTILE = "\x1b]0;x\x07\u202eeno\u200b\r\n" + "Z" * 1900
METADATA = "/.well-known/openid-credential-issuer"


def offered(campus: Campus, **changed: Any) -> str:
    """An offer by value, with `changed` members."""
    offer = {
        "credential_issuer": campus.door.university.url,
        "credential_configuration_ids": ["degree"],
        "grants": {PRE_AUTHORIZED_CODE: {"pre-authorized_code": "c0de"}},
    }
    return json.dumps(offer | changed)


def refusal(source: str, outside: Outside) -> Code:
    with pytest.raises(TallyError) as caught:
        open_offer(source, outside=outside)
    return caught.value.code


def test_an_offer_says_who_offers_what_before_anything_is_given_away(campus: Campus) -> None:
    offer = open_offer(f" {campus.offer()}\n", outside=campus.outside)
    assert offer.issuer_url == campus.door.university.url
    assert offer.issuer_host.startswith("issuer.localhost:")
    assert offer.issuer_name == "City University"
    assert offer.batch_size == campus.door.university.institution.settings.copies
    assert offer.transaction_code is None
    (credential,) = offer.credentials
    assert (credential.configuration_id, credential.vct) == ("degree", "urn:tallystick:degree:1")
    assert credential.key_type is HolderKeyType.ED25519


@pytest.mark.parametrize(
    "by_value",
    [pytest.param(False, id="NT-I31 by reference"), pytest.param(True, id="NT-I31 by value")],
)
def test_opening_an_offer_sends_nothing_and_leaves_it_open(campus: Campus, by_value: bool) -> None:
    created = campus.door.offer()
    for _ in range(2):
        open_offer(created["offer_by_value" if by_value else "offer"], outside=campus.outside)
    assert campus.courier.paths("POST") == []
    assert all(sent.body == b"" and "Authorization" not in sent.headers for sent in campus.courier.sent)
    offers = campus.door.browser.get("/manage/offers", **campus.door.key).json["offers"]
    assert next(each["state"] for each in offers if each["id"] == created["id"]) == "open"


def test_an_offer_in_the_link_or_as_json_opens_without_its_issuer_being_asked_for_it(campus: Campus) -> None:
    for source in (
        offered(campus),
        encode_link("openid-credential-offer", {"credential_offer": offered(campus)}),
    ):
        campus.courier.sent.clear()
        assert open_offer(source, outside=campus.outside).grant.code == "c0de"
        assert campus.courier.paths() == [METADATA]


def test_a_transaction_code_is_announced_in_the_words_of_the_issuer(campus: Campus) -> None:
    tx_code = {"input_mode": "text", "length": 6, "description": HOSTILE[:300]}
    grants = {PRE_AUTHORIZED_CODE: {"pre-authorized_code": "c0de", "tx_code": tx_code}}
    code = open_offer(offered(campus, grants=grants), outside=campus.outside).transaction_code
    assert code is not None
    assert (code.input_mode, code.length, code.description) == ("text", 6, HOSTILE[:300])
    by_reference = open_offer(campus.offer(tx_code=True), outside=campus.outside)
    assert by_reference.transaction_code is not None


def test_hostile_names_pass_as_they_are(campus: Campus) -> None:
    def rename(metadata: dict[str, Any]) -> None:
        metadata["display"] = [{"name": HOSTILE}]
        configuration = metadata["credential_configurations_supported"]["degree"]
        configuration["credential_metadata"]["display"] = [{"locale": "en"}, {"name": HOSTILE}]

    campus.courier.lie(METADATA, changes(rename))
    offer = open_offer(offered(campus), outside=campus.outside)
    assert (offer.issuer_name, offer.credentials[0].name) == (HOSTILE, HOSTILE)


def test_what_has_no_name_is_called_by_its_identifier(campus: Campus) -> None:
    def unname(metadata: dict[str, Any]) -> None:
        del metadata["display"]
        del metadata["credential_configurations_supported"]["degree"]["credential_metadata"]

    campus.courier.lie(METADATA, changes(unname))
    offer = open_offer(offered(campus), outside=campus.outside)
    assert (offer.issuer_name, offer.credentials[0].name) == (None, "degree")


@pytest.mark.parametrize(
    ("issuer", "code"),
    [
        pytest.param("http://issuer.example", Code.OFFER_INVALID, id="NT-I27 http"),
        pytest.param("ftp://issuer.example", Code.OFFER_INVALID, id="NT-I27 another scheme"),
        pytest.param("https://user@issuer.example", Code.OFFER_INVALID, id="NT-I27 user name"),
        pytest.param("https://127.0.0.1", Code.OFFER_INVALID, id="NT-I27 bare address"),
        pytest.param("https://issuer.example?x=1", Code.OFFER_INVALID, id="NT-I27 query"),
        pytest.param("", Code.OFFER_INVALID, id="NT-I27 empty"),
        pytest.param("{url}/", Code.ISSUER_METADATA_MISMATCH, id="NT-I27 one slash more"),
    ],
)
def test_an_issuer_without_a_proper_address_is_refused(campus: Campus, issuer: str, code: Code) -> None:
    identifier = issuer.format(url=campus.door.university.url)
    assert refusal(offered(campus, credential_issuer=identifier), campus.outside) is code
    assert campus.courier.paths("POST") == []


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda url: f"{url}/", id="NT-I27 one slash more"),
        pytest.param(lambda url: url.upper(), id="NT-I27 other case"),
        pytest.param(lambda _: "https://other.example", id="NT-I27 another issuer"),
    ],
)
def test_metadata_of_another_issuer_is_refused(campus: Campus, change: Any) -> None:
    campus.courier.lie(
        METADATA, changes(lambda it: it.update(credential_issuer=change(it["credential_issuer"])))
    )
    assert refusal(offered(campus), campus.outside) is Code.ISSUER_METADATA_MISMATCH


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        pytest.param({"grants": {}}, Code.OFFER_INVALID, id="no grant"),
        pytest.param({"grants": {"authorization_code": {}}}, Code.OFFER_INVALID, id="login"),
        pytest.param(
            {"credential_configuration_ids": ["degree", "other"]},
            Code.CREDENTIAL_CONFIGURATION_UNKNOWN,
            id="one of two unknown",
        ),
        pytest.param(
            {"credential_configuration_ids": ["degree", "degree"]}, Code.OFFER_INVALID, id="the same twice"
        ),
    ],
)
def test_an_offer_this_wallet_cannot_redeem_is_refused(
    campus: Campus, changed: dict[str, Any], code: Code
) -> None:
    assert refusal(offered(campus, **changed), campus.outside) is code


@pytest.mark.parametrize(
    ("member", "value", "code"),
    [
        pytest.param("format", "mso_mdoc", Code.CREDENTIAL_CONFIGURATION_UNKNOWN, id="another format"),
        pytest.param("vct", None, Code.CREDENTIAL_CONFIGURATION_UNKNOWN, id="no type"),
        pytest.param(
            "proof_types_supported",
            {"attestation": {"proof_signing_alg_values_supported": ["ES256"]}},
            Code.CREDENTIAL_CONFIGURATION_UNKNOWN,
            id="another kind of proof",
        ),
        pytest.param(
            "proof_types_supported",
            {"jwt": {"proof_signing_alg_values_supported": ["RS256", "none"]}},
            Code.OFFER_INVALID,
            id="no signature of ours",
        ),
        pytest.param(
            "cryptographic_binding_methods_supported", ["did:key"], Code.OFFER_INVALID, id="bound to a DID"
        ),
    ],
)
def test_a_credential_this_wallet_cannot_have_is_refused_before_the_code_is_used(
    campus: Campus, member: str, value: object, code: Code
) -> None:
    def change(metadata: dict[str, Any]) -> None:
        configuration = metadata["credential_configurations_supported"]["degree"]
        configuration[member] = value
        if value is None:
            del configuration[member]

    campus.courier.lie(METADATA, changes(change))
    assert refusal(campus.offer(), campus.outside) is code
    assert campus.courier.paths("POST") == []


def test_a_credential_bound_to_nobody_is_refused(campus: Campus) -> None:
    def unbind(metadata: dict[str, Any]) -> None:
        configuration = metadata["credential_configurations_supported"]["degree"]
        del configuration["proof_types_supported"]
        del configuration["cryptographic_binding_methods_supported"]

    campus.courier.lie(METADATA, changes(unbind))
    assert refusal(offered(campus), campus.outside) is Code.OFFER_INVALID


def test_an_issuer_without_ed25519_gets_keys_it_can_check(campus: Campus) -> None:
    algorithms = {"jwt": {"proof_signing_alg_values_supported": ["RS256", "ES256"]}}

    def change(metadata: dict[str, Any]) -> None:
        metadata["credential_configurations_supported"]["degree"]["proof_types_supported"] = algorithms

    campus.courier.lie(METADATA, changes(change))
    (credential,) = open_offer(offered(campus), outside=campus.outside).credentials
    assert credential.key_type is HolderKeyType.P256


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        pytest.param(says(b"{}", 404), Code.OFFER_NOT_FOUND, id="unknown"),
        pytest.param(says(b"", 410), Code.OFFER_NOT_FOUND, id="gone"),
        pytest.param(says(b"<html>", 503, kind="text/html"), Code.NETWORK_STATUS, id="down"),
        pytest.param(says(b"<html>"), Code.OFFER_INVALID, id="html"),
        pytest.param(
            says(b'{"credential_issuer":' + b"9" * 5000 + b"}"), Code.OFFER_INVALID, id="huge number"
        ),
        pytest.param(says(b"[" * 50_000), Code.OFFER_INVALID, id="deep"),
        pytest.param(says(b"\xff\xfe"), Code.OFFER_INVALID, id="not text"),
        pytest.param(is_away, Code.NETWORK_UNREACHABLE, id="away"),
    ],
)
def test_an_offer_that_cannot_be_had_is_a_typed_error(campus: Campus, lie: Lie, code: Code) -> None:
    source = campus.offer()
    campus.courier.lie(source.rpartition("%2F")[2], lie)
    assert refusal(source, campus.outside) is code


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        pytest.param(says(b"<html>", 500, kind="text/html"), Code.NETWORK_STATUS, id="down"),
        pytest.param(says(b"", 404), Code.NETWORK_STATUS, id="none"),
        pytest.param(says(b"<html>"), Code.JSON_INVALID, id="html"),
        pytest.param(says({}), Code.MEMBER_MISSING, id="empty"),
        pytest.param(
            changes(lambda it: it.pop("credential_endpoint")), Code.MEMBER_MISSING, id="no endpoint"
        ),
        pytest.param(
            changes(lambda it: it.update(nonce_endpoint="http://10.0.0.1/")), Code.FORMAT_INVALID, id="inside"
        ),
        pytest.param(
            changes(lambda it: it.update(batch_credential_issuance={"batch_size": 2.5})),
            Code.MEMBER_INVALID,
            id="half a batch",
        ),
        pytest.param(
            says(b'{"batch_credential_issuance":{"batch_size":1e999}}'), Code.JSON_NUMBER, id="endless batch"
        ),
        pytest.param(is_away, Code.NETWORK_UNREACHABLE, id="away"),
    ],
)
def test_metadata_that_cannot_be_had_is_a_typed_error(campus: Campus, lie: Lie, code: Code) -> None:
    campus.courier.lie(METADATA, lie)
    assert refusal(offered(campus), campus.outside) is code


def test_an_offer_that_was_redeemed_is_not_found(campus: Campus) -> None:
    created = campus.door.offer()
    reference = created["offer"].rpartition("%2F")[2]
    grants = campus.door.browser.get(f"/offers/{reference}").json["grants"]
    code = grants[PRE_AUTHORIZED_CODE]["pre-authorized_code"]
    assert campus.door.exchange(code).status == 200
    assert refusal(created["offer"], campus.outside) is Code.OFFER_NOT_FOUND


def test_addresses_on_this_machine_are_followed_in_development_only(campus: Campus) -> None:
    outside = replace(campus.outside, development=False)
    assert refusal(campus.offer(), outside) is Code.OFFER_INVALID
    assert refusal(offered(campus), outside) is Code.OFFER_INVALID


@given(
    st.one_of(
        st.text(), st.text().map(lambda text: "{" + text), st.text().map("openid-credential-offer:".__add__)
    )
)
def test_whatever_is_no_offer_is_a_typed_error(open_house: Campus, source: str) -> None:
    assert isinstance(refusal(source, open_house.outside), Code)
