"""Other people's examples of OpenID4VP: every file is read here, or named with the reason why not."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from protocol.claim_path import select_claims
from protocol.codes import Code
from protocol.did.key import resolve_did_key
from protocol.encoding.strict_json import JsonObject, parse_json_object
from protocol.encoding.time import from_seconds
from protocol.errors import MalformedError, RefusedError
from protocol.jws import Algorithm
from protocol.oauth_error import OAuthError, parse_oauth_error
from protocol.openid4vp.dcql.query import DcqlQuery, parse_dcql_query
from protocol.openid4vp.dcql.selection import Candidate, select_credentials
from protocol.openid4vp.refusal import ErrorWord, RequestRefusedError
from protocol.openid4vp.request import encode_request
from protocol.openid4vp.request_object import DidClient, verify_request_object, verify_unsigned_request
from protocol.sdjwt.parse import parse_sd_jwt
from protocol.sdjwt.present import select_disclosures
from protocol.sdjwt.verify import verify_disclosures
from tests.openid_parties import REQUEST, UNSIGNED

SHELF = Path(__file__).parents[2] / "vectors" / "openid4vp"
EXAMPLES = SHELF / "1.0" / "examples"
GENERATED = Path(__file__).parents[2] / "vectors" / "generated-ed25519" / "oid4vc.json"

QUERIES = sorted(
    [
        *EXAMPLES.glob("query_lang/*.json"),
        *EXAMPLES.glob("request/dcql_*.json"),
        *SHELF.glob("eudi-dcql/*.json"),
    ]
)
FOREIGN_METADATA = sorted(
    set(EXAMPLES.glob("client_metadata/*.json"))
    - {EXAMPLES / "client_metadata/sd_jwt_vc_verifier_metadata.json"}
)
READ_BY_NAME = {
    "conformance-suite/dcql_request.schema.json",
    "conformance-suite/verifier_info.schema.json",
    "1.0/examples/client_metadata/sd_jwt_vc_verifier_metadata.json",
    "1.0/examples/digital_credentials_api/error_invalid_request.json",
    "1.0/examples/sd_jwt_vcld/01/sd_jwt_issuance.txt",
    "1.0/examples/sd_jwt_vcld/01/sd_jwt_presentation.txt",
    "1.0/examples/sd_jwt_vcld/01/verified_contents.json",
}
OUT_OF_SCOPE = {
    "SOURCES.md": "where the shelf comes from",
    "conformance-suite/LICENSE.txt": "the licence",
    "1.0/examples/credentials/jwt_vc.json": "another credential format (jwt_vc_json)",
    "1.0/examples/credentials/ldp_vc.json": "another credential format (ldp_vc)",
    "1.0/examples/credentials/sd_jwt_vc.json": "a payload without its signature",
    "1.0/examples/credentials/sd_jwt_vc_unsecured.json": "claims before they are made an SD-JWT",
    "1.0/examples/request/request_header_client_id_did.json": "a header alone, with RS256",
    "1.0/examples/request/request_object_client_id_did.json": "not JSON: the query is elided",
    "1.0/examples/response/jwt_vc.json": "another credential format (jwt_vc_json)",
    "1.0/examples/response/ldp_vc.json": "another credential format (ldp_vc)",
    "1.0/examples/response/kb_jwt_unsecured.json": "a payload alone, with transaction data",
    "1.0/examples/digital_credentials_api/signed_request_payload.json": "not JSON: the query is elided",
    "1.0/examples/digital_credentials_api/signed_request_payload_compact.json": "not JSON, like the other",
    "1.0/examples/sd_jwt_vcld/README.md": "how the example was made",
    "1.0/examples/sd_jwt_vcld/settings.yml": "how the example was made",
    "1.0/examples/sd_jwt_vcld/01/specification.yml": "how the example was made",
    "1.0/examples/sd_jwt_vcld/01/disclosures.md": "the parts of a file that is read",
    "1.0/examples/sd_jwt_vcld/01/kb_jwt_header.json": "the parts of a file that is read",
    "1.0/examples/sd_jwt_vcld/01/kb_jwt_payload.json": "the parts of a file that is read",
    "1.0/examples/sd_jwt_vcld/01/kb_jwt_serialized.txt": "the parts of a file that is read",
    "1.0/examples/sd_jwt_vcld/01/sd_jwt_jws_part.txt": "the parts of a file that is read",
    "1.0/examples/sd_jwt_vcld/01/sd_jwt_payload.json": "the parts of a file that is read",
    "1.0/examples/sd_jwt_vcld/01/user_claims.json": "the parts of a file that is read",
}


def test_every_file_of_the_shelf_is_read_or_named() -> None:
    files = {str(path.relative_to(SHELF)) for path in SHELF.rglob("*") if path.is_file()}
    read = {str(path.relative_to(SHELF)) for path in [*QUERIES, *FOREIGN_METADATA]} | READ_BY_NAME
    assert (len(QUERIES), len(FOREIGN_METADATA), len(READ_BY_NAME)) == (14, 3, 7)
    assert not read & OUT_OF_SCOPE.keys()
    assert read | OUT_OF_SCOPE.keys() == files


def parse(path: Path) -> DcqlQuery:
    return parse_dcql_query(parse_json_object(path.read_bytes()))


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.name)
def test_published_query_is_read(path: Path) -> None:
    query = parse(path)
    assert [credential.id for credential in query.credentials] == [
        credential["id"] for credential in json.loads(path.read_bytes())["credentials"]
    ]


def test_published_query_is_answered_with_exactly_its_claims() -> None:
    identity: JsonObject = {
        "family_name": "Doe",
        "given_name": "John",
        "address": {"street_address": "42 Market Street", "locality": "Milliways"},
        "postal_code": "90211",
        "date_of_birth": "1940-01-01",
        "email": "john@doe.example",
    }
    candidate = Candidate(
        "1", "dc+sd-jwt", "https://credentials.example.com/identity_credential", identity, True
    )
    expected = {
        "simple": {("family_name",), ("given_name",), ("address", "street_address")},
        "value_matching_simple": {
            ("family_name",),
            ("given_name",),
            ("address", "street_address"),
            ("postal_code",),
        },
        "claims_alternatives": {("family_name",), ("postal_code",), ("date_of_birth",)},
        "credentials_alternatives": {("given_name",), ("family_name",), ("address", "street_address")},
    }
    for name, paths in expected.items():
        answer = select_credentials(
            parse(EXAMPLES / "query_lang" / f"{name}.json"), [candidate]
        ).first_answer()
        assert [match.disclosed for match in answer.values()] == [paths]


def test_query_for_formats_we_do_not_hold_is_not_answered() -> None:
    for name in ("simple_mdoc", "complex_mdoc", "multi_credentials"):
        with pytest.raises(RefusedError) as caught:
            select_credentials(parse(EXAMPLES / "query_lang" / f"{name}.json"), [])
        assert caught.value.code is Code.NOTHING_MATCHES


def test_published_credential_is_shown_as_published() -> None:
    folder = EXAMPLES / "sd_jwt_vcld" / "01"
    held, shown = (
        parse_sd_jwt((folder / name).read_text().replace("\n", ""))
        for name in ("sd_jwt_issuance.txt", "sd_jwt_presentation.txt")
    )
    claims = verify_disclosures(held.unverified_payload(), held.disclosures).claims
    query: JsonObject = {
        "id": "x",
        "format": "dc+sd-jwt",
        "meta": {"vct_values": ["https://credentials.example.com/example_credential"]},
        "claims": [{"path": ["ld", "credentialSubject", "givenName"]}],
    }
    candidate = Candidate("1", "dc+sd-jwt", str(claims["vct"]), claims, holder_bound=True)
    match = select_credentials(parse_dcql_query({"credentials": [query]}), [candidate]).first_answer()["x"]
    selected = select_disclosures(held, match.disclosed)
    assert selected.encoded_without_key_binding == shown.encoded_without_key_binding
    contents = json.loads((folder / "verified_contents.json").read_bytes())
    assert verify_disclosures(selected.unverified_payload(), selected.disclosures).claims == contents
    assert all(select_claims(contents, path) for path in match.disclosed)


def test_published_verifier_metadata_is_read() -> None:
    path = EXAMPLES / "client_metadata" / "sd_jwt_vc_verifier_metadata.json"
    parameters = encode_request(UNSIGNED) | {"client_metadata": json.loads(path.read_bytes())}
    request = verify_unsigned_request(parameters, development=False).request
    assert request.key_binding_algorithms == (Algorithm.ES256,)


@pytest.mark.parametrize("path", FOREIGN_METADATA, ids=lambda path: path.name)
def test_verifier_of_other_formats_is_told_so(path: Path) -> None:
    parameters = encode_request(UNSIGNED) | {"client_metadata": json.loads(path.read_bytes())}
    with pytest.raises(RequestRefusedError) as caught:
        verify_unsigned_request(parameters, development=False)
    assert caught.value.word is ErrorWord.VP_FORMATS_NOT_SUPPORTED


def test_published_error_is_read() -> None:
    path = EXAMPLES / "digital_credentials_api" / "error_invalid_request.json"
    assert parse_oauth_error(path.read_bytes()) == OAuthError("invalid_request")


def test_requests_we_make_satisfy_the_schemas_of_the_conformance_suite() -> None:
    suite = SHELF / "conformance-suite"
    for request in (REQUEST, UNSIGNED):
        parameters: dict[str, Any] = encode_request(request)
        schema = json.loads((suite / "dcql_request.schema.json").read_bytes())
        jsonschema.validate(parameters["dcql_query"], schema)
    schema = json.loads((suite / "verifier_info.schema.json").read_bytes())
    jsonschema.validate({"verifier_info": encode_request(REQUEST)["verifier_info"]}, schema)


def test_queries_the_suite_refuses_are_refused_here_too() -> None:
    schema = json.loads((SHELF / "conformance-suite" / "dcql_request.schema.json").read_bytes())
    good = json.loads((EXAMPLES / "query_lang" / "claims_alternatives.json").read_bytes())
    jsonschema.validate(good, schema)
    for name in ("id", "format", "meta"):
        bad = json.loads(json.dumps(good))
        del bad["credentials"][0][name]
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, schema)
        with pytest.raises(MalformedError):
            parse_dcql_query(bad)


def test_generated_request_object_is_verified() -> None:
    generated = json.loads(GENERATED.read_bytes())
    payload = generated["openid4vp_request_object_payload"]
    verified = verify_request_object(
        generated["openid4vp_request_object"],
        expected_client_id=payload["client_id"],
        expected_wallet_nonce=None,
        now=from_seconds(1_767_225_600),
        resolve_did=resolve_did_key,
        development=False,
    )
    assert isinstance(verified.client, DidClient)
    assert verified.client.did.did == generated["keys"]["verifier"]["did_key"]
    assert (verified.request.nonce, verified.audience) == (payload["nonce"], payload["client_id"])
    assert verified.request.key_binding_algorithms == (Algorithm.ED25519, Algorithm.ES256)
    assert verified.request.query.credentials[0].claims[1].path == ("nationalities", None)
