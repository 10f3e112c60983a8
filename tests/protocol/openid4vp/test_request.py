import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.did.document import create_did_document, parse_did_document
from protocol.did.key import encode_did_key_method
from protocol.did.verified import VerifiedDid
from protocol.encoding.base64url import encode_base64url
from protocol.encoding.strict_json import JsonObject, JsonValue, encode_json
from protocol.errors import MalformedError, TallyError, UnavailableError, VerificationError
from protocol.jws import Algorithm, parse_jws, sign_jws
from protocol.keys import Ed25519PrivateKey, P256PrivateKey
from protocol.openid4vp.client_id import ClientId, ClientIdPrefix
from protocol.openid4vp.dcql.query import parse_dcql_query
from protocol.openid4vp.refusal import ErrorWord, ReplyAddress, RequestRefusedError
from protocol.openid4vp.request import (
    MAX_RETENTION,
    STATEMENT_FORMAT,
    AuthorizationRequest,
    RequestStatement,
    encode_request,
)
from protocol.openid4vp.request_object import (
    REQUEST_OBJECT_TYP,
    DidClient,
    RedirectUriClient,
    VerifiedRequest,
    create_request_object,
    verify_request_object,
    verify_unsigned_request,
)
from tests.openid_parties import (
    CLIENT_ID,
    NOW,
    OTHER_KEY,
    REDIRECT_CLIENT,
    REQUEST,
    RESPONSE_URI,
    SECONDS,
    STATE,
    UNSIGNED,
    VCT,
    VERIFIER,
    VERIFIER_KEY,
    VERIFIER_KEY_ID,
    resolve_did,
)


def create(request: AuthorizationRequest = REQUEST, **changes: Any) -> str:
    values: dict[str, Any] = {
        "key": VERIFIER_KEY,
        "key_id": VERIFIER_KEY_ID,
        "issued_at": NOW,
        "expires_at": NOW + timedelta(minutes=5),
        "wallet_nonce": None,
    }
    return create_request_object(request, **values | changes)


def verify(token: str, **changes: Any) -> VerifiedRequest:
    values: dict[str, Any] = {
        "expected_client_id": str(CLIENT_ID),
        "expected_wallet_nonce": None,
        "now": NOW,
        "resolve_did": resolve_did,
        "development": False,
    }
    return verify_request_object(token, **values | changes)


def changed(source: JsonObject, changes: dict[str, JsonValue]) -> JsonObject:
    """`source` with `changes`; a member of None is taken away."""
    return {name: value for name, value in (source | changes).items() if value is not None}


def resigned(
    header: JsonObject | None = None, key: Ed25519PrivateKey = VERIFIER_KEY, /, **changes: JsonValue
) -> str:
    """A good request object with one change in header or payload, signed again."""
    payload = parse_jws(create(), expected_typ=REQUEST_OBJECT_TYP).payload_object()
    honest: JsonObject = {"alg": "EdDSA", "typ": REQUEST_OBJECT_TYP, "kid": VERIFIER_KEY_ID}
    parts = [encode_json(changed(honest, header or {})), encode_json(changed(payload, changes))]
    signing_input = ".".join(map(encode_base64url, parts))
    return f"{signing_input}.{encode_base64url(key.sign(signing_input.encode()))}"


def refusal(token: str, **changes: Any) -> RequestRefusedError:
    with pytest.raises(RequestRefusedError) as caught:
        verify(token, **changes)
    return caught.value


def test_signed_request_is_verified_with_who_asks_and_how_that_was_checked() -> None:
    verified = verify(create())
    assert verified.request == REQUEST
    assert isinstance(verified.client, DidClient)
    assert verified.client.did.did == VERIFIER


@pytest.mark.parametrize("client_id", [pytest.param(f"decentralized_identifier:{VERIFIER}", id="NT-P38")])
def test_audience_of_the_answer_is_the_full_client_identifier(client_id: str) -> None:
    assert verify(create()).audience == client_id


def test_request_object_repeats_the_wallet_nonce() -> None:
    verify(create(wallet_nonce="w" * 22), expected_wallet_nonce="w" * 22)
    verify(create(wallet_nonce="w" * 22), expected_wallet_nonce=None)


