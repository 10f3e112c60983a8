"""The state of a ledger as people are shown it: how far it reaches, since when, and who stands behind it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from ledger.cosigners import NodeState
from ledger.node_policy import CosignerKind, kind_of_cosigner
from protocol.errors import TallyError
from protocol.tlog.cosignature import verify_cosignature
from protocol.tlog.note import parse_note
from protocol.tlog.policy import LogPolicy, VerifiedCheckpoint, Witness
from protocol.tlog.quorum import witnesses_of_quorum

PROMISES = {
    CosignerKind.COPY: "keeps a copy, checked every entry",
    CosignerKind.WITNESS: "saw that nothing was taken back",
    CosignerKind.OPERATOR: "is the operator",
    CosignerKind.UNKNOWN: "promise not known",
}
"""What the cosignature of a cosigner says, in a few words."""


@dataclass(frozen=True, slots=True)
class ShownCosigner:
    """A cosigner that the policy names.

    Attributes:
        name: Its name in the policy.
        kind: What its cosignature promises.
        counts: Whether the quorum takes it into account.
        cosigned: When it cosigned this checkpoint; None if it did not.
        tree_size: How much of the log it is known to have cosigned; None where nobody has asked it.
        trouble: Why it could not be asked the last time; None when it could.
    """

    name: str
    kind: CosignerKind
    counts: bool
    cosigned: datetime | None
    tree_size: int | None
    trouble: TallyError | None

    def lag(self, tree_size: int) -> int | None:
        """How many of `tree_size` entries it has not cosigned yet."""
        return None if self.tree_size is None else max(0, tree_size - self.tree_size)


@dataclass(frozen=True, slots=True)
class ShownHead:
    """A published state of a log.

    Attributes:
        origin: The log's name.
        tree_size: How many entries it has.
        root_hash: The root hash over them.
        time: The time that the quorum vouches for; None where the policy asks for none.
        age: How long ago that was.
        cosigners: Those that the policy names.
        note: The checkpoint, a signed note.
    """

    origin: str
    tree_size: int
    root_hash: bytes
    time: datetime | None
    age: timedelta | None
    cosigners: tuple[ShownCosigner, ...]
    note: str


def show_head(
    checkpoint: VerifiedCheckpoint, policy: LogPolicy, nodes: Iterable[NodeState], *, now: datetime
) -> ShownHead:
    """The state that `checkpoint` tells of; `nodes` is what the operator knows of those it asks."""
    states = {state.name: state for state in nodes}
    times = dict(_cosigned(checkpoint.note, policy))
    counting = witnesses_of_quorum(policy)
    cosigners = []
    for witness in policy.witnesses:
        state = states.get(witness.name)
        cosigners.append(
            ShownCosigner(
                witness.name,
                kind_of_cosigner(witness.key.name, policy.logs),
                witness.name in counting,
                times.get(witness.name),
                None if state is None else state.sizes.get(checkpoint.origin, 0),
                None if state is None else state.trouble,
            )
        )
    return ShownHead(
        checkpoint.origin,
        checkpoint.tree_size,
        checkpoint.root_hash,
        checkpoint.time,
        None if checkpoint.time is None else max(now - checkpoint.time, timedelta(0)),
        tuple(cosigners),
        checkpoint.note,
    )


def age_words(age: timedelta) -> str:
    """An age in one number and one word."""
    seconds = int(age.total_seconds())
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if (count := seconds // length) >= 1:
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{seconds} second{'' if seconds == 1 else 's'}"


def _cosigned(note_text: str, policy: LogPolicy) -> Iterator[tuple[str, datetime]]:
    note = parse_note(note_text)
    witnesses: dict[tuple[str, bytes], Witness] = {
        (witness.key.name, witness.key.key_id): witness for witness in policy.witnesses
    }
    for signature in note.signatures:
        if witness := witnesses.get((signature.key_name, signature.key_id)):
            yield witness.name, verify_cosignature(note.text, signature, witness.key)
