import json
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.encoding.form import encode_form
from protocol.errors import MalformedError, RefusedError, TallyError
from protocol.oauth_error import OAuthError
from protocol.openid4vci.credential import ConfigurationId, CredentialIdentifier
from protocol.openid4vci.offer import PRE_AUTHORIZED_CODE
from protocol.openid4vci.token import (
    RefreshRequest,
    TokenRequest,
    TokenResponse,
    encode_token_request,
    encode_token_response,
    express_token_error,
    parse_token_request,
    parse_token_response,
    select_targets,
    token_refusal,
)


@pytest.mark.parametrize(
    "request_",
    [
        TokenRequest("c"),
        TokenRequest("c/+ é", "493536"),
        TokenRequest("c", "tx", ("degree", "card")),
        RefreshRequest("r/+ ~"),
    ],
)
def test_token_request_is_read_as_it_was_written(request_: TokenRequest | RefreshRequest) -> None:
    assert parse_token_request(encode_token_request(request_)) == request_
    assert parse_token_request(encode_token_request(request_).encode()) == request_


def form(**changes: str | None) -> str:
    good = {"grant_type": PRE_AUTHORIZED_CODE, "pre_authorized_code": "c"} | changes
    return encode_form(
        {
            name.replace("pre_authorized_code", "pre-authorized_code"): value
            for name, value in good.items()
            if value is not None
        }
    )


def test_unknown_parameters_and_authorization_details_are_ignored() -> None:
    details = [
        {"type": "payment"},
        {"type": "openid_credential", "credential_configuration_id": "a", "claims": [{"path": ["b"]}]},
    ]
    body = form(client_id="w", resource="x", authorization_details=json.dumps(details))
    assert parse_token_request(body) == TokenRequest("c", None, ("a",))


def test_secrets_stay_out_of_repr() -> None:
    assert "s3cret" not in repr(TokenRequest("s3cret", "s3cret"))
    assert "s3cret" not in repr(RefreshRequest("s3cret"))
    assert "s3cret" not in repr(TokenResponse("s3cret", refresh_token="s3cret"))


@pytest.mark.parametrize("grant_type", ["authorization_code", "urn:x", PRE_AUTHORIZED_CODE.upper()])
def test_other_grant_type_is_refused(grant_type: str) -> None:
    with pytest.raises(RefusedError) as caught:
        parse_token_request(form(grant_type=grant_type))
    assert express_token_error(caught.value).error == "unsupported_grant_type"


@pytest.mark.parametrize(
    "body",
    [
        "",
        '{"grant_type": "x"}',
        form(grant_type=None),
        form(pre_authorized_code=None),
        form(pre_authorized_code=""),
        form() + "&pre-authorized_code=d",
        form(grant_type="refresh_token"),
        form(grant_type="refresh_token", refresh_token=""),
        form(tx_code=""),
        form(tx_code="1" * 65),
        form(authorization_details=""),
        form(authorization_details="{}"),
        form(authorization_details='["openid_credential"]'),
        form(authorization_details='[{"type": "openid_credential"}]'),
        form(authorization_details='[{"type": "openid_credential", "credential_configuration_id": 7}]'),
        form(
            authorization_details=json.dumps(
                [{"type": "openid_credential", "credential_configuration_id": "a"}] * 65
            )
        ),
    ],
)
def test_token_request_that_breaks_the_rules_is_an_invalid_request(body: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_token_request(body)
    assert express_token_error(caught.value).error == "invalid_request"


RESPONSES = [
    TokenResponse("eyJ.abc-_~+/=="),
    TokenResponse("a", timedelta(minutes=5), refresh_token="r ~"),
    TokenResponse("a", None, {"degree": ("degree-1", "degree-2"), "card": ("c",)}),
]


@pytest.mark.parametrize("response", RESPONSES)
def test_token_response_is_read_as_it_was_written(response: TokenResponse) -> None:
    assert parse_token_response(json.dumps(encode_token_response(response))) == response


def response(**changes: Any) -> str:
    good = {"access_token": "a", "token_type": "Bearer"} | changes
    return json.dumps({name: value for name, value in good.items() if value is not None})


def detail(*identifiers: str, configuration_id: str = "degree") -> dict[str, Any]:
    return {
        "type": "openid_credential",
        "credential_configuration_id": configuration_id,
        "credential_identifiers": list(identifiers),
    }


def test_token_type_is_compared_without_case_and_unknown_members_are_ignored() -> None:
    body = response(token_type="bearer", scope="s", c_nonce="n", authorization_details=[{"type": "x"}])
    assert parse_token_response(body) == TokenResponse("a")


def test_details_of_the_same_configuration_add_up() -> None:
    body = response(authorization_details=[detail("a"), detail("b", configuration_id="card"), detail("c")])
    assert parse_token_response(body).credential_identifiers == {"degree": ("a", "c"), "card": ("b",)}


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        response(access_token=None),
        response(access_token=""),
        response(access_token="a b"),
        response(access_token="a\r\nX-Evil: 1"),
        response(access_token="a" * (16 * 1024 + 1)),
        response(refresh_token=""),
        response(refresh_token=7),
        response(refresh_token="é"),
        response(token_type=None),
        response(token_type="DPoP"),
        response(expires_in=-1),
        response(expires_in="300"),
        response(expires_in=2**40),
        response(authorization_details={}),
        response(authorization_details=["x"]),
        response(authorization_details=[detail()]),
        response(authorization_details=[detail("a") | {"credential_configuration_id": None}]),
        response(authorization_details=[detail("a") | {"credential_identifiers": "a"}]),
        response(authorization_details=[detail("a")] * 65),
    ],
)
def test_token_response_that_breaks_the_rules_is_malformed(body: str) -> None:
    with pytest.raises(MalformedError):
        parse_token_response(body)