def test_request_is_signed_with_the_algorithm_name_that_is_asked_for() -> None:
    token = create(ed25519_name=Algorithm.ED25519)
    assert parse_jws(token, expected_typ=REQUEST_OBJECT_TYP).algorithm is Algorithm.ED25519
    verify(token)


def test_request_of_a_p256_key_is_verified() -> None:
    key = P256PrivateKey(bytes(31) + b"\x07")
    key_id = encode_did_key_method(key.public_key)
    client_id = ClientId(ClientIdPrefix.DECENTRALIZED_IDENTIFIER, key_id.partition("#")[0])
    token = create(replace(REQUEST, client_id=client_id), key=key, key_id=key_id)
    assert verify(token, expected_client_id=str(client_id)).audience == str(client_id)


def test_request_under_localhost_is_verified_in_development_only() -> None:
    request = replace(REQUEST, reply_to=ReplyAddress("http://verifier.localhost:8080/response", STATE))
    assert verify(create(request), development=True).request.reply_to == request.reply_to
    with pytest.raises(MalformedError) as caught:
        verify(create(request))
    assert caught.value.code is Code.REQUEST_INVALID


def test_iss_and_unknown_parameters_are_ignored() -> None:
    token = resigned(iss="https://evil.example", acr_values="x", expected_origins=["https://evil.example"])
    assert verify(token) == verify(create())


UNVERIFIED = Code.REQUEST_CLIENT_UNVERIFIED
INVALID = Code.REQUEST_INVALID
INVALID_REQUEST = ErrorWord.INVALID_REQUEST
OTHER_KEY_ID = encode_did_key_method(OTHER_KEY.public_key)
BROKEN: dict[str, tuple[str, dict[str, Any], Code]] = {
    "NT-P20 signature of another key": (resigned({}, OTHER_KEY), {}, Code.SIGNATURE_INVALID),
    "NT-P20 payload changed after signing": (
        ".".join([create().split(".")[0], resigned(nonce="x" * 22).split(".")[1], create().split(".")[2]]),
        {},
        Code.SIGNATURE_INVALID,
    ),
    "NT-P21 other client_id inside": (
        resigned(client_id=f"decentralized_identifier:{OTHER_KEY_ID.partition('#')[0]}"),
        {},
        UNVERIFIED,
    ),
    "NT-P21 client_id without its prefix": (resigned(client_id=VERIFIER), {}, UNVERIFIED),
    "NT-P21 no client_id inside": (resigned(client_id=None), {}, UNVERIFIED),
    "NT-P22 unknown prefix": (create(), {"expected_client_id": "payment:shop"}, Code.REQUEST_INVALID),
    "NT-P22 origin": (create(), {"expected_client_id": "origin:https://shop.example"}, Code.REQUEST_INVALID),
    "NT-P22 https": (create(), {"expected_client_id": "https://shop.example"}, Code.REQUEST_INVALID),
    "NT-P23 signed with redirect_uri": (
        create(),
        {"expected_client_id": str(REDIRECT_CLIENT)},
        Code.REQUEST_INVALID,
    ),
    "certificate of a DNS name": (create(), {"expected_client_id": "x509_san_dns:shop.example"}, UNVERIFIED),
    "hash of a certificate": (
        create(),
        {"expected_client_id": "x509_hash:Uvo3HtuIxuhC92rShpgqcT3YXwrqRxWEviRiA0OZszk"},
        UNVERIFIED,
    ),
    "NT-P24 kid under another DID": (resigned({"kid": OTHER_KEY_ID}, OTHER_KEY), {}, UNVERIFIED),
    "NT-P24 kid not in the DID document": (resigned({"kid": f"{VERIFIER}#other"}), {}, UNVERIFIED),
    "NT-P24 kid is a fragment": (resigned({"kid": "#key"}), {}, UNVERIFIED),
    "NT-P24 no kid": (resigned({"kid": None}), {}, UNVERIFIED),
    "NT-P29 wallet_nonce absent": (create(), {"expected_wallet_nonce": "w"}, Code.NONCE_MISMATCH),
    "NT-P29 other wallet_nonce": (
        create(wallet_nonce="v"),
        {"expected_wallet_nonce": "w"},
        Code.NONCE_MISMATCH,
    ),
    "NT-P29 typ JWT": (resigned({"typ": "JWT"}), {}, Code.TYPE_MISMATCH),
    "NT-P29 no typ": (resigned({"typ": None}), {}, Code.TYPE_MISMATCH),
    "NT-P29 other aud": (resigned(aud="https://wallet.example"), {}, Code.AUDIENCE_MISMATCH),
    "NT-P29 aud is a list": (resigned(aud=["https://self-issued.me/v2"]), {}, Code.AUDIENCE_MISMATCH),
    "NT-P29 no aud": (resigned(aud=None), {}, Code.AUDIENCE_MISMATCH),
    "NT-P29 expired": (create(), {"now": NOW + timedelta(minutes=5)}, Code.REQUEST_EXPIRED),
    "issued in the future": (resigned(iat=SECONDS + 61), {}, Code.NOT_YET_VALID),
    "not yet valid": (resigned(nbf=SECONDS + 61), {}, Code.NOT_YET_VALID),
    "exp is text": (resigned(exp="soon"), {}, Code.CLAIM_INVALID),
    "alg none": (resigned({"alg": "none"}), {}, Code.ALGORITHM_NOT_ALLOWED),
    "alg of another kind of key": (resigned({"alg": "ES256"}), {}, Code.ALGORITHM_NOT_ALLOWED),
    "certificate in the header": (resigned({"x5c": ["MII"]}), {}, Code.KEY_SOURCE_FORBIDDEN),
    "key in the header": (resigned({"jwk": {}}), {}, Code.KEY_SOURCE_FORBIDDEN),
    "critical header": (resigned({"crit": ["exp"]}), {}, Code.CRITICAL_HEADER),
    "no JWS": ("eyJ", {}, Code.FORMAT_INVALID),
    "NT-P25 response_uri with user": (
        resigned(response_uri="https://shop.example@evil.example/"),
        {},
        Code.REQUEST_INVALID,
    ),
    "response_uri is plain http": (resigned(response_uri="http://shop.example/"), {}, Code.REQUEST_INVALID),
    "no response_uri": (resigned(response_uri=None), {}, Code.REQUEST_INVALID),
    "state with a space": (resigned(state="a b"), {}, Code.REQUEST_INVALID),
    "state is a number": (resigned(state=7), {}, Code.REQUEST_INVALID),
    "state too long": (resigned(state="a" * 2049), {}, Code.REQUEST_INVALID),
}


