"""Trusting whoever a root accredits: over the network, from files alone, and stapled by a wallet."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from doors.clock import now
from doors.server import listen
from ledger.trust import TrustedLedgers
from protocol.openid4vp.stapled_evidence import StapledEvidence, encode_stapled_evidence
from protocol.records.accreditation import accreditation_subject, create_withdrawal
from tests.accredited import Institutions, found_institutions
from tests.command import run_tally
from tests.ledger.world import NOW, Clock, World
from tests.processes import Finished
from tests.signed_records import signer
from tests.verifier.desk import Desk
from tests.verifier.shop import DEGREE
from verifier.check import Material, check_document, check_material
from verifier.grounds import PolicyGrounds
from verifier.handed_in import HandedIn
from verifier.policy_file import encode_policy, trust_issuer

HOUR = timedelta(hours=1)
HOSTILE = "urn:example:\u202edegree\u200b"
TYPES = (DEGREE.vct, HOSTILE)
INSTITUTIONS = found_institutions(types=TYPES)
ROOT_DID, MIDDLE_DID, SCHOOL_DID = INSTITUTIONS.root, INSTITUTIONS.middle, INSTITUTIONS.school
TOP, BELOW = INSTITUTIONS.top, INSTITUTIONS.below
FIELDS = {"did", "by", "actions", "types", "since", "until", "leaf_hash"}


def open_desk(folder: Path, world: World, institutions: Institutions = INSTITUTIONS) -> Desk:
    (folder / "verifier").mkdir(mode=0o700)
    desk = Desk(world, folder, institutions.school)
    desk.policy.write_text(encode_policy(TrustedLedgers((world.ledger,), development=True)))
    trust_issuer(desk.policy, "degree", institutions.root, as_root=True)
    return desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    (tmp_path / "ledger").mkdir()
    world = World(tmp_path / "ledger")
    world.create()
    desk = open_desk(tmp_path, world)
    desk.log_records(*INSTITUTIONS.entries)
    yield desk
    world.close()


def accreditations(desk: Desk, *dids: str) -> list[bytes]:
    return [desk.proof_about(accreditation_subject(did)) for did in dids]


def trust_of(document: Any) -> Any:
    return next(each for each in document["checks"] if each["id"] == "issuer_trust")


def test_credential_of_an_accredited_issuer_is_verified_from_files_alone_and_the_chain_is_told(
    desk: Desk,
) -> None:
    desk.log_records(TOP, BELOW)
    text, proofs = desk.credential(), [desk.proof(), *accreditations(desk, SCHOOL_DID, MIDDLE_DID)]
    desk.world.clock.time += 5 * HOUR
    document = desk.check(text, *proofs)
    assert document["status"] == "verified"
    trust = trust_of(document)
    assert trust["detail"].endswith("(accredited, handed in, 5 hours old).")
    assert [(link["did"], link["by"]) for link in trust["accreditation"]] == [
        (SCHOOL_DID, MIDDLE_DID),
        (MIDDLE_DID, ROOT_DID),
    ]
    first = trust["accreditation"][0]
    assert first.keys() == FIELDS
    assert (first["since"], first["until"]) == ("2026-11-22T12:00:00Z", "2027-11-22T12:00:00Z")
    assert first["types"] == sorted(TYPES)


def test_each_proof_that_is_missing_is_asked_for_by_the_name_of_what_it_is_about(desk: Desk) -> None:
    desk.log_records(TOP, BELOW)
    text = desk.credential()
    school, middle = accreditations(desk, SCHOOL_DID, MIDDLE_DID)
    for proofs, missing in (
        ([desk.proof()], f"accreditations of {SCHOOL_DID}"),
        ([desk.proof(), school], f"accreditations of {MIDDLE_DID}"),
        ([school, middle], SCHOOL_DID),
    ):
        document = desk.check(text, *proofs)
        assert (document["status"], document["error"]["code"]) == ("unavailable", "evidence_missing")
        assert f"({missing})" in document["error"]["message"]
        assert "accreditation" not in trust_of(document)


def test_proof_that_there_is_no_accreditation_refuses_the_issuer(desk: Desk) -> None:
    assert (
        desk.code(desk.credential(), desk.proof(), *accreditations(desk, SCHOOL_DID))
        == "accreditation_missing"
    )


def test_old_proof_and_a_proof_from_before_the_withdrawal_count_as_long_as_the_policy_lets_them(
    desk: Desk,
) -> None:
    desk.log_records(TOP, BELOW)
    text, proofs = desk.credential(), [desk.proof(), *accreditations(desk, SCHOOL_DID, MIDDLE_DID)]
    desk.world.clock.time += HOUR
    time = desk.world.clock.time
    desk.log_records(create_withdrawal(BELOW, signer=signer(MIDDLE_DID), reason=None, time=time))
    later = desk.credential()
    newest = accreditations(desk, SCHOOL_DID)
    # What was issued in its time stays good; what is issued now is not, and the youngest proof counts.
    assert desk.check(text, *proofs, *newest)["status"] == "verified"
    assert desk.code(later, *proofs, *newest) == "accreditation_withdrawn"
    assert desk.check(later, *proofs)["status"] == "verified"
    strict = desk.policy.read_text().replace('"when_issued"', '"when_checked"')
    desk.policy.write_text(strict)
    assert desk.code(text, *proofs, *newest) == "accreditation_withdrawn"
    desk.world.clock.time = NOW + 24 * HOUR + timedelta(seconds=1)
    assert desk.code(text, *proofs) == "log_stale"


def test_proof_of_another_ledger_is_no_evidence_for_the_root(desk: Desk, tmp_path: Path) -> None:
    desk.log_records(TOP, BELOW)
    (tmp_path / "other").mkdir()
    other = World(tmp_path / "other", port=8102)
    other.create()
    try:
        foreign = Desk(other, tmp_path).proof_about(accreditation_subject(SCHOOL_DID))
        ledgers = TrustedLedgers((desk.world.ledger, other.ledger), development=True)
        desk.policy.write_text(encode_policy(ledgers))
        trust_issuer(desk.policy, "degree", ROOT_DID, as_root=True)
        text = desk.credential()
        assert desk.code(text, desk.proof(), foreign) == "evidence_missing"
        proofs = accreditations(desk, SCHOOL_DID, MIDDLE_DID)
        assert desk.check(text, desk.proof(), foreign, *proofs)["status"] == "verified"
    finally:
        other.close()


def test_altered_proof_of_an_accreditation_is_refused(desk: Desk) -> None:
    desk.log_records(TOP, BELOW)
    school, middle = accreditations(desk, SCHOOL_DID, MIDDLE_DID)
    lines = school.decode().splitlines(keepends=True)
    kept_back = "".join(line for line in lines if not line.startswith("entry ")).encode()
    assert desk.code(desk.credential(), desk.proof(), kept_back, middle) == "index_proof_invalid"


@dataclass
class Office:
    """A desk whose ledger answers on loopback as long as `served` is open."""

    desk: Desk
    institutions: Institutions
    served: ExitStack

    @property
    def proofs(self) -> tuple[bytes, ...]:
        return (
            self.desk.proof(),
            *accreditations(self.desk, self.institutions.school, self.institutions.middle),
        )

    def take_evidence(self, source: str) -> None:
        policy = self.desk.policy.read_text()
        self.desk.policy.write_text(re.sub('evidence = "[a-z]+"', f'evidence = "{source}"', policy))

    def check(self, text: str, *, handed_in: HandedIn | None = None, stapled: str | None = None) -> Any:
        clock = self.desk.world.clock
        state = self.desk.path / "state"
        with PolicyGrounds(self.desk.policy, state=state, clock=clock, handed_in=handed_in) as opened:
            grounds = opened() if stapled is None else opened().with_stapled(stapled)
            return check_document(check_material(Material(text, None, None), grounds, now=clock()))


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    (tmp_path / "ledger").mkdir()
    with ExitStack() as served:
        listener = served.enter_context(listen("127.0.0.1", 0))
        port = listener.socket.getsockname()[1]
        world = World(tmp_path / "ledger", port=port)
        world.create()
        institutions = found_institutions(port, types=TYPES)
        desk = open_desk(tmp_path, world, institutions)
        sequencer = served.enter_context(world.serving(listener))
        for each in institutions.records:
            sequencer.submit(each).result()
        yield Office(desk, institutions, served)
    world.close()


def test_accredited_issuer_is_looked_up_on_its_ledger(office: Office) -> None:
    document = office.check(office.desk.credential())
    assert document["status"] == "verified"
    trust = trust_of(document)
    assert trust["detail"].endswith("(accredited, from the ledger, 0 seconds old).")
    assert [link["by"] for link in trust["accreditation"]] == [
        office.institutions.middle,
        office.institutions.root,
    ]
    stranger = replace(office.desk, did=office.institutions.stranger)
    assert office.check(stranger.credential())["error"]["code"] == "accreditation_missing"


def test_what_was_handed_in_or_stapled_counts_where_the_ledger_is_away(office: Office) -> None:
    office.served.close()
    text, proofs = office.desk.credential(), office.proofs
    document = office.check(text)
    assert (document["status"], document["error"]["code"]) == ("unavailable", "network_ledger_unreachable")
    assert office.check(text, handed_in=HandedIn(proofs))["status"] == "verified"
    whole, *parts = (
        encode_stapled_evidence(StapledEvidence(stapled, ())) for stapled in (proofs, proofs[:1], proofs[:2])
    )
    assert office.check(text, stapled=whole)["status"] == "unavailable"
    for source, code in (("either", "network_ledger_unreachable"), ("stapled", "evidence_missing")):
        office.take_evidence(source)
        assert office.check(text, stapled=whole)["status"] == "verified"
        for part in parts:
            document = office.check(text, stapled=part)
            assert (document["status"], document["error"]["code"]) == ("unavailable", code)


def test_false_accreditation_that_is_stapled_refuses_the_answer(office: Office) -> None:
    office.served.close()
    office.take_evidence("either")
    did, school, middle = office.proofs
    kept_back = b"".join(line for line in school.splitlines(keepends=True) if not line.startswith(b"entry "))
    evidence = encode_stapled_evidence(StapledEvidence((did, kept_back, middle), ()))
    document = office.check(office.desk.credential(), stapled=evidence)
    assert (document["status"], document["error"]["code"]) == ("refused", "index_proof_invalid")


# The commands, as people have them.


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Desk]:
    (tmp_path / "ledger").mkdir()
    institutions = found_institutions(types=TYPES, time=now())
    world = World(tmp_path / "ledger", Clock(now()))
    world.create()
    desk = open_desk(tmp_path, world, institutions)
    desk.log_records(*institutions.records)
    proofs = (desk.proof(), *accreditations(desk, institutions.school, institutions.middle))
    for name, proof in zip(("did", "school", "middle"), proofs, strict=True):
        (tmp_path / name).write_bytes(proof)
    (tmp_path / "credential").write_text(desk.credential())
    (tmp_path / "stranger").write_text(replace(desk, did=institutions.stranger).credential())
    yield desk
    world.close()


def check(desk: Desk, *names: str, file: str = "credential", options: tuple[str, ...] = ()) -> Finished:
    given = [each for name in names for each in ("--evidence", str(desk.path / name))]
    return run_tally(desk.path, "verifier", "check", str(desk.path / file), "--offline", *given, *options)


def test_command_shows_the_chain_and_nothing_in_it_acts_on_the_terminal(files: Desk) -> None:
    said = check(files, "did", "school", "middle")
    assert said.status == 0
    lines = said.stdout.splitlines()
    start = next(number for number, line in enumerate(lines) if "issuer_trust" in line)
    assert lines[start + 1 : start + 3] == [f"  {SCHOOL_DID}", f"    by {MIDDLE_DID}"]
    assert lines[start + 4 : start + 6] == [f"  {MIDDLE_DID}", f"    by {ROOT_DID}"]
    assert DEGREE.vct in lines[start + 3]
    assert "urn:example:\ufffddegree\ufffd" in lines[start + 3]
    document = json.loads(check(files, "did", "school", "middle", options=("--json",)).stdout)
    assert [link["did"] for link in trust_of(document)["accreditation"]] == [SCHOOL_DID, MIDDLE_DID]


def test_issuer_with_a_hostile_name_does_not_act_on_the_terminal(files: Desk) -> None:
    (files.path / "hostile").write_text(replace(files, did="did:webvh:\u202eevil\u200b").credential())
    said = check(files, "did", file="hostile")
    assert said.status == 7
    assert "accreditations of did:webvh:\ufffdevil\ufffd" in said.stdout
    assert not {"\u202e", "\u200b"} & {*said.stdout, *said.stderr}
    (files.path / "control").write_text(replace(files, did="did:webvh:\x1b[2Jevil").credential())
    said = check(files, "did", file="control")
    assert (said.status, "\x1b" in said.stdout + said.stderr) == (3, False)


def test_command_lets_those_count_whom_a_root_accredits(files: Desk) -> None:
    listed = files.policy.read_text().replace(ROOT_DID, MIDDLE_DID)
    files.policy.write_text(listed)
    assert check(files, "did", "school", "middle", options=("--json",)).error == "accreditation_not_rooted"
    trusting = ("verifier", "trust", "degree", ROOT_DID, "--root")
    assert run_tally(files.path, *trusting, "--json").json == {
        "type": "degree",
        "root": ROOT_DID,
        "added": True,
    }
    assert "accredits counted already" in run_tally(files.path, *trusting).stdout
    assert check(files, "did", "school", "middle").status == 0


def test_command_says_how_to_get_the_proof_of_an_accreditation(files: Desk) -> None:
    said = check(files, "did", "school")
    assert said.status == 7
    assert f"tally ledger evidence --accreditations {MIDDLE_DID}" in said.stderr


def test_command_that_finds_no_accreditation_ends_as_for_an_issuer_that_is_not_trusted(files: Desk) -> None:
    stranger = found_institutions().stranger
    (files.path / "absent").write_bytes(files.proof_about(accreditation_subject(stranger)))
    said = check(files, "absent", file="stranger", options=("--json",))
    assert (said.status, said.error) == (8, "accreditation_missing")
