"""What OAuth asks of every endpoint of OpenID4VCI: how the access token comes, and how errors are told."""

from collections.abc import Callable, Mapping
from typing import Annotated

from fastapi import Request, Response, Security
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from protocol.codes import Code
from protocol.errors import RefusedError, TallyError
from protocol.oauth_error import OAuthError, encode_description, encode_oauth_error
from protocol.openid4vci.credential import express_credential_error, express_notification_error
from protocol.openid4vci.token import express_token_error

_SCHEME = HTTPBearer(auto_error=False, scheme_name="AccessToken")
# RFC 6750 §3.1: what is wrong with the access token, rather than with the request.
_TOKEN_ERRORS = {
    Code.ACCESS_TOKEN_INVALID: (401, "invalid_token"),
    Code.SCOPE_INSUFFICIENT: (403, "insufficient_scope"),
}
_EXPRESS: Mapping[str, Callable[[TallyError], OAuthError]] = {
    "/token": express_token_error,
    "/credential": express_credential_error,
    "/notification": express_notification_error,
}


def access_token(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_SCHEME)]
) -> str:
    """The access token of a request, from its one `Authorization: Bearer` header.

    Raises:
        RefusedError: there is none, or one stands in the address, whatever else is there: addresses end up
            in logs and histories (RFC 6750 §2.3).
    """
    is_alone = len(request.headers.getlist("authorization")) == 1
    if credentials is None or not is_alone or "access_token" in request.query_params:
        raise RefusedError(Code.ACCESS_TOKEN_INVALID)
    return credentials.credentials


def answer_error(error: TallyError, path: str) -> Response:
    """`error` in the words that OAuth and OpenID4VCI have for it at the endpoint `path`."""
    if error.code in _TOKEN_ERRORS:
        status, word = _TOKEN_ERRORS[error.code]
        told = OAuthError(word, encode_description(str(error)))
        return JSONResponse(encode_oauth_error(told), status, {"WWW-Authenticate": f'Bearer error="{word}"'})
    return JSONResponse(encode_oauth_error(_EXPRESS[path](error)), 400)
