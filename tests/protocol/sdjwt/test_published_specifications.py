from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from protocol.claim_path import select_claims
from protocol.encoding.base64url import decode_base64url
from protocol.encoding.strict_json import JsonObject
from protocol.jws import parse_jws, verify_jws
from protocol.keys import P256PrivateKey
from protocol.keys.jwk import encode_jwk, parse_jwk
from protocol.sdjwt.issue import issue_sd_jwt
from protocol.sdjwt.key_binding import create_key_binding, verify_key_binding
from protocol.sdjwt.parse import parse_sd_jwt, read_hash_algorithm
from protocol.sdjwt.present import select_disclosures
from protocol.sdjwt.verify import verify_disclosures
from tests.attacks.artefacts import counted_salts
from tests.protocol.sdjwt.specifications import Specification, read_specification, visible

VECTORS = Path(__file__).parents[2] / "vectors"
SHELVES = {
    "sd-jwt-python": VECTORS / "sd-jwt/sd-jwt-python-testcases",
    "rfc9901": VECTORS / "sd-jwt/rfc9901-example-specifications",
    "sd-jwt-vc": VECTORS / "sd-jwt-vc/examples",
}
SPECIFICATIONS = {
    f"{shelf}-{path.parent.name}": read_specification(path)
    for shelf, folder in SHELVES.items()
    for path in sorted(folder.glob("*/specification.yml"))
}
SETTINGS: dict[str, Any] = yaml.safe_load((SHELVES["rfc9901"] / "settings.yml").read_text())
ISSUER_JWK: JsonObject = SETTINGS["key_settings"]["issuer_keys"][0]
HOLDER_JWK: JsonObject = SETTINGS["key_settings"]["holder_key"]
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
JSON_ONLY = pytest.mark.skip(reason="the JSON serialisations of RFC 9901 §8 are not spoken here")


def private_key(jwk: JsonObject) -> P256PrivateKey:
    return P256PrivateKey(decode_base64url(str(jwk["d"])))


def test_every_specification_is_read() -> None:
    counts = {shelf: sum(name.startswith(f"{shelf}-") for name in SPECIFICATIONS) for shelf in SHELVES}
    assert counts == {"sd-jwt-python": 17, "rfc9901": 15, "sd-jwt-vc": 3}
    serializations = [specification.serialization for specification in SPECIFICATIONS.values()]
    assert (serializations.count("compact"), serializations.count("json")) == (31, 4)


@pytest.mark.parametrize(
    "specification",
    [
        pytest.param(
            specification, id=name, marks=[JSON_ONLY] if specification.serialization == "json" else []
        )
        for name, specification in SPECIFICATIONS.items()
    ],
)
def test_specified_credential_is_issued_presented_and_verified(specification: Specification) -> None:
    issuer_key, holder_key = private_key(ISSUER_JWK), private_key(HOLDER_JWK)
    claims = specification.claims
    if specification.key_binding:
        claims = claims | {"cnf": {"jwk": encode_jwk(holder_key.public_key)}}
    header = dict(specification.header)
    issued = issue_sd_jwt(
        claims,
        disclosable=specification.disclosable,
        key=issuer_key,
        salts=counted_salts(),
        typ=str(header.pop("typ", "example+sd-jwt")),
        header=header,
        decoys=3 if specification.decoys else 0,
    )
    assert len(issued.disclosures) == len(specification.disclosable)

    received = parse_sd_jwt(issued.encoded)
    assert verify_disclosures(received.unverified_payload(), received.disclosures).claims == claims

    # Some specifications show paths that their claims do not have.
    shown = [path for path in specification.shown if select_claims(claims, path)]
    chosen = select_disclosures(received, shown)
    binding = create_key_binding(chosen, key=holder_key, nonce="1234567890", audience="a", issued_at=NOW)
    presented = parse_sd_jwt(chosen.encoded_without_key_binding + binding)

    jws = parse_jws(presented.issuer_jwt, expected_typ=str(specification.header.get("typ", "example+sd-jwt")))
    verify_jws(jws, parse_jwk({name: ISSUER_JWK[name] for name in ("kty", "crv", "x", "y")}))
    verified = verify_disclosures(jws.payload_object(), presented.disclosures)
    assert verified.claims == visible(claims, (), set(specification.disclosable), shown)
    if specification.expected is not None:
        assert {
            name: value for name, value in verified.claims.items() if name != "cnf"
        } == specification.expected
    verify_key_binding(
        binding,
        sd_jwt=presented,
        hash_algorithm=read_hash_algorithm(jws.payload_object()),
        holder_key=holder_key.public_key,
        expected_nonce="1234567890",
        expected_audience="a",
        expected_transaction_data=(),
        now=NOW,
        max_age=timedelta(seconds=0),
        clock_skew=timedelta(seconds=0),
    )
