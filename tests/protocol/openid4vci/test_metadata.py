import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.errors import MalformedError, RefusedError, TallyError, VerificationError
from protocol.openid4vci.configuration import ClaimDescription, CredentialConfiguration, Display
from protocol.openid4vci.metadata import (
    AUTHORIZATION_SERVER_WELL_KNOWN,
    ISSUER_WELL_KNOWN,
    AuthorizationServerMetadata,
    IssuerMetadata,
    encode_authorization_server_metadata,
    encode_issuer_metadata,
    parse_authorization_server_metadata,
    parse_issuer_identifier,
    parse_issuer_metadata,
    select_authorization_server,
    select_configuration,
    well_known_address,
)
from tests.openid_issuer import BARE, DEGREE, FULL, ISSUER, SERVER


def parse(source: Any, **changes: Any) -> IssuerMetadata:
    values: dict[str, Any] = {"expected_issuer": ISSUER, "development": False}
    return parse_issuer_metadata(json.dumps(source), **values | changes)


@pytest.mark.parametrize("metadata", [FULL, BARE, replace(BARE, configurations={})])
def test_metadata_is_read_as_it_was_written(metadata: IssuerMetadata) -> None:
    assert parse(encode_issuer_metadata(metadata)) == metadata


def changed(**changes: Any) -> dict[str, Any]:
    """Good metadata with one change; a member of None is taken away."""
    source = encode_issuer_metadata(FULL) | changes
    return {name: value for name, value in source.items() if value is not None}


def configured(**changes: Any) -> dict[str, Any]:
    source: Any = encode_issuer_metadata(FULL)["credential_configurations_supported"]
    return changed(credential_configurations_supported={"degree": source["degree"] | changes})


@pytest.mark.parametrize(
    "issuer",
    [
        pytest.param("https://evil.example/tenant", id="NT-I27 other issuer"),
        pytest.param(ISSUER + "/", id="NT-I27 one more slash"),
        pytest.param("https://ISSUER.example/tenant", id="NT-I27 other case"),
    ],
)
def test_metadata_of_another_issuer_is_refused(issuer: str) -> None:
    with pytest.raises(VerificationError) as caught:
        parse(changed(credential_issuer=issuer))
    assert caught.value.code is Code.ISSUER_METADATA_MISMATCH


def test_issuer_without_https_is_refused() -> None:
    issuer = "http://issuer.example"
    with pytest.raises(MalformedError) as caught:
        parse(changed(credential_issuer=issuer), expected_issuer=issuer)
    assert caught.value.code is Code.NETWORK_SCHEME_FORBIDDEN


