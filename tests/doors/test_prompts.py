import json
import os
import unicodedata
from pathlib import Path

import pytest

from tests.processes import Finished, converse, run_module

SAMPLE = "tests.doors.sample_command"
SECRET = "correct horse"


def with_descriptor(data: bytes, *arguments: str) -> Finished:
    reader, writer = os.pipe()
    os.write(writer, data)
    os.close(writer)
    try:
        return run_module(
            SAMPLE, "plain", "unlock", "--passphrase-fd", str(reader), *arguments, descriptors=[reader]
        )
    finally:
        os.close(reader)


@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("ask", "--tx-code"),
        ("confirm", "--yes"),
        ("erase", "--yes"),
        ("unlock", "--passphrase-file"),
    ],
)
def test_nobody_is_asked_without_a_terminal_and_the_missing_option_is_named(
    command: str, option: str
) -> None:
    finished = run_module(SAMPLE, "plain", command, "--json", stdin="yes\n")
    assert finished.status == 2
    error = json.loads(finished.stderr)["error"]
    assert error["code"] == "input_required"
    assert option in error["message"]


@pytest.mark.parametrize("flag", ["--json", "--no-input"])
def test_nobody_is_asked_in_a_terminal_when_a_program_is_at_work(flag: str) -> None:
    finished = converse(SAMPLE, "plain", "confirm", flag)
    assert finished.status == 2
    assert "Share?" not in finished.stdout


def test_answer_is_taken_without_blanks_around_it() -> None:
    finished = converse(SAMPLE, "plain", "ask", answers=[("Code?", " 4711 \n")])
    assert finished.status == 0
    assert "got 4711\r\n" in finished.stdout


@pytest.mark.parametrize("reply", ["y\n", "YES\n"])
def test_confirmed_question_goes_on(reply: str) -> None:
    finished = converse(SAMPLE, "plain", "confirm", answers=[("Share? [y/N]", reply)])
    assert finished.status == 0
    assert "shared" in finished.stdout


@pytest.mark.parametrize("reply", ["\n", "n\n", "yess\n", "\x04"])
def test_question_without_a_clear_yes_is_declined(reply: str) -> None:
    finished = converse(SAMPLE, "plain", "confirm", answers=[("Share? [y/N]", reply)])
    assert finished.status == 6
    assert "declined" in finished.stdout
    assert "shared" not in finished.stdout


@pytest.mark.parametrize(("reply", "status"), [("Degree\n", 0), ("y\n", 6), ("degree\n", 6), ("\n", 6)])
def test_what_cannot_be_undone_needs_the_name_typed(reply: str, status: int) -> None:
    finished = converse(SAMPLE, "plain", "erase", answers=[("Type Degree to go on:", reply)])
    assert finished.status == status


def test_passphrase_is_asked_for_without_showing_it() -> None:
    finished = converse(SAMPLE, "plain", "unlock", answers=[("Passphrase:", f"{SECRET}\n")])
    assert finished.status == 0
    assert f"{len(SECRET)} characters" in finished.stdout
    assert SECRET not in finished.stdout


def test_new_passphrase_is_asked_for_twice() -> None:
    answers = [("New passphrase:", f"{SECRET}\n"), ("The same again:", f"{SECRET}\n")]
    assert converse(SAMPLE, "plain", "unlock", "--new", answers=answers).status == 0


@pytest.mark.parametrize(
    "mistyped",
    [
        [("New passphrase:", "short\n")],
        [("New passphrase:", "\n")],
        [("New passphrase:", f"{SECRET}\n"), ("The same again:", "correct house\n")],
    ],
    ids=["too short", "empty", "not repeated"],
)
def test_person_who_mistypes_a_new_passphrase_is_asked_again(mistyped: list[tuple[str, str]]) -> None:
    answers = [*mistyped, ("New passphrase:", f"{SECRET}\n"), ("The same again:", f"{SECRET}\n")]
    finished = converse(SAMPLE, "plain", "unlock", "--new", answers=answers)
    assert finished.status == 0
    assert f"{len(SECRET)} characters" in finished.stdout


def test_new_passphrase_that_is_not_repeated_alike_three_times_is_refused() -> None:
    answers = [("New passphrase:", f"{SECRET}\n"), ("The same again:", "correct house\n")] * 3
    finished = converse(SAMPLE, "plain", "unlock", "--new", answers=answers)
    assert finished.status == 2
    assert "passphrase_unrepeated" in finished.stdout


