import json
import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from doors.server import listen, running
from issuer import grant, http
from issuer.folder import KEY_PREFIX
from issuer.offer import list_offers
from issuer.register import OfferState
from protocol.openid4vci.metadata import (
    parse_authorization_server_metadata,
    parse_issuer_metadata,
    select_configuration,
)
from protocol.openid4vci.offer import PRE_AUTHORIZED_CODE, OfferReference, parse_offer, parse_offer_link
from protocol.openid4vci.token import parse_token_response
from protocol.sdjwt.parse import parse_sd_jwt
from protocol.status_list import Status, read_status, status_at, verify_status_list_token
from storage.management_key import create_management_key
from storage.register import replace_management_key
from tests.browser import Browser, bearer
from tests.issuer.door import Door, request
from tests.issuer.university import EXAMPLE, SCHEMAS, University
from tests.processes import ROOT
from tests.status_issuer import ISSUER

NO_STORE = "no-store"
SUITE = ROOT / "tests/vectors/openid4vci/conformance-suite"


def link_of(created: dict[str, str]) -> str:
    link = parse_offer_link(created["offer"], development=True)
    assert isinstance(link, OfferReference)
    return link.address


def path_of(url: str) -> str:
    return urlsplit(url).path


def test_wallet_gets_its_credentials_from_the_link_to_the_notification(door: Door) -> None:
    university, browser = door.university, door.browser

    created = door.offer(tx_code=True, copies=3)
    link = parse_offer_link(created["offer"], development=True)
    assert isinstance(link, OfferReference)
    offer = parse_offer(browser.get(path_of(link.address)).body, development=True)
    assert offer == parse_offer_link(created["offer_by_value"], development=True)
    assert offer.configuration_ids == ("degree",)

    metadata = parse_issuer_metadata(
        browser.get("/.well-known/openid-credential-issuer").body,
        expected_issuer=offer.credential_issuer,
        development=True,
    )
    configuration = select_configuration(metadata, "degree")
    assert (configuration.vct, metadata.batch_size) == ("urn:tallystick:degree:1", 10)
    server = parse_authorization_server_metadata(
        browser.get("/.well-known/oauth-authorization-server").body,
        expected_issuer=offer.credential_issuer,
        development=True,
    )
    assert server.anonymous_access
    assert server.grant_types == (PRE_AUTHORIZED_CODE, "refresh_token")
    assert server.token_endpoint == f"{university.url}/token"

    assert offer.pre_authorized is not None
    token = door.exchange(offer.pre_authorized.code, created["tx_code"])
    response = parse_token_response(token.body)
    assert (token.status, response.expires_in) == (200, timedelta(minutes=5))
    assert path_of(metadata.nonce_endpoint or "") == "/nonce"
    nonce = browser.post("/nonce").json["c_nonce"]
    proofs = [university.proof(number, nonce=nonce) for number in (1, 2, 3)]
    issued = door.credential(response.access_token, request(*proofs))
    assert issued.status == 200
    credentials = [item["credential"] for item in issued.json["credentials"]]
    assert len(credentials) == 3

    note = {"notification_id": issued.json["notification_id"], "event": "credential_accepted"}
    for _ in range(2):
        answer = browser.post_json("/notification", note, **bearer(response.access_token))
        assert (answer.status, answer.body) == (204, b"")
    (record,) = browser.get("/manage/credentials", **door.key).json["credentials"][:1]
    assert (record["notified"], record["copies"]) == ("credential_accepted", 3)
    assert browser.get(path_of(link.address)).status == 404

    browser.post(f"/manage/credentials/{record['id']}/revoke", **door.key)
    for credential in credentials:
        reference = read_status(parse_sd_jwt(credential).unverified_payload())
        assert reference is not None
        answer = browser.get(path_of(reference.uri))
        assert answer.headers["content-type"] == "application/statuslist+jwt"
        verified = verify_status_list_token(
            answer.body.decode(),
            expected_uri=reference.uri,
            issuer=ISSUER,
            now=university.clock.now,
            clock_skew=timedelta(0),
        )
        assert status_at(verified, reference.index) is Status.INVALID


@pytest.mark.parametrize("path", ["/token", "/nonce", "/credential", "/notification", "/offers/unknown"])
def test_answers_are_never_stored(door: Door, path: str) -> None:
    answer = door.browser.get(path) if "offers" in path else door.browser.post(path)
    assert answer.headers["cache-control"] == NO_STORE


@pytest.mark.parametrize("property_", ["NT-I34-not-stored", "NT-I34-entropy", "NT-I34-needs-nothing"])
def test_nonces_are_fresh_and_not_stored(door: Door, property_: str) -> None:
    answers = [door.browser.post("/nonce") for _ in range(20)]
    nonces = [answer.json["c_nonce"] for answer in answers]
    match property_:
        case "NT-I34-not-stored":
            assert {answer.headers["cache-control"] for answer in answers} == {NO_STORE}
        case "NT-I34-entropy":
            assert len(set(nonces)) == 20
            assert {len(nonce) for nonce in nonces} == {22}
        case _:
            assert [answer.status for answer in answers] == [200] * 20
            assert set(answers[0].json) == {"c_nonce"}


