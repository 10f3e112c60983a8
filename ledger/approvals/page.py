"""What a node says it has approved of the DIDs that name it as a witness, as its HTTP door writes it.

    {"tree_size": 12, "approvals": [{"leaf_index": 3, "version_id": "2-Qm...", "proof": {...}}, ...]}

In the order of the log, and of entries from the asked index on. With less than a full page there is nothing
more among the first `tree_size` entries.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from protocol.codes import Code
from protocol.encoding.members import integer_member, object_member, objects_member, text_member
from protocol.encoding.strict_json import JsonObject, parse_json_object
from protocol.errors import MalformedError

MAX_APPROVALS = 256
MAX_PAGE_BYTES = 512 * 1024


@dataclass(frozen=True, slots=True)
class Approval:
    """A proof that a witness approves the entry `version_id` of a DID, which stands at `leaf_index`."""

    leaf_index: int
    version_id: str
    proof: JsonObject


@dataclass(frozen=True, slots=True)
class ApprovalPage:
    """Some approvals, and how many entries of the log the node has looked at."""

    approvals: Sequence[Approval]
    tree_size: int


def encode_approvals(page: ApprovalPage) -> JsonObject:
    """Write `page`."""
    return {
        "tree_size": page.tree_size,
        "approvals": [
            {"leaf_index": each.leaf_index, "version_id": each.version_id, "proof": each.proof}
            for each in page.approvals
        ],
    }


def parse_approvals(source: bytes, *, after: int) -> ApprovalPage:
    """Read the page of approvals from the index `after` on. Not checked: the proofs.

    Raises:
        MalformedError: another form, too many, or not in the order of the log within what was looked at.
    """
    members = parse_json_object(source, max_bytes=MAX_PAGE_BYTES)
    tree_size = integer_member(members, "tree_size")
    approvals = [
        Approval(
            integer_member(item, "leaf_index"), text_member(item, "version_id"), object_member(item, "proof")
        )
        for item in objects_member(members, "approvals")
    ]
    if len(approvals) > MAX_APPROVALS:
        raise MalformedError(Code.SIZE_EXCEEDED, "approvals")
    bounds = [after - 1, *(each.leaf_index for each in approvals), tree_size]
    if approvals and any(low >= high for low, high in pairwise(bounds)):
        raise MalformedError(Code.FORMAT_INVALID, "approvals are in the order of the log")
    return ApprovalPage(approvals, tree_size)
