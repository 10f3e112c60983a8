import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from protocol.codes import Code
from tests.processes import ROOT, Finished, converse, plain_environment, run_module

SAMPLE = "tests.doors.sample_command"


def sample(*arguments: str, **environment: str) -> Finished:
    return run_module(SAMPLE, "plain", *arguments, environment=environment)


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("malformed", 1, "json_invalid"),
        ("verification", 3, "expired"),
        ("unavailable", 7, "log_stale"),
        ("refused", 1, "policy_invalid"),
        ("plain", 1, "internal_error"),
        ("unexpected", 1, "internal_error"),
        ("disk", 1, "disk_full"),
        ("file", 2, "usage_invalid"),
    ],
)
def test_failure_ends_with_its_number_and_its_code(kind: str, status: int, code: str) -> None:
    finished = sample("fail", kind, "--json")
    assert finished.status == status
    assert finished.stdout == ""
    error = json.loads(finished.stderr)["error"]
    assert error["code"] == code
    assert error.keys() == {"code", "message", "hint"}


def test_failure_for_a_person_is_what_happened_what_to_do_and_the_code() -> None:
    finished = sample("fail", "malformed")
    assert finished.status == 1
    assert finished.stderr.splitlines() == [
        "✗ The text is not JSON. (at character 3)",
        Code.JSON_INVALID.remedy,
        "json_invalid",
    ]


@pytest.mark.parametrize("kind", ["interrupt", "end"])
def test_interrupted_command_ends_with_130_and_no_words(kind: str) -> None:
    finished = sample("fail", kind)
    assert finished.status == 130
    assert finished.stdout + finished.stderr.strip() == ""


def test_unforeseen_exception_shows_neither_its_text_nor_a_traceback() -> None:
    finished = sample("fail", "unexpected")
    assert "ValueError" in finished.stderr
    assert "canary" not in finished.stderr
    assert "Traceback" not in finished.stderr


def test_unforeseen_exception_shows_its_traceback_with_debug() -> None:
    assert "Traceback" in sample("fail", "unexpected", "--debug").stderr
    assert "Traceback" in sample("fail", "unexpected", TALLY_DEBUG="1").stderr


def test_exit_code_a_command_returns_is_the_number_it_ends_with() -> None:
    assert sample("partly").status == 9


def test_json_answer_is_one_document_of_harmless_ascii() -> None:
    finished = sample("answer", "--json")
    assert finished.status == 0
    assert finished.stderr == ""
    assert finished.stdout.isascii()
    assert finished.stdout.count("\n") == 1
    assert finished.stdout.strip().isprintable()
    assert json.loads(finished.stdout) == {"name": "Bank\x1b[2J\u202e\u200b\x9b", "del": "\x7f"}


def test_answer_for_a_person_goes_to_stdout_and_notes_to_stderr() -> None:
    finished = sample("answer")
    assert finished.stdout == "from Bank�[2J��� ✓ ! ✗ (dim)\n"
    assert finished.stderr == "working\n"


def test_answer_is_styled_only_on_a_terminal_that_wants_it() -> None:
    assert "\x1b[1mBank�[2J" in converse(SAMPLE, "plain", "answer").stdout
    assert "\x1b" not in converse(SAMPLE, "plain", "answer", environment={"NO_COLOR": "1"}).stdout
    assert "\x1b" not in converse(SAMPLE, "plain", "answer", environment={"TERM": "dumb"}).stdout


def test_output_in_a_poor_encoding_loses_a_character_and_not_the_answer() -> None:
    finished = sample("answer", PYTHONIOENCODING="ascii")
    assert finished.status == 0
    assert r"\ufffd" in finished.stdout


def test_use_that_the_command_refuses_leads_to_its_own_help() -> None:
    finished = sample("fail", "usage")
    assert finished.status == 2
    assert "neither this nor that" in finished.stderr
    assert "See `tally fail --help`." in finished.stderr


