"""The ways to be wrong at the issuer's door: each starts from what is right and breaks one thing."""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from issuer.folder import KEY_PREFIX
from issuer.register import list_credentials
from protocol.encoding.base64url import encode_base64url
from protocol.encoding.strict_json import JsonObject, JsonValue, encode_json
from protocol.keys import P256PrivateKey
from protocol.keys.jwk import encode_jwk
from protocol.openid4vci.offer import PRE_AUTHORIZED_CODE
from storage.management_key import create_management_key
from tests.browser import FORM, JSON, Answer, bearer
from tests.issuer.door import Door, open_door, request
from tests.issuer.university import holder_key

KEY = holder_key(1)
P256 = P256PrivateKey(bytes([7] * 32))


def assert_refused(answer: Answer, status: int, error: str) -> None:
    assert (answer.status, answer.json["error"]) == (status, error), answer.body
    assert answer.headers["cache-control"] == "no-store"
    assert set(answer.json) <= {"error", "error_description"}
    # RFC 6749 §5.2
    assert all(
        c in range(0x20, 0x7F) and chr(c) not in '"\\' for c in answer.json["error_description"].encode()
    )


# The token endpoint


def redeem_expired(door: Door) -> Answer:
    code, _ = door.code()
    door.university.clock.advance(timedelta(hours=1))
    return door.exchange(code)


def redeem_twice(door: Door) -> Answer:
    code, _ = door.code()
    assert door.exchange(code).status == 200
    return door.exchange(code)


def redeem_blocked(door: Door) -> Answer:
    code, tx_code = door.code(tx_code=True)
    for _ in range(5):
        assert_refused(door.exchange(code, "999999x"), 400, "invalid_grant")
    return door.exchange(code, tx_code)


def redeem_elsewhere(door: Door) -> Answer:
    code, _ = door.code()
    with open_door(Path(door.university.register.url.database or "").parent / "other") as other:
        answer = other.exchange(code)
    assert door.exchange(code).status == 200
    return answer


TOKEN_ATTACKS: Mapping[str, tuple[str, Callable[[Door], Answer]]] = {
    "NT-I01-unknown": ("invalid_grant", lambda door: door.exchange("unknown")),
    "NT-I01-expired": ("invalid_grant", redeem_expired),
    "NT-I01-reused": ("invalid_grant", redeem_twice),
    "NT-I02-other-issuer": ("invalid_grant", redeem_elsewhere),
    "NT-I03-tx-code-missing": ("invalid_request", lambda door: door.exchange(door.code(tx_code=True)[0])),
    "NT-I03-tx-code-empty": ("invalid_request", lambda door: door.exchange(door.code(tx_code=True)[0], "")),
    "NT-I04-tx-code-unexpected": ("invalid_request", lambda door: door.exchange(door.code()[0], "123456")),
    "NT-I06-tx-code-wrong": (
        "invalid_grant",
        lambda door: door.exchange(door.code(tx_code=True)[0], "wrong"),
    ),
    "NT-I07-sixth-try-is-right": ("invalid_grant", redeem_blocked),
    "grant-type-missing": (
        "invalid_request",
        lambda door: door.browser.post("/token", "pre-authorized_code=x", kind=FORM),
    ),
    "grant-type-other": (
        "unsupported_grant_type",
        lambda door: door.browser.post("/token", "grant_type=client_credentials", kind=FORM),
    ),
    "code-missing": (
        "invalid_request",
        lambda door: door.browser.post("/token", f"grant_type={PRE_AUTHORIZED_CODE}", kind=FORM),
    ),
    "parameter-twice": (
        "invalid_request",
        lambda door: door.browser.post("/token", "grant_type=a&grant_type=b", kind=FORM),
    ),
    "json-body": ("invalid_request", lambda door: door.browser.post_json("/token", {"grant_type": "x"})),
    "details-of-another-type": (
        "invalid_request",
        lambda door: door.exchange(
            door.code()[0],
            authorization_details='[{"type":"openid_credential","credential_configuration_id":"x"}]',
        ),
    ),
}


