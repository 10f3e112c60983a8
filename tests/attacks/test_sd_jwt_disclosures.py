"""Attacks on digests and disclosures (NT-S40 to NT-S60)."""

import hashlib
import json
from collections.abc import Callable

import pytest

from protocol.codes import Code
from protocol.encoding.base64url import decode_base64url, encode_base64url
from protocol.encoding.strict_json import JsonObject, JsonValue
from tests.attacks.artefacts import (
    BASIS,
    DID,
    HOLDER_KEY,
    SECONDS,
    STATUS_URI,
    VCT,
    assert_attack_fails,
    attack,
    bind,
    compact,
    disclosure,
    honest,
    issuer_jwt,
    json_bytes,
    minimal,
    parts,
    presentation,
    sha256,
    without,
)

SALT = "salt-0000000000000000000000"
NAME = disclosure(SALT, "nickname", "Quixotic Ada")
OUTER = disclosure(SALT, "outer", {"_sd": [sha256(NAME)]})
ELEMENT = disclosure(SALT, "Lilliputian")
KEY_PART = disclosure(SALT, "x", encode_base64url(HOLDER_KEY.public_key.raw))
INDEX = disclosure(SALT, "idx", 3)
PROTECTED: dict[str, JsonValue] = {
    "nbf": SECONDS - 60,
    "exp": SECONDS + 60,
    "cnf": BASIS["cnf"],
    "vct#integrity": "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    "status": {"status_list": {"idx": 3, "uri": STATUS_URI}},
    "aka_vcts": ["urn:another"],
}


def with_disclosures(change: Callable[[list[str]], list[str]]) -> str:
    """The honest presentation with other disclosures, for which the holder signs."""
    first, disclosures, _ = parts(honest())
    return bind(compact(first, change(disclosures)))


def with_sd(*disclosures: str, **changes: JsonValue) -> str:
    """A credential whose `_sd` holds the digests of exactly these disclosures, all of them sent."""
    return minimal(*disclosures, _sd=[sha256(text) for text in disclosures], **changes)


def element(text: str) -> JsonObject:
    return {"...": sha256(text)}


def with_element(text: str) -> str:
    return minimal(text, nationalities=[element(text)])


def changed_value() -> str:
    first, disclosures, _ = parts(honest())
    salt, name, _ = json.loads(decode_base64url(disclosures[0]))
    return bind(compact(first, [disclosure(salt, name, "Mallory"), *disclosures[1:]]))


def child_without_parent() -> str:
    first, disclosures, _ = parts(presentation())
    child = next(text for text in disclosures if b"Zanzibar" in decode_base64url(text))
    return bind(compact(first, [child]))


def chain(length: int) -> str:
    """Disclosures of which each holds the digest of the next."""
    texts = [disclosure(SALT, "end", 1)]
    for number in range(length - 1):
        texts.append(disclosure(SALT, f"link{number}", {"_sd": [sha256(texts[-1])]}))
    return minimal(*texts, _sd=[sha256(texts[-1])])


def many(count: int, size: int) -> str:
    return with_sd(*[disclosure(SALT, f"claim{number}", "x" * size) for number in range(count)])


def with_member_twice(row: str, *places: JsonObject) -> list[object]:
    """The same digest in two places, once for a disclosure that was sent and once for a decoy."""
    merged: JsonObject = {}
    for place in places:
        merged |= place
    texts = {"disclosed": [ELEMENT], "decoy": []}
    return [
        attack(f"{row}-{name}", Code.DIGEST_REPEATED, minimal(*sent, **merged))
        for name, sent in texts.items()
    ]


def hiding(name: str, value: JsonValue) -> str:
    """A credential whose claim `name` stands in a disclosure."""
    text = disclosure(SALT, name, value)
    return bind(compact(issuer_jwt(without(BASIS, name) | {"_sd": [sha256(text)]}), [text]))


def cnf_without_x(text: str) -> JsonValue:
    return {"jwk": {"kty": "OKP", "crv": "Ed25519", "_sd": [sha256(text)]}}


