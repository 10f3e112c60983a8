"""Attacks on status lists: each starts from a good token, breaks one thing and signs it again."""

import gzip
import hashlib
import hmac
import tracemalloc
import zlib
from datetime import timedelta

import pytest

from protocol.codes import Code
from protocol.encoding.base64url import decode_base64url, encode_base64url
from protocol.encoding.strict_json import JsonObject, JsonValue, encode_json, parse_json_object
from protocol.errors import TallyError
from protocol.status_list import StatusList, read_status, status_at, verify_no_rollback, verify_status
from protocol.status_list.array import MAX_INFLATED_BYTES
from tests.status_issuer import DID, KEY, KEY_ID, NOW, OTHER_KEY, URI, payload, token, verified_did, verify

SECONDS = int(NOW.timestamp())
ARRAY = bytes(range(64))


def _with_header(**changes: JsonValue) -> str:
    """A good token with another header, signed again; a member of None is taken away."""
    honest: JsonObject = {"alg": "EdDSA", "typ": "statuslist+jwt", "kid": KEY_ID}
    header = {name: value for name, value in (honest | changes).items() if value is not None}
    signing_input = f"{encode_base64url(encode_json(header))}.{encode_base64url(encode_json(payload()))}"
    return f"{signing_input}.{encode_base64url(KEY.sign(signing_input.encode()))}"


def _with_mac() -> str:
    header: JsonObject = {"alg": "HS256", "typ": "statuslist+jwt", "kid": KEY_ID}
    signing_input = f"{encode_base64url(encode_json(header))}.{encode_base64url(encode_json(payload()))}"
    mac = hmac.digest(KEY.public_key.raw, signing_input.encode(), hashlib.sha256)
    return f"{signing_input}.{encode_base64url(mac)}"


def _with_list(**members: JsonValue) -> str:
    """A good token around another `status_list` member."""
    return token(payload(status_list=dict(members)))


def _with_stream(stream: bytes) -> str:
    return _with_list(bits=8, lst=encode_base64url(stream))


def _raw_deflate() -> bytes:
    deflater = zlib.compressobj(wbits=-15)
    return deflater.compress(ARRAY) + deflater.flush()


def _with_dictionary() -> bytes:
    deflater = zlib.compressobj(zdict=ARRAY)
    return deflater.compress(ARRAY) + deflater.flush()


STREAM = zlib.compress(ARRAY, 9)
BITS = encode_base64url(zlib.compress(bytes(64)))