@pytest.mark.parametrize(("error", "attack"), TOKEN_ATTACKS.values(), ids=TOKEN_ATTACKS.keys())
def test_token_request_that_is_wrong_is_refused(
    door: Door, error: str, attack: Callable[[Door], Answer]
) -> None:
    assert door.token()
    assert_refused(attack(door), 400, error)


# Access tokens


def with_expired_token(door: Door) -> Answer:
    token = door.token()
    door.university.clock.advance(timedelta(minutes=5))
    return door.credential(token, request(door.university.proof()))


def with_token_in_address(door: Door, **headers: str) -> Answer:
    token = door.token()
    body = request(door.university.proof())
    own = bearer(token) if headers else {}
    return door.browser.post_json(f"/credential?access_token={token}", body, **own)


def with_header(value: Callable[[str], str]) -> Callable[[Door], Answer]:
    def send(door: Door) -> Answer:
        body = request(door.university.proof())
        return door.browser.post_json("/credential", body, Authorization=value(door.token()))

    return send


ACCESS_ATTACKS: Mapping[str, Callable[[Door], Answer]] = {
    "NT-I08-no-token": lambda door: door.browser.post_json("/credential", request(door.university.proof())),
    "NT-I08-unknown": with_header(lambda token: f"Bearer {token[::-1]}x"),
    "NT-I08-expired": with_expired_token,
    "NT-I08-in-the-address": with_token_in_address,
    "NT-I08-in-address-and-header": lambda door: with_token_in_address(door, header="too"),
    "NT-I08-other-scheme": with_header(lambda token: f"DPoP {token}"),
    "NT-I08-bare": with_header(lambda token: token),
    "NT-I08-empty": with_header(lambda token: "Bearer "),
    "NT-I08-management-key": lambda door: door.browser.post_json(
        "/credential", request(door.university.proof()), **door.key
    ),
}


@pytest.mark.parametrize("attack", ACCESS_ATTACKS.values(), ids=ACCESS_ATTACKS.keys())
def test_request_without_its_access_token_is_refused(door: Door, attack: Callable[[Door], Answer]) -> None:
    before = list_credentials(door.university.register)
    answer = attack(door)
    assert_refused(answer, 401, "invalid_token")
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert list_credentials(door.university.register) == before
    assert door.credential(door.token(), request(door.university.proof())).status == 200


# Proofs


def signed(header: JsonObject, payload: JsonObject) -> str:
    """A proof of the key in `KEY`, whatever it says."""
    signing_input = f"{encode_base64url(encode_json(header))}.{encode_base64url(encode_json(payload))}"
    algorithm = header.get("alg")
    if algorithm == "none":
        signature = b""
    elif algorithm == "HS256":
        signature = hmac.digest(KEY.public_key.raw, signing_input.encode(), hashlib.sha256)
    elif algorithm == "ES256":
        signature = P256.sign(signing_input.encode())
    else:
        signature = KEY.sign(signing_input.encode())
    return f"{signing_input}.{encode_base64url(signature)}"


def proof(
    door: Door,
    *,
    header: Mapping[str, JsonValue] | None = None,
    payload: Mapping[str, JsonValue] | None = None,
) -> str:
    """A good proof with some members changed, or with None taken away, and then signed."""
    good_header: JsonObject = {
        "alg": "EdDSA",
        "typ": "openid4vci-proof+jwt",
        "jwk": encode_jwk(KEY.public_key),
    }
    good_payload: JsonObject = {
        "aud": door.university.url,
        "iat": int(door.university.clock.now.timestamp()),
        "nonce": door.university.nonce(),
    }

    def changed(good: JsonObject, changes: Mapping[str, JsonValue] | None) -> JsonObject:
        return {name: value for name, value in {**good, **(changes or {})}.items() if value is not None}

    return signed(changed(good_header, header), changed(good_payload, payload))


def seconds(door: Door, offset: int) -> int:
    return int(door.university.clock.now.timestamp()) + offset


def with_old_nonce(door: Door) -> str:
    nonce = door.university.nonce()
    door.university.clock.advance(timedelta(minutes=5))
    return door.university.proof(nonce=nonce)


