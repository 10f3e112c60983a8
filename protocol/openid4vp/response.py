"""What comes back: the form posted to `response_uri`, and the verifier's answer to it (OpenID4VP 1.0 §8).

vp_token={"pid":["eyJ…~…~eyJ…"]}&state=…         query id to presentations
vp_token=…&tallystick_evidence=…&state=…         the same with evidence (`stapled_evidence`)
error=access_denied&error_description=…&state=…

{"redirect_uri": "https://shop.example/thanks#response_code=…"}
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from protocol.codes import Code
from protocol.encoding.form import encode_form, parse_form
from protocol.encoding.members import optional_text_member, text_member, texts_member
from protocol.encoding.strict_json import JsonObject, encode_json, parse_json_object
from protocol.errors import MalformedError
from protocol.oauth_error import OAuthError, encode_description
from protocol.openid4vp.refusal import ErrorWord
from protocol.openid4vp.request import MAX_STATE_CHARACTERS
from protocol.openid4vp.stapled_evidence import PARAMETER
from protocol.restate import restate_malformed
from protocol.web_address import parse_web_address

MAX_RESPONSE_BYTES = 512 * 1024
MAX_PRESENTATIONS = 16

VpToken: TypeAlias = Mapping[str, Sequence[str]]
"""The presentations by the id of the credential query each answers."""


@dataclass(frozen=True, slots=True)
class PresentationResponse:
    """Presentations as received: nothing in them was verified yet.

    `evidence` is what `stapled_evidence` reads, unread; None if nothing was stapled.
    """

    vp_token: VpToken
    state: str | None
    evidence: str | None = None


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """The wallet declined."""

    error: OAuthError
    state: str | None


def encode_response(vp_token: VpToken, *, state: str | None, evidence: str | None = None) -> str:
    """The form body that answers a request with presentations, and staples `evidence` to them.

    Raises:
        ValueError: there are none, or a query id without one: an answer is complete or it is an error.
    """
    if not vp_token or not all(vp_token.values()):
        raise ValueError("a vp_token has a presentation for every id in it")
    token: JsonObject = {query_id: [*presentations] for query_id, presentations in vp_token.items()}
    stapled = {} if evidence is None else {PARAMETER: evidence}
    return _encode({"vp_token": encode_json(token).decode(), **stapled}, state)


def encode_error_response(word: ErrorWord, description: str, *, state: str | None) -> str:
    """The form body that declines a request. The description must not tell what the wallet holds (§15.9)."""
    return _encode({"error": word.value, "error_description": encode_description(description)}, state)


def parse_response(body: str | bytes) -> PresentationResponse | ErrorResponse:
    """Read the body of an answer, of at most 512 KiB and 16 presentations. Parameters this reader does not
    know are ignored.

    Raises:
        MalformedError: with the code RESPONSE_INVALID.
    """
    with restate_malformed(Code.RESPONSE_INVALID):
        parameters = parse_form(body, max_bytes=MAX_RESPONSE_BYTES)
        state = optional_text_member(parameters, "state", max_characters=MAX_STATE_CHARACTERS)
        match ("vp_token" in parameters, "error" in parameters):
            case (True, False):
                vp_token = _parse_vp_token(parameters["vp_token"])
                return PresentationResponse(vp_token, state, parameters.get(PARAMETER))
            case (False, True):
                description = parameters.get("error_description")
                error = OAuthError(
                    encode_description(text_member(parameters, "error")),
                    None if description is None else encode_description(description),
                )
                return ErrorResponse(error, state)
            case _:
                raise MalformedError(Code.RESPONSE_INVALID, "either vp_token or error")


def encode_acknowledgement(redirect_uri: str | None) -> JsonObject:
    """The verifier's answer to a response; `redirect_uri` is where the wallet sends its user on to."""
    return {} if redirect_uri is None else {"redirect_uri": redirect_uri}


def parse_acknowledgement(body: str | bytes, *, development: bool) -> str | None:
    """Read the verifier's answer: where to send the user on to, or None. Only web addresses are opened.

    Raises:
        MalformedError: not a JSON object, or `redirect_uri` is not a web address.
    """
    with restate_malformed(Code.RESPONSE_INVALID):
        redirect_uri = optional_text_member(parse_json_object(body), "redirect_uri")
        if redirect_uri is not None:
            parse_web_address(redirect_uri, development=development, fragment_allowed=True)
        return redirect_uri


def _parse_vp_token(text: str) -> VpToken:
    source = parse_json_object(text)
    token = {query_id: tuple(texts_member(source, query_id, minimum=1)) for query_id in source}
    if not 0 < sum(map(len, token.values())) <= MAX_PRESENTATIONS:
        raise MalformedError(Code.RESPONSE_INVALID, f"vp_token holds 1 to {MAX_PRESENTATIONS} presentations")
    return token


def _encode(parameters: dict[str, str], state: str | None) -> str:
    return encode_form(parameters if state is None else {**parameters, "state": state})