def test_help_tells_of_the_shared_options_and_ends_with_0() -> None:
    for flag in ("--help", "-h"):
        finished = sample("answer", flag)
        assert finished.status == 0
        assert "--json" in finished.stdout
        assert "--no-input" in finished.stdout
        assert "--debug" not in finished.stdout


def test_group_alone_prints_its_help_and_ends_with_0() -> None:
    finished = sample()
    assert finished.status == 0
    assert "answer" in finished.stdout


def test_group_with_options_but_no_command_is_wrong_usage() -> None:
    finished = sample("--json")
    assert finished.status == 2
    assert json.loads(finished.stderr)["error"]["code"] == "usage_invalid"


def test_misspelt_command_gets_a_suggestion() -> None:
    finished = sample("anser")
    assert finished.status == 2
    assert "There is no command anser. Did you mean answer?" in finished.stderr
    assert "Did you mean" not in sample("zzz").stderr


def test_hostile_name_of_a_command_is_shown_harmless() -> None:
    assert "\x1b" not in sample("\x1b[2J").stderr


def test_unknown_option_is_wrong_usage_with_a_way_to_the_help() -> None:
    finished = sample("answer", "--jsno")
    assert finished.status == 2
    assert "See `tally answer --help`." in finished.stderr


def test_json_after_the_end_of_the_options_is_an_argument() -> None:
    finished = sample("fail", "--", "--json")
    assert finished.status == 1
    assert "internal_error" in finished.stderr.splitlines()


def test_shared_options_are_taken_before_the_command_too() -> None:
    assert json.loads(sample("--json", "answer").stdout)["del"] == "\x7f"


def test_reader_that_closes_the_pipe_is_not_told_anything(tmp_path: Path) -> None:
    errors = tmp_path / "errors"
    with errors.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", SAMPLE, "plain", "many"],
            cwd=ROOT,
            env=plain_environment(),
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(30) == 1
    assert errors.read_bytes() == b""


def test_reader_that_has_gone_before_the_first_line_is_not_told_anything() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    finished = subprocess.run(
        [sys.executable, "-m", SAMPLE, "plain", "partly"],
        cwd=ROOT,
        env=plain_environment(),
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=30,
        check=False,
    )
    assert (finished.returncode, finished.stderr) == (9, b"")
    finished = subprocess.run(
        [sys.executable, "-m", SAMPLE, "plain", "qr"],
        cwd=ROOT,
        env=plain_environment(),
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=30,
        check=False,
    )
    os.close(writer)
    assert (finished.returncode, finished.stderr) == (1, b"")


def test_full_disk_under_the_output_is_said_and_not_success() -> None:
    with Path("/dev/full").open("wb") as full:
        finished = subprocess.run(
            [sys.executable, "-m", SAMPLE, "plain", "answer"],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            env=plain_environment(),
            text=True,
            timeout=30,
            check=False,
        )
    assert finished.returncode == 1
    assert finished.stderr.splitlines()[-1] == "disk_full"


def test_lazy_group_lists_its_sections_without_importing_the_modules() -> None:
    finished = run_module(SAMPLE, "lazy", "--help")
    assert finished.status == 0
    assert "Members:\n  answer  One answer." in finished.stdout
    assert "absent   Nobody wrote this." in finished.stdout


def test_lazy_group_runs_a_member_and_a_whole_group() -> None:
    assert run_module(SAMPLE, "lazy", "answer").stdout.startswith("from Bank")
    assert run_module(SAMPLE, "lazy", "samples", "answer").stdout.startswith("from Bank")


def test_lazy_group_knows_nothing_else() -> None:
    assert run_module(SAMPLE, "lazy", "partly").status == 2


def test_completion_offers_the_commands_of_a_group() -> None:
    environment = {"_TALLY_COMPLETE": "bash_complete", "COMP_WORDS": "tally an", "COMP_CWORD": "1"}
    finished = run_module(SAMPLE, "plain", environment=environment)
    assert finished.stdout == "plain,answer\n"
    assert finished.status == 0
