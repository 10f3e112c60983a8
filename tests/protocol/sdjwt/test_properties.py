"""What holds for any claims, any choice among them, and any text somebody sends."""

import string
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.claim_path import ClaimPath, select_claims
from protocol.encoding.base64url import encode_base64url
from protocol.encoding.strict_json import JsonObject, JsonValue
from protocol.errors import TallyError
from protocol.sdjwt.parse import SdJwt, parse_sd_jwt
from protocol.sdjwt.present import list_claims, select_disclosures
from protocol.sdjwt_vc import PROTECTED_CLAIMS
from tests.attacks.artefacts import (
    BASIS,
    DID,
    KEY_ID,
    VCT,
    Verifier,
    bind,
    compact,
    credential,
    issuer_jwt,
    json_bytes,
)
from tests.protocol.sdjwt.specifications import visible

BASE64URL = string.ascii_letters + string.digits + "-_"
scalars = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8)
FIXED = {*BASIS, *PROTECTED_CLAIMS}
names = st.text(string.ascii_lowercase, min_size=1, max_size=3).filter(lambda name: name not in FIXED)
values: st.SearchStrategy[JsonValue] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
claim_sets = st.dictionaries(names, values, min_size=1, max_size=4)
# Values that look like the format itself, in all the wrong places.
traps: st.SearchStrategy[JsonValue] = st.recursive(
    scalars | st.sampled_from(["a" * 43, DID, VCT, KEY_ID, 1e9, "sha-256"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["_sd", "_sd_alg", "...", "jwk", "status_list", "a", *BASIS, *PROTECTED_CLAIMS]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


def places(value: JsonValue, place: ClaimPath = ()) -> list[ClaimPath]:
    """Where every claim inside `value` stands."""
    if isinstance(value, dict):
        inner = [((*place, name), member) for name, member in value.items()]
    elif isinstance(value, list):
        inner = [((*place, index), element) for index, element in enumerate(value)]
    else:
        return []
    return [found for at, member in inner for found in [at, *places(member, at)]]


def choose(data: st.DataObject, among: list[ClaimPath]) -> list[ClaimPath]:
    return data.draw(st.lists(st.sampled_from(among), max_size=6, unique=True)) if among else []


def issue(data: st.DataObject, claims: JsonObject) -> tuple[SdJwt, list[ClaimPath]]:
    hidden = choose(data, places(claims))
    return parse_sd_jwt(credential(BASIS | claims, disclosable=hidden).encoded), hidden


@settings(max_examples=150)
@given(claims=claim_sets, data=st.data())
def test_verifier_sees_exactly_what_was_always_visible_or_chosen(
    claims: JsonObject, data: st.DataObject
) -> None:
    issued, hidden = issue(data, claims)
    shown = choose(data, places(claims))
    text = bind(select_disclosures(issued, shown).encoded_without_key_binding)
    verified = Verifier().verify(text)
    assert verified.claims == BASIS | dict(visible(claims, (), hidden, shown))  # type: ignore[arg-type]
    assert len(verified.disclosed) == len(parse_sd_jwt(text).disclosures)


@settings(max_examples=100)
@given(claims=claim_sets, data=st.data())
def test_pieces_put_together_are_the_whole_credential(claims: JsonObject, data: st.DataObject) -> None:
    issued, _ = issue(data, claims)
    pieces = list_claims(issued)
    assert all(select_claims(BASIS | claims, piece.path) == {piece.path: piece.value} for piece in pieces)
    whole = select_disclosures(issued, [piece.path for piece in pieces])
    assert whole == issued


@settings(max_examples=150)
@given(data=st.data())
def test_presentation_with_any_one_character_changed_is_refused(data: st.DataObject) -> None:
    text = bind(credential().encoded_without_key_binding)
    index = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from(["", *(set(BASE64URL + ".~ =") - {text[index]})]))
    changed = text[:index] + other + text[index + 1 :]
    with pytest.raises(TallyError):
        Verifier().verify(changed)


def verify_whatever(text: str) -> None:
    """Whatever it is, it is verified or refused with a typed error; nothing else comes out."""
    for verify in (Verifier().verify, Verifier().verify_unpresented):
        with suppress(TallyError):
            verify(text)


@settings(max_examples=200)
@given(text=st.text() | st.text(BASE64URL + ".~", max_size=200))
def test_any_text_is_refused_with_a_typed_error(text: str) -> None:
    verify_whatever(text)


@settings(max_examples=200)
@given(header=traps, payload=traps, contents=st.lists(traps, max_size=3))
def test_any_signed_json_is_verified_or_refused_with_a_typed_error(
    header: JsonValue, payload: JsonValue, contents: list[JsonValue]
) -> None:
    disclosures = [encode_base64url(json_bytes([content])[1:-1]) for content in contents]
    signed_header = {"alg": "EdDSA", "typ": "dc+sd-jwt", "kid": KEY_ID} | (
        header if isinstance(header, dict) else {}
    )
    signed_payload = BASIS | (payload if isinstance(payload, dict) else {"a": payload})
    text = compact(issuer_jwt(signed_payload, signed_header), disclosures)
    verify_whatever(text)
    verify_whatever(bind(text))


@settings(max_examples=100)
@given(payload=traps)
def test_any_signed_key_binding_is_verified_or_refused_with_a_typed_error(payload: JsonValue) -> None:
    text = compact(issuer_jwt(BASIS))
    verify_whatever(bind(text, payload if isinstance(payload, dict) else [payload]))
