"""Resolving a DID from proofs that were handed in, of a ledger that nobody asks."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ledger.admission import Admission
from ledger.app import LedgerApp
from ledger.evidence import MAX_PROOFS, EvidenceResolver
from ledger.trust import TrustedLedger, TrustedLedgers, parse_trusted_ledger
from protocol.codes import Code
from protocol.did.document import Relationship
from protocol.did.jwk import encode_did_jwk
from protocol.did.key import encode_did_key
from protocol.did.verified import VerifiedDid
from protocol.did.webvh.author import NewEntry, deactivate_did
from protocol.errors import MalformedError, TallyError
from protocol.index.proof import TallyProof, encode_tally_proof, parse_tally_proof
from protocol.index.subject import did_subject
from protocol.tlog.policy import encode_log_policy
from tests.ledger.world import KEY, NOW, URL, World, create, keys_at, record, update

HOUR = timedelta(hours=1)
ENTRY = create("university")
DID = ENTRY.version.did
LATER = update(ENTRY.version)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.create()
    yield made
    made.close()


def log(world: World, *entries: NewEntry) -> None:
    with world.sequencer() as sequencer:
        for entry in entries:
            sequencer.submit(record(entry)).result()


def proof_of(world: World, did: str = DID) -> TallyProof:
    with world.begun() as front_end:
        store = world.store()
        app = LedgerApp(store, front_end, Admission(store, authority=world.keys.origin), "", world.clock)
        return app.evidence(did_subject(did))


def encoded(proof: TallyProof) -> bytes:
    return encode_tally_proof(proof).encode()


def resolver(world: World, *proofs: bytes, trusted: TrustedLedger | None = None) -> EvidenceResolver:
    ledgers = TrustedLedgers((trusted or world.ledger,), development=True)
    return EvidenceResolver(ledgers, proofs, clock=world.clock)


def resolve(world: World, *proofs: bytes, trusted: TrustedLedger | None = None) -> VerifiedDid:
    return resolver(world, *proofs, trusted=trusted).resolve(DID)


def code_of(world: World, *proofs: bytes, trusted: TrustedLedger | None = None) -> Code:
    with pytest.raises(TallyError) as refusal:
        resolve(world, *proofs, trusted=trusted)
    return refusal.value.code


def test_did_is_resolved_from_a_proof_that_says_it_was_handed_in_and_when_it_was_so(world: World) -> None:
    log(world, ENTRY)
    proof = encoded(proof_of(world))
    world.clock.time += 20 * HOUR
    verified = resolve(world, proof)
    assert verified.current_key(f"{DID}#key-1", Relationship.ASSERTION) == KEY.public_key
    assert verified.evidence is not None
    assert (verified.evidence.handed_in, verified.evidence.time) == (True, NOW)
    # What the author says of the time, long before, is not what counts.
    assert {key.valid_from for key in verified.keys} == {NOW}


def test_youngest_of_several_proofs_counts_in_whatever_order(world: World) -> None:
    log(world, ENTRY)
    old = encoded(proof_of(world))
    world.clock.time += HOUR
    log(world, LATER)
    new = encoded(proof_of(world))
    for proofs in ((old, new), (new, old)):
        evidence = resolve(world, *proofs).evidence
        assert evidence is not None
        assert evidence.time == NOW + HOUR


def test_deactivated_did_is_what_it_was_at_an_earlier_moment(world: World) -> None:
    log(world, ENTRY)
    (end,) = deactivate_did(ENTRY.version, key=KEY, time=ENTRY.version.time + HOUR)
    world.clock.time += HOUR
    log(world, end)
    proof = encoded(proof_of(world))
    assert code_of(world, proof) is Code.DID_DEACTIVATED
    assert resolver(world, proof).resolve(DID, at=NOW).did == DID


def test_missing_proof_is_named(world: World) -> None:
    log(world, ENTRY)
    other = create("city").version.did
    with pytest.raises(TallyError) as refusal:
        resolver(world, encoded(proof_of(world))).resolve(other)
    assert (refusal.value.code, refusal.value.detail) == (Code.EVIDENCE_MISSING, other)


def test_proof_that_there_is_no_such_did_is_no_evidence_for_it(world: World) -> None:
    log(world, create("city"))
    assert code_of(world, encoded(proof_of(world))) is Code.DID_NOT_FOUND


def test_proof_of_a_ledger_that_is_not_trusted_is_refused(world: World) -> None:
    log(world, ENTRY)
    proof = encoded(proof_of(world))
    stranger = TrustedLedger(URL, replace(world.ledger.policy, logs=keys_at(9999).policy(URL).logs))
    assert code_of(world, proof, trusted=stranger) is Code.LOG_ORIGIN_MISMATCH
    elsewhere = TrustedLedger("http://ledger.localhost:9999", world.ledger.policy)
    assert code_of(world, proof, trusted=elsewhere) is Code.LEDGER_NOT_TRUSTED


def test_one_false_proof_spoils_the_true_ones(world: World) -> None:
    log(world, ENTRY, LATER)
    proof = proof_of(world)
    shortened = replace(proof, entries=proof.entries[:-1])
    assert code_of(world, encoded(proof), encoded(shortened)) is Code.INDEX_PROOF_INVALID


def test_policy_without_quorum_gives_no_time_and_so_no_evidence(world: World) -> None:
    log(world, ENTRY)
    text = encode_log_policy(world.ledger.policy).replace("quorum operator", "quorum none")
    careless = parse_trusted_ledger(text)
    assert code_of(world, encoded(proof_of(world)), trusted=careless) is Code.LOG_STALE


def test_dids_that_are_their_own_keys_need_no_proof(world: World) -> None:
    for did in (encode_did_key(KEY.public_key), encode_did_jwk(KEY.public_key)):
        assert resolver(world).resolve(did).evidence is None


def test_what_is_no_proof_or_too_many_of_them_is_refused(world: World) -> None:
    log(world, ENTRY)
    proof = encoded(proof_of(world))
    assert parse_tally_proof(proof).subject == did_subject(DID)
    assert code_of(world, b"no proof") is Code.INDEX_PROOF_INVALID
    assert resolve(world, *[proof] * MAX_PROOFS).did == DID
    with pytest.raises(MalformedError) as refusal:
        resolver(world, *[proof] * (MAX_PROOFS + 1))
    assert refusal.value.code is Code.SIZE_EXCEEDED
