"""What a resolver of did:webvh is served of a DID: the history its witnesses approve, and their proofs.

A resolver fetches the history first and the proofs then, and refuses a history that lacks any. So an entry is
shown when the proofs for it are there, and those for what was shown before stay for a while. Our own readers
read the log, where an entry stands as soon as a quorum has seen it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.approvals.store import WitnessProof
from ledger.store import LedgerStore
from protocol.did.webvh.entry import parse_entry
from protocol.did.webvh.parameters import WitnessRule, governing_witnesses
from protocol.did.webvh.witness import WitnessProofs, count_approved

# Canonical JSON has one spelling of a member's name; text that holds it too costs a look, and nothing else.
_MARK = b'"witness"'


@dataclass(frozen=True, slots=True)
class ServedHistory:
    """The history of a DID as it is served.

    Attributes:
        leaves: The entries that are logged, in order.
        rules: Who must approve each of them; none for a DID that never named a witness.
        approvals: The proofs by witness; of witnesses that no rule names there are none.
        shown: How many entries are shown.
    """

    leaves: Sequence[bytes]
    rules: Sequence[WitnessRule | None]
    approvals: dict[str, list[WitnessProof]]
    shown: int

    @property
    def lines(self) -> bytes:
        """did.jsonl."""
        return b"".join(leaf + b"\n" for leaf in self.leaves[: self.shown])

    @property
    def proofs(self) -> WitnessProofs:
        """What did-witness.json holds, also for entries that are not shown yet."""
        proofs: dict[str, list[WitnessProof]] = {}
        for each in (proof for found in self.approvals.values() for proof in found):
            proofs.setdefault(each.version_id, []).append(each)
        in_order = sorted(proofs.values(), key=lambda found: found[0].version_number)
        return {found[0].version_id: [each.proof for each in found] for found in in_order}


def serve_history(store: LedgerStore, scid: str, *, tree_size: int) -> ServedHistory:
    """The history of the DID with this SCID, of which the first `tree_size` entries of the log are published.

    Raises:
        UnavailableError: the database cannot be read.
    """
    leaves = [entry.leaf for entry in store.history(scid) if entry.leaf_index < tree_size]
    if not any(_MARK in leaf for leaf in leaves):
        return ServedHistory(leaves, (), {}, len(leaves))
    rules = governing_witnesses(parse_entry(leaf).parameters for leaf in leaves)
    approvals = store.approvals.proofs_of(scid)
    numbers = {witness: [each.version_number for each in found] for witness, found in approvals.items()}
    return ServedHistory(leaves, rules, approvals, count_approved(rules, numbers))
