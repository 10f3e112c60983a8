"""Getting credentials from the university, and what it would send if it were not honest."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from ledger.fetch import Fetched
from protocol.encoding.base64url import decode_base64url, encode_base64url
from protocol.encoding.strict_json import JsonObject, JsonValue, encode_json, parse_json_object
from protocol.errors import TallyError
from protocol.keys import Ed25519PrivateKey, PublicKey
from protocol.keys.jwk import encode_jwk, parse_jwk
from protocol.sdjwt.key_binding import create_key_binding
from protocol.sdjwt.parse import parse_sd_jwt
from protocol.sdjwt_vc import issue_sd_jwt_vc
from tests.counted import NOW
from tests.issuer.university import EXAMPLE
from tests.status_issuer import DID, KEY, KEY_ID
from tests.wallet.counterparts import (
    Campus,
    Lie,
    changes,
    says,
)
from wallet.held import HeldCredential
from wallet.offer import OpenedOffer, open_offer
from wallet.receive import receive_credentials
from wallet.vault import Vault

VCT = "urn:tallystick:degree:1"
METADATA = "/.well-known/openid-credential-issuer"
AUTHORIZATION_SERVER = "/.well-known/oauth-authorization-server"
HTML = says(b"<html>Bad gateway</html>", 502, kind="text/html")


def receive(
    vault: Vault,
    campus: Campus,
    offer: OpenedOffer | None = None,
    *,
    code: str | None = None,
    copies: int = 2,
) -> tuple[HeldCredential, ...]:
    opened = offer or open_offer(campus.offer(), outside=campus.outside)
    return receive_credentials(vault, opened, transaction_code=code, copies=copies, outside=campus.outside)


def refusal(
    vault: Vault, campus: Campus, offer: OpenedOffer | None = None, *, code: str | None = None
) -> TallyError:
    """Why nothing came; and nothing is kept then, but what it takes to go on."""
    before = vault.content
    with pytest.raises(TallyError) as caught:
        receive(vault, campus, offer, code=code)
    kept = replace(vault.content, next_key_index=before.next_key_index, pending=before.pending)
    assert kept == before
    return caught.value


def notified(campus: Campus) -> list[str | None]:
    """What the issuer was told about its credentials, the latest first."""
    listed = campus.door.browser.get("/manage/credentials", **campus.door.key).json["credentials"]
    return [each["notified"] for each in listed]


def keys_of(request: bytes) -> list[PublicKey]:
    """The keys that are proved in a credential request."""
    proofs: Any = parse_json_object(request)["proofs"]
    headers = [parse_json_object(decode_base64url(proof.partition(".")[0])) for proof in proofs["jwt"]]
    jwks: list[Any] = [header["jwk"] for header in headers]
    return [parse_jwk(jwk) for jwk in jwks]


def forged(
    holder: PublicKey,
    *,
    key: Ed25519PrivateKey = KEY,
    issuer: str = DID,
    hidden: Callable[[str], bool] = lambda _name: True,
    claims: JsonObject = EXAMPLE,
    **about: Any,
) -> str:
    """What a dishonest university could sign: a degree for `holder` that says `about` itself."""
    payload: JsonObject = {
        "iss": issuer,
        "vct": VCT,
        "iat": int(NOW.timestamp()) - 3600,
        "exp": int(NOW.timestamp()) + 86_400,
        "cnf": {"jwk": encode_jwk(holder)},
    }
    payload = {name: value for name, value in (payload | about).items() if value is not None}
    issued = issue_sd_jwt_vc(
        payload | claims,
        disclosable=[(name,) for name in claims if hidden(name)],
        key=key,
        key_id=f"{issuer}#{KEY_ID.partition('#')[2]}",
        salts=iter(f"{number:022d}" for number in range(1000)).__next__,
    )
    return issued.encoded_without_key_binding


def for_each_key(**about: Any) -> Callable[[list[PublicKey]], list[str]]:
    return lambda keys: [forged(key, **about) for key in keys]


def unsigned(credential: str) -> str:
    _, payload, _ = credential.partition("~")[0].split(".")
    header = encode_base64url(json.dumps({"alg": "none", "typ": "dc+sd-jwt", "kid": KEY_ID}).encode())
    return f"{header}.{payload}.~" + credential.partition("~")[2]


def with_key_binding(credential: str) -> str:
    sd_jwt = parse_sd_jwt(credential)
    return credential + create_key_binding(sd_jwt, key=KEY, nonce="n" * 22, audience="a", issued_at=NOW)


def gives(campus: Campus, forge: Callable[[list[PublicKey]], Sequence[str]]) -> Lie:
    """The issuer issues, and then other credentials arrive."""

    def lie(honestly: Callable[[], Fetched]) -> Fetched:
        credentials = forge(keys_of(campus.courier.sent[-1].body))
        document = parse_json_object(honestly().body)
        document["credentials"] = [{"credential": credential} for credential in credentials]
        return Fetched(200, "application/json", encode_json(document))

    return lie


def forging(campus: Campus, **about: Any) -> Lie:
    def lie(_honestly: Callable[[], Fetched]) -> Fetched:
        keys = keys_of(campus.courier.sent[-1].body)
        credentials: list[JsonValue] = [{"credential": forged(key, **about)} for key in keys]
        return Fetched(200, "application/json", encode_json({"credentials": credentials}))

    return lie


def stands_for(configuration_id: str, *identifiers: str) -> Lie:
    """The token stands for the credentials with these identifiers."""
    detail = {
        "type": "openid_credential",
        "credential_configuration_id": configuration_id,
        "credential_identifiers": list(identifiers),
    }
    return changes(lambda it: it.update(authorization_details=[detail]))
