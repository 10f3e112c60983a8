from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from doors.exit_code import ExitCode
from ledger.client import LedgerClient
from ledger.fetch import Fetcher
from ledger.memory import CheckpointMemory
from ledger.trust import TrustedLedger, TrustedLedgers
from protocol.codes import Audience, Code
from protocol.tlog.policy import LogPolicy
from tests.wallet.holder import NO_LEDGERS, Holder
from tests.wallet.parties import KEYS, NOW, POLICY, URL, Outside
from tests.wallet.test_trust import ledger
from wallet.content import BackupNote
from wallet.doctor import (
    Finding,
    Health,
    check_ledgers,
    check_modes,
    check_terminal,
    check_vault,
    check_versions,
)

LEDGER = TrustedLedger(URL, POLICY)
LONG_AGO = BackupNote(made_at=datetime(2025, 1, 1, tzinfo=UTC), credentials=0)


@pytest.fixture
def holder(tmp_path: Path) -> Holder:
    """A holder whose wallet trusts no ledger yet."""
    holder = Holder(tmp_path)
    holder.create(ledgers=NO_LEDGERS)
    return holder


def ledger_finding(memory: Path, outside: Outside, ledger: TrustedLedger = LEDGER) -> Finding:
    client = LedgerClient(ledger, fetcher=cast("Fetcher", outside), memory=CheckpointMemory(memory))
    (finding,) = check_ledgers(TrustedLedgers((ledger,)), [client], now=NOW)
    return finding


def findings(holder: Holder, *arguments: str) -> dict[str, dict[str, Any]]:
    ended = holder.run("doctor", "--json", *arguments)
    assert ended.json["well"] is (ended.status == 0)
    return {finding["check"]: finding for finding in ended.json["findings"]}


def test_wallet_without_a_backup_of_everything_in_it_is_told(holder: Holder, tmp_path: Path) -> None:
    holder.hold()
    assert findings(holder)["backup"]["health"] == "warn"
    holder.run("backup", "make", str(tmp_path / "wallet.backup"))
    assert findings(holder)["backup"] == {
        "check": "backup",
        "health": "ok",
        "detail": "of 2026-11-22, with every credential",
        "remedy": "",
    }
    with holder.vault() as vault:
        vault.change(lambda content: replace(content, last_backup=LONG_AGO))
    assert findings(holder)["backup"]["detail"] == "of 2025-01-01, without 1 of the credentials here"


def test_wallet_that_is_well_ends_well(holder: Holder) -> None:
    holder.run("trust", URL, "--yes")
    ended = holder.run("doctor", "--json")
    assert (ended.status, ended.stderr) == (0, "")
    assert [(each["check"], each["health"], each["remedy"]) for each in ended.json["findings"]] == [
        (check, "ok", "") for check in ("modes", "vault", "age", "ledger", "python", "libsodium", "terminal")
    ]
    lines = holder.run("doctor").stdout.splitlines()
    assert all(line.startswith("✓ ") for line in lines)
    assert f"{KEYS.origin}: vouched for 0 seconds ago" in lines[3]


def test_what_does_not_work_ends_with_1_and_says_what_to_do(holder: Holder) -> None:
    holder.folder.vault.chmod(0o640)
    ended = holder.run("doctor")
    assert ended.status == ExitCode.FAILURE
    assert "✗ modes" in ended.stdout
    assert f"chmod -R go-rwx '{holder.folder.path}'" in ended.stdout


def test_folder_that_others_can_enter_is_not_looked_into(holder: Holder) -> None:
    holder.folder.path.chmod(0o755)
    found = findings(holder)
    assert list(found) == ["modes", "python", "libsodium", "terminal"]
    assert found["modes"]["health"] == "fail"
    assert "vault_permissions" in found["modes"]["detail"]


def test_without_a_passphrase_the_rest_is_checked(holder: Holder) -> None:
    found = list(check_vault(holder.folder, None, accept_rollback=False))
    assert [(finding.check, finding.health) for finding in found] == [("vault", Health.WARN)]


def test_missing_wallet_is_said_and_nothing_is_made(tmp_path: Path) -> None:
    newcomer = Holder(tmp_path)
    found = findings(newcomer)
    vault = found["vault"]
    assert (vault["health"], vault["remedy"]) == ("fail", Code.VAULT_MISSING.remedy_for(Audience.HOLDER))
    assert list(found) == ["modes", "vault", "python", "libsodium", "terminal"]
    assert list(tmp_path.iterdir()) == [newcomer.passphrase_file]


def test_wrong_passphrase_is_a_finding(holder: Holder) -> None:
    holder.passphrase_file.write_text("wrong")
    found = findings(holder)["vault"]
    assert found["health"] == "fail"
    assert "[passphrase_wrong]" in found["detail"]


def test_missing_note_of_the_age_is_mended_by_accepting_the_wallet(holder: Holder) -> None:
    for mark in holder.folder.state.glob("*.mark"):
        mark.unlink()
    assert findings(holder)["age"]["health"] == "warn"
    assert findings(holder, "--accept-rollback")["age"]["health"] == "ok"
    assert findings(holder)["age"]["health"] == "ok"


