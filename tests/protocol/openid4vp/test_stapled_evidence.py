import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.encoding.strict_json import encode_json
from protocol.errors import MalformedError
from protocol.openid4vp.response import PresentationResponse, encode_response, parse_response
from protocol.openid4vp.stapled_evidence import (
    MAX_STAPLED,
    StapledEvidence,
    encode_stapled_evidence,
    parse_stapled_evidence,
)

EVIDENCE = StapledEvidence((b"tallystick/tally-proof@v1\n",), ("eyJ.eyJ.sig",))


def test_evidence_travels_beside_the_presentations_and_is_not_read_with_them() -> None:
    text = encode_stapled_evidence(EVIDENCE)
    response = parse_response(encode_response({"pid": ["a~"]}, state="s", evidence=text))
    assert response == PresentationResponse({"pid": ("a~",)}, "s", text)
    assert parse_stapled_evidence(text) == EVIDENCE
    unread = parse_response(encode_response({"pid": ["a~"]}, state="s", evidence="{garbage"))
    assert isinstance(unread, PresentationResponse)
    assert unread.evidence == "{garbage"


def test_answer_without_evidence_has_none() -> None:
    response = parse_response(encode_response({"pid": ["a~"]}, state=None))
    assert isinstance(response, PresentationResponse)
    assert response.evidence is None


def test_sixteen_of_a_kind_are_read() -> None:
    many = StapledEvidence((b"x",) * MAX_STAPLED, ("t",) * MAX_STAPLED)
    assert parse_stapled_evidence(encode_stapled_evidence(many)) == many


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("[]", id="no-object"),
        pytest.param('{"proofs": []}', id="half"),
        pytest.param('{"proofs": [1], "status_lists": []}', id="no-text"),
        pytest.param('{"proofs": ["*"], "status_lists": []}', id="no-base64url"),
        pytest.param(
            encode_json({"proofs": [""] * (MAX_STAPLED + 1), "status_lists": []}).decode(), id="proofs"
        ),
        pytest.param(
            encode_json({"proofs": [], "status_lists": [""] * (MAX_STAPLED + 1)}).decode(), id="lists"
        ),
    ],
)
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(MalformedError) as refusal:
        parse_stapled_evidence(text)
    assert refusal.value.code is Code.RESPONSE_INVALID


@given(st.lists(st.binary(max_size=40), max_size=3), st.lists(st.text("ab._-", max_size=9), max_size=3))
def test_what_is_written_is_read_back(proofs: list[bytes], tokens: list[str]) -> None:
    evidence = StapledEvidence(tuple(proofs), tuple(tokens))
    assert parse_stapled_evidence(encode_stapled_evidence(evidence)) == evidence
