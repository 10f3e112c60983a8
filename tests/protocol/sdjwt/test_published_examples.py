import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from protocol.codes import Code
from protocol.encoding.base64url import decode_base64url
from protocol.encoding.time import from_seconds
from protocol.errors import MalformedError
from protocol.jws import parse_jws, verify_jws
from protocol.keys import PublicKey
from protocol.keys.jwk import parse_jwk
from protocol.sdjwt.disclosure import HashAlgorithm, digest_of
from protocol.sdjwt.key_binding import verify_key_binding
from protocol.sdjwt.parse import SdJwt, parse_sd_jwt, read_hash_algorithm
from protocol.sdjwt.verify import VerifiedClaims, verify_disclosures
from protocol.sdjwt_vc import parse_credential_jws, verify_credential_rules

SHELVES = Path(__file__).parents[2] / "vectors"
PUBLISHED = {
    "rfc9901": json.loads((SHELVES / "sd-jwt/rfc9901-examples.json").read_text()),
    "sd-jwt-vc": json.loads((SHELVES / "sd-jwt-vc/sd-jwt-vc-draft19-examples.json").read_text()),
}
EXAMPLES = [
    pytest.param(shelf, example, id=f"{shelf}-{example['n']}-{example['section'].replace(' ', '-')}")
    for shelf, document in PUBLISHED.items()
    for example in document["examples"]
    if example["kind"] != "issuer-signed-jwt"
]
OURS = json.loads((SHELVES / "generated-ed25519/oid4vc.json").read_text())


def verify_sd_jwt(sd_jwt: SdJwt, key: PublicKey, typ: str) -> VerifiedClaims:
    jws = parse_jws(sd_jwt.issuer_jwt, expected_typ=typ)
    verify_jws(jws, key)
    return verify_disclosures(jws.payload_object(), sd_jwt.disclosures)


def verify_binding(sd_jwt: SdJwt, key: PublicKey, audience: str, nonce: str, issued_at: int) -> None:
    assert sd_jwt.key_binding_jwt is not None
    verify_key_binding(
        sd_jwt.key_binding_jwt,
        sd_jwt=sd_jwt,
        hash_algorithm=read_hash_algorithm(sd_jwt.unverified_payload()),
        holder_key=key,
        expected_nonce=nonce,
        expected_audience=audience,
        expected_transaction_data=(),
        now=from_seconds(issued_at),
        max_age=timedelta(seconds=0),
        clock_skew=timedelta(seconds=0),
    )


def test_every_published_string_is_read() -> None:
    assert {shelf: len(document["examples"]) for shelf, document in PUBLISHED.items()} == {
        "rfc9901": 9,
        "sd-jwt-vc": 5,
    }
    assert len(EXAMPLES) == 13


@pytest.mark.parametrize(("shelf", "example"), EXAMPLES)
def test_published_example_has_the_published_claims(shelf: str, example: dict[str, Any]) -> None:
    sd_jwt = parse_sd_jwt(example["compact"])
    assert sd_jwt.encoded == example["compact"]
    assert len(sd_jwt.disclosures) == example["n_disclosures"]

    verified = verify_sd_jwt(sd_jwt, parse_jwk(PUBLISHED[shelf]["issuer_key"]), example["header"]["typ"])
    assert verified.claims == example["processed_payload"]

    assert (sd_jwt.key_binding_jwt is not None) is (example["kind"] == "sd-jwt+kb")
    if sd_jwt.key_binding_jwt is not None:
        said = example["kb_payload"]
        holder_key = parse_jwk(PUBLISHED[shelf]["holder_key"])
        verify_binding(sd_jwt, holder_key, said["aud"], said["nonce"], said["iat"])


@pytest.mark.parametrize(
    "example", PUBLISHED["sd-jwt-vc"]["examples"], ids=lambda example: example["section"]
)
def test_published_credential_follows_the_rules_of_credentials(example: dict[str, Any]) -> None:
    sd_jwt = parse_sd_jwt(example["compact"])
    payload = parse_credential_jws(sd_jwt).payload_object()
    holder_key = verify_credential_rules(payload, verify_disclosures(payload, sd_jwt.disclosures))
    expected = parse_jwk(PUBLISHED["sd-jwt-vc"]["holder_key"]) if "cnf" in payload else None
    assert holder_key == expected


def test_published_bare_jwt_is_no_sd_jwt_until_it_ends_in_a_tilde() -> None:
    (example,) = [
        example for example in PUBLISHED["rfc9901"]["examples"] if example["kind"] == "issuer-signed-jwt"
    ]
    with pytest.raises(MalformedError) as caught:
        parse_sd_jwt(example["compact"])
    assert caught.value.code is Code.FORMAT_INVALID
    sd_jwt = parse_sd_jwt(example["compact"] + "~")
    verified = verify_sd_jwt(sd_jwt, parse_jwk(PUBLISHED["rfc9901"]["issuer_key"]), "example+sd-jwt")
    assert verified.claims["nationalities"] == []


def test_ed25519_example_of_our_own_is_verified() -> None:
    issuer_key, holder_key = (
        parse_jwk(OURS["keys"]["issuer"]["jwk"]),
        parse_jwk(OURS["keys"]["holder"]["jwk"]),
    )
    issued = parse_sd_jwt(OURS["sd_jwt_vc_issued"])
    assert [disclosure.encoded for disclosure in issued.disclosures] == OURS["disclosures"]
    assert [digest_of(text, HashAlgorithm.SHA_256) for text in OURS["disclosures"]] == OURS["digests"]
    assert verify_sd_jwt(issued, issuer_key, "dc+sd-jwt").claims["family_name"] == "Müller"

    presented = parse_sd_jwt(OURS["sd_jwt_kb_presentation"])
    claims = verify_sd_jwt(presented, issuer_key, "dc+sd-jwt").claims
    assert "family_name" not in claims
    said = OURS["kb_payload"]
    verify_binding(presented, holder_key, said["aud"], said["nonce"], said["iat"])
    assert presented.key_binding_jwt is not None
    assert json.loads(decode_base64url(presented.key_binding_jwt.split(".")[1])) == said