@pytest.mark.parametrize(("token", "changes", "code"), BROKEN.values(), ids=BROKEN.keys())
def test_request_of_an_unproven_sender_is_refused_without_an_answer(
    token: str, changes: dict[str, Any], code: Code
) -> None:
    with pytest.raises((MalformedError, VerificationError)) as caught:
        verify(token, **changes)
    assert caught.value.code is code


def test_clocks_may_be_a_minute_apart() -> None:
    verify(resigned(iat=SECONDS + 60))


def test_key_that_may_not_act_for_the_did_is_refused() -> None:
    def resolve(did: str) -> VerifiedDid:
        fragment = VERIFIER_KEY_ID.partition("#")[2]
        keys = {fragment: VERIFIER_KEY.public_key}
        source = create_did_document(did, keys, assertion=[fragment], authentication=[])
        return VerifiedDid(did, parse_did_document(source, expected_did=did), (), None)

    with pytest.raises(VerificationError) as caught:
        verify(create(), resolve_did=resolve)
    assert caught.value.code is UNVERIFIED


def test_did_that_cannot_be_resolved_leaves_the_sender_unknown() -> None:
    client_id = "decentralized_identifier:did:webvh:QmfGEUAcMpzo25kF2Rhn8L2FLZbLc3KqV2gyBWwCYhP9Kd:a.example"
    token = resigned({"kid": f"{client_id.partition(':')[2]}#key"}, client_id=client_id)
    with pytest.raises(UnavailableError):
        verify(token, expected_client_id=client_id)


@pytest.mark.parametrize(
    "changes", [{"aud": "x"}, {"exp": SECONDS}, {"client_id": "decentralized_identifier:did:key:z6Mk"}]
)
def test_no_did_is_looked_up_for_a_request_that_is_refused_anyway(changes: dict[str, JsonValue]) -> None:
    def resolve(did: str) -> VerifiedDid:
        pytest.fail(f"{did} was looked up")

    with pytest.raises(VerificationError):
        verify(resigned(**changes), resolve_did=resolve)


def test_request_without_times_is_good_for_any_time() -> None:
    verify(resigned(iat=None, exp=None))


