import json
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.errors import MalformedError, RefusedError, TallyError, VerificationError
from protocol.oauth_error import OAuthError
from protocol.openid4vci.credential import (
    ConfigurationId,
    CredentialIdentifier,
    CredentialRequest,
    DeferredIssuance,
    IssuedCredentials,
    Notification,
    NotificationEvent,
    credential_refusal,
    encode_credential_request,
    encode_credential_response,
    encode_deferred_request,
    encode_nonce_response,
    encode_notification,
    express_credential_error,
    express_notification_error,
    parse_credential_request,
    parse_credential_response,
    parse_nonce_response,
    parse_notification,
)


def test_nonce_is_read_as_it_was_written() -> None:
    assert parse_nonce_response(json.dumps(encode_nonce_response("n") | {"x": 1})) == "n"


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"c_nonce": 7}', '{"c_nonce": ""}'])
def test_answer_without_a_nonce_is_malformed(body: str) -> None:
    with pytest.raises(MalformedError):
        parse_nonce_response(body)


@pytest.mark.parametrize(
    "request_",
    [
        CredentialRequest(ConfigurationId("degree"), ()),
        CredentialRequest(ConfigurationId("degree"), ("eyJ",)),
        CredentialRequest(CredentialIdentifier("degree-2026"), ("eyJ", "eyK")),
    ],
)
def test_credential_request_is_read_as_it_was_written(request_: CredentialRequest) -> None:
    assert parse_credential_request(json.dumps(encode_credential_request(request_)), max_proofs=2) == request_


def request(**changes: Any) -> str:
    good = {"credential_configuration_id": "degree", "proofs": {"jwt": ["eyJ"]}} | changes
    return json.dumps({name: value for name, value in good.items() if value is not None})


def test_unknown_members_are_ignored() -> None:
    body = request(format="dc+sd-jwt", proof={"proof_type": "jwt"}, x=[1])
    assert parse_credential_request(body, max_proofs=1) == CredentialRequest(
        ConfigurationId("degree"), ("eyJ",)
    )


@pytest.mark.parametrize(
    ("body", "word"),
    [
        pytest.param("", "invalid_credential_request", id="empty"),
        pytest.param("[]", "invalid_credential_request", id="no object"),
        pytest.param('{"a": 1, "a": 2}', "invalid_credential_request", id="a member twice"),
        pytest.param("[" * 100, "invalid_credential_request", id="a depth bomb"),
        pytest.param(request(x="a" * (512 * 1024)), "invalid_credential_request", id="too long"),
        pytest.param(
            request(credential_configuration_id=None), "invalid_credential_request", id="NT-I20 neither id"
        ),
        pytest.param(request(credential_identifier="x"), "invalid_credential_request", id="NT-I20 both ids"),
        pytest.param(
            request(credential_configuration_id=7), "invalid_credential_request", id="id is no text"
        ),
        pytest.param(request(proofs=[]), "invalid_credential_request", id="proofs is no object"),
        pytest.param(request(proofs={}), "invalid_credential_request", id="no proof type"),
        pytest.param(
            request(proofs={"jwt": ["a"], "di_vp": [{}]}), "invalid_credential_request", id="two proof types"
        ),
        pytest.param(request(proofs={"jwt": []}), "invalid_credential_request", id="no proof"),
        pytest.param(request(proofs={"jwt": "eyJ"}), "invalid_credential_request", id="proof is no array"),
        pytest.param(request(proofs={"jwt": [7]}), "invalid_credential_request", id="proof is no text"),
        pytest.param(
            request(proofs={"jwt": ["a"] * 11}),
            "invalid_credential_request",
            id="NT-I18 more than the batch size",
        ),
        pytest.param(
            request(proofs={"jwt": ["a" * 8193]}), "invalid_credential_request", id="proof too long"
        ),
        pytest.param(request(proofs={"di_vp": [{}]}), "invalid_proof", id="another proof type"),
        pytest.param(
            request(credential_response_encryption={}), "invalid_encryption_parameters", id="encryption"
        ),
    ],
)
def test_credential_request_that_breaks_the_rules_is_refused(body: str, word: str) -> None:
    with pytest.raises((MalformedError, VerificationError, RefusedError)) as caught:
        parse_credential_request(body, max_proofs=10)
    assert express_credential_error(caught.value).error == word


@pytest.mark.parametrize("response", [IssuedCredentials(("a~",)), IssuedCredentials(("a~", "b~"), "n")])
def test_credential_response_is_read_as_it_was_written(response: IssuedCredentials) -> None:
    body = json.dumps(encode_credential_response(response) | {"c_nonce": "old"})
    assert parse_credential_response(body, expected_count=2) == response


def test_deferred_issuance_is_read() -> None:
    body = json.dumps(encode_deferred_request("8xLOxBtZp8") | {"interval": 3600})
    deferred = DeferredIssuance("8xLOxBtZp8", timedelta(hours=1))
    assert parse_credential_response(body, expected_count=1) == deferred


@pytest.mark.parametrize(("count", "expected"), [pytest.param(2, 1, id="NT-I30 two for one key"), (11, 10)])
def test_more_credentials_than_keys_are_refused(count: int, expected: int) -> None:
    body = json.dumps(encode_credential_response(IssuedCredentials(("a~",) * count)))
    with pytest.raises(VerificationError) as caught:
        parse_credential_response(body, expected_count=expected)
    assert caught.value.code is Code.CREDENTIAL_UNACCEPTABLE


