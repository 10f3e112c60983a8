"""Attacks on the text of a credential: its form, base64url and JSON (NT-S01 to NT-S15, NT-S37)."""

import json
from collections.abc import Callable

import pytest

from protocol.codes import Code
from protocol.encoding.base64url import encode_base64url
from tests.attacks.artefacts import (
    BASIS,
    KEY_ID,
    SECONDS,
    Json,
    assert_attack_fails,
    attack,
    bind,
    compact,
    honest,
    issuer_jwt,
    json_bytes,
    json_serialization,
    parts,
)

PLACES = ("header", "payload", "signature", "disclosure", "key-binding")


def with_segment(place: str, change: Callable[[str], str]) -> str:
    """The honest presentation with one base64url text changed; where it can, the holder signs it again."""
    first, disclosures, binding = parts(honest())
    segments = dict(zip(PLACES, [*first.split("."), disclosures[0], binding], strict=True))
    segments[place] = change(segments[place])
    first = ".".join(segments[name] for name in PLACES[:3])
    text = compact(first, [segments["disclosure"], *disclosures[1:]])
    return text + segments["key-binding"] if place == "key-binding" else bind(text)


def with_payload(payload: Json) -> str:
    return bind(compact(issuer_jwt(payload)))


def with_member(text: str) -> str:
    """A signed payload in which `text` stands as one more member."""
    return with_payload(f"{json.dumps(BASIS)[:-1]}, {text}}}")


def with_json_header(text: str) -> str:
    return bind(compact(issuer_jwt(BASIS, f'{{{text}, "typ": "dc+sd-jwt", "kid": "{KEY_ID}"}}')))


def next_character(text: str) -> str:
    """The text with one of the unused bits of its last character set."""
    return text[:-1] + chr(ord(text[-1]) + 1)


FORM = [
    attack("S01-no-tilde", Code.FORMAT_INVALID, issuer_jwt(BASIS)),
    attack("S01-nothing", Code.FORMAT_INVALID, ""),
    attack("S02-empty-disclosure", Code.FORMAT_INVALID, bind(issuer_jwt(BASIS) + "~~")),
    attack("S02-empty-issuer-jwt", Code.FORMAT_INVALID, bind("~")),
    attack("S03-space-before", Code.FORMAT_INVALID, " " + honest()),
    attack("S03-newline-before", Code.FORMAT_INVALID, "\n" + honest()),
    attack("S03-space-after", Code.FORMAT_INVALID, honest() + " "),
    attack("S03-newline-after", Code.FORMAT_INVALID, honest() + "\n"),
    attack("S03-not-ascii", Code.FORMAT_INVALID, honest() + "ä"),
    attack("S04-two-parts", Code.FORMAT_INVALID, honest().replace(".", "", 1)),
    attack("S04-four-parts", Code.FORMAT_INVALID, with_segment("payload", lambda text: f"{text}.")),
    attack("S04-five-parts", Code.FORMAT_INVALID, with_segment("payload", lambda text: f".{text}.")),
    attack("S04-key-binding-of-one-part", Code.FORMAT_INVALID, with_segment("key-binding", lambda _: "AAAA")),
    attack("S37-flattened-json", Code.FORMAT_INVALID, json_serialization(honest(), general=False)),
    attack("S37-general-json", Code.FORMAT_INVALID, json_serialization(honest(), general=True)),
]
BASE64URL = [
    attack(f"{name}-in-{place}", Code.ENCODING_INVALID, with_segment(place, change))
    for name, change in [
        ("S05-junk", lambda text: f"{text[:7]}!{text[7:]}"),
        ("S05-newline", lambda text: f"{text[:7]}\n{text[7:]}"),
        ("S06-padding", lambda text: text + "=" * (-len(text) % 4 or 4)),
        ("S07-plus", lambda text: f"{text[:7]}+{text[8:]}"),
        ("S07-slash", lambda text: f"{text[:7]}/{text[8:]}"),
    ]
    for place in PLACES
] + [
    attack("S08-in-signature", Code.ENCODING_INVALID, with_segment("signature", next_character)),
    attack("S08-in-key-binding", Code.ENCODING_INVALID, with_segment("key-binding", next_character)),
    attack(
        "S08-in-disclosure",
        Code.ENCODING_INVALID,
        with_segment("disclosure", lambda _: next_character(encode_base64url(b'["salt", "name", 10]'))),
    ),
]
JSON = [
    attack(
        "S09-alg-then-none", Code.JSON_DUPLICATE_MEMBER, with_json_header('"alg": "EdDSA", "alg": "none"')
    ),
    attack(
        "S09-none-then-alg", Code.JSON_DUPLICATE_MEMBER, with_json_header('"alg": "none", "alg": "EdDSA"')
    ),
    attack("S10-exp-twice", Code.JSON_DUPLICATE_MEMBER, with_member(f'"exp": {SECONDS + 999_999}')),
    attack("S11-nan", Code.JSON_NUMBER, with_member('"x": NaN')),
    attack("S11-infinity", Code.JSON_NUMBER, with_member('"x": -Infinity')),
    attack("S11-1e999", Code.JSON_NUMBER, with_member('"x": 1e999')),
    attack("S12-5000-digits", Code.JSON_NUMBER, with_member(f'"x": {"9" * 5000}')),
    attack("S12-2-to-the-53", Code.JSON_NUMBER, with_member(f'"x": {2**53}')),
    attack("S13-lone-surrogate", Code.TEXT_INVALID, with_member(r'"x": "\ud800"')),
    attack("S14-encoded-surrogate", Code.TEXT_INVALID, with_member('"x": "\ud800"')),
    attack(
        "S14-invalid-utf8", Code.TEXT_INVALID, with_payload(json_bytes(BASIS).replace(b"did", b"d\xff", 1))
    ),
    attack("S14-byte-order-mark", Code.TEXT_INVALID, with_payload("\ufeff" + json.dumps(BASIS))),
    attack("S14-utf-16", Code.TEXT_INVALID, with_payload(json.dumps(BASIS).encode("utf-16"))),
    attack("S15-array", Code.FORMAT_INVALID, with_payload([dict(BASIS)])),
    attack("S15-string", Code.FORMAT_INVALID, with_payload(json.dumps(json.dumps(BASIS)))),
]


@pytest.mark.parametrize(("code", "text", "verifier"), FORM + BASE64URL + JSON)
def test_text_that_readers_could_understand_differently_is_refused(
    code: Code, text: str, verifier: dict[str, object]
) -> None:
    assert_attack_fails(code, text, verifier)
