from pathlib import Path

import pytest

from doors.exit_code import ExitCode
from tests.ledger.conftest import Tally
from tests.ledger.process import Operator


@pytest.fixture
def document(home: Path) -> Path:
    file = home / "thesis.pdf"
    file.write_bytes(b"\x00 what it says \xff" * 1000)
    return file


def test_document_is_stamped_once_and_verified_without_the_ledger(
    tally: Tally, operator: Operator, document: Path
) -> None:
    token = operator.home / "token"
    token.write_text(operator.token)
    stamp = ("timestamp", str(document), "--onboarding-token-file", str(token), "--json")
    with operator.serving():
        first = tally(*stamp)
        assert first.status == ExitCode.SUCCESS
        again = tally(*stamp, "--out", str(operator.home / "again"))
    proof = document.with_name("thesis.pdf.tally-proof")
    assert first.json["proof"] == str(proof)
    for known in ("index", "time", "hash"):
        assert again.json[known] == first.json[known]
    said = tally("verify", str(document))
    assert said.status == ExitCode.SUCCESS
    assert first.json["time"] in said.out
    assert (
        tally("verify", str(document), "--proof", again.json["proof"], "--json").json["time"]
        == (first.json["time"])
    )
    document.write_bytes(b"what it did not say")
    said = tally("verify", str(document), "--json")
    assert said.status == ExitCode.NOT_VALID
    assert said.code == "document_not_logged"


def test_document_without_a_proof_is_wrong_usage(tally: Tally, operator: Operator, document: Path) -> None:
    assert operator.home == document.parent
    assert tally("verify", str(document)).status == ExitCode.USAGE