def with_used_nonce(door: Door) -> str:
    nonce = door.university.nonce()
    assert door.credential(door.token(), request(door.university.proof(nonce=nonce))).status == 200
    return door.university.proof(2, nonce=nonce)


def tampered(door: Door) -> str:
    good = door.university.proof()
    return good[:-4] + ("AAAA" if not good.endswith("AAAA") else "BBBB")


def with_private_key(door: Door) -> str:
    jwk: JsonObject = {**encode_jwk(KEY.public_key), "d": encode_base64url(bytes(32))}
    return proof(door, header={"jwk": jwk})


PROOF_ATTACKS: Mapping[str, tuple[str, Callable[[Door], str]]] = {
    "NT-I10-signature": ("invalid_proof", tampered),
    "NT-I10-other-key": (
        "invalid_proof",
        lambda d: proof(d, header={"jwk": encode_jwk(holder_key(2).public_key)}),
    ),
    "NT-I11-unknown": ("invalid_nonce", lambda d: proof(d, payload={"nonce": "unknown"})),
    "NT-I11-expired": ("invalid_nonce", with_old_nonce),
    "NT-I12-missing": ("invalid_proof", lambda d: proof(d, payload={"nonce": None})),
    "NT-I13-consumed": ("invalid_nonce", with_used_nonce),
    "NT-I14-typ-jwt": ("invalid_proof", lambda d: proof(d, header={"typ": "JWT"})),
    "NT-I14-typ-missing": ("invalid_proof", lambda d: proof(d, header={"typ": None})),
    "NT-I14-alg-none": ("invalid_proof", lambda d: proof(d, header={"alg": "none"})),
    "NT-I14-alg-hs256": ("invalid_proof", lambda d: proof(d, header={"alg": "HS256"})),
    "NT-I14-alg-not-in-metadata": ("invalid_proof", lambda d: proof(d, header={"alg": "ES512"})),
    "NT-I14-alg-of-another-key": ("invalid_proof", lambda d: proof(d, header={"alg": "ES256"})),
    "NT-I15-aud-other": ("invalid_proof", lambda d: proof(d, payload={"aud": "https://issuer.example"})),
    "NT-I15-aud-array": ("invalid_proof", lambda d: proof(d, payload={"aud": [d.university.url]})),
    "NT-I15-aud-slash": ("invalid_proof", lambda d: proof(d, payload={"aud": f"{d.university.url}/"})),
    "NT-I15-aud-missing": ("invalid_proof", lambda d: proof(d, payload={"aud": None})),
    "NT-I16-kid-and-jwk": ("invalid_proof", lambda d: proof(d, header={"kid": "did:key:z6Mk#z6Mk"})),
    "NT-I16-x5c-and-jwk": ("invalid_proof", lambda d: proof(d, header={"x5c": ["AAAA"]})),
    "NT-I16-none": ("invalid_proof", lambda d: proof(d, header={"jwk": None})),
    "NT-I16-private": ("invalid_proof", with_private_key),
    "NT-I16-kid-to-be-fetched": (
        "invalid_proof",
        lambda d: proof(d, header={"jwk": None, "kid": "did:web:evil.example#key"}),
    ),
    "NT-I17-iat-past": ("invalid_proof", lambda d: proof(d, payload={"iat": seconds(d, -3600)})),
    "NT-I17-iat-future": ("invalid_proof", lambda d: proof(d, payload={"iat": seconds(d, 3600)})),
    "NT-I17-iss": ("invalid_proof", lambda d: proof(d, payload={"iss": "wallet"})),
    "NT-I17-iat-missing": ("invalid_proof", lambda d: proof(d, payload={"iat": None})),
}


@pytest.mark.parametrize(("error", "attack"), PROOF_ATTACKS.values(), ids=PROOF_ATTACKS.keys())
def test_request_with_a_wrong_proof_is_refused_and_uses_nothing_up(
    door: Door, error: str, attack: Callable[[Door], str]
) -> None:
    wrong = attack(door)
    token = door.token()
    assert_refused(door.credential(token, request(wrong)), 400, error)
    assert door.credential(token, request(proof(door))).status == 200