def test_metadata_promises_nothing_that_is_not_there(door: Door) -> None:
    metadata = door.browser.get("/.well-known/openid-credential-issuer").json
    assert set(metadata) == {
        "credential_issuer",
        "credential_endpoint",
        "nonce_endpoint",
        "notification_endpoint",
        "batch_credential_issuance",
        "display",
        "credential_configurations_supported",
    }
    assert set(metadata["credential_configurations_supported"]) == {"degree", "identity_card"}
    degree = metadata["credential_configurations_supported"]["degree"]
    assert degree["credential_signing_alg_values_supported"] == ["EdDSA"]
    assert degree["cryptographic_binding_methods_supported"] == ["jwk"]
    names = [display["name"] for display in degree["credential_metadata"]["display"]]
    assert names == ["Degree", "Hochschulabschluss"]
    server = door.browser.get("/.well-known/oauth-authorization-server").json
    assert set(server) == {
        "issuer",
        "token_endpoint",
        "grant_types_supported",
        "pre-authorized_grant_anonymous_access_supported",
    }


def conforms(document: object, schema: str) -> None:
    Draft202012Validator(json.loads((SUITE / schema).read_text()), format_checker=FormatChecker()).validate(
        document
    )


def test_documents_are_what_the_conformance_suite_expects(door: Door) -> None:
    get = door.browser.get
    conforms(get("/.well-known/openid-credential-issuer").json, "credential_issuer_metadata-1_0.schema.json")
    conforms(
        get("/.well-known/oauth-authorization-server").json,
        "oauth_authorization_server_metadata-rfc8414.schema.json",
    )
    for tx_code in (True, False):
        reference = door.offer(tx_code=tx_code)["offer"].rpartition("%2F")[2]
        conforms(get(f"/offers/{reference}").json, "credential_offer-1_0.schema.json")


def test_key_that_was_replaced_lets_nobody_in(door: Door) -> None:
    text, key = create_management_key(KEY_PREFIX)
    old = door.key
    replace_management_key(door.university.register, key)
    door.key = bearer(text)
    assert door.browser.get("/manage/offers", **old).status == 401
    assert door.browser.get("/manage/offers", **door.key).status == 200


def test_what_the_issuer_cannot_do_right_now_is_no_fault_of_the_wallet(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grant, "MAX_LIVE_NONCES", 0)
    answer = door.browser.post("/nonce")
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")


def test_type_metadata_is_served_as_it_is(door: Door) -> None:
    answer = door.browser.get("/types/degree")
    assert answer.headers["content-type"] == "application/json"
    assert answer.body == (SCHEMAS / "degree" / "type_metadata.json").read_bytes()
    assert door.browser.get("/types/passport").status == 404
    assert door.browser.get("/types/..%2Fissuer.toml").status == 404


@pytest.mark.parametrize("number", ["7", "0", "-1", "x", "99999999999999999999", "1.5"])
def test_status_list_that_is_not_there_is_not_found(door: Door, number: str) -> None:
    assert door.browser.get(f"/status/{number}").status in (400, 404)


def test_status_lists_may_be_read_by_any_page(door: Door) -> None:
    door.credential(door.token(), request(door.university.proof()))
    assert door.browser.get("/status/1").headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-origin" not in door.browser.post("/nonce").headers


@pytest.mark.parametrize("_case", ["NT-I23-unknown-members"])
def test_unknown_members_are_ignored(door: Door, _case: str) -> None:
    code, _ = door.code()
    token = door.exchange(code, resource="x", client_id="wallet").json["access_token"]
    body = request(door.university.proof()) | {"proof": {"x": 1}, "future": [1]}
    assert door.credential(token, body).status == 200


def test_identifiers_are_given_where_details_are_asked_for(door: Door) -> None:
    code, _ = door.code()
    details = '[{"type":"openid_credential","credential_configuration_id":"degree"}]'
    answer = door.exchange(code, authorization_details=details).json
    (identifier,) = answer["authorization_details"][0]["credential_identifiers"]
    body = {"credential_identifier": identifier, "proofs": {"jwt": [door.university.proof()]}}
    assert door.credential(answer["access_token"], body).status == 200


def test_health_and_documentation_need_no_key_and_no_internet(door: Door) -> None:
    assert door.browser.get("/healthz").json == {"status": "ok"}
    page = door.browser.get("/docs")
    assert page.status == 200
    assert not re.search(rb'(?:src|href)="?https?:', page.body)
    paths = door.browser.get("/openapi.json").json["paths"]
    assert {"/token", "/credential", "/manage/offers", "/manage/credentials/{credential_id}/revoke"} <= set(
        paths
    )


