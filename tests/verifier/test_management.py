from datetime import timedelta
from typing import Any

import pytest

from protocol.codes import Code
from protocol.errors import MalformedError
from protocol.openid4vp.dcql.query import ClaimQuery
from tests.verifier.shop import URL
from verifier.management import CHECK_SCHEMA, REQUEST_SCHEMA, parse_material, parse_request_draft
from verifier.question import CredentialQuestion
from verifier.request import RequestDraft

LEAST: dict[str, Any] = {"type": "degree", "purpose": "Job application", "retention_days": 0}


def parse(**changes: Any) -> RequestDraft:
    source = {name: value for name, value in {**LEAST, **changes}.items() if value is not None}
    return parse_request_draft(source, url=URL, development=False)


def test_least_request_asks_for_the_credential_alone() -> None:
    assert parse() == RequestDraft(
        questions=[CredentialQuestion("degree", ())], purpose="Job application", retention=timedelta(0)
    )


def test_everything_a_request_can_say_is_read() -> None:
    draft = parse(
        claims=["level", ["address", "locality"], {"path": "age_over_18", "values": [True]}],
        optional=[{"path": ["grade", 0, None], "values": ["A", 1]}],
        retention_days=30,
        unsigned=False,
        expires_in=120,
        redirect_uri="https://shop.example/thanks?cart=7",
    )
    assert draft == RequestDraft(
        questions=[
            CredentialQuestion(
                "degree",
                (
                    ClaimQuery(("level",)),
                    ClaimQuery(("address", "locality")),
                    ClaimQuery(("age_over_18",), (True,)),
                ),
                (ClaimQuery(("grade", 0, None), ("A", 1)),),
            )
        ],
        purpose="Job application",
        retention=timedelta(days=30),
        is_signed=True,
        lifetime=timedelta(seconds=120),
        redirect_uri="https://shop.example/thanks?cart=7",
    )


def test_several_credentials_are_asked_for_together() -> None:
    draft = parse(
        type=None,
        credentials=[{"type": "degree", "claims": ["level"]}, {"type": "identity_card"}],
        same=["birth_date", ["cnf", "jwk"]],
        unsigned=True,
    )
    assert draft.questions == [
        CredentialQuestion("degree", (ClaimQuery(("level",)),)),
        CredentialQuestion("identity_card", ()),
    ]
    assert draft.by_query
    assert draft.equal_claims == (("birth_date",), ("cnf", "jwk"))
    assert draft.is_signed is False


def test_same_device_without_a_page_of_its_own_ends_on_ours() -> None:
    assert parse(same_device=True).redirect_uri == "https://shop.example/done"
    assert parse(same_device=False).redirect_uri is None


@pytest.mark.parametrize(
    "changes",
    [
        {"type": None},
        {"type": 1},
        {"credentials": [{"type": "degree"}]},
        {"type": None, "credentials": []},
        {"type": None, "credentials": [{"type": "degree", "claim": []}]},
        {"type": None, "credentials": ["degree"]},
        {"claim": ["level"]},
        {"claims": "level"},
        {"claims": [1]},
        {"claims": [[]]},
        {"claims": [[True]]},
        {"claims": [[-1]]},
        {"claims": ["a..b"]},
        {"claims": [{"path": "level"}]},
        {"claims": [{"path": "level", "values": []}]},
        {"claims": [{"path": "level", "values": [1.5]}]},
        {"claims": [{"path": "level", "values": [None]}]},
        {"claims": [{"path": "level", "values": ["x"], "id": "a"}]},
        {"purpose": None},
        {"purpose": ""},
        {"purpose": " "},
        {"purpose": "x" * 501},
        {"purpose": "Age\x1b[2Jcheck"},
        {"purpose": "Age\ncheck"},
        {"purpose": "eg\u202eA"},
        {"purpose": "A\u200bge"},
        {"purpose": 1},
        {"retention_days": None},
        {"retention_days": -1},
        {"retention_days": 36_526},
        {"retention_days": 1.0},
        {"retention_days": True},
        {"retention_days": "0"},
        {"unsigned": "no"},
        {"expires_in": 29},
        {"expires_in": 3601},
        {"same_device": 1},
        {"same": "birth_date"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": "http://shop.example/"},
        {"redirect_uri": "https://shop.example/#x"},
        {"redirect_uri": "http://shop.localhost:1/"},
    ],
    ids=str,
)
def test_request_that_says_something_else_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        parse(**changes)


def test_refusal_names_what_there_is_and_not_what_was_sent() -> None:
    with pytest.raises(MalformedError) as refusal:
        parse(evil="\x1b[2J")
    assert refusal.value.code is Code.MEMBER_INVALID
    assert "purpose" in refusal.value.detail
    assert "evil" not in refusal.value.detail


@pytest.mark.parametrize(
    "source", [{}, {"credential": ""}, {"credential": "x", "nonce": 1}, {"credential": "x", "policy": {}}]
)
def test_material_that_is_none_is_refused(source: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        parse_material(source)


def test_schemas_describe_what_is_read() -> None:
    properties: Any = REQUEST_SCHEMA["properties"]
    parse(**{name: None for name in properties if name not in LEAST})
    assert set(CHECK_SCHEMA["required"]) == {"credential"}  # type: ignore[arg-type]
