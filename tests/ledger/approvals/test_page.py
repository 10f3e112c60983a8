import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.approvals.page import (
    MAX_APPROVALS,
    MAX_PAGE_BYTES,
    Approval,
    ApprovalPage,
    encode_approvals,
    parse_approvals,
)
from protocol.codes import Code
from protocol.errors import MalformedError


def page_of(*indices: int, tree_size: int = 1000) -> bytes:
    approvals = [Approval(index, f"{index}-x", {"type": "DataIntegrityProof"}) for index in indices]
    return json.dumps(encode_approvals(ApprovalPage(approvals, tree_size))).encode()


@given(st.sets(st.integers(3, 900), max_size=20))
def test_page_comes_back_as_it_was_written(indices: set[int]) -> None:
    page = parse_approvals(page_of(*sorted(indices)), after=3)
    assert [each.leaf_index for each in page.approvals] == sorted(indices)
    assert page.tree_size == 1000


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (b"[]", Code.FORMAT_INVALID),
        (b"{}", Code.MEMBER_MISSING),
        (b'{"tree_size":1}', Code.MEMBER_MISSING),
        (b'{"tree_size":1,"approvals":[{"leaf_index":0,"version_id":"1-x"}]}', Code.MEMBER_MISSING),
        (b'{"tree_size":1,"approvals":[{"leaf_index":0,"version_id":1,"proof":{}}]}', Code.MEMBER_INVALID),
        (page_of(2), Code.FORMAT_INVALID),
        (page_of(3, 3), Code.FORMAT_INVALID),
        (page_of(4, 3), Code.FORMAT_INVALID),
        (page_of(5, tree_size=5), Code.FORMAT_INVALID),
        (page_of(*range(3, 4 + MAX_APPROVALS)), Code.SIZE_EXCEEDED),
        (b" " * (MAX_PAGE_BYTES + 1), Code.SIZE_EXCEEDED),
    ],
)
def test_page_of_another_form_is_refused(source: bytes, code: Code) -> None:
    with pytest.raises(MalformedError) as refusal:
        parse_approvals(source, after=3)
    assert refusal.value.code is code


@given(st.text(max_size=60))
def test_garbage_is_refused_with_our_own_errors(garbage: str) -> None:
    with pytest.raises(MalformedError):
        parse_approvals(garbage.encode(), after=0)