ATTACKS: dict[str, tuple[Code, str]] = {
    "NT-T02-typ-missing": (Code.TYPE_MISMATCH, _with_header(typ=None)),
    "NT-T02-typ-jwt": (Code.TYPE_MISMATCH, _with_header(typ="JWT")),
    "NT-T02-typ-credential": (Code.TYPE_MISMATCH, _with_header(typ="dc+sd-jwt")),
    "NT-T02-typ-case": (Code.TYPE_MISMATCH, _with_header(typ="StatusList+jwt")),
    "NT-T03-other-list-of-the-issuer": (
        Code.STATUS_SUBJECT_MISMATCH,
        token(payload(sub="https://issuer.example/status/2")),
    ),
    "NT-T04-trailing-slash": (Code.STATUS_SUBJECT_MISMATCH, token(payload(sub=f"{URI}/"))),
    "NT-T04-case": (Code.STATUS_SUBJECT_MISMATCH, token(payload(sub=URI.replace("issuer", "Issuer")))),
    "NT-T04-missing": (Code.MEMBER_MISSING, token(payload(sub=None))),
    "NT-T05-key-of-another": (Code.STATUS_SIGNATURE_INVALID, token(key=OTHER_KEY)),
    "NT-T05-key-not-listed": (
        Code.STATUS_SIGNATURE_INVALID,
        token(key=OTHER_KEY, key_id=f"{DID}#key-2"),
    ),
    "NT-T05-kid-of-another-did": (
        Code.STATUS_SIGNATURE_INVALID,
        token(key_id="did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw#key-1"),
    ),
    "NT-T05-kid-relative": (Code.STATUS_SIGNATURE_INVALID, token(key_id="#key-1")),
    "NT-T05-kid-missing": (Code.STATUS_SIGNATURE_INVALID, _with_header(kid=None)),
    "NT-T05-kid-number": (Code.STATUS_SIGNATURE_INVALID, _with_header(kid=1)),
    "NT-T05-key-in-header": (Code.KEY_SOURCE_FORBIDDEN, _with_header(jwk={"kty": "OKP"})),
    "NT-T06-expired": (Code.STATUS_EXPIRED, token(payload(exp=SECONDS - 1))),
    "NT-T06-expires-now": (Code.STATUS_EXPIRED, token(payload(exp=SECONDS))),
    "NT-T06-exp-text": (Code.MEMBER_INVALID, token(payload(exp=str(SECONDS + 60)))),
    "NT-T06-exp-true": (Code.MEMBER_INVALID, token(payload(exp=True))),
    "NT-T06-exp-beyond-time": (Code.MEMBER_INVALID, token(payload(exp=2**53 - 1))),
    "NT-T06-iat-missing": (Code.MEMBER_MISSING, token(payload(iat=None))),
    "NT-T06-iat-negative": (Code.MEMBER_INVALID, token(payload(iat=-1))),
    "NT-T06-iat-future": (Code.NOT_YET_VALID, token(payload(iat=SECONDS + 61))),
    "NT-T07-ttl-zero": (Code.MEMBER_INVALID, token(payload(ttl=0))),
    "NT-T07-ttl-negative": (Code.MEMBER_INVALID, token(payload(ttl=-1))),
    "NT-T07-ttl-float": (Code.MEMBER_INVALID, token(payload(ttl=1e12))),
    "NT-T07-ttl-text": (Code.MEMBER_INVALID, token(payload(ttl="3600"))),
    "NT-T07-ttl-true": (Code.MEMBER_INVALID, token(payload(ttl=True))),
    "NT-T09-bits-0": (Code.STATUS_LIST_MALFORMED, _with_list(bits=0, lst=BITS)),
    "NT-T09-bits-3": (Code.STATUS_LIST_MALFORMED, _with_list(bits=3, lst=BITS)),
    "NT-T09-bits-16": (Code.STATUS_LIST_MALFORMED, _with_list(bits=16, lst=BITS)),
    "NT-T09-bits-text": (Code.STATUS_LIST_MALFORMED, _with_list(bits="1", lst=BITS)),
    "NT-T09-bits-true": (Code.STATUS_LIST_MALFORMED, _with_list(bits=True, lst=BITS)),
    "NT-T09-bits-float": (Code.STATUS_LIST_MALFORMED, _with_list(bits=1.0, lst=BITS)),
    "NT-T09-bits-missing": (Code.STATUS_LIST_MALFORMED, _with_list(lst=BITS)),
    "NT-T11-list-missing": (Code.MEMBER_MISSING, token(payload(status_list=None))),
    "NT-T11-list-array": (Code.MEMBER_INVALID, token(payload(status_list=[1]))),
    "NT-T11-lst-missing": (Code.MEMBER_MISSING, _with_list(bits=1)),
    "NT-T11-lst-padded": (Code.ENCODING_INVALID, _with_list(bits=1, lst=f"{BITS}=")),
    "NT-T11-truncated": (Code.STATUS_LIST_MALFORMED, _with_stream(STREAM[:-5])),
    "NT-T11-checksum-cut": (Code.STATUS_LIST_MALFORMED, _with_stream(STREAM[:-1])),
    "NT-T11-checksum-wrong": (
        Code.STATUS_LIST_MALFORMED,
        _with_stream(STREAM[:-1] + bytes([STREAM[-1] ^ 1])),
    ),
    "NT-T11-raw-deflate": (Code.STATUS_LIST_MALFORMED, _with_stream(_raw_deflate())),
    "NT-T11-gzip": (Code.STATUS_LIST_MALFORMED, _with_stream(gzip.compress(ARRAY))),
    "NT-T11-preset-dictionary": (Code.STATUS_LIST_MALFORMED, _with_stream(_with_dictionary())),
    "NT-T12-bytes-behind-the-stream": (Code.STATUS_LIST_MALFORMED, _with_stream(STREAM + b"\x00")),
    "NT-T12-second-stream": (Code.STATUS_LIST_MALFORMED, _with_stream(STREAM + STREAM)),
    "NT-T24-mac": (Code.ALGORITHM_NOT_ALLOWED, _with_mac()),
    "NT-T24-none": (Code.ALGORITHM_NOT_ALLOWED, _with_header(alg="none")),
    "NT-T24-other-curve": (Code.ALGORITHM_NOT_ALLOWED, _with_header(alg="ES256")),
}


