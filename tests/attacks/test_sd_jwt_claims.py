"""Attacks on times and types, on what holders receive and what issuers make (NT-S61 to NT-S69)."""

import json
from collections.abc import Callable

import pytest

from protocol.claim_path import ClaimPath
from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject
from protocol.errors import RefusedError, VerificationError
from protocol.policy import StatusRule
from protocol.sdjwt.disclosure import HashAlgorithm
from protocol.sdjwt_vc import issue_sd_jwt_vc
from protocol.type_metadata import resolve_type_metadata
from tests.attacks.artefacts import (
    BASIS,
    CLAIMS,
    DID,
    DISCLOSABLE,
    HEADER,
    ISSUER_KEY,
    KEY_ID,
    OTHER_KEY,
    SECONDS,
    VCT,
    Verifier,
    assert_attack_fails,
    assert_refused,
    attack,
    bind,
    compact,
    counted_salts,
    credential,
    honest,
    issuer_jwt,
    json_bytes,
    minimal,
    policy,
    presentation,
    sha256,
    without,
)

SALT = "salt-0000000000000000000000"


def with_raw_claim(text: str) -> str:
    """A signed payload whose claim `exp` is spelled `text`."""
    basis = json.dumps(without(BASIS, "exp"))
    return bind(compact(issuer_jwt(f'{basis[:-1]}, "exp": {text}}}')))


def with_issuer(did: str) -> str:
    """A credential of somebody whose DID looks like the trusted one, properly signed with a key of theirs."""
    header = HEADER | {"kid": f"{did}#key-1"}
    return bind(compact(issuer_jwt(BASIS | {"iss": did}, header, OTHER_KEY)))


TIMES = [
    attack("S61-exp-is-now", Code.EXPIRED, minimal(exp=SECONDS)),
    attack("S61-exp-a-second-ago", Code.EXPIRED, minimal(exp=SECONDS - 1)),
    attack("S61-exp-text", Code.CLAIM_INVALID, minimal(exp=str(SECONDS + 60))),
    attack("S61-exp-true", Code.CLAIM_INVALID, minimal(exp=True)),
    attack("S61-exp-null", Code.CLAIM_INVALID, minimal(exp=None)),
    attack("S61-exp-a-fraction", Code.CLAIM_INVALID, minimal(exp=SECONDS + 0.5)),
    attack("S61-exp-negative", Code.CLAIM_INVALID, minimal(exp=-1)),
    attack("S61-exp-1e400", Code.JSON_NUMBER, with_raw_claim("1e400")),
    attack("S62-nbf-ahead", Code.NOT_YET_VALID, minimal(nbf=SECONDS + 61)),
    attack("S62-iat-ahead", Code.NOT_YET_VALID, minimal(iat=SECONDS + 61)),
    attack(
        "S63-no-exp",
        Code.CLAIM_MISSING,
        bind(compact(issuer_jwt(without(BASIS, "exp")))),
        policy=policy(expiry_required=True),
    ),
    attack("S63-no-status", Code.CLAIM_MISSING, minimal(), policy=policy(status=StatusRule.REQUIRED)),
]
TYPES = [
    attack("S64-missing", Code.CLAIM_MISSING, bind(compact(issuer_jwt(without(BASIS, "vct"))))),
    attack("S64-list", Code.CLAIM_INVALID, minimal(vct=[VCT])),
    attack("S64-empty", Code.CLAIM_INVALID, minimal(vct="")),
    attack("S64-another", Code.ISSUER_NOT_TRUSTED, minimal(vct=VCT + "0")),
    *[
        attack(f"S65-{name}", Code.ISSUER_NOT_TRUSTED, with_issuer(did))
        for name, did in {
            "homoglyph": DID.replace("issuer", "іssuer"),
            "trailing-dot": DID + ".",
            "upper-case-host": DID.replace("issuer.example", "Issuer.example"),
            "path-suffix": DID + ":a",
            "white-space": DID + " ",
        }.items()
    ],
]


@pytest.mark.parametrize(
    ("code", "text", "verifier"),
    TIMES + TYPES,
)
def test_credential_of_another_time_or_type_is_refused(
    code: Code, text: str, verifier: dict[str, object]
) -> None:
    assert_attack_fails(code, text, verifier)


@pytest.mark.parametrize(
    ("integrity", "extends"),
    [
        pytest.param("sha256-" + "A" * 43 + "=", None, id="NT-S66-integrity"),
        pytest.param(None, "urn:0", id="NT-S66-circle"),
        pytest.param(None, "urn:1", id="NT-S66-11-extensions"),
    ],
)
def test_type_metadata_that_does_not_hold_is_refused(integrity: str | None, extends: str | None) -> None:
    documents: dict[str, JsonObject] = {f"urn:{number}": {"vct": f"urn:{number}"} for number in range(12)}

    def resolve(integrity: str | None) -> None:
        resolve_type_metadata(
            "urn:0", integrity=integrity, fetch_document=lambda vct: json_bytes(documents[vct])
        )

    resolve(None)
    for number in range(11):
        if extends:
            documents[f"urn:{number}"]["extends"] = "urn:0" if extends == "urn:0" else f"urn:{number + 1}"
    with pytest.raises(VerificationError) as caught:
        resolve(integrity)
    assert caught.value.code is Code.TYPE_METADATA_INVALID


@pytest.mark.parametrize("text", [pytest.param(honest(), id="NT-S67-key-binding-from-the-issuer")])
def test_holder_refuses_a_credential_with_a_key_binding(text: str) -> None:
    verifier = Verifier()
    verifier.verify_unpresented(credential().encoded)
    assert_refused(Code.KEY_BINDING_UNEXPECTED, verifier.verify_unpresented, text, verifier)


@pytest.mark.parametrize(
    "salts",
    [
        pytest.param(lambda: SALT, id="NT-S68-salt-reused"),
        pytest.param(iter("abcdefghijk").__next__, id="NT-S68-salt-short"),
    ],
)
def test_issuing_with_unsafe_salts_is_refused(salts: Callable[[], str]) -> None:
    with pytest.raises(RefusedError) as caught:
        issue_sd_jwt_vc(CLAIMS, disclosable=DISCLOSABLE, key=ISSUER_KEY, key_id=KEY_ID, salts=salts)
    assert caught.value.code is Code.SALT_UNSAFE


@pytest.mark.parametrize("count", [pytest.param(40, id="NT-S68-order-of-digests")])
def test_order_of_the_digests_does_not_depend_on_the_order_of_the_claims(count: int) -> None:
    claims = BASIS | {f"claim{number}": number for number in range(count)}
    paths: list[ClaimPath] = [(f"claim{number}",) for number in range(count)]
    issued = issue_sd_jwt_vc(claims, disclosable=paths, key=ISSUER_KEY, key_id=KEY_ID, salts=counted_salts())
    digests = issued.unverified_payload()["_sd"]
    assert digests == sorted(sha256(each.encoded) for each in issued.disclosures)


@pytest.mark.parametrize("algorithm", [pytest.param(HashAlgorithm.SHA_256, id="NT-S69-no-trace-left")])
def test_verified_claims_hold_nothing_of_the_format(algorithm: HashAlgorithm) -> None:
    for text in (
        honest(),
        presentation(),
        minimal(_sd_alg=algorithm.value, _sd=[], a=[{"...": "decoy"}, {"_sd": []}]),
    ):
        claims = json.dumps(Verifier().verify(text).claims)
        assert not any(f'"{name}"' in claims for name in ("_sd", "_sd_alg", "..."))