JWKS = {"keys": [{"kty": "EC", "kid": "a"}]}
REQUEST_ENCRYPTION = {"jwks": JWKS, "enc_values_supported": ["A128GCM"], "encryption_required": False}
RESPONSE_ENCRYPTION = {
    "alg_values_supported": ["ECDH-ES"],
    "enc_values_supported": ["A128GCM"],
    "encryption_required": False,
}
BROKEN: dict[str, Any] = {
    "no object": [],
    "no credential_issuer": changed(credential_issuer=None),
    "no credential_endpoint": changed(credential_endpoint=None),
    "credential_endpoint is plain http": changed(credential_endpoint="http://issuer.example/credential"),
    "nonce_endpoint is no address": changed(nonce_endpoint="nonce"),
    "deferred_credential_endpoint is no text": changed(deferred_credential_endpoint=7),
    "notification_endpoint under localhost": changed(notification_endpoint="https://issuer.localhost/n"),
    "no authorization server": changed(authorization_servers=[]),
    "authorization server is no address": changed(authorization_servers=["as"]),
    "authorization server with a query": changed(authorization_servers=["https://as.example?a"]),
    "batch without size": changed(batch_credential_issuance={}),
    "batch of one": changed(batch_credential_issuance={"batch_size": 1}),
    "batch size is a float": changed(batch_credential_issuance={"batch_size": 2.0}),
    "display is no array": changed(display={}),
    "empty display": changed(display=[]),
    "display of text": changed(display=["University"]),
    "name is no text": changed(display=[{"name": 7}]),
    "logo without uri": changed(display=[{"logo": {}}]),
    "logo too large": changed(display=[{"logo": {"uri": "data:," + "a" * 65_536}}]),
    "no configurations": changed(credential_configurations_supported=None),
    "configurations is no object": changed(credential_configurations_supported=[]),
    "configuration is no object": changed(credential_configurations_supported={"degree": "x"}),
    "257 configurations": changed(
        credential_configurations_supported={str(n): {"format": "x"} for n in range(257)}
    ),
    "configuration without format": configured(format=7),
    "vct is no text": configured(vct=[]),
    "scope is no text": configured(scope=7),
    "empty binding methods": configured(cryptographic_binding_methods_supported=[]),
    "proof types is no object": configured(proof_types_supported=["jwt"]),
    "proof type is no object": configured(proof_types_supported={"jwt": []}),
    "proof type without algorithms": configured(proof_types_supported={"jwt": {"x": 1}}),
    "proof type with empty algorithms": configured(
        proof_types_supported={"jwt": {"proof_signing_alg_values_supported": []}}
    ),
    "signing algorithms is no array": configured(credential_signing_alg_values_supported="EdDSA"),
    "credential_metadata is no object": configured(credential_metadata=[]),
    "empty claims": configured(credential_metadata={"claims": []}),
    "claims is an object": configured(credential_metadata={"claims": {}}),
    "claim without path": configured(credential_metadata={"claims": [{}]}),
    "claim with a negative index": configured(credential_metadata={"claims": [{"path": [-1]}]}),
    "mandatory is no boolean": configured(credential_metadata={"claims": [{"path": ["a"], "mandatory": 1}]}),
    "claim described twice": configured(credential_metadata={"claims": [{"path": ["a"]}, {"path": ["a"]}]}),
    "257 claims": configured(credential_metadata={"claims": [{"path": [str(n)]} for n in range(257)]}),
    "request encryption without keys": changed(
        credential_request_encryption=REQUEST_ENCRYPTION | {"jwks": {}}
    ),
    "request encryption with a bare array of keys": changed(
        credential_request_encryption=REQUEST_ENCRYPTION | {"jwks": JWKS["keys"]}
    ),
    "request encryption without enc": changed(
        credential_request_encryption=REQUEST_ENCRYPTION | {"enc_values_supported": []}
    ),
    "response encryption without alg": changed(
        credential_response_encryption=RESPONSE_ENCRYPTION | {"alg_values_supported": []}
    ),
    "response encryption without required": changed(
        credential_response_encryption={"alg_values_supported": ["x"], "enc_values_supported": ["x"]}
    ),
    "response encryption with required as text": changed(
        credential_response_encryption=RESPONSE_ENCRYPTION | {"encryption_required": "no"}
    ),
}


@pytest.mark.parametrize("source", BROKEN.values(), ids=BROKEN.keys())
def test_metadata_that_breaks_the_rules_is_refused(source: Any) -> None:
    with pytest.raises(MalformedError):
        parse(source)


def test_unknown_members_are_ignored_everywhere() -> None:
    extra = {"x": 1, "signed_metadata": "eyJ"}
    source = configured(
        x=[1],
        proof_types_supported={
            "jwt": {"proof_signing_alg_values_supported": list(DEGREE.proof_algorithms), "x": 1}
        },
    )
    assert parse(source | extra) == FULL


@pytest.mark.parametrize(
    ("request_required", "response_required"), [(False, False), (True, False), (False, True)]
)
def test_required_encryption_is_noticed(request_required: bool, response_required: bool) -> None:
    metadata = parse(
        changed(
            credential_request_encryption=REQUEST_ENCRYPTION | {"encryption_required": request_required},
            credential_response_encryption=RESPONSE_ENCRYPTION | {"encryption_required": response_required},
        )
    )
    assert metadata.encryption_required is (request_required or response_required)