UNSIGNED = [
    attack("S40-value-changed", Code.DISCLOSURE_UNREFERENCED, changed_value()),
    attack("S41-added", Code.DISCLOSURE_UNREFERENCED, with_disclosures(lambda sent: [*sent, NAME])),
    attack(
        "S41-element-added", Code.DISCLOSURE_UNREFERENCED, with_disclosures(lambda sent: [*sent, ELEMENT])
    ),
    attack("S42-parent-withheld", Code.DISCLOSURE_UNREFERENCED, child_without_parent()),
    attack("S43-sent-twice", Code.DISCLOSURE_REPEATED, with_disclosures(lambda sent: [*sent, sent[0]])),
    attack(
        "S56-hex",
        Code.DISCLOSURE_UNREFERENCED,
        minimal(NAME, _sd=[hashlib.sha256(NAME.encode()).hexdigest()]),
    ),
    attack(
        "S56-over-the-decoded-bytes",
        Code.DISCLOSURE_UNREFERENCED,
        minimal(NAME, _sd=[encode_base64url(hashlib.sha256(decode_base64url(NAME)).digest())]),
    ),
    attack("S56-padded", Code.DISCLOSURE_UNREFERENCED, minimal(NAME, _sd=[sha256(NAME) + "="])),
]
REPEATED_DIGESTS = [
    attack("S44-in-one-_sd", Code.DIGEST_REPEATED, minimal(NAME, _sd=[sha256(NAME), sha256(NAME)])),
    attack("S44-decoy-in-one-_sd", Code.DIGEST_REPEATED, minimal(_sd=[sha256(NAME), sha256(NAME)])),
    *with_member_twice("S45-_sd-and-array", {"a": [element(ELEMENT)]}, {"_sd": [sha256(ELEMENT)]}),
    *with_member_twice("S45-two-arrays", {"a": [element(ELEMENT)]}, {"b": [element(ELEMENT)]}),
    *with_member_twice("S45-one-array", {"a": [element(ELEMENT), element(ELEMENT)]}),
    *with_member_twice("S45-two-levels", {"a": [element(ELEMENT), [element(ELEMENT)]]}),
    *with_member_twice("S45-two-objects", {"a": {"_sd": [sha256(NAME)]}}, {"_sd": [sha256(NAME)]}),
    attack(
        "S45-inside-a-disclosure",
        Code.DIGEST_REPEATED,
        minimal(NAME, OUTER, _sd=[sha256(OUTER), sha256(NAME)]),
    ),
]
SHAPES = [
    attack("S46-one-element", Code.DISCLOSURE_MALFORMED, with_sd(disclosure(SALT))),
    attack("S46-no-element", Code.DISCLOSURE_MALFORMED, with_sd(disclosure())),
    attack("S46-two-elements-in-_sd", Code.DISCLOSURE_MALFORMED, with_sd(ELEMENT)),
    attack("S46-four-elements", Code.DISCLOSURE_MALFORMED, with_sd(disclosure(SALT, "a", 1, 2))),
    attack(
        "S46-object", Code.DISCLOSURE_MALFORMED, with_sd(encode_base64url(json_bytes({"a": [SALT, "a", 1]})))
    ),
    attack("S46-text", Code.DISCLOSURE_MALFORMED, with_sd(encode_base64url(b'"abc"'))),
    attack("S47-three-elements-in-array", Code.DISCLOSURE_MALFORMED, with_element(NAME)),
    attack("S51-name-a-number", Code.DISCLOSURE_MALFORMED, with_sd(disclosure(SALT, 5, "a"))),
    attack("S51-name-null", Code.DISCLOSURE_MALFORMED, with_sd(disclosure(SALT, None, "a"))),
    attack("S51-salt-a-number", Code.DISCLOSURE_MALFORMED, with_sd(disclosure(5, "a", "b"))),
    attack("S51-salt-of-element-null", Code.DISCLOSURE_MALFORMED, with_element(disclosure(None, "b"))),
    attack("S52-_sd-text", Code.DISCLOSURE_MALFORMED, minimal(_sd=sha256(NAME))),
    attack("S52-_sd-object", Code.DISCLOSURE_MALFORMED, minimal(_sd={"a": sha256(NAME)})),
    attack("S52-_sd-null", Code.DISCLOSURE_MALFORMED, minimal(_sd=None)),
    attack("S52-_sd-with-a-number", Code.DISCLOSURE_MALFORMED, minimal(_sd=[sha256(NAME), 5])),
    attack("S52-nested-_sd-text", Code.DISCLOSURE_MALFORMED, minimal(a=[{"_sd": sha256(NAME)}])),
    attack("S53-not-alone", Code.DISCLOSURE_MALFORMED, minimal(a=[element(NAME) | {"x": 1}])),
    attack("S53-number", Code.DISCLOSURE_MALFORMED, minimal(a=[{"...": 5}])),
    attack("S53-outside-an-array", Code.DISCLOSURE_MALFORMED, minimal(a=element(NAME))),
    attack("S53-at-the-top", Code.DISCLOSURE_MALFORMED, minimal(**element(NAME))),
]
NAMES = [
    attack("S48-_sd", Code.CLAIM_NAME_RESERVED, with_sd(disclosure(SALT, "_sd", [sha256(NAME)]))),
    attack("S48-ellipsis", Code.CLAIM_NAME_RESERVED, with_sd(disclosure(SALT, "...", sha256(NAME)))),
    attack("S49-permanent-claim", Code.CLAIM_NAME_COLLISION, with_sd(NAME, nickname="Ada")),
    attack("S49-protected-claim", Code.CLAIM_NAME_COLLISION, with_sd(disclosure(SALT, "exp", SECONDS + 9))),
    attack(
        "S49-nested",
        Code.CLAIM_NAME_COLLISION,
        minimal(NAME, person={"nickname": "Ada", "_sd": [sha256(NAME)]}),
    ),
    attack(
        "S50-two-of-one-name", Code.CLAIM_NAME_COLLISION, with_sd(NAME, disclosure(SALT, "nickname", "B"))
    ),
]
HASHES = [
    attack("S54-nested", Code.HASH_ALGORITHM_NOT_ALLOWED, minimal(a={"_sd_alg": "sha-256"})),
    attack("S54-in-an-array", Code.HASH_ALGORITHM_NOT_ALLOWED, minimal(a=[{"_sd_alg": "sha-256"}])),
    attack(
        "S54-in-a-disclosed-value",
        Code.HASH_ALGORITHM_NOT_ALLOWED,
        with_sd(disclosure(SALT, "a", {"_sd_alg": "sha-256"})),
    ),
    attack(
        "S54-as-a-disclosed-claim",
        Code.HASH_ALGORITHM_NOT_ALLOWED,
        with_sd(disclosure(SALT, "_sd_alg", "sha-256")),
    ),
    *[
        attack(f"S55-{name}", Code.HASH_ALGORITHM_NOT_ALLOWED, minimal(_sd_alg=name))
        for name in ("SHA-256", "md5", "sha-256-32", "sha-1", "sha3-256", "")
    ],
    attack("S55-number", Code.HASH_ALGORITHM_NOT_ALLOWED, minimal(_sd_alg=256)),
    attack("S55-list", Code.HASH_ALGORITHM_NOT_ALLOWED, minimal(_sd_alg=["sha-256"])),
    attack("S55-null", Code.HASH_ALGORITHM_NOT_ALLOWED, minimal(_sd_alg=None)),
]
HIDDEN = [
    *[
        attack(f"S57-{name}", Code.CLAIM_NOT_DISCLOSABLE, hiding(name, value))
        for name, value in PROTECTED.items()
    ],
    # Without these two nobody knows whom to trust for what: they are missed before any disclosure is opened.
    attack("S57-iss", Code.CLAIM_MISSING, hiding("iss", DID)),
    attack("S57-vct", Code.CLAIM_MISSING, hiding("vct", VCT)),
    attack("S57-cnf.jwk.x", Code.CLAIM_NOT_DISCLOSABLE, minimal(KEY_PART, cnf=cnf_without_x(KEY_PART))),
    attack("S57-cnf.jwk.x-withheld", Code.CLAIM_NOT_DISCLOSABLE, minimal(cnf=cnf_without_x(KEY_PART))),
    attack(
        "S57-aka_vcts.0", Code.CLAIM_NOT_DISCLOSABLE, minimal(ELEMENT, aka_vcts=["urn:a", element(ELEMENT)])
    ),
    attack(
        "S57-status.status_list.idx",
        Code.CLAIM_NOT_DISCLOSABLE,
        minimal(INDEX, status={"status_list": {"uri": STATUS_URI, "_sd": [sha256(INDEX)]}}),
    ),
]
LIMITS = [
    attack("S58-257", Code.DISCLOSURE_LIMIT_EXCEEDED, many(257, 1)),
    attack("S58-65-kB", Code.DISCLOSURE_LIMIT_EXCEEDED, many(1, 65_000)),
    attack("S58-256-kB-together", Code.DISCLOSURE_LIMIT_EXCEEDED, many(20, 10_000)),
    attack(
        "S58-4097-digests",
        Code.DISCLOSURE_LIMIT_EXCEEDED,
        minimal(a=[{"_sd": [str(number) for number in range(4097)]}]),
    ),
    attack("S59-chain-of-17", Code.DISCLOSURE_LIMIT_EXCEEDED, chain(17)),
    attack("S59-chain-of-600", Code.DISCLOSURE_LIMIT_EXCEEDED, chain(600)),
    attack("S60-5000-deep", Code.JSON_DEPTH, with_sd(encode_base64url(b"[" * 5_000 + b"]" * 5_000))),
    attack("S60-17-deep", Code.JSON_DEPTH, with_sd(encode_base64url(b'["s","a",' + b"[" * 16 + b"]" * 17))),
    attack("S60-100000-deep", Code.DISCLOSURE_LIMIT_EXCEEDED, with_sd(encode_base64url(b"[" * 100_000))),
    attack(
        "S60-member-twice",
        Code.JSON_DUPLICATE_MEMBER,
        with_sd(encode_base64url(f'["{SALT}", "a", {{"b": 1, "b": 2}}]'.encode())),
    ),
]


@pytest.mark.parametrize(
    ("code", "text", "verifier"),
    UNSIGNED + REPEATED_DIGESTS + SHAPES + NAMES + HASHES + HIDDEN + LIMITS,
)
def test_claims_that_are_not_as_the_issuer_signed_them_are_refused(
    code: Code, text: str, verifier: dict[str, object]
) -> None:
    assert_attack_fails(code, text, verifier)