def test_proof_of_a_p256_key_is_taken(door: Door) -> None:
    good = proof(door, header={"alg": "ES256", "jwk": encode_jwk(P256.public_key)})
    assert door.credential(door.token(), request(good)).status == 200


# Credential requests


def same_nonce(door: Door, count: int) -> list[str]:
    return list(door.university.proofs(count))


def with_key_twice(door: Door) -> object:
    nonce = door.university.nonce()
    return request(*[door.university.proof(1, nonce=nonce) for _ in range(2)])


def nested(door: Door) -> str:
    return '{"credential_configuration_id":"degree","future":' + "[" * 100 + "]" * 100 + "}"


def twice_the_member(door: Door) -> str:
    body = json.dumps(request(door.university.proof()))
    return body[:-1] + ',"credential_configuration_id":"degree"}'


REQUEST_ATTACKS: Mapping[str, tuple[int, str, Callable[[Door], object]]] = {
    "NT-I09-proofs-missing": (400, "invalid_proof", lambda d: {"credential_configuration_id": "degree"}),
    "NT-I09-old-proof": (
        400,
        "invalid_proof",
        lambda d: {
            "credential_configuration_id": "degree",
            "proof": {"proof_type": "jwt", "jwt": d.university.proof()},
        },
    ),
    "NT-I09-other-type": (
        400,
        "invalid_proof",
        lambda d: {"credential_configuration_id": "degree", "proofs": {"ldp_vp": [{}]}},
    ),
    "NT-I18-key-twice": (400, "invalid_proof", with_key_twice),
    "NT-I18-too-many": (400, "invalid_credential_request", lambda d: request(*same_nonce(d, 11))),
    "NT-I18-one-bad-of-ten": (
        400,
        "invalid_proof",
        lambda d: request(*same_nonce(d, 9), proof(d, header={"typ": "JWT"})),
    ),
    "NT-I20-unknown-configuration": (
        400,
        "unknown_credential_configuration",
        lambda d: request(d.university.proof()) | {"credential_configuration_id": "passport"},
    ),
    "NT-I20-unknown-identifier": (
        400,
        "unknown_credential_identifier",
        lambda d: {"credential_identifier": "degree", "proofs": {"jwt": [d.university.proof()]}},
    ),
    "NT-I20-both": (
        400,
        "invalid_credential_request",
        lambda d: request(d.university.proof()) | {"credential_identifier": "x"},
    ),
    "NT-I20-neither": (
        400,
        "invalid_credential_request",
        lambda d: {"proofs": {"jwt": [d.university.proof()]}},
    ),
    "NT-I21-other-configuration": (
        403,
        "insufficient_scope",
        lambda d: request(d.university.proof()) | {"credential_configuration_id": "identity_card"},
    ),
    "NT-I22-encrypted": (
        400,
        "invalid_encryption_parameters",
        lambda d: request(d.university.proof()) | {"credential_response_encryption": {"enc": "A128GCM"}},
    ),
    "NT-I23-member-twice": (400, "invalid_credential_request", twice_the_member),
    "NT-I23-depth": (400, "invalid_credential_request", nested),
    "NT-I23-not-json": (400, "invalid_credential_request", lambda d: "{"),
    "NT-I23-array": (400, "invalid_credential_request", lambda d: "[]"),
    "NT-I23-large": (400, "invalid_credential_request", lambda d: request("x" * (8 * 1024 + 1))),
}


@pytest.mark.parametrize(("status", "error", "attack"), REQUEST_ATTACKS.values(), ids=REQUEST_ATTACKS.keys())
def test_credential_request_that_is_wrong_issues_nothing(
    door: Door, status: int, error: str, attack: Callable[[Door], object]
) -> None:
    before = len(list_credentials(door.university.register))
    token, body = door.token(), attack(door)
    answer = door.browser.post(
        "/credential", body if isinstance(body, str) else json.dumps(body), **bearer(token)
    )
    assert_refused(answer, status, error)
    assert len(list_credentials(door.university.register)) == before
    assert door.credential(token, request(door.university.proof())).status == 200