def test_configurations_of_other_formats_are_read() -> None:
    source = {
        "mdl": {
            "format": "mso_mdoc",
            "doctype": "org.iso.18013.5.1.mDL",
            "cryptographic_binding_methods_supported": ["cose_key"],
            "credential_signing_alg_values_supported": [-7, -9],
            "proof_types_supported": {"attestation": {"proof_signing_alg_values_supported": [-7]}},
        }
    }
    configuration = parse(changed(credential_configurations_supported=source)).configurations["mdl"]
    assert (configuration.format, configuration.vct) == ("mso_mdoc", None)
    assert (configuration.proof_types, configuration.proof_algorithms) == (("attestation",), ())
    assert configuration.signing_algorithms == ()


def test_labels_are_also_read_where_issuers_put_them_before_the_final_text() -> None:
    claims = [{"path": ["title"], "mandatory": True}]
    display = [{"name": "Degree"}]
    source: Any = configured(display=display, claims=claims)
    del source["credential_configurations_supported"]["degree"]["credential_metadata"]
    configuration = parse(source).configurations["degree"]
    assert configuration.display == (Display("Degree"),)
    assert configuration.claims == (ClaimDescription(("title",), mandatory=True),)


def test_issuer_that_demands_encryption_is_not_one_of_ours() -> None:
    with pytest.raises(ValueError, match="encrypted"):
        encode_issuer_metadata(replace(FULL, encryption_required=True))


def test_configuration_that_can_be_used_is_selected() -> None:
    assert select_configuration(FULL, "degree") is DEGREE
    ticket = CredentialConfiguration(format="dc+sd-jwt", vct="ticket")
    assert select_configuration(replace(FULL, configurations={"ticket": ticket}), "ticket") is ticket


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param(replace(FULL, configurations={}), id="NT-I20 not offered"),
        pytest.param(
            replace(FULL, configurations={"degree": replace(DEGREE, format="mso_mdoc")}), id="other format"
        ),
        pytest.param(replace(FULL, configurations={"degree": replace(DEGREE, vct=None)}), id="no type"),
        pytest.param(replace(FULL, encryption_required=True), id="encryption"),
        pytest.param(
            replace(
                FULL,
                configurations={"degree": replace(DEGREE, proof_types=("attestation",), proof_algorithms=())},
            ),
            id="other proof",
        ),
        pytest.param(
            replace(FULL, configurations={"degree": replace(DEGREE, proof_types=(), proof_algorithms=())}),
            id="binding without proof",
        ),
        pytest.param(
            replace(FULL, configurations={"degree": replace(DEGREE, key_attestation_required=True)}),
            id="key attestation",
        ),
    ],
)
def test_configuration_that_cannot_be_used_is_refused(metadata: IssuerMetadata) -> None:
    with pytest.raises(RefusedError) as caught:
        select_configuration(metadata, "degree")
    assert caught.value.code is Code.CREDENTIAL_CONFIGURATION_UNKNOWN


def test_key_attestation_is_noticed() -> None:
    jwt = {"proof_signing_alg_values_supported": ["ES256"], "key_attestations_required": {}}
    source = configured(proof_types_supported={"jwt": jwt})
    assert parse(source).configurations["degree"].key_attestation_required


@pytest.mark.parametrize(
    ("servers", "hint", "server"),
    [
        ((), None, ISSUER),
        (("https://as.example",), None, "https://as.example"),
        (("https://as.example",), "https://as.example", "https://as.example"),
        (("https://as.example", ISSUER), ISSUER, ISSUER),
    ],
)
def test_authorization_server_is_selected(servers: tuple[str, ...], hint: str | None, server: str) -> None:
    assert select_authorization_server(replace(FULL, authorization_servers=servers), hint) == server


