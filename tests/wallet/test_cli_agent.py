import os
import select
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from doors.exit_code import ExitCode
from storage.passphrase import TEST_ONLY, Passphrase
from tests.command import run_tally
from tests.processes import Finished, run_module
from tests.wallet.agent.place import Stopwatch, agent
from tests.wallet.holder import PASSPHRASE, Holder, staged
from tests.wallet.parties import signed
from wallet.agent.client import ask_key, end_agent

OPTIONAL = ("Also share?", "\n")
SHARE = ("[y/N]", "y\n")


@pytest.fixture
def stopwatch() -> Stopwatch:
    return Stopwatch()


def run(holder: Holder, *arguments: str) -> Finished:
    """Run a command in this process that has no passphrase."""
    with staged(holder.outside):
        return run_tally(holder.home, *arguments)


def place(holder: Holder) -> Path:
    folder = holder.home / "run" / "wallet"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


@contextmanager
def unlocked(holder: Holder, stopwatch: Stopwatch) -> Iterator[None]:
    """An agent with the key of the holder's wallet."""
    with holder.vault() as vault:
        key = vault.file.master_key
    place(holder).parent.chmod(0o700)
    with agent(place(holder), stopwatch, key):
        yield


def test_commands_open_the_wallet_with_the_key_of_the_agent(holder: Holder, stopwatch: Stopwatch) -> None:
    holder.hold("degree-0001")
    assert run(holder, "list", "--json").error == "input_required"
    with unlocked(holder, stopwatch):
        (held,) = run(holder, "list", "--json").json["credentials"]
        assert held["id"] == "degree-0001"
        assert run(holder, "remove", "degree-0001", "--yes").status == 0
    assert run(holder, "list", "--json").error == "input_required"


def test_key_before_a_new_passphrase_opens_nothing_and_the_passphrase_is_asked_for(
    holder: Holder, stopwatch: Stopwatch
) -> None:
    with unlocked(holder, stopwatch):
        with holder.vault() as vault:
            vault.rekey(Passphrase(PASSPHRASE), kdf=TEST_ONLY)
        assert run(holder, "list", "--json").error == "input_required"
        assert holder.run("list").status == 0


def test_new_passphrase_takes_the_old_one_and_ends_the_agent(holder: Holder, stopwatch: Stopwatch) -> None:
    new = holder.home / "new"
    new.touch(mode=0o600)
    new.write_text("another passphrase")
    with unlocked(holder, stopwatch):
        assert run(holder, "passwd", "--new-passphrase-file", str(new), "--json").error == "input_required"
        assert ask_key(place(holder)) is not None
        assert holder.run("passwd", "--new-passphrase-file", str(new)).status == 0
        assert ask_key(place(holder)) is None


def test_recovery_words_take_more_than_an_unlocked_wallet(holder: Holder, stopwatch: Stopwatch) -> None:
    with unlocked(holder, stopwatch):
        assert run(holder, "key", "list").status == 0
        assert run(holder, "key", "words", "--reveal", "--json").error == "input_required"
        assert holder.run("key", "words", "--reveal").status == 0


def test_agent_that_others_could_reach_is_passed_over(holder: Holder, stopwatch: Stopwatch) -> None:
    with unlocked(holder, stopwatch):
        (place(holder) / "agent.sock").chmod(0o666)
        assert run(holder, "list", "--json").error == "input_required"
        assert run(holder, "agent", "status", "--json").error == "vault_permissions"
        assert holder.run("list").status == 0
        (place(holder) / "agent.sock").chmod(0o600)


def test_older_wallet_is_noticed_with_the_key_of_the_agent(holder: Holder, stopwatch: Stopwatch) -> None:
    yesterday = holder.folder.vault.read_bytes()
    holder.hold("degree-0001")
    with unlocked(holder, stopwatch):
        holder.folder.vault.write_bytes(yesterday)
        assert run(holder, "list", "--json").error == "vault_rollback"


def test_wallet_that_is_damaged_is_told_to_who_knows_the_passphrase(
    holder: Holder, stopwatch: Stopwatch
) -> None:
    with unlocked(holder, stopwatch):
        for file in holder.folder.path.glob("wallet.sealed*"):
            file.write_bytes(file.read_bytes()[:-1])
        assert run(holder, "list", "--json").error == "input_required"
        assert holder.run("list", "--json").error == "vault_damaged"


def test_without_an_agent_there_is_nothing_to_end_and_no_folder_is_made(holder: Holder) -> None:
    assert run(holder, "agent", "--json").json == {"running": False}
    assert run(holder, "agent", "lock", "--json").json == {"ended": False}
    assert run(holder, "agent", "stop").stdout == "No agent is running.\n"
    assert not (holder.home / "run").exists()


def test_status_says_when_it_locks(holder: Holder, stopwatch: Stopwatch) -> None:
    with unlocked(holder, stopwatch):
        stopwatch.forward(timedelta(minutes=9))
        status = run(holder, "agent", "status", "--json").json
        assert status == {
            "running": True,
            "pid": os.getpid(),
            "unlocked_for_seconds": 540,
            "locks_in_seconds": 60,
        }
        assert "It locks when no command needs it for 1 minute." in run(holder, "agent").stdout