def test_damaged_newest_file_is_said(holder: Holder) -> None:
    with holder.vault() as vault:
        vault.change(lambda content: content.with_keys_reserved(1))
    holder.folder.vault.write_bytes(b"gone")
    found = findings(holder, "--accept-rollback")["vault"]
    assert found["health"] == "warn"
    assert "the one before the last change" in found["detail"]


def test_link_in_the_folder_is_seen(holder: Holder, tmp_path: Path) -> None:
    (tmp_path / "target").touch()
    (holder.folder.path / "link").symlink_to(tmp_path / "target")
    assert check_modes(holder.folder).health is Health.FAIL


@pytest.mark.parametrize(
    ("python", "pynacl", "healths"),
    [
        ("3.11.0", "1.6.2", [Health.OK, Health.OK]),
        ("3.14.0rc1", "2.0", [Health.OK, Health.OK]),
        ("3.10.9", "1.6.1", [Health.FAIL, Health.FAIL]),
        ("3.11.0+", "1.10.0.dev1", [Health.OK, Health.OK]),
    ],
)
def test_versions_are_compared_by_number(python: str, pynacl: str, healths: list[Health]) -> None:
    assert [finding.health for finding in check_versions(python, pynacl)] == healths


@pytest.mark.parametrize(
    ("is_terminal", "encoding", "columns", "lines", "health"),
    [
        (True, "utf-8", 80, 24, Health.OK),
        (True, "UTF8", 200, 60, Health.OK),
        (True, "ascii", 80, 24, Health.WARN),
        (True, "utf-8", 79, 24, Health.WARN),
        (True, "utf-8", 80, 23, Health.WARN),
        (False, "ascii", 1, 1, Health.OK),
    ],
)
def test_terminal_that_shows_less_is_warned_of(
    is_terminal: bool, encoding: str, columns: int, lines: int, health: Health
) -> None:
    finding = check_terminal(is_terminal=is_terminal, encoding=encoding, columns=columns, lines=lines)
    assert finding.health is health


def test_wallet_without_a_ledger_is_warned_of() -> None:
    (finding,) = check_ledgers(TrustedLedgers(()), [], now=NOW)
    assert (finding.health, finding.remedy) == (Health.WARN, "Run `tally trust URL`.")


@pytest.mark.parametrize(
    ("ledger_is_ahead_by", "health", "detail"),
    [
        (timedelta(0), Health.OK, "vouched for 0 seconds ago"),
        (timedelta(minutes=-59), Health.OK, "vouched for 59 minutes ago"),
        (timedelta(seconds=60), Health.OK, "vouched for 0 seconds ago"),
        (timedelta(seconds=61), Health.FAIL, "this machine's clock is 61 seconds behind"),
        (timedelta(days=3), Health.FAIL, "this machine's clock is 3 days behind"),
        (timedelta(hours=-5), Health.FAIL, "last vouched for 5 hours ago"),
    ],
)
def test_clock_is_compared_with_the_time_the_ledger_vouches_for(
    tmp_path: Path, ledger_is_ahead_by: timedelta, health: Health, detail: str
) -> None:
    finding = ledger_finding(tmp_path / "seen", Outside(ledger_time=NOW + ledger_is_ahead_by))
    assert finding.health is health
    assert detail in finding.detail


def test_ledger_that_cannot_be_reached_is_named(tmp_path: Path) -> None:
    finding = ledger_finding(tmp_path / "seen", Outside(ledger_time=None))
    assert finding.health is Health.FAIL
    assert finding.detail.startswith(f"{KEYS.origin}: ")
    assert "[network_ledger_unreachable]" in finding.detail


def test_ledger_without_its_quorum_is_not_blamed_on_the_clock(tmp_path: Path) -> None:
    rival = ledger("ledger.example", seed=20).policy.witnesses
    policy = LogPolicy(POLICY.logs, rival, (), rival[0].name)
    finding = ledger_finding(tmp_path / "seen", Outside(), TrustedLedger(URL, policy))
    assert "[log_quorum_missing]" in finding.detail


def test_ledger_whose_policy_asks_for_no_time_is_warned_of(tmp_path: Path) -> None:
    policy = LogPolicy(POLICY.logs, (), (), "none")
    assert ledger_finding(tmp_path / "seen", Outside(), TrustedLedger(URL, policy)).health is Health.WARN


@pytest.fixture
def broken_ledgers(holder: Holder) -> Holder:
    file = holder.folder.path / "ledgers.toml"
    file.touch(mode=0o600)
    file.write_text("[[ledger")
    return holder


def test_ledgers_file_that_cannot_be_used_is_a_finding(broken_ledgers: Holder) -> None:
    found = findings(broken_ledgers)["ledger"]
    assert found["health"] == "fail"
    assert "[settings_invalid]" in found["detail"]


def test_checks_stand_in_one_column_in_plain_letters(holder: Holder) -> None:
    holder.folder.vault.chmod(0o644)
    lines = holder.run("doctor", "--ascii").stdout.splitlines()
    marks = [line[:3] for line in lines if not line.startswith(" ")]
    assert {"OK ", "x  "} <= set(marks) <= {"OK ", "!  ", "x  "}
