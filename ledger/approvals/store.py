"""Which witness of did:webvh each node is, and the proofs that were fetched from the nodes."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from ledger.stored_tree import transaction
from ledger.tables import APPROVER, METADATA, WITNESS_PROOF
from protocol.codes import Code
from protocol.encoding.jcs import canonicalize
from protocol.encoding.strict_json import JsonObject, JsonValue, encode_json, parse_json_object
from protocol.errors import RefusedError, UnavailableError
from storage.database import LockName, lock_name, read_only


@dataclass(frozen=True, slots=True)
class KnownApprover:
    """What a node has stated.

    Attributes:
        did: The did:key it approves with.
        statement: Its cosigner's word for that, a signed note.
        collected: Its approvals of entries before this index are stored.
    """

    did: str
    statement: str
    collected: int


@dataclass(frozen=True, slots=True)
class WitnessProof:
    """A verified proof that a witness approves a version of the DID with this SCID."""

    scid: str
    version_number: int
    version_id: str
    proof: JsonObject


class ApprovalStore:
    """The approvals in the database of a ledger. Threads may share one."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def prepare(self) -> None:
        """Make the tables, in the database of a ledger that was made before there were any.

        Raises:
            UnavailableError: the disk's fault.
        """
        with transaction(self._engine) as connection:
            lock_name(connection, LockName.TABLES)
            METADATA.create_all(connection, tables=[APPROVER, WITNESS_PROOF])

    def approvers(self) -> dict[str, KnownApprover]:
        """What the nodes have stated, by the vkeys of their cosigners.

        Raises:
            UnavailableError: the database cannot be read, or is damaged.
        """
        with transaction(read_only(self._engine)) as connection:
            rows = connection.execute(select(APPROVER)).all()
        known = {}
        for row in rows:
            _require_whole(row, row.did, row.statement, row.collected)
            known[row.cosigner] = KnownApprover(row.did, row.statement, row.collected)
        return known

    def add_approver(self, cosigner: str, approver: KnownApprover) -> None:
        """Keep what the node with this vkey has stated for the first time.

        Raises:
            RefusedError: VAULT_CHANGED, it is kept already.
            UnavailableError: the disk's fault.
        """
        try:
            with transaction(self._engine) as connection:
                connection.execute(
                    insert(APPROVER).values(
                        cosigner=cosigner,
                        did=approver.did,
                        statement=approver.statement,
                        collected=approver.collected,
                        digest=_digest(approver.did, approver.statement, approver.collected),
                    )
                )
        except IntegrityError as error:
            raise RefusedError(Code.VAULT_CHANGED, "what a node stated") from error

    def add_proofs(
        self,
        cosigner: str,
        witness: str,
        proofs: Sequence[WitnessProof],
        *,
        collected: int,
        shown: Mapping[str, int],
    ) -> None:
        """Keep `proofs` of the node with the vkey `cosigner`, and that it was asked up to `collected`.

        `shown` says how many versions of each DID are served at present. Whoever has read those, and not yet
        the proofs, must still find them, so of the older proofs the newest for these versions stays.

        Raises:
            RefusedError: VAULT_CHANGED, another process collects too.
            UnavailableError: the disk's fault.
        """
        try:
            with transaction(self._engine) as connection:
                for each in proofs:
                    mine = (WITNESS_PROOF.c.scid == each.scid) & (WITNESS_PROOF.c.witness == witness)
                    number = WITNESS_PROOF.c.version_number
                    known = connection.execute(select(number).where(mine)).scalars().all()
                    kept = max((old for old in known if old <= shown[each.scid]), default=0)
                    connection.execute(
                        delete(WITNESS_PROOF).where(mine, (number < kept) | (number == each.version_number))
                    )
                    connection.execute(
                        insert(WITNESS_PROOF).values(
                            scid=each.scid,
                            witness=witness,
                            version_number=each.version_number,
                            version_id=each.version_id,
                            proof=(proof := canonicalize(each.proof).decode()),
                            digest=_digest(each.version_id, proof),
                        )
                    )
                is_node = APPROVER.c.cosigner == cosigner
                row = connection.execute(select(APPROVER).where(is_node).with_for_update()).one()
                digest = _digest(row.did, row.statement, collected)
                asked = update(APPROVER).where(is_node).values(collected=collected, digest=digest)
                connection.execute(asked)
        except IntegrityError as error:
            raise RefusedError(Code.VAULT_CHANGED, "what was approved") from error

    def proofs_of(self, scid: str) -> dict[str, list[WitnessProof]]:
        """The proofs for the DID with this SCID, by witness, in the order of versions.

        Raises:
            UnavailableError: the database cannot be read, or is damaged.
        """
        query = select(WITNESS_PROOF).where(WITNESS_PROOF.c.scid == scid)
        order = (WITNESS_PROOF.c.version_number, WITNESS_PROOF.c.witness)
        found: dict[str, list[WitnessProof]] = {}
        with transaction(read_only(self._engine)) as connection:
            for row in connection.execute(query.order_by(*order)):
                _require_whole(row, row.version_id, row.proof)
                proof = WitnessProof(
                    row.scid, row.version_number, row.version_id, parse_json_object(row.proof)
                )
                found.setdefault(row.witness, []).append(proof)
        return found


def _digest(*values: JsonValue) -> bytes:
    return hashlib.sha256(encode_json(list(values))).digest()


def _require_whole(row: "Row[object]", *values: JsonValue) -> None:
    if row.digest != _digest(*values):
        raise UnavailableError(Code.DATABASE_DAMAGED, "what a node stated or approved")
