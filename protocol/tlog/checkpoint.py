"""Checkpoints: the state of the log as the text of a signed note (C2SP tlog-checkpoint v1.0.0).

<origin>
<tree size>
<base64 of the root hash>
[<extension lines>]
"""

from dataclasses import dataclass

from protocol.codes import Code
from protocol.encoding.base64 import encode_base64
from protocol.errors import MalformedError
from protocol.tlog.lines import parse_decimal, parse_hash
from protocol.tlog.merkle import EMPTY_ROOT


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log claims: which log it is, how many entries it holds, and their root hash.

    `extensions` are opaque lines; we read them because they are signed, and never write any.
    """

    origin: str
    tree_size: int
    root_hash: bytes
    extensions: tuple[str, ...] = ()


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the text of a note as a checkpoint, which nobody vouches for yet.

    Raises:
        MalformedError: a line is missing, empty or not in its form, or the root of an empty tree is wrong.
    """
    lines = text.split("\n")
    if len(lines) < 4 or lines.pop() != "" or "" in lines:
        raise MalformedError(Code.LOG_NOTE_MALFORMED, "origin, tree size and root hash, each on its line")
    tree_size = parse_decimal(lines[1], Code.LOG_NOTE_MALFORMED)
    root_hash = parse_hash(lines[2], Code.LOG_NOTE_MALFORMED)
    if tree_size == 0 and root_hash != EMPTY_ROOT:
        raise MalformedError(Code.LOG_NOTE_MALFORMED, "root hash of an empty tree")
    return Checkpoint(lines[0], tree_size, root_hash, tuple(lines[3:]))


def encode_checkpoint(checkpoint: Checkpoint) -> str:
    """Write the text of the note that holds `checkpoint`."""
    lines = [
        checkpoint.origin,
        str(checkpoint.tree_size),
        encode_base64(checkpoint.root_hash),
        *checkpoint.extensions,
    ]
    return "".join(f"{line}\n" for line in lines)