METADATA: JsonObject = {"vp_formats_supported": {"dc+sd-jwt": {}}}
UNBOUND: JsonObject = {
    "credentials": [
        {
            "id": "ticket",
            "format": "dc+sd-jwt",
            "meta": {"vct_values": [VCT]},
            "require_cryptographic_holder_binding": False,
        }
    ]
}
ENTRY: JsonObject = {"format": STATEMENT_FORMAT, "data": {"purpose": "x", "retention_seconds": 0}}
REFUSED: dict[str, tuple[dict[str, JsonValue], Code, ErrorWord]] = {
    "NT-P26 redirect_uri beside response_uri": ({"redirect_uri": RESPONSE_URI}, INVALID, INVALID_REQUEST),
    "NT-P27 no nonce": ({"nonce": None}, INVALID, INVALID_REQUEST),
    "NT-P27 nonce with a plus": ({"nonce": "n-0S6+WzA2MjTz9LwNfZpQ"}, INVALID, INVALID_REQUEST),
    "nonce too short": ({"nonce": "n" * 15}, INVALID, INVALID_REQUEST),
    "nonce too long": ({"nonce": "n" * 513}, INVALID, INVALID_REQUEST),
    "nonce is a number": ({"nonce": 1234567890123456}, INVALID, INVALID_REQUEST),
    "NT-P30 transaction_data": (
        {"transaction_data": ["eyJ0eXBlIjoieCJ9"]},
        Code.TRANSACTION_DATA_UNSUPPORTED,
        ErrorWord.INVALID_TRANSACTION_DATA,
    ),
    "NT-P30 empty transaction_data": (
        {"transaction_data": []},
        Code.TRANSACTION_DATA_UNSUPPORTED,
        ErrorWord.INVALID_TRANSACTION_DATA,
    ),
    "NT-P33 dcql_query and scope": ({"scope": "x"}, INVALID, INVALID_REQUEST),
    "NT-P33 query breaks the rules": (
        {"dcql_query": {"credentials": []}},
        Code.QUERY_INVALID,
        INVALID_REQUEST,
    ),
    "neither dcql_query nor scope": ({"dcql_query": None}, Code.MEMBER_MISSING, INVALID_REQUEST),
    "scope alone": ({"scope": "x", "dcql_query": None}, INVALID, ErrorWord.INVALID_SCOPE),
    "query is text": ({"dcql_query": "{}"}, Code.MEMBER_INVALID, INVALID_REQUEST),
    "no response_type": ({"response_type": None}, INVALID, INVALID_REQUEST),
    "response_type code": ({"response_type": "code"}, INVALID, ErrorWord.UNSUPPORTED_RESPONSE_TYPE),
    "response_type with id_token": (
        {"response_type": "vp_token id_token"},
        INVALID,
        ErrorWord.UNSUPPORTED_RESPONSE_TYPE,
    ),
    "no response_mode": ({"response_mode": None}, INVALID, INVALID_REQUEST),
    "encrypted response_mode": ({"response_mode": "direct_post.jwt"}, INVALID, INVALID_REQUEST),
    "no client_metadata": ({"client_metadata": None}, INVALID, INVALID_REQUEST),
    "no vp_formats_supported": ({"client_metadata": {}}, INVALID, INVALID_REQUEST),
    "other formats only": (
        {"client_metadata": {"vp_formats_supported": {"mso_mdoc": {}}}},
        INVALID,
        ErrorWord.VP_FORMATS_NOT_SUPPORTED,
    ),
    "other algorithms only": (
        {"client_metadata": {"vp_formats_supported": {"dc+sd-jwt": {"kb-jwt_alg_values": ["ES384"]}}}},
        INVALID,
        ErrorWord.VP_FORMATS_NOT_SUPPORTED,
    ),
    "no algorithms": (
        {"client_metadata": {"vp_formats_supported": {"dc+sd-jwt": {"kb-jwt_alg_values": []}}}},
        INVALID,
        INVALID_REQUEST,
    ),
    "name too long": ({"client_metadata": {**METADATA, "client_name": "a" * 201}}, INVALID, INVALID_REQUEST),
    "no holder binding and no state": ({"dcql_query": UNBOUND, "state": None}, INVALID, INVALID_REQUEST),
    "empty verifier_info": ({"verifier_info": []}, INVALID, INVALID_REQUEST),
    "verifier_info of text": ({"verifier_info": ["x"]}, INVALID, INVALID_REQUEST),
    "statement is text": ({"verifier_info": [ENTRY | {"data": "x"}]}, INVALID, INVALID_REQUEST),
    "statement without purpose": (
        {"verifier_info": [ENTRY | {"data": {"retention_seconds": 0}}]},
        INVALID,
        INVALID_REQUEST,
    ),
    "statement without retention": (
        {"verifier_info": [ENTRY | {"data": {"purpose": "x"}}]},
        INVALID,
        INVALID_REQUEST,
    ),
    "retention of a thousand years": (
        {"verifier_info": [ENTRY | {"data": {"purpose": "x", "retention_seconds": 2**40}}]},
        INVALID,
        INVALID_REQUEST,
    ),
}


