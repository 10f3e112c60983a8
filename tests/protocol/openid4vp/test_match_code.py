import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.openid4vp.match_code import WORDS, match_code
from tests.docs.markdown import read_page

PAGE = read_page("docs/formats/match-code.md")
EXAMPLES = [cells for _, cells in PAGE.rows() if cells[1].startswith("`n-")]


def test_words_are_those_of_the_page() -> None:
    (listed,) = [block.text for block in PAGE.blocks if "acorn" in block.text]
    assert tuple(listed.split()) == WORDS


def test_words_are_as_many_as_a_byte_tells_apart_and_none_looks_like_another() -> None:
    assert len({word[:3] for word in WORDS}) == len(WORDS) == 256
    assert all(re.fullmatch("[a-z]{3,6}", word) for word in WORDS)


@pytest.mark.parametrize(("client_id", "nonce", "code"), EXAMPLES)
def test_examples_of_the_page_are_true(client_id: str, nonce: str, code: str) -> None:
    assert len(EXAMPLES) == 2
    assert match_code(client_id.strip("`"), nonce.strip("`")) == code


@given(st.text(), st.text())
def test_code_is_two_words_in_capitals(client_id: str, nonce: str) -> None:
    first, second = match_code(client_id, nonce).split("-")
    assert {first.lower(), second.lower()} <= {*WORDS}


def test_other_nonce_and_other_client_have_other_words() -> None:
    code = match_code("redirect_uri:https://verifier.example/response", "n-0S6_WzA2MjTz9LwNfZpQ")
    assert match_code("redirect_uri:https://verifier.example/response", "n-0S6_WzA2MjTz9LwNfZpR") != code
    assert match_code("redirect_uri:https://verifier.example/responses", "n-0S6_WzA2MjTz9LwNfZpQ") != code
