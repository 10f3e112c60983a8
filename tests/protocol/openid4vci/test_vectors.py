"""Other people's examples of OpenID4VCI and HAIP: every file is read, or named with the reason why not."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from protocol.codes import Code
from protocol.encoding.form import encode_form
from protocol.encoding.strict_json import JsonObject
from protocol.errors import MalformedError, RefusedError
from protocol.openid4vci.credential import (
    ConfigurationId,
    CredentialIdentifier,
    CredentialRequest,
    IssuedCredentials,
    encode_credential_request,
    parse_credential_request,
    parse_credential_response,
)
from protocol.openid4vci.metadata import (
    IssuerMetadata,
    encode_authorization_server_metadata,
    encode_issuer_metadata,
    parse_authorization_server_metadata,
    parse_issuer_metadata,
    select_configuration,
)
from protocol.openid4vci.offer import PRE_AUTHORIZED_CODE, encode_offer, parse_offer
from protocol.openid4vci.token import TokenRequest, parse_token_request
from protocol.openid4vp.refusal import RequestRefusedError
from protocol.openid4vp.request import encode_request
from protocol.openid4vp.request_object import verify_unsigned_request
from protocol.sdjwt.parse import parse_sd_jwt
from protocol.sdjwt.verify import verify_disclosures
from tests.openid_issuer import FULL, OFFERS, SERVER
from tests.openid_parties import UNSIGNED

VECTORS = Path(__file__).parents[2] / "vectors"
SHELF = VECTORS / "openid4vci"
EXAMPLES = SHELF / "1.0" / "examples"
SUITE = SHELF / "conformance-suite"
HAIP = VECTORS / "haip" / "1.0" / "examples"

OFFER_EXAMPLES = sorted(EXAMPLES.glob("credential_offer_*"))
CONFIGURATIONS = sorted(EXAMPLES.glob("credential_metadata_*.json"))
DETAILS = sorted(EXAMPLES.glob("authorization_details*.json"))
RESPONSES = sorted(EXAMPLES.glob("credential_response_*.txt"))
VALID_ISSUERS = sorted(SUITE.glob("metadata/*valid-openid-credential-issuer-*.json"))
SUITE_METADATA = sorted(SUITE.glob("metadata/*.json"))
READ_BY_NAME = {
    "1.0/examples/credential_issuer_metadata_sd_jwt_long.json",
    "1.0/examples/credential_request_iso_mdl.json",
    "conformance-suite/credential_issuer_metadata-1_0.schema.json",
    "conformance-suite/credential_offer-1_0.schema.json",
    "conformance-suite/credential_request-1_0.schema.json",
    "conformance-suite/oauth_authorization_server_metadata-rfc8414.schema.json",
}
OUT_OF_SCOPE = {
    "SOURCES.md": "where the shelf comes from",
    "conformance-suite/LICENSE.txt": "the licence",
    "1.0/examples/credential_issuer_metadata_sd_jwt_jwt.txt": "signed metadata, by a certificate",
    "1.0/examples/issuer_jwks.json": "keys of a jwt_vc_json issuer",
    "1.0/examples/wallet_attestation.jwt.txt": "wallet attestation, by a certificate",
}


def test_every_file_of_the_shelf_is_read_or_named() -> None:
    files = {str(path.relative_to(SHELF)) for path in SHELF.rglob("*") if path.is_file()}
    lists = [OFFER_EXAMPLES, CONFIGURATIONS, DETAILS, RESPONSES, SUITE_METADATA]
    assert [len(paths) for paths in lists] == [4, 4, 7, 4, 16]
    read = {str(path.relative_to(SHELF)) for paths in lists for path in paths} | READ_BY_NAME
    assert not read & OUT_OF_SCOPE.keys()
    assert read | OUT_OF_SCOPE.keys() == files


def body(path: Path) -> str:
    """The body of an HTTP message or the file itself, without line breaks inside strings."""
    text = path.read_text()
    return re.sub(r"\n\s*", "", text[text.index("{") :])


@pytest.mark.parametrize("path", OFFER_EXAMPLES, ids=lambda path: path.name)
def test_published_offer_is_read(path: Path) -> None:
    offer = parse_offer(body(path), development=False)
    assert json.loads(body(path))["credential_configuration_ids"] == list(offer.configuration_ids)
    assert (offer.pre_authorized is None) is (path.name == "credential_offer_authz_code.txt")
    assert offer.pre_authorized is None or offer.pre_authorized.transaction_code is not None


def parse(source: JsonObject) -> IssuerMetadata:
    issuer = str(source.get("credential_issuer"))
    return parse_issuer_metadata(json.dumps(source), expected_issuer=issuer, development=False)


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.name)
def test_published_configuration_is_read_and_used_when_its_format_is_ours(path: Path) -> None:
    base: JsonObject = {
        "credential_issuer": "https://a.example",
        "credential_endpoint": "https://a.example/c",
    }
    metadata = parse(base | json.loads(path.read_bytes()))
    ((identifier, configuration),) = metadata.configurations.items()
    assert configuration.claims
    assert configuration.display[0].logo_uri
    if configuration.format == "dc+sd-jwt":
        assert configuration.proof_algorithms == ("ES256",)
        refusal = (
            "" if not configuration.key_attestation_required else "the issuer demands another kind of proof"
        )
    else:
        refusal = "no SD-JWT VC of this name"
    outcome = ""
    try:
        select_configuration(metadata, identifier)
    except RefusedError as error:
        outcome = error.detail
    assert outcome == refusal


def test_published_metadata_is_read() -> None:
    path = EXAMPLES / "credential_issuer_metadata_sd_jwt_long.json"
    metadata = parse(json.loads(path.read_bytes()))
    assert (metadata.batch_size, metadata.encryption_required) == (10, True)
    assert [display.name for display in metadata.display] == ["Example University", "Example Université"]
    (configuration,) = metadata.configurations.values()
    assert ("address", "street_address") in [claim.path for claim in configuration.claims]


@pytest.mark.parametrize("path", DETAILS, ids=lambda path: path.name)
def test_published_authorization_details_are_read(path: Path) -> None:
    source = json.loads(path.read_bytes())
    parameters = {"grant_type": PRE_AUTHORIZED_CODE, "pre-authorized_code": "c"}
    request = parse_token_request(encode_form(parameters | {"authorization_details": json.dumps(source)}))
    assert isinstance(request, TokenRequest)
    assert list(request.configuration_ids) == [item["credential_configuration_id"] for item in source]


@pytest.mark.parametrize("path", RESPONSES, ids=lambda path: path.name)
def test_published_response_is_read_when_its_credential_is_text(path: Path) -> None:
    if path.name == "credential_response_ldp_vc.txt":
        with pytest.raises(MalformedError):
            parse_credential_response(body(path), expected_count=1)
        return
    response = parse_credential_response(body(path), expected_count=1)
    assert isinstance(response, IssuedCredentials)
    if path.name == "credential_response_sd_jwt_vc.txt":
        credential = parse_sd_jwt(response.credentials[0])
        claims = verify_disclosures(credential.unverified_payload(), credential.disclosures).claims
        assert (claims["given_name"], claims["is_over_65"]) == ("John", True)


def test_request_of_the_drafts_is_refused() -> None:
    with pytest.raises(MalformedError) as caught:
        parse_credential_request((EXAMPLES / "credential_request_iso_mdl.json").read_bytes(), max_proofs=1)
    assert caught.value.code is Code.CREDENTIAL_REQUEST_INVALID


# Not named valid or invalid by the suite; an issuer in the field.
UNNAMED = {"credential-issuer-metadata-dresden-komm-pass.json": True}


@pytest.mark.parametrize("path", SUITE_METADATA, ids=lambda path: path.name)
def test_metadata_of_the_conformance_suite_is_accepted_or_refused_as_it_is_named(path: Path) -> None:
    source = json.loads(path.read_bytes())
    outcome = True
    try:
        if "authorization-server" in path.name:
            issuer = str(source.get("issuer"))
            parse_authorization_server_metadata(path.read_bytes(), expected_issuer=issuer, development=False)
        else:
            parse(source)
    except MalformedError:
        outcome = False
    assert outcome is UNNAMED.get(path.name, path.name.startswith("valid-"))


def test_configuration_without_its_type_is_read_and_cannot_be_used() -> None:
    (path,) = SUITE.glob("metadata/*missing-vct*")
    metadata = parse(json.loads(path.read_bytes()))
    with pytest.raises(RefusedError) as caught:
        select_configuration(metadata, "SD_JWT_VC_example_in_OpenID4VCI")
    assert caught.value.code is Code.CREDENTIAL_CONFIGURATION_UNKNOWN


REQUESTS = [
    CredentialRequest(ConfigurationId("degree"), ("eyJ", "eyK")),
    CredentialRequest(CredentialIdentifier("degree-2026"), ("eyJ",)),
    CredentialRequest(ConfigurationId("ticket"), ()),
]
BUILT: list[tuple[str, Any]] = [
    *[("credential_offer-1_0", encode_offer(offer)) for offer in OFFERS.values()],
    *[("credential_request-1_0", encode_credential_request(request)) for request in REQUESTS],
    ("credential_issuer_metadata-1_0", encode_issuer_metadata(FULL)),
    ("oauth_authorization_server_metadata-rfc8414", encode_authorization_server_metadata(SERVER)),
]


@pytest.mark.parametrize(("name", "built"), BUILT)
def test_what_we_build_satisfies_the_schemas_of_the_conformance_suite(name: str, built: Any) -> None:
    schema = json.loads((SUITE / f"{name}.schema.json").read_bytes())
    jsonschema.validate(built, schema, format_checker=jsonschema.FormatChecker())


def test_haip_examples_which_are_of_drafts_are_refused() -> None:
    files = {path.name: path.read_bytes() for path in HAIP.iterdir()}
    assert len(files) == 6
    with pytest.raises(MalformedError):
        parse_offer(files.pop("credential_offer_sd_jwt_vc.json"), development=False)
    with pytest.raises(MalformedError):
        parse_credential_request(
            files.pop("credential_request_sd_jwt_vc.json").replace(b"\n", b""), max_proofs=1
        )
    details = files.pop("authorization_details_sd_jwt_vc.json").decode()
    parameters = {"grant_type": PRE_AUTHORIZED_CODE, "pre-authorized_code": "c"}
    with pytest.raises(MalformedError):
        parse_token_request(encode_form(parameters | {"authorization_details": details}))
    metadata = json.loads(files.pop("client_metadata_sd_jwt_vc.json"))
    with pytest.raises(RequestRefusedError):
        verify_unsigned_request(encode_request(UNSIGNED) | {"client_metadata": metadata}, development=False)
    configuration = json.loads(files.pop("credential_metadata_sd_jwt_vc.json"))
    with pytest.raises(MalformedError):
        parse(
            json.loads(
                json.dumps(
                    encode_issuer_metadata(FULL)
                    | {"credential_configurations_supported": {"a": configuration}}
                )
            )
        )
    # Presentation Exchange, which DCQL replaced.
    assert list(files) == ["presentation_definition_sd_jwt_vc.json"]