@pytest.mark.parametrize(("changes", "code", "word"), REFUSED.values(), ids=REFUSED.keys())
def test_request_that_cannot_be_served_is_refused_with_an_answer(
    changes: dict[str, JsonValue], code: Code, word: ErrorWord
) -> None:
    error = refusal(resigned(**changes))
    assert (error.code, error.word) == (code, word)
    assert error.reply_to == ReplyAddress(RESPONSE_URI, None if changes.get("state", "") is None else STATE)


def test_request_without_holder_binding_is_served_when_it_has_a_state() -> None:
    assert verify(resigned(dcql_query=UNBOUND)).request.reply_to.state == STATE
    assert verify(resigned(state=None)).request.reply_to.state is None


@pytest.mark.parametrize(
    ("names", "algorithms"),
    [
        (["Ed25519"], (Algorithm.ED25519,)),
        (["ES256", "ES384", "EdDSA"], (Algorithm.ES256, Algorithm.EDDSA)),
    ],
)
def test_algorithms_for_key_bindings_are_those_both_sides_know(
    names: list[JsonValue], algorithms: tuple[Algorithm, ...]
) -> None:
    formats: JsonObject = {"dc+sd-jwt": {"kb-jwt_alg_values": names}}
    verified = verify(resigned(client_metadata={"vp_formats_supported": formats}))
    assert verified.request.key_binding_algorithms == algorithms
    assert (verified.request.client_name, verified.request.statement) == (None, REQUEST.statement)


def test_all_algorithms_are_good_when_the_verifier_names_none() -> None:
    verified = verify(resigned(client_metadata=METADATA))
    assert verified.request.key_binding_algorithms == tuple(Algorithm)


def test_wish_for_evidence_is_read_signed_and_unsigned() -> None:
    wanted = replace(REQUEST, evidence_wanted=True)
    assert verify(create(wanted)).request == wanted
    unsigned = encode_request(replace(UNSIGNED, evidence_wanted=True))
    assert verify_unsigned_request(unsigned, development=False).request.evidence_wanted


def test_other_verifier_info_is_ignored() -> None:
    other: JsonObject = {"format": "jwt", "data": "eyJ"}
    assert verify(resigned(verifier_info=[other])).request.statement is None
    assert verify(resigned(verifier_info=[other, ENTRY])).request.statement == RequestStatement(
        "x", timedelta(0)
    )
    assert verify(resigned(verifier_info=None)).request.statement is None


def test_unsigned_request_is_verified_as_one_of_a_host_nothing_is_known_of() -> None:
    verified = verify_unsigned_request(encode_request(UNSIGNED), development=False)
    assert verified.request == UNSIGNED
    assert verified.client == RedirectUriClient("verifier.example")
    assert verified.audience == f"redirect_uri:{RESPONSE_URI}"


def test_statement_that_nobody_signed_is_not_shown() -> None:
    parameters = encode_request(replace(UNSIGNED, statement=REQUEST.statement))
    assert verify_unsigned_request(parameters, development=False).request.statement is None


