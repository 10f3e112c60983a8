from collections.abc import Iterator
from pathlib import Path

import pytest

from doors.clock import now
from doors.exit_code import ExitCode
from ledger.evidence import EvidenceResolver
from ledger.trust import TrustedLedgers
from protocol.tlog.policy import encode_log_policy
from tests.issuer.anchored import Anchor, anchored
from tests.ledger.conftest import Tally
from tests.ledger.world import POLICY, Clock, create


@pytest.fixture
def anchor(tmp_path: Path) -> Iterator[Anchor]:
    (tmp_path / "world").mkdir()
    with anchored(tmp_path / "world", Clock(now())) as anchor:
        yield anchor


def test_evidence_is_a_file_that_holds_without_the_ledger(
    tally: Tally, anchor: Anchor, tmp_path: Path
) -> None:
    did = anchor.found().did
    policy = tmp_path / "policy"
    policy.write_text(encode_log_policy(anchor.world.ledger.policy))
    said = tally("evidence", did, "--policy", str(policy), "--json").json
    assert (said["file"], said["did"], said["entries"]) == ("city-university.tally-proof", did, 1)
    trusted = TrustedLedgers((anchor.world.ledger,), development=True)
    resolver = EvidenceResolver(trusted, [Path(said["file"]).read_bytes()], clock=anchor.world.clock)
    assert resolver.resolve(did).did == did


def test_evidence_of_accreditations_is_a_file_of_its_own_of_whichever_ledger_the_policy_names(
    tally: Tally, anchor: Anchor, tmp_path: Path
) -> None:
    policy = tmp_path / "policy"
    policy.write_text(encode_log_policy(anchor.world.ledger.policy))
    root = anchor.found().did
    foreign = create("university", port=1).version.did
    for did, file in ((root, "city-university"), (foreign, "university")):
        said = tally("evidence", did, "--accreditations", "--policy", str(policy), "--json").json
        assert (said["file"], said["entries"]) == (f"{file}-accreditations.tally-proof", 0)
        trusted = TrustedLedgers((anchor.world.ledger,), development=True)
        resolver = EvidenceResolver(trusted, [Path(said["file"]).read_bytes()], clock=anchor.world.clock)
        assert resolver.read_accreditations(did, root).records.entries == ()


def test_ledger_without_a_policy_is_believed_on_its_own_word_and_that_is_said(
    tally: Tally, anchor: Anchor
) -> None:
    said = tally("evidence", anchor.found().did, "--out", "uni.tally-proof")
    assert "✓ Wrote uni.tally-proof: 1 entry, as of " in said.out
    assert "The policy is the ledger's own word" in said.err
    assert Path("uni.tally-proof").stat().st_size > 0


def test_file_that_is_there_is_not_overwritten(tally: Tally, anchor: Anchor) -> None:
    did = anchor.found().did
    Path("city-university.tally-proof").write_text("mine")
    assert tally("evidence", did, "--json").code == "vault_exists"
    assert Path("city-university.tally-proof").read_text() == "mine"


def test_did_that_the_ledger_does_not_have_is_not_found(tally: Tally, anchor: Anchor) -> None:
    stranger = create("stranger", port=anchor.world.port).version.did
    said = tally("evidence", stranger, "--json")
    assert (said.status, said.code) == (ExitCode.NOT_FOUND, "did_not_found")
    assert not Path("stranger.tally-proof").exists()


def test_policy_of_another_ledger_than_the_dids_is_refused(tally: Tally, tmp_path: Path) -> None:
    policy = tmp_path / "policy"
    policy.write_text(encode_log_policy(POLICY))
    did = create("university", port=1).version.did
    said = tally("evidence", did, "--policy", str(policy), "--json")
    assert said.code == "log_policy_invalid"