def test_fewer_credentials_than_keys_are_accepted() -> None:
    body = json.dumps(encode_credential_response(IssuedCredentials(("a~",))))
    assert parse_credential_response(body, expected_count=10) == IssuedCredentials(("a~",))


@pytest.mark.parametrize(
    "source",
    [
        [],
        {},
        {"credentials": []},
        {"credentials": "a~"},
        {"credentials": ["a~"]},
        {"credentials": [{}]},
        {"credentials": [{"credential": {"@context": []}}]},
        {"credentials": [{"credential": ""}]},
        {"credentials": [{"credential": "a" * (256 * 1024 + 1)}]},
        {"credentials": [{"credential": "a~"}], "notification_id": 7},
        {"credentials": [{"credential": "a~"}], "transaction_id": "t", "interval": 1},
        {"transaction_id": "t"},
        {"transaction_id": "t", "interval": 0},
        {"transaction_id": "t", "interval": "1"},
        {"transaction_id": "t", "interval": 2**40},
        {"transaction_id": "", "interval": 1},
        {"credential": "a~"},
    ],
)
def test_credential_response_that_breaks_the_rules_is_malformed(source: Any) -> None:
    with pytest.raises(MalformedError):
        parse_credential_response(json.dumps(source), expected_count=10)


@pytest.mark.parametrize(
    "notification",
    [
        Notification("n", NotificationEvent.ACCEPTED),
        Notification("n", NotificationEvent.FAILURE, "Could not store it."),
        Notification("n", NotificationEvent.DELETED),
    ],
)
def test_notification_is_read_as_it_was_written(notification: Notification) -> None:
    assert parse_notification(json.dumps(encode_notification(notification) | {"x": 1})) == notification


def test_description_of_an_event_holds_only_what_the_specification_allows() -> None:
    notification = Notification("n", NotificationEvent.FAILURE, 'no "space"')
    assert encode_notification(notification)["event_description"] == "no 'space'"
    body = '{"notification_id": "n", "event": "credential_failure", "event_description": "\\u001b[0m"}'
    assert parse_notification(body).description == "'[0m"


@pytest.mark.parametrize(
    "source",
    [
        [],
        {"event": "credential_accepted"},
        {"notification_id": "n"},
        {"notification_id": 7, "event": "credential_accepted"},
        {"notification_id": "n", "event": "Credential_Accepted"},
        {"notification_id": "n", "event": 7},
        {"notification_id": "n", "event": "credential_accepted", "event_description": 7},
    ],
)
def test_notification_that_breaks_the_rules_is_malformed(source: Any) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_notification(json.dumps(source))
    assert express_notification_error(caught.value).error == "invalid_notification_request"


def test_unknown_notification_id_has_its_own_word() -> None:
    error = RefusedError(Code.NOTIFICATION_INVALID)
    assert express_notification_error(error).error == "invalid_notification_id"


WORDS = [
    (Code.CREDENTIAL_REQUEST_INVALID, "invalid_credential_request"),
    pytest.param(
        Code.CREDENTIAL_CONFIGURATION_UNKNOWN, "unknown_credential_configuration", id="NT-I20 configuration"
    ),
    pytest.param(Code.CREDENTIAL_IDENTIFIER_UNKNOWN, "unknown_credential_identifier", id="NT-I20 identifier"),
    pytest.param(Code.PROOF_INVALID, "invalid_proof", id="NT-I10 proof"),
    pytest.param(Code.PROOF_NONCE_INVALID, "invalid_nonce", id="NT-I11 nonce"),
    (Code.ENCRYPTION_UNSUPPORTED, "invalid_encryption_parameters"),
    (Code.ISSUANCE_REFUSED, "credential_request_denied"),
]


@pytest.mark.parametrize(("code", "word"), WORDS)
def test_error_is_said_and_understood_in_the_words_of_the_credential_endpoint(code: Code, word: str) -> None:
    assert express_credential_error(RefusedError(code)).error == word
    assert credential_refusal(OAuthError(word)).code is code


def test_any_other_error_is_an_invalid_request() -> None:
    assert express_credential_error(MalformedError(Code.JSON_INVALID)).error == "invalid_credential_request"
    assert credential_refusal(OAuthError("invalid_transaction_id")).code is Code.ISSUANCE_REFUSED


def test_access_token_that_is_over_is_understood() -> None:
    assert credential_refusal(OAuthError("invalid_token")).code is Code.ACCESS_TOKEN_INVALID


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = [
    *("credential_configuration_id", "credential_identifier", "proofs", "credentials", "transaction_id"),
    *("interval", "notification_id", "event", "event_description", "credential_response_encryption"),
]


@given(st.dictionaries(st.sampled_from(MEMBERS), json_values))
def test_any_object_is_a_message_or_one_of_our_errors(source: Any) -> None:
    body = json.dumps(source)
    with suppress(TallyError):
        parse_credential_request(body, max_proofs=10)
    with suppress(TallyError):
        parse_credential_response(body, expected_count=10)
    with suppress(TallyError):
        parse_notification(body)