def test_response_uri_of_an_unsigned_request_may_be_left_out() -> None:
    parameters = changed(encode_request(UNSIGNED), {"response_uri": None})
    assert verify_unsigned_request(parameters, development=False).request == UNSIGNED


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param(
            {"client_id": str(CLIENT_ID)}, UNVERIFIED, id="NT-P23 unsigned with decentralized_identifier"
        ),
        pytest.param({"client_id": "x509_san_dns:a.example"}, UNVERIFIED, id="NT-P23 unsigned with x509"),
        pytest.param(
            {"response_uri": "https://evil.example/"}, Code.REQUEST_INVALID, id="NT-P25 response_uri"
        ),
        pytest.param({"response_uri": RESPONSE_URI + "/"}, Code.REQUEST_INVALID, id="NT-P25 one more slash"),
        pytest.param({"client_id": "origin:https://a.example"}, Code.REQUEST_INVALID, id="NT-P22 origin"),
        pytest.param({"client_id": None}, Code.REQUEST_INVALID, id="no client_id"),
        pytest.param({"state": "é"}, Code.REQUEST_INVALID, id="state"),
    ],
)
def test_unsigned_request_that_is_not_its_clients_is_refused(
    changes: dict[str, JsonValue], code: Code
) -> None:
    with pytest.raises((MalformedError, VerificationError)) as caught:
        verify_unsigned_request(changed(encode_request(UNSIGNED), changes), development=False)
    assert caught.value.code is code


def test_unsigned_request_that_cannot_be_served_is_refused_with_an_answer() -> None:
    parameters = changed(encode_request(UNSIGNED), {"nonce": None})
    with pytest.raises(RequestRefusedError) as caught:
        verify_unsigned_request(parameters, development=False)
    assert caught.value.reply_to == UNSIGNED.reply_to


@pytest.mark.parametrize(
    "request_",
    [
        replace(REQUEST, nonce="short"),
        replace(REQUEST, nonce="n" * 21 + "+"),
        replace(REQUEST, reply_to=ReplyAddress(RESPONSE_URI, "a b")),
        replace(REQUEST, query=parse_dcql_query(UNBOUND), reply_to=ReplyAddress(RESPONSE_URI, None)),
        replace(REQUEST, client_name=""),
        replace(REQUEST, client_name="a" * 201),
        replace(REQUEST, client_id=REDIRECT_CLIENT),
        replace(REQUEST, client_id=ClientId(ClientIdPrefix.DECENTRALIZED_IDENTIFIER, "did:key:z6Mk")),
    ],
)
def test_request_that_no_wallet_would_answer_is_a_mistake(request_: AuthorizationRequest) -> None:
    with pytest.raises(ValueError, match=r"."):
        create(request_)


def test_statement_has_a_purpose_and_a_bounded_retention() -> None:
    RequestStatement("a" * 500, MAX_RETENTION)
    for purpose, retention in (("", 0), ("a" * 501, 0), ("a", -1), ("a", 36_526)):
        with pytest.raises(ValueError, match=r"."):
            RequestStatement(purpose, timedelta(days=retention))


def test_bare_request_is_verified() -> None:
    bare = replace(REQUEST, client_name=None, statement=None, reply_to=ReplyAddress(RESPONSE_URI, None))
    parameters = encode_request(bare)
    assert not {"state", "verifier_info"} & set(parameters)
    assert verify(create(bare)).request == bare


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted([*encode_request(REQUEST), "aud", "exp", "iat", "nbf", "kid"])), json_values)
def test_request_with_any_member_replaced_is_verified_or_one_of_our_errors(
    name: str, value: JsonValue
) -> None:
    payload = parse_jws(create(), expected_typ=REQUEST_OBJECT_TYP).payload_object()
    token = sign_jws(
        payload | {name: value}, VERIFIER_KEY, typ=REQUEST_OBJECT_TYP, header={"kid": VERIFIER_KEY_ID}
    )
    outcome: object
    try:
        outcome = verify(token)
    except TallyError as error:
        outcome = error
    assert isinstance(outcome, VerifiedRequest | TallyError)


@given(st.text() | st.binary().map(encode_base64url).map(lambda part: f"{part}.{part}.{part}"))
def test_any_text_is_one_of_our_errors(token: str) -> None:
    with pytest.raises(TallyError):
        verify(token)


@given(st.dictionaries(st.sampled_from(sorted(encode_request(UNSIGNED))), json_values))
def test_any_parameters_are_a_request_or_one_of_our_errors(parameters: JsonObject) -> None:
    outcome: object
    try:
        outcome = verify_unsigned_request(json.loads(json.dumps(parameters)), development=True)
    except TallyError as error:
        outcome = error
    assert isinstance(outcome, VerifiedRequest | TallyError)