@pytest.mark.parametrize(
    "kind", ["text/plain", pytest.param("application/jwt", id="NT-I22-encrypted-request")]
)
def test_body_of_another_kind_is_refused(door: Door, kind: str) -> None:
    answer = door.browser.post("/credential", b"x", kind=kind, **bearer(door.token()))
    assert_refused(answer, 400, "invalid_credential_request")


@pytest.mark.parametrize("size", [pytest.param(512 * 1024 + 1, id="NT-I23-limit-and-one")])
def test_body_that_is_too_large_is_not_even_read(door: Door, size: int) -> None:
    headers = {"Content-Type": JSON, "Content-Length": str(size), **bearer(door.token())}
    assert door.browser.ask("POST", "/credential", None, headers).status == 413


def test_token_that_was_used_is_denied(door: Door) -> None:
    token = door.token()
    assert door.credential(token, request(door.university.proof())).status == 200
    again = door.credential(token, request(door.university.proof(2)))
    assert_refused(again, 400, "credential_request_denied")


# Notifications


NOTIFICATION_ATTACKS: Mapping[str, tuple[int, str, dict[str, str], bool]] = {
    "NT-I26-unknown": (400, "invalid_notification_id", {"notification_id": "unknown"}, True),
    "NT-I26-other-wallet": (401, "invalid_token", {}, False),
    "NT-I26-event": (400, "invalid_notification_request", {"event": "credential_eaten"}, True),
    "NT-I26-empty": (400, "invalid_notification_request", {"notification_id": ""}, True),
}


@pytest.mark.parametrize(
    ("status", "error", "change", "own_token"),
    NOTIFICATION_ATTACKS.values(),
    ids=NOTIFICATION_ATTACKS.keys(),
)
def test_notification_is_matched_to_its_issuance_and_its_wallet(
    door: Door, status: int, error: str, change: dict[str, str], own_token: bool
) -> None:
    token = door.token()
    issued = door.credential(token, request(door.university.proof())).json
    note = {"notification_id": issued["notification_id"], "event": "credential_accepted"}
    sent = token if own_token else door.token()
    assert_refused(door.browser.post_json("/notification", note | change, **bearer(sent)), status, error)
    for _ in range(2):
        assert door.browser.post_json("/notification", note, **bearer(token)).status == 204


# The management API


def management_key_attacks(door: Door) -> Mapping[str, tuple[str, dict[str, str]]]:
    text = door.key["Authorization"].removeprefix("Bearer ")
    other, _ = create_management_key(KEY_PREFIX)
    path = "/manage/offers"
    return {
        "NT-A01-none": (path, {}),
        "NT-A01-unknown": (path, bearer(other)),
        "NT-A01-wrong-secret": (path, bearer(text[:-1] + ("a" if text[-1] != "a" else "b"))),
        "NT-A01-other-prefix": (path, bearer(text.replace("tally_issuer", "tally_verifier"))),
        "NT-A01-in-the-address": (f"{path}?key={text}", {}),
        "NT-A01-basic": (path, {"Authorization": f"Basic {text}"}),
        "NT-A01-access-token": (path, bearer(door.token())),
    }


@pytest.mark.parametrize(
    "attack",
    [
        "NT-A01-none",
        "NT-A01-unknown",
        "NT-A01-wrong-secret",
        "NT-A01-other-prefix",
        "NT-A01-in-the-address",
        "NT-A01-basic",
        "NT-A01-access-token",
    ],
)
def test_management_without_its_key_is_refused(door: Door, attack: str) -> None:
    path, headers = management_key_attacks(door)[attack]
    assert door.browser.get("/manage/offers", **door.key).status == 200
    answer = door.browser.get(path, **headers)
    assert (answer.status, answer.json["code"]) == (401, "management_key_invalid")


def test_every_management_endpoint_asks_for_the_key(door: Door) -> None:
    paths = door.browser.get("/openapi.json").json["paths"]
    guarded = [
        (method.upper(), path.replace("{credential_id}", "x").replace("{offer_id}", "x"))
        for path, methods in paths.items()
        for method in methods
        if path.startswith("/manage/")
    ]
    assert len(guarded) == 12
    for method, path in guarded:
        assert door.browser.ask(method, path, b"{}", {"Content-Type": JSON}).status == 401, path