@pytest.mark.parametrize(("code", "attack"), ATTACKS.values(), ids=ATTACKS.keys())
def test_attacked_token_is_refused(code: Code, attack: str) -> None:
    verify(token())
    with pytest.raises(TallyError) as caught:
        verify(attack)
    assert caught.value.code is code
    assert "eyJ" not in str(caught.value)


@pytest.mark.parametrize("bit", range(512), ids=lambda bit: f"NT-T01-bit-{bit}")
def test_signature_with_one_bit_flipped_is_refused(bit: int) -> None:
    signing_input, _, encoded = token().rpartition(".")
    signature = bytearray(decode_base64url(encoded))
    signature[bit // 8] ^= 1 << bit % 8
    with pytest.raises(TallyError) as caught:
        verify(f"{signing_input}.{encode_base64url(bytes(signature))}")
    assert caught.value.code is Code.STATUS_SIGNATURE_INVALID


@pytest.mark.parametrize("assertion", [[], ["key-2"]], ids=["NT-T05-authentication-only", "NT-T05-rotated"])
def test_token_of_a_key_that_is_not_for_assertions_now_is_refused(assertion: list[str]) -> None:
    verify(token())
    with pytest.raises(TallyError) as caught:
        verify(token(), issuer=verified_did({"key-1": KEY, "key-2": OTHER_KEY}, assertion=assertion))
    assert caught.value.code is Code.STATUS_SIGNATURE_INVALID


@pytest.mark.parametrize("age", [timedelta(seconds=1), timedelta(days=30)], ids=["NT-T08-1s", "NT-T08-30d"])
def test_list_older_than_the_last_one_seen_is_refused(age: timedelta) -> None:
    verified = verify(token())
    with pytest.raises(TallyError) as caught:
        verify_no_rollback(verified, last_issued_at=verified.issued_at + age)
    assert caught.value.code is Code.STATUS_ROLLBACK


@pytest.mark.parametrize("size", [256 << 20], ids=["NT-T10-bomb"])
def test_bomb_is_refused_within_bounded_memory(size: int) -> None:
    deflater = zlib.compressobj(9)
    block = bytes(1 << 20)
    bomb = b"".join(deflater.compress(block) for _ in range(size // len(block))) + deflater.flush()
    assert len(bomb) < 300_000
    attack = _with_stream(bomb)
    tracemalloc.start()
    with pytest.raises(TallyError) as caught:
        verify(attack)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.code is Code.STATUS_LIST_MALFORMED
    assert peak < 2 * MAX_INFLATED_BYTES + (8 << 20)


INDICES = {
    "size": ("16", Code.STATUS_INDEX_OUT_OF_RANGE),
    "size-plus-1": ("17", Code.STATUS_INDEX_OUT_OF_RANGE),
    "largest": (str(2**53 - 1), Code.STATUS_INDEX_OUT_OF_RANGE),
    "2^63": (str(2**63), Code.JSON_NUMBER),
    "negative": ("-1", Code.CLAIM_INVALID),
    "negative-zero-float": ("-0.0", Code.CLAIM_INVALID),
    "float": ("1.5", Code.CLAIM_INVALID),
    "whole-float": ("1.0", Code.CLAIM_INVALID),
    "exponent": ("1e0", Code.CLAIM_INVALID),
    "text": ('"0"', Code.CLAIM_INVALID),
    "true": ("true", Code.CLAIM_INVALID),
    "null": ("null", Code.CLAIM_INVALID),
}


@pytest.mark.parametrize(("index", "code"), INDICES.values(), ids=[f"NT-T13-{name}" for name in INDICES])
def test_credential_with_an_impossible_index_is_refused(index: str, code: Code) -> None:
    verified = verify(token(payload(StatusList.all_valid(1, 16))))

    def look_up(text: str) -> None:
        credential = f'{{"status":{{"status_list":{{"idx":{text},"uri":"{URI}"}}}}}}'
        reference = read_status(parse_json_object(credential))
        assert reference is not None
        verify_status(verified, reference.index)

    look_up("15")
    with pytest.raises(TallyError) as caught:
        look_up(index)
    assert caught.value.code is code


ADDRESSES = {
    "http": "http://issuer.example/status/1",
    "http-localhost-in-front": "http://localhost.issuer.example/1",
    "file": "file:///etc/passwd",
    "no-scheme": "//issuer.example/1",
    "empty": "",
    "ipv4": "https://10.0.0.1/1",
    "ipv4-over-http": "http://127.0.0.1/1",
    "ipv4-short": "https://127.1/1",
    "ipv4-decimal": "https://2130706433/1",
    "ipv4-hexadecimal": "https://0x7f000001/1",
    "ipv4-hexadecimal-dotted": "https://0x7f.0x1/1",
    "ipv4-trailing-dot": "https://10.0.0.1./1",
    "ipv6": "https://[::1]/1",
    "single-label": "https://localhost/1",
    "userinfo": "https://issuer.example@evil.example/1",
    "userinfo-backslash": "https://a@127.0.0.1\\@issuer.example/1",
    "fragment": "https://issuer.example/1#x",
    "line-feed": "https://issuer.example/1\n",
    "space": "https://issuer.example/1 2",
    "homoglyph": "https://issuer.\u0435xample/1",
}


@pytest.mark.parametrize("uri", ADDRESSES.values(), ids=[f"NT-T14-{name}" for name in ADDRESSES])
def test_credential_that_points_where_nothing_must_be_fetched_is_refused(uri: str) -> None:
    assert read_status({"status": {"status_list": {"idx": 1, "uri": URI}}})
    with pytest.raises(TallyError) as caught:
        read_status({"status": {"status_list": {"idx": 1, "uri": uri}}})
    assert caught.value.code is Code.CLAIM_INVALID


@pytest.mark.parametrize(
    ("bits", "byte", "values"),
    [(1, 0x01, [1, 0, 0, 0, 0, 0, 0, 0]), (2, 0x07, [3, 1, 0, 0]), (4, 0x21, [1, 2]), (8, 0x81, [0x81])],
    ids=["NT-T15-1-bit", "NT-T15-2-bits", "NT-T15-4-bits", "NT-T15-8-bits"],
)
def test_low_bits_of_a_byte_come_first(bits: int, byte: int, values: list[int]) -> None:
    array = StatusList(bits, bytes([byte]))
    assert [array.get(index) for index in range(array.size)] == values


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (0x01, Code.CREDENTIAL_REVOKED),
        (0x02, Code.CREDENTIAL_SUSPENDED),
        *[(value, Code.STATUS_UNKNOWN) for value in (0x03, 0x04, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F, 0xFF)],
    ],
    ids=lambda value: f"NT-T16-{value:#04x}" if isinstance(value, int) else str(value),
)
def test_credential_with_any_other_status_than_valid_is_refused(value: int, code: Code) -> None:
    verified = verify(token(payload(StatusList.all_valid(8, 64).with_statuses({7: value}))))
    verify_status(verified, 6)
    with pytest.raises(TallyError) as caught:
        verify_status(verified, 7)
    assert caught.value.code is code
    if code is Code.STATUS_UNKNOWN:
        with pytest.raises(TallyError) as caught:
            status_at(verified, 7)
        assert caught.value.code is code


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (timedelta(hours=-2), Code.NOT_YET_VALID),
        (timedelta(hours=1), Code.STATUS_EXPIRED),
        (timedelta(days=365), Code.STATUS_EXPIRED),
    ],
    ids=["NT-T23-before-it-was-issued", "NT-T23-when-it-expires", "NT-T23-long-after"],
)
def test_list_that_does_not_cover_the_moment_asked_for_is_refused(asked: timedelta, code: Code) -> None:
    verify(token(), now=NOW - timedelta(minutes=30))
    with pytest.raises(TallyError) as caught:
        verify(token(), now=NOW + asked)
    assert caught.value.code is code
