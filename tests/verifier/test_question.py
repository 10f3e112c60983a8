from typing import Any

import pytest

from protocol.claim_path import ClaimPath
from protocol.codes import Code
from protocol.errors import MalformedError, RefusedError
from protocol.openid4vp.dcql.query import ClaimQuery
from protocol.openid4vp.dcql.selection import Candidate, select_credentials
from protocol.policy import VerificationPolicy
from tests.verifier.shop import DEGREE, POLICY, question
from verifier.question import (
    MAX_OPTIONAL,
    CredentialQuestion,
    create_query,
    encode_path_text,
    parse_path_text,
)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("level", ("level",)),
        ("address.locality", ("address", "locality")),
        ("nationalities.0", ("nationalities", 0)),
        ("prizes.*.year", ("prizes", None, "year")),
        ("v1.0x", ("v1", "0x")),
        ("a.1234567890", ("a", "1234567890")),
    ],
)
def test_path_that_people_write_is_a_claims_path(text: str, path: ClaimPath) -> None:
    assert parse_path_text(text) == path
    assert encode_path_text(path) == text


@pytest.mark.parametrize("text", ["", ".", "a..b", "a."])
def test_path_with_an_empty_part_is_refused(text: str) -> None:
    with pytest.raises(MalformedError) as refusal:
        parse_path_text(text)
    assert refusal.value.code is Code.MEMBER_INVALID


def test_needed_claims_alone_need_no_claim_sets() -> None:
    (credential,) = sources(question("degree", "level", "field"))
    assert credential == {
        "id": "degree",
        "format": "dc+sd-jwt",
        "meta": {"vct_values": [DEGREE.vct]},
        "claims": [{"id": "c0", "path": ["level"]}, {"id": "c1", "path": ["field"]}],
    }


def test_no_claims_ask_for_the_credential_alone() -> None:
    (credential,) = sources(question("degree"))
    assert credential.keys() == {"id", "format", "meta"}


def test_every_choice_of_the_optional_claims_is_a_claim_set_the_least_first() -> None:
    (credential,) = sources(question("degree", "level", optional=["grade", "field"]))
    assert credential["claim_sets"] == [["c0"], ["c0", "c1"], ["c0", "c2"], ["c0", "c1", "c2"]]


def test_wallet_that_chooses_by_itself_shows_the_least() -> None:
    query = create_query([question("degree", "level", optional=["grade"])], POLICY)
    held = Candidate("1", "dc+sd-jwt", DEGREE.vct, dict(DEGREE.example), holder_bound=True)
    match = select_credentials(query, [held]).first_answer()["degree"]
    assert match.disclosed == {("level",)}


def test_as_many_optional_claims_as_dcql_has_room_for() -> None:
    names = ["grade", "field", "credits", "title", "university", "awarded_on", "birth_date"]
    (credential,) = sources(question("degree", "level", optional=names[:MAX_OPTIONAL]))
    assert len(credential["claim_sets"]) == 2**MAX_OPTIONAL == 64
    with pytest.raises(MalformedError) as refusal:
        sources(question("degree", "level", optional=names[: MAX_OPTIONAL + 1]))
    assert refusal.value.code is Code.QUERY_INVALID


def test_values_are_asked_for_as_they_are() -> None:
    asked = CredentialQuestion("degree", (ClaimQuery(("age_over_18",), (True,)),))
    (credential,) = sources(asked)
    assert credential["claims"] == [{"id": "c0", "path": ["age_over_18"], "values": [True]}]


def test_type_for_which_only_a_root_is_trusted_can_be_asked_for() -> None:
    rooted = VerificationPolicy(trusted_issuers={}, trusted_roots={DEGREE.vct: frozenset({"did:webvh:x"})})
    assert create_query([question("degree", "level")], rooted).credentials[0].id == "degree"
    with pytest.raises(RefusedError) as refusal:
        create_query([question("identity_card", "given_name")], rooted)
    assert refusal.value.code is Code.ISSUER_NOT_TRUSTED


def test_two_questions_of_one_type_have_two_ids() -> None:
    first, second = sources(question("degree", "level"), question("degree", "field"))
    assert (first["id"], second["id"]) == ("degree", "credential_2")


def sources(*questions: CredentialQuestion) -> list[Any]:
    source: Any = create_query(questions, POLICY).source
    return list(source["credentials"])