def test_doctor_says_how_the_agent_is(holder: Holder, stopwatch: Stopwatch) -> None:
    def finding() -> dict[str, str] | None:
        findings = holder.run("doctor", "--json").json["findings"]
        return next((found for found in findings if found["check"] == "agent"), None)

    assert finding() is None
    with unlocked(holder, stopwatch):
        assert finding() == {
            "check": "agent",
            "health": "ok",
            "detail": "keeps the wallet unlocked, and locks in 10 minutes",
            "remedy": "",
        }
        place(holder).chmod(0o755)
        troubled = finding()
        place(holder).chmod(0o700)
    assert troubled is not None
    assert (troubled["health"], "vault_permissions" in troubled["detail"]) == ("fail", True)


def test_without_a_wallet_no_agent_is_started_and_no_folder_made(tmp_path: Path) -> None:
    finished = run_tally(tmp_path / "home", "agent", "start", "--json")
    assert finished.error == "vault_missing"
    assert not (tmp_path / "home").exists()


def test_second_agent_is_not_started(holder: Holder, stopwatch: Stopwatch) -> None:
    with unlocked(holder, stopwatch):
        assert holder.run("agent", "start", "--json").error == "vault_locked"


def test_agent_that_ends_at_once_is_told(holder: Holder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wallet.cli.agent.start_agent", lambda *_arguments: 0)
    assert holder.run("agent", "start", "--json").error == "agent_unavailable"


def test_foreground_goes_with_start_alone(holder: Holder) -> None:
    assert holder.run("agent", "stop", "--foreground").status == ExitCode.USAGE


@pytest.mark.parametrize(
    ("minutes", "asks"), [pytest.param(1, False, id="just-now"), pytest.param(3, True, id="a-while-ago")]
)
def test_person_who_shares_proves_who_they_are_when_the_unlock_is_long_ago(
    minutes: int, asks: bool, holder: Holder, stopwatch: Stopwatch
) -> None:
    holder.hold()
    again = [("Passphrase:", "wrong\n"), ("Passphrase:", f"{PASSPHRASE}\n")] if asks else []
    with unlocked(holder, stopwatch):
        stopwatch.forward(timedelta(minutes=minutes))
        answers = [OPTIONAL, SHARE, *again]
        finished = holder.converse("present", signed(), answers=answers, asks_passphrase=True)
    assert finished.status == 0
    assert "sent: ['vp_token=" in finished.stdout
    assert ("The wallet was unlocked a while ago" in finished.stdout) is asks


def test_person_who_cannot_prove_who_they_are_sends_nothing(holder: Holder, stopwatch: Stopwatch) -> None:
    holder.hold()
    with unlocked(holder, stopwatch):
        stopwatch.forward(timedelta(minutes=3))
        answers = [OPTIONAL, SHARE, *[("Passphrase:", "wrong\n")] * 3]
        finished = holder.converse("present", signed(), answers=answers, asks_passphrase=True)
    assert finished.status == ExitCode.LOCKED
    assert "sent: []" in finished.stdout


def test_script_that_says_yes_needs_the_agent_alone(holder: Holder, stopwatch: Stopwatch) -> None:
    holder.hold()
    with unlocked(holder, stopwatch):
        stopwatch.forward(timedelta(minutes=9))
        assert run(holder, "present", signed(), "--yes").status == 0
    assert len(holder.outside.sent) == 1


# From here on the agent is the real process.


@contextmanager
def started(holder: Holder) -> Iterator[int]:
    """An agent for the wallet; gives its process id. It does not outlive the block."""
    finished = run_module("tests.wallet.holder", "agent", "start", "--json", environment=holder.environment)
    assert finished.status == 0, finished.stderr
    try:
        yield int(finished.stdout.splitlines()[0].split('"pid":')[1].split(",")[0])
    finally:
        end_agent(place(holder))


def has_ended(pid: int) -> bool:
    """Whether the process ends, if it has not yet, within ten seconds."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    ended, _, _ = select.select([process], [], [], 10)
    os.close(process)
    return bool(ended)


def memory(pid: int) -> Iterator[bytes]:
    """What the process has in memory, piece by piece."""
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as stream:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            begin, end = (int(part, 16) for part in line.split()[0].split("-"))
            if line.split()[1].startswith("r") and "[v" not in line:
                stream.seek(begin)
                yield stream.read(end - begin)


@pytest.mark.parametrize((), [pytest.param(id="NT-W29")])
def test_agent_never_has_the_passphrase_and_nothing_is_left_after_stop(holder: Holder) -> None:
    with holder.vault() as vault:
        key = vault.file.master_key
    with started(holder) as pid:
        answer = ask_key(place(holder))
        assert answer is not None
        assert answer.master_key == key
        assert run(holder, "list").status == 0
        if os.geteuid() == 0:
            pieces = list(memory(pid))
            assert sum(piece.count(key.raw) for piece in pieces) > 0
            assert sum(piece.count(PASSPHRASE.encode()) for piece in pieces) == 0
        else:
            with pytest.raises(PermissionError):
                next(memory(pid))
        assert run(holder, "agent", "stop", "--json").json == {"ended": True}
        assert has_ended(pid)
    assert [path.name for path in place(holder).iterdir()] == ["agent.lock"]
    assert run(holder, "list", "--json").error == "input_required"
