from datetime import UTC, datetime, timedelta

import pytest

from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject
from protocol.errors import MalformedError, VerificationError
from protocol.jws import Algorithm, parse_jws, sign_jws
from protocol.keys import Ed25519PrivateKey, P256PrivateKey, SigningKey
from protocol.sdjwt.disclosure import HashAlgorithm, digest_of
from protocol.sdjwt.issue import issue_sd_jwt
from protocol.sdjwt.key_binding import MAX_KEY_BINDING_CHARACTERS, create_key_binding, verify_key_binding
from protocol.sdjwt.parse import SdJwt
from tests.attacks.artefacts import counted_salts

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ED25519 = Ed25519PrivateKey(bytes(range(32)))
P256 = P256PrivateKey(bytes(31) + b"\x07")


def credential(algorithm: HashAlgorithm = HashAlgorithm.SHA_256) -> SdJwt:
    return issue_sd_jwt(
        {"name": "Ada"},
        disclosable=[("name",)],
        key=ED25519,
        salts=counted_salts(),
        typ="example+sd-jwt",
        hash_algorithm=algorithm,
    )


def create(sd_jwt: SdJwt, key: SigningKey = ED25519, *transaction_data: str) -> str:
    return create_key_binding(
        sd_jwt, key=key, nonce="n", audience="a", issued_at=NOW, transaction_data=transaction_data
    )


def verify(
    binding: str,
    sd_jwt: SdJwt,
    key: SigningKey = ED25519,
    *transaction_data: str,
    algorithm: HashAlgorithm = HashAlgorithm.SHA_256,
    now: datetime = NOW,
) -> None:
    verify_key_binding(
        binding,
        sd_jwt=sd_jwt,
        hash_algorithm=algorithm,
        holder_key=key.public_key,
        expected_nonce="n",
        expected_audience="a",
        expected_transaction_data=transaction_data,
        now=now,
        max_age=timedelta(seconds=300),
        clock_skew=timedelta(seconds=60),
    )


@pytest.mark.parametrize("key", [ED25519, P256])
@pytest.mark.parametrize("algorithm", HashAlgorithm)
def test_created_key_binding_is_verified(key: SigningKey, algorithm: HashAlgorithm) -> None:
    sd_jwt = credential(algorithm)
    verify(create(sd_jwt, key), sd_jwt, key, algorithm=algorithm)


def test_key_binding_says_what_the_specification_lists_and_no_more() -> None:
    sd_jwt = credential()
    jws = parse_jws(create(sd_jwt), expected_typ="kb+jwt")
    assert jws.header == {"alg": "EdDSA", "typ": "kb+jwt"}
    assert jws.payload_object() == {
        "iat": int(NOW.timestamp()),
        "aud": "a",
        "nonce": "n",
        "sd_hash": digest_of(sd_jwt.encoded_without_key_binding, HashAlgorithm.SHA_256),
    }


def test_key_binding_with_the_newer_name_of_ed25519_is_verified() -> None:
    sd_jwt = credential()
    binding = create_key_binding(
        sd_jwt, key=ED25519, nonce="n", audience="a", issued_at=NOW, ed25519_name=Algorithm.ED25519
    )
    assert parse_jws(binding, expected_typ="kb+jwt").algorithm is Algorithm.ED25519
    verify(binding, sd_jwt)


def test_confirmed_transactions_are_verified() -> None:
    sd_jwt = credential()
    binding = create(sd_jwt, ED25519, "eyJhIjoxfQ", "eyJiIjoyfQ")
    verify(binding, sd_jwt, ED25519, "eyJhIjoxfQ", "eyJiIjoyfQ")
    for expected in [(), ("eyJhIjoxfQ",), ("eyJiIjoyfQ", "eyJhIjoxfQ"), ("eyJhIjoxfQ", "eyJiIjoyfQ", "e30")]:
        with pytest.raises(VerificationError) as caught:
            verify(binding, sd_jwt, ED25519, *expected)
        assert caught.value.code is Code.TRANSACTION_DATA_MISMATCH


@pytest.mark.parametrize(("seconds", "fresh"), [(-60, True), (-61, False), (300, True), (301, False)])
def test_key_binding_is_fresh_within_its_age_and_the_clock_skew(seconds: int, fresh: bool) -> None:
    sd_jwt = credential()
    now = NOW + timedelta(seconds=seconds)
    if fresh:
        verify(create(sd_jwt), sd_jwt, now=now)
    else:
        with pytest.raises(VerificationError) as caught:
            verify(create(sd_jwt), sd_jwt, now=now)
        assert caught.value.code is Code.KEY_BINDING_NOT_FRESH


def test_claims_that_are_not_understood_are_ignored() -> None:
    sd_jwt = credential()
    payload: JsonObject = parse_jws(create(sd_jwt), expected_typ="kb+jwt").payload_object()
    verify(sign_jws(payload | {"iss": "somebody", "x": [1]}, ED25519, typ="kb+jwt"), sd_jwt)


def test_key_binding_beyond_16_kb_is_refused() -> None:
    sd_jwt = credential()
    payload = parse_jws(create(sd_jwt), expected_typ="kb+jwt").payload_object()
    binding = sign_jws(payload | {"x": "x" * MAX_KEY_BINDING_CHARACTERS}, ED25519, typ="kb+jwt")
    with pytest.raises(MalformedError) as caught:
        verify(binding, sd_jwt)
    assert caught.value.code is Code.SIZE_EXCEEDED