@pytest.mark.parametrize("short", ["seven77", "한국어말"])
def test_new_passphrase_that_is_too_short_is_refused(tmp_path: Path, short: str) -> None:
    # Hangul typed as its parts: twice as many characters as will be used.
    typed = unicodedata.normalize("NFD", short)
    answers = [("New passphrase:", f"{typed}\n")] * 3
    finished = converse(SAMPLE, "plain", "unlock", "--new", answers=answers)
    assert finished.status == 2
    assert "passphrase_too_short" in finished.stdout
    file = tmp_path / "passphrase"
    file.touch(mode=0o600)
    file.write_text(typed)
    from_file = run_module(SAMPLE, "plain", "unlock", "--new", "--passphrase-file", str(file))
    assert (from_file.status, from_file.stderr.splitlines()[-1]) == (2, "passphrase_too_short")


def test_existing_passphrase_may_be_short() -> None:
    assert with_descriptor(b"short\n").stdout == "5 characters\n"


def test_person_who_mistypes_the_passphrase_is_asked_again() -> None:
    answers = [("Passphrase:", "wrong\n"), ("Passphrase:", f"{SECRET}\n")]
    finished = converse(SAMPLE, "plain", "unlock", answers=answers)
    assert finished.status == 0
    assert "does not open it" in finished.stdout


def test_passphrase_that_is_wrong_three_times_is_refused() -> None:
    finished = converse(SAMPLE, "plain", "unlock", answers=[("Passphrase:", "wrong\n")] * 3)
    assert finished.status == 5
    assert "passphrase_wrong" in finished.stdout


def test_wrong_passphrase_of_a_script_is_refused_at_once() -> None:
    finished = with_descriptor(b"wrong\n")
    assert (finished.status, finished.stderr.count("does not open it")) == (5, 1)


@pytest.mark.parametrize(("reply", "status"), [("\n", 2), ("\x04", 6)])
def test_no_passphrase_is_refused(reply: str, status: int) -> None:
    assert converse(SAMPLE, "plain", "unlock", answers=[("Passphrase:", reply)]).status == status


def test_command_that_takes_a_passphrase_leaves_no_core_dump(tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.touch(mode=0o600)
    file.write_text(SECRET)
    assert run_module(SAMPLE, "plain", "unlock", "--passphrase-file", str(file)).stderr == "no core dump\n"


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\nsecond line\n"])
def test_passphrase_is_the_first_line_of_a_file(tmp_path: Path, end: str) -> None:
    file = tmp_path / "passphrase"
    file.write_bytes((SECRET + end).encode())
    file.chmod(0o600)
    finished = run_module(SAMPLE, "plain", "unlock", "--passphrase-file", str(file))
    assert finished.stdout == f"{len(SECRET)} characters\n"


def test_passphrase_file_may_be_named_by_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.write_text(SECRET)
    file.chmod(0o600)
    finished = run_module(SAMPLE, "plain", "unlock", environment={"TALLY_PASSPHRASE_FILE": str(file)})
    assert finished.status == 0


def test_passphrase_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.write_text(SECRET)
    file.chmod(0o640)
    finished = run_module(SAMPLE, "plain", "unlock", "--passphrase-file", str(file))
    assert finished.status == 5
    assert "vault_permissions" in finished.stderr


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", "input_required"), (b"x" * 1025, "size_exceeded"), (b"\xff", "text_invalid")],
)
def test_passphrase_file_without_a_usable_line_is_refused(tmp_path: Path, data: bytes, code: str) -> None:
    file = tmp_path / "passphrase"
    file.write_bytes(data)
    file.chmod(0o600)
    finished = run_module(SAMPLE, "plain", "unlock", "--passphrase-file", str(file))
    assert code in finished.stderr.splitlines()


def test_missing_passphrase_file_is_refused(tmp_path: Path) -> None:
    finished = run_module(SAMPLE, "plain", "unlock", "--passphrase-file", str(tmp_path / "none"))
    assert finished.status == 2
    assert "input_required" in finished.stderr


def test_passphrase_is_read_from_a_descriptor() -> None:
    assert with_descriptor(f"{SECRET}\n".encode()).stdout == f"{len(SECRET)} characters\n"


def test_passphrase_descriptor_comes_before_the_file_of_the_environment() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"abc\n")
    os.close(writer)
    finished = run_module(
        SAMPLE,
        "plain",
        "unlock",
        "--passphrase-fd",
        str(reader),
        descriptors=[reader],
        environment={"TALLY_PASSPHRASE_FILE": "/nowhere"},
    )
    os.close(reader)
    assert finished.stdout == "3 characters\n"


def test_closed_passphrase_descriptor_is_refused() -> None:
    finished = run_module(SAMPLE, "plain", "unlock", "--passphrase-fd", "77")
    assert finished.status == 2
    assert "input_required" in finished.stderr


def test_passphrase_as_an_argument_does_not_exist() -> None:
    finished = run_module(SAMPLE, "plain", "unlock", "--passphrase", SECRET)
    assert finished.status == 2
    assert SECRET not in finished.stderr