def test_management_lists_offers_and_types(door: Door) -> None:
    created = door.offer(tx_code=True, expires_in=120)
    assert door.browser.get("/manage/offers?type=passport", **door.key).json == {"offers": []}
    (offer,) = [
        o
        for o in door.browser.get("/manage/offers?type=degree", **door.key).json["offers"]
        if o["id"] == created["id"]
    ]
    assert offer == {
        "id": created["id"],
        "type": "degree",
        "state": "open",
        "tx_code": True,
        "created_at": "2026-11-22T17:36:44Z",
        "expires_at": "2026-11-22T17:38:44Z",
        "credential": None,
    }
    assert door.browser.get("/manage/types", **door.key).json["types"] == [
        {"name": "degree", "vct": "urn:tallystick:degree:1", "valid_days": 1825, "refill_days": 0},
        {
            "name": "identity_card",
            "vct": "urn:tallystick:identity_card:1",
            "valid_days": 30,
            "refill_days": 0,
        },
    ]


def test_management_withdraws_an_offer_until_it_is_redeemed(door: Door) -> None:
    created = door.offer()
    path = f"/manage/offers/{created['id']}"
    assert door.browser.get(path, **door.key).json["state"] == "open"
    answer = door.browser.post(f"{path}/withdraw", **door.key)
    assert (answer.status, answer.json["state"]) == (200, "withdrawn")
    assert door.browser.get(path, **door.key).json == answer.json
    assert door.browser.get(path_of(link_of(created))).status == 404
    door.credential(door.token(), request(door.university.proof()))
    listed = door.browser.get("/manage/offers?state=redeemed", **door.key).json["offers"]
    assert {offer["state"] for offer in listed} == {"redeemed"}
    late = door.browser.post(f"/manage/offers/{listed[0]['id']}/withdraw", **door.key)
    assert (late.status, late.json["code"], late.json["detail"]) == (409, "offer_closed", "redeemed")
    assert door.browser.get("/manage/offers?state=x", **door.key).status == 400


def test_management_shows_and_changes_credentials(door: Door) -> None:
    created = door.offer()
    reference = created["offer"].rpartition("%2F")[2]
    code = door.browser.get(f"/offers/{reference}").json["grants"]
    token = door.exchange(next(iter(code.values()))["pre-authorized_code"]).json["access_token"]
    door.credential(token, request(door.university.proof()))
    found = door.browser.get("/manage/credentials?type=degree", **door.key).json["credentials"]
    (record,) = [credential for credential in found if credential["offer"] == created["id"]]
    assert door.browser.get("/manage/credentials?type=passport", **door.key).json == {"credentials": []}
    path = f"/manage/credentials/{record['id']}"
    assert door.browser.get(path, **door.key).json == record
    for action, status in (("suspend", "suspended"), ("reinstate", "valid"), ("revoke", "revoked")):
        assert door.browser.post(f"{path}/{action}", **door.key).json["status"] == status
    refused = door.browser.post(f"{path}/reinstate", **door.key)
    assert (refused.status, refused.json["code"]) == (409, "status_final")
    missing = door.browser.post("/manage/credentials/0123456789abcdef/revoke", **door.key)
    assert (missing.status, missing.json["code"]) == (404, "credential_not_found")


def test_management_rotates_the_key(door: Door) -> None:
    assert door.browser.post("/manage/rotate", **door.key).json["key_id"].startswith("did:example#")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"type": None}, 400, "member_invalid"),
        ({"type": "passport"}, 404, "credential_type_unknown"),
        ({"claims": None}, 400, "member_invalid"),
        ({"claims": EXAMPLE | {"level": "canary-7f3a"}}, 422, "claims_invalid"),
        ({"tx_code": "yes"}, 400, "member_invalid"),
        ({"txcode": True}, 400, "member_invalid"),
        ({"copies": 0}, 400, "member_invalid"),
        ({"expires_in": 0}, 400, "member_invalid"),
        ({"expires_in": 2_592_001}, 400, "member_invalid"),
        ({"expires_in": 1.5}, 400, "member_invalid"),
    ],
)
def test_offer_that_cannot_be_made_is_refused(
    door: Door, change: dict[str, object], status: int, code: str
) -> None:
    answer = door.browser.post_json(
        "/manage/offers", {"type": "degree", "claims": EXAMPLE} | change, **door.key
    )
    assert (answer.status, answer.json["code"]) == (status, code)
    assert b"canary-7f3a" not in answer.body


def test_claims_that_expired_while_the_door_was_closed_are_forgotten_when_it_opens(tmp_path: Path) -> None:
    university = University(tmp_path)
    university.offer(lifetime=timedelta(minutes=5))
    university.clock.advance(timedelta(minutes=5))
    app = http.create_issuer_app(
        http.IssuerApp(
            university.institution, lambda _: university.signer, university.clock, university.entropy
        )
    )
    with listen("127.0.0.1", 0) as listener, running(app, listener):
        Browser(listener.url).get("/healthz")
    assert [offer.state for offer in list_offers(university.register)] == [OfferState.EXPIRED]
    university.close()