@pytest.mark.parametrize("servers", [(), ("https://as.example",)])
def test_authorization_server_the_issuer_does_not_name_is_refused(servers: tuple[str, ...]) -> None:
    with pytest.raises(VerificationError) as caught:
        select_authorization_server(replace(FULL, authorization_servers=servers), "https://evil.example")
    assert caught.value.code is Code.ISSUER_METADATA_MISMATCH


def test_choice_between_authorization_servers_is_not_guessed() -> None:
    with pytest.raises(RefusedError) as caught:
        select_authorization_server(FULL, None)
    assert caught.value.code is Code.OFFER_INVALID


@pytest.mark.parametrize(
    ("identifier", "address"),
    [
        ("https://issuer.example", "https://issuer.example/.well-known/openid-credential-issuer"),
        ("https://issuer.example/", "https://issuer.example/.well-known/openid-credential-issuer"),
        (
            "https://issuer.example:8443/a/b",
            "https://issuer.example:8443/.well-known/openid-credential-issuer/a/b",
        ),
        (ISSUER, "https://issuer.example/.well-known/openid-credential-issuer/tenant"),
        (ISSUER + "/", "https://issuer.example/.well-known/openid-credential-issuer/tenant"),
    ],
)
def test_well_known_part_stands_between_host_and_path(identifier: str, address: str) -> None:
    assert well_known_address(identifier, ISSUER_WELL_KNOWN, development=False) == address
    other = address.replace("openid-credential-issuer", "oauth-authorization-server")
    assert well_known_address(identifier, AUTHORIZATION_SERVER_WELL_KNOWN, development=False) == other


@pytest.mark.parametrize(
    "identifier",
    [
        "https://issuer.example?a",
        "https://issuer.example/a?",
        "https://issuer.example#a",
        "ftp://issuer.example",
        "https://issuer.localhost",
    ],
)
def test_identifier_that_is_no_plain_address_is_refused(identifier: str) -> None:
    with pytest.raises(MalformedError):
        parse_issuer_identifier(identifier, development=False)


def parse_server(source: Any) -> AuthorizationServerMetadata:
    return parse_authorization_server_metadata(json.dumps(source), expected_issuer=ISSUER, development=False)


@pytest.mark.parametrize("metadata", [SERVER, AuthorizationServerMetadata(issuer=ISSUER)])
def test_server_metadata_is_read_as_it_was_written(metadata: AuthorizationServerMetadata) -> None:
    assert parse_server(encode_authorization_server_metadata(metadata) | {"unknown": 1}) == metadata


@pytest.mark.parametrize(
    "issuer",
    [
        pytest.param("https://as.example", id="NT-I28 other server"),
        pytest.param(ISSUER + "/", id="NT-I28 one more slash"),
    ],
)
def test_metadata_of_another_server_is_refused(issuer: str) -> None:
    with pytest.raises(VerificationError) as caught:
        parse_server(encode_authorization_server_metadata(SERVER) | {"issuer": issuer})
    assert caught.value.code is Code.ISSUER_METADATA_MISMATCH


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": 7},
        {"token_endpoint": "http://issuer.example/token"},
        {"grant_types_supported": "urn:x"},
        {"pre-authorized_grant_anonymous_access_supported": "yes"},
    ],
)
def test_server_metadata_that_breaks_the_rules_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        parse_server(encode_authorization_server_metadata(SERVER) | changes)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(encode_issuer_metadata(FULL))), json_values)
def test_metadata_with_any_member_replaced_is_read_or_one_of_our_errors(name: str, value: Any) -> None:
    with suppress(TallyError):
        parse(encode_issuer_metadata(FULL) | {name: value})


@given(
    st.sampled_from(["format", "vct", "proof_types_supported", "credential_metadata", "display", "claims"]),
    json_values,
)
def test_configuration_with_any_member_replaced_is_read_or_one_of_our_errors(name: str, value: Any) -> None:
    with suppress(TallyError):
        parse(configured(**{name: value}))