def test_credentials_are_asked_for_by_identifier_where_the_server_gave_any() -> None:
    without, with_identifiers = TokenResponse("a"), TokenResponse("a", None, {"degree": ("d1", "d2")})
    assert select_targets(without, "degree") == (ConfigurationId("degree"),)
    assert select_targets(with_identifiers, "degree") == (
        CredentialIdentifier("d1"),
        CredentialIdentifier("d2"),
    )
    with pytest.raises(RefusedError) as caught:
        select_targets(with_identifiers, "card")
    assert caught.value.code is Code.CREDENTIAL_CONFIGURATION_UNKNOWN


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (RefusedError(Code.GRANT_INVALID), "invalid_grant"),
        (RefusedError(Code.GRANT_TYPE_UNSUPPORTED), "unsupported_grant_type"),
        (RefusedError(Code.TRANSACTION_CODE_REQUIRED), "invalid_request"),
        (MalformedError(Code.MEMBER_MISSING, "grant_type"), "invalid_request"),
    ],
)
def test_error_is_said_in_the_words_of_the_token_endpoint(error: TallyError, word: str) -> None:
    assert express_token_error(error).error == word


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("invalid_grant", Code.GRANT_INVALID),
        ("invalid_tx_code", Code.TRANSACTION_CODE_WRONG),
        ("invalid_request", Code.TRANSACTION_CODE_REQUIRED),
        ("invalid_client", Code.ISSUANCE_REFUSED),
        ("slow_down", Code.ISSUANCE_REFUSED),
    ],
)
def test_error_of_the_token_endpoint_is_understood(word: str, code: Code) -> None:
    assert token_refusal(OAuthError(word), with_transaction_code=False).code is code


def test_wrong_code_is_the_typed_one_where_one_was_typed() -> None:
    ours = express_token_error(RefusedError(Code.TRANSACTION_CODE_WRONG, "4 tries left"))
    assert ours.error == "invalid_grant"
    read = token_refusal(ours, with_transaction_code=True)
    assert (read.code, read.detail) == (Code.TRANSACTION_CODE_WRONG, "4 tries left")
    missing = token_refusal(OAuthError("invalid_request"), with_transaction_code=True)
    assert missing.code is Code.TRANSACTION_CODE_REQUIRED


@given(
    st.text()
    | st.binary()
    | st.dictionaries(
        st.sampled_from(["grant_type", "pre-authorized_code", "tx_code", "authorization_details"]), st.text()
    ).map(encode_form)
)
def test_any_body_is_a_token_message_or_one_of_our_errors(body: str | bytes) -> None:
    with suppress(MalformedError, RefusedError):
        parse_token_request(body)
    with suppress(MalformedError):
        parse_token_response(body)
