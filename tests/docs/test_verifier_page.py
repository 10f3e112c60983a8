"""What the page for verifiers tells people to write and run works, and its lists are those of the code."""

import io
import json
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from doors.clock import now
from doors.exit_code import ExitCode, exit_code
from protocol.checks import CheckResult, Outcome
from protocol.codes import Code
from protocol.did.key import encode_did_key, encode_did_key_method
from protocol.errors import RefusedError, UnavailableError, VerificationError
from protocol.keys import Ed25519PrivateKey
from protocol.keys.jwk import encode_jwk
from protocol.openid4vp.vp_token import ResponseCheck
from protocol.policy import KeyBindingRule, StatusRule, VerificationPolicy
from protocol.presentation import Check
from protocol.sdjwt.key_binding import create_key_binding
from protocol.sdjwt.present import select_disclosures
from protocol.sdjwt_vc import issue_sd_jwt_vc
from schemas import credential_type
from tests.docs.markdown import read_page
from verifier.check_list import check_documents
from verifier.policy_file import FILE, parse_policy
from verifier.settings import parse_settings

PAGE = read_page("docs/verifier.md")
POLICY, SETTINGS = (block.text for block in PAGE.blocks if block.language == "toml")
ISSUER_KEY, HOLDER_KEY = (Ed25519PrivateKey(bytes([number]) * 32) for number in (7, 8))
AUDIENCE = "https://shop.example"


def listed_checks() -> dict[str, str]:
    """Each check of the tables with what it means that it passed."""
    return {
        cells[0].strip("`"): cells[1]
        for heading, cells in PAGE.rows()
        if heading == "The checks" and cells[0].startswith("`")
    }


def test_page_lists_every_check_in_its_order_with_its_meaning() -> None:
    checks = [*Check, *ResponseCheck]
    passed = check_documents(CheckResult(check, Outcome.PASSED) for check in checks)
    assert list(listed_checks()) == [str(check) for check in checks]
    assert listed_checks() == {str(check["id"]): check["detail"] for check in passed}


def test_page_names_every_outcome_of_a_check() -> None:
    shown = {outcome.value for outcome in Outcome} - {"passed", "failed"}
    assert shown <= set(PAGE.code_spans)


def test_numbers_that_a_check_ends_with_are_those_of_the_page() -> None:
    numbers = {int(cells[0]) for _, cells in PAGE.rows() if cells[0].isdecimal()}
    assert numbers == {
        ExitCode.SUCCESS,
        exit_code(RefusedError(Code.POLICY_INVALID)),
        exit_code(RefusedError(Code.INPUT_REQUIRED)),
        exit_code(VerificationError(Code.NONCE_MISMATCH)),
        exit_code(UnavailableError(Code.STATUS_UNAVAILABLE)),
        exit_code(VerificationError(Code.ISSUER_NOT_TRUSTED)),
    }


def test_policy_of_the_page_is_the_default_and_trusts_one_issuer() -> None:
    policy = parse_policy(POLICY)
    assert replace(policy.rules, trusted_issuers={}) == VerificationPolicy(trusted_issuers={})
    assert policy.ledgers.development
    assert [ledger.url for ledger in policy.ledgers.ledgers] == ["http://ledger.localhost:8101"]
    assert list(policy.rules.trusted_issuers) == [credential_type("degree").vct]


def test_rules_that_are_left_out_have_the_values_of_the_page() -> None:
    before, _, after = POLICY.partition("[rules]")
    assert parse_policy(before + after[after.index("[[trust]]") :]) == parse_policy(POLICY)


def test_page_names_every_rule_and_every_choice() -> None:
    rules = POLICY.partition("[rules]\n")[2].partition("\n\n")[0].splitlines()
    explained = {cells[0].strip("`") for heading, cells in PAGE.rows() if heading == "Say whom you trust"}
    assert {rule.partition(" ")[0] for rule in rules} <= explained
    assert {*StatusRule, *KeyBindingRule} <= {*PAGE.code_spans, KeyBindingRule.REQUIRED}


def test_settings_of_the_page_can_be_used() -> None:
    settings = parse_settings(SETTINGS)
    assert settings.name == "Northgate"
    assert settings.request_lifetime == timedelta(minutes=5)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the page's program defines, in a folder with a policy that trusts one issuer."""
    monkeypatch.chdir(tmp_path)
    vct, issuer = credential_type("degree").vct, encode_did_key(ISSUER_KEY.public_key)
    Path(FILE).write_text(f"[[trust]]\nvct = {json.dumps(vct)}\nissuers = [{json.dumps(issuer)}]\n")
    [block] = [block for block in PAGE.blocks if block.language == "python"]
    names: dict[str, Any] = {"__name__": "accept"}
    exec(block.text, names)  # our own page
    return names


def presentation(nonce: str) -> str:
    """A degree of the issuer, of which the title is presented for `nonce`."""
    moment = now()
    degree = issue_sd_jwt_vc(
        {
            **credential_type("degree").example,
            "iss": encode_did_key(ISSUER_KEY.public_key),
            "vct": credential_type("degree").vct,
            "iat": int(moment.timestamp()),
            "cnf": {"jwk": encode_jwk(HOLDER_KEY.public_key)},
        },
        disclosable=[(name,) for name in credential_type("degree").example],
        key=ISSUER_KEY,
        key_id=encode_did_key_method(ISSUER_KEY.public_key),
        salts=iter(f"{number:022d}" for number in range(100)).__next__,
    )
    shown = select_disclosures(degree, [("title",)])
    binding = create_key_binding(shown, key=HOLDER_KEY, nonce=nonce, audience=AUDIENCE, issued_at=moment)
    return shown.encoded_without_key_binding + binding


def test_program_of_the_page_accepts_a_presentation(program: dict[str, Any]) -> None:
    verified = program["accept"](presentation("abc123"), nonce="abc123", audience=AUDIENCE)
    assert verified.claims["title"] == credential_type("degree").example["title"]
    assert "grade" not in verified.claims


def test_program_of_the_page_refuses_a_presentation_for_another_request(program: dict[str, Any]) -> None:
    with pytest.raises(VerificationError) as caught:
        program["accept"](presentation("abc123"), nonce="abc12", audience=AUDIENCE)
    assert caught.value.code is Code.NONCE_MISMATCH


def test_program_of_the_page_ends_as_the_page_shows(
    program: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["accept.py", "abc12", AUDIENCE])
    monkeypatch.setattr(sys, "stdin", io.StringIO(presentation("abc123") + "\n"))
    assert program["main"]() == 1
    printed = capsys.readouterr().out.splitlines()
    [shown] = [block.text for block in PAGE.blocks if block.text.startswith("nonce_mismatch ")]
    assert [line for line in shown.splitlines() if line != "…"] == [*printed[:3], *printed[-2:]]
    monkeypatch.setattr(sys, "argv", ["accept.py", "abc123", AUDIENCE])
    monkeypatch.setattr(sys, "stdin", io.StringIO(presentation("abc123") + "\n"))
    assert program["main"]() == 0
