import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

import pytest

from doors.exit_code import ExitCode
from doors.terminal import Terminal
from protocol.codes import Code
from tests.docs.test_code_blocks import check_whole
from tests.processes import Finished, converse
from tests.wallet.holder import PASSPHRASE, Holder, staged
from tests.wallet.parties import HOSTILE, VERIFIER, Outside
from wallet.cli.plain_menu import run_plain_menu
from wallet.cli.plain_session import PlainSession

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PARTY = f"decentralized_identifier:{VERIFIER}"


@dataclass
class Person:
    """Somebody in front of the menu, and what the commands that it runs end with.

    Attributes:
        passphrases: What is typed when a passphrase is asked for, one after the other.
        asked: How often it was.
        ran: The command lines, without where their passphrase comes from.
        given: The passphrase that each of them was given, None for one that asks by itself.
    """

    holder: Holder
    passphrases: list[str] = field(default_factory=lambda: [PASSPHRASE] * 9)
    ends_with: ExitCode = ExitCode.SUCCESS
    asked: int = 0
    ran: list[list[str]] = field(default_factory=list)
    given: list[str | None] = field(default_factory=list)
    screen: io.StringIO = field(default_factory=io.StringIO)

    def terminal(self, *typed: str) -> Terminal:
        return Terminal(
            json=False,
            interactive=True,
            color=False,
            ascii=False,
            stdin=io.StringIO("".join(f"{line}\n" for line in typed)),
            stdout=self.screen,
            stderr=self.screen,
        )

    def run_command(self, words: Sequence[str]) -> int:
        rest = list(words)
        check_whole(rest)
        passphrase = None
        if "--passphrase-file" in rest:
            place = rest.index("--passphrase-file")
            passphrase = Path(rest[place + 1]).read_text().removesuffix("\n")
            del rest[place : place + 2]
        self.given.append(passphrase)
        self.ran.append([word for word in rest if word != "--"])
        return self.ends_with

    def type(self, *typed: str) -> str:
        """Type lines into the menu, then close the input; what was on the screen."""
        with self.at_the_keyboard():
            assert run_plain_menu(self.terminal(*typed), self.run_command) is ExitCode.SUCCESS
        return self.screen.getvalue()

    def session(self, stopwatch: Callable[[], float]) -> PlainSession:
        return PlainSession(self.terminal(), self.run_command, stopwatch=stopwatch)

    def at_the_keyboard(self) -> AbstractContextManager[object]:
        return mock.patch("getpass.getpass", self._type_passphrase)

    def _type_passphrase(self, _question: str) -> str:
        self.asked += 1
        return self.passphrases.pop(0)


@pytest.fixture
def person(holder: Holder, monkeypatch: pytest.MonkeyPatch) -> Iterator[Person]:
    """One with a degree, who met a shop once."""
    holder.hold()
    with holder.vault() as vault:
        vault.change(
            lambda content: content.with_party_seen(PARTY, name="Northgate", presented=True, now=NOW)
        )
    monkeypatch.setenv("TALLY_HOME", str(holder.home))
    monkeypatch.delenv("TALLY_PASSPHRASE_FILE", raising=False)
    with staged(holder.outside):
        yield Person(holder)


@pytest.mark.parametrize(
    ("typed", "ran"),
    [
        (["1", "1", "1"], ["show", "degree-0001"]),
        (["1", "1", "2"], ["status", "degree-0001"]),
        (["1", "1", "3"], ["refill", "degree-0001"]),
        (["1", "1", "4"], ["remove", "degree-0001"]),
        (["1", "2"], ["status"]),
        (["2", "1", "openid-credential-offer://?x"], ["add", "openid-credential-offer://?x"]),
        (["2", "1", "-odd name.png"], ["add", "-odd name.png"]),
        (["3", "openid4vp://?x"], ["present", "openid4vp://?x"]),
        (["4", "1"], ["activity", "list"]),
        (["4", "2", "--yes"], ["activity", "list", "--party=--yes"]),
        (["4", "3", "a.json"], ["activity", "export", "a.json"]),
        (["4", "4", "a.json"], ["activity", "verify", "a.json"]),
        (["4", "5"], ["activity", "forget"]),
        (["5", "1", "1"], ["party", "trust", PARTY]),
        (["5", "1", "2"], ["party", "block", PARTY]),
        (["5", "1", "3"], ["party", "unmark", PARTY]),
        (["5", "1", "4"], ["party", "forget", PARTY]),
        (["5", "2", "1"], ["trust"]),
        (["5", "2", "2", "https://l.example"], ["trust", "https://l.example"]),
        (["5", "2", "3", "https://l.example"], ["trust", "--remove", "https://l.example"]),
        (["6", "1"], ["key", "list"]),
        (["6", "2"], ["key", "words"]),
        (["6", "3"], ["passwd"]),
        (["7", "1", "a.backup"], ["backup", "make", "a.backup"]),
        (["7", "2", "a.backup"], ["backup", "rehearse", "a.backup"]),
        (["7", "3", "a.backup"], ["backup", "restore", "a.backup"]),
        (["8"], ["doctor"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_choice_runs_the_command_that_a_person_would_type(
    person: Person, typed: list[str], ran: list[str]
) -> None:
    person.type(*typed, "0")
    assert person.ran == [ran]


def test_what_was_interrupted_is_gone_on_with(person: Person) -> None:
    person.holder.outside.status = 1
    assert person.holder.run("add", person.holder.outside.offer(), "--yes").status != 0
    assert "Nothing was interrupted." not in person.type("2", "2", "0")
    assert person.ran == [["add"]]


def test_where_nothing_was_interrupted_it_is_said_and_nothing_is_run(person: Person) -> None:
    assert "Nothing was interrupted." in person.type("2", "2", "0")
    assert person.ran == []


@pytest.mark.parametrize("typed", [["5", "2", "2"], ["5", "2", "3"]])
def test_address_of_a_ledger_without_https_is_told_and_asked_for_again(
    person: Person, typed: list[str]
) -> None:
    screen = person.type(*typed, "l.example", "https://l.example/", "0")
    assert "This is not the address of a ledger. (https:// is missing)" in screen
    assert [words[-1] for words in person.ran] == ["https://l.example"]


@pytest.mark.parametrize(
    "typed", [[], ["0"], ["1", "0", "0"], ["1", "1", "0", "0"], ["2", "1", "", "0"], ["3"]]
)
def test_nothing_is_run_for_who_goes_back_or_closes_the_input(person: Person, typed: list[str]) -> None:
    person.type(*typed)
    assert person.ran == []


@pytest.mark.parametrize("typed", ["", "9", "-1", "00", "x", "１", "1 1", "99999999999999999999"])
def test_what_is_no_choice_is_asked_for_again(person: Person, typed: str) -> None:
    assert "Type a number from 0 to 8." in person.type(typed, "0")
    assert person.ran == []


def test_menu_is_read_from_top_to_bottom_without_anything_that_acts_on_the_screen(person: Person) -> None:
    screen = person.type("1", "0", "0")
    assert all(character == "\n" or character.isprintable() for character in screen)
    first = screen.splitlines()[: screen.splitlines().index("0  Quit") + 1]
    assert first == [
        "",
        "Your wallet",
        "1  Your credentials",
        "2  Add",
        "3  Share",
        "4  What happened",
        "5  People and places",
        "6  Keys",
        "7  Back up",
        "8  Look for problems",
        "0  Quit",
    ]
    assert "1  Degree, ✓ valid, from city-university on ledger.example, degree-0001" in screen
    assert max(map(len, first)) < 80


def test_words_of_strangers_are_shown_harmlessly(person: Person) -> None:
    person.holder.hold("odd-0001", vct=f"urn:stranger:{HOSTILE}", claims={"x": "y"})
    with person.holder.vault() as vault:
        vault.change(
            lambda content: content.with_party_seen(
                f"redirect_uri:https://x.example/{HOSTILE}", name=HOSTILE * 9, presented=False, now=NOW
            )
        )
    screen = person.type("1", "0", "5", "0", "0")
    assert "3  Ask all issuers how they stand" in screen
    assert "3  Ledgers you trust" in screen
    assert all(character == "\n" or character.isprintable() for character in screen)


def test_home_in_the_name_of_a_file_is_found_without_a_shell(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    person.type("7", "1", "~/a.backup", "7", "1", "~no body/a.backup", "0")
    assert [words[-1] for words in person.ran] == ["/home/ada/a.backup", "~no body/a.backup"]


def test_passphrase_is_asked_for_once_and_given_to_every_command(person: Person) -> None:
    person.type("8", "4", "1", "1", "1", "1", "0")
    assert person.ran == [["doctor"], ["activity", "list"], ["show", "degree-0001"]]
    assert person.given == [PASSPHRASE] * 3
    assert person.asked == 1


def test_mistyped_passphrase_is_asked_for_again_and_not_kept(person: Person) -> None:
    person.passphrases = ["wrong", PASSPHRASE]
    person.type("8", "0")
    assert (person.given, person.asked) == ([PASSPHRASE], 2)


def test_wallet_that_stays_locked_is_told_and_the_menu_goes_on(person: Person) -> None:
    person.passphrases = ["wrong"] * 3 + [PASSPHRASE]
    screen = person.type("8", "8", "0")
    assert Code.PASSPHRASE_WRONG.value in screen
    assert (person.ran, person.asked) == ([["doctor"]], 4)


def test_failure_of_a_command_leads_back_to_the_menu(person: Person) -> None:
    person.ends_with = ExitCode.NETWORK
    assert person.type("8", "8", "0").count("Your wallet") == 3
    assert person.asked == 1


def test_passphrase_that_does_not_fit_any_more_is_asked_for_anew(person: Person) -> None:
    person.ends_with = ExitCode.LOCKED
    person.type("8", "8", "0")
    assert person.asked == 2


def test_command_that_changes_the_passphrase_asks_for_the_old_one_itself(person: Person) -> None:
    person.type("8", "6", "3", "8", "0")
    assert person.given == [PASSPHRASE, None, PASSPHRASE]
    assert person.asked == 2


def test_words_are_shown_by_a_command_that_asks_for_the_passphrase_itself(person: Person) -> None:
    person.type("8", "6", "2", "8", "0")
    assert person.given == [PASSPHRASE, None, PASSPHRASE]


@pytest.mark.parametrize(("rest", "asked"), [(599, 1), (601, 2)])
def test_wallet_that_rests_too_long_is_locked(person: Person, rest: float, asked: int) -> None:
    moments = [0.0]
    session = person.session(lambda: moments[0])
    with person.at_the_keyboard():
        session.run_open("doctor")
        moments[0] += rest
        session.content()
    assert person.asked == asked


@pytest.mark.parametrize(("ago", "asked"), [(60, 1), (121, 2)])
def test_sharing_asks_again_when_the_unlock_was_a_while_ago(person: Person, ago: float, asked: int) -> None:
    moments = [0.0]
    session = person.session(lambda: moments[0])
    with person.at_the_keyboard():
        session.run_open("doctor")
        moments[0] += ago
        session.run_sharing("present", arguments=["openid4vp://?x"])
    assert person.asked == asked


def test_no_pipe_stays_open(person: Person) -> None:
    before = len(list(Path("/dev/fd").iterdir()))
    person.type(*["8"] * 5, "0")
    assert len(list(Path("/dev/fd").iterdir())) == before


def test_file_that_the_environment_names_is_used_instead_of_a_question(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALLY_PASSPHRASE_FILE", str(person.holder.passphrase_file))
    person.type("1", "1", "1", "0")
    assert (person.ran, person.asked) == ([["show", "degree-0001"]], 0)


@pytest.mark.parametrize(
    ("typed", "ran"),
    [
        (["1", "https://ledger.example"], ["init", "--ledger=https://ledger.example"]),
        (["1", ""], ["init"]),
        (["2", ""], ["init", "--recover"]),
        (["3", "a.backup"], ["backup", "restore", "a.backup"]),
        (["4"], ["doctor"]),
    ],
)
def test_who_has_no_wallet_is_led_to_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: list[str], ran: list[str]
) -> None:
    monkeypatch.setenv("TALLY_HOME", str(tmp_path / "home"))
    person = Person(Holder(tmp_path / "home"))
    screen = person.type(*typed, "0")
    assert "There is no wallet here yet." in screen
    assert (person.ran, person.asked) == ([ran], 0)


def test_folder_that_others_can_enter_ends_the_menu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    (home / "wallet").mkdir(parents=True)
    (home / "wallet").chmod(0o755)
    monkeypatch.setenv("TALLY_HOME", str(home))
    assert "vault_permissions" in Person(Holder(home)).type("1")


def in_terminal(
    holder: Holder, *arguments: str, answers: Sequence[tuple[str, str]], **variables: str
) -> Finished:
    environment = {**holder.environment, **variables}
    del environment["TALLY_PASSPHRASE_FILE"]
    return converse("tests.wallet.holder", *arguments, answers=answers, environment=environment)


def test_credential_is_added_and_listed_in_a_dumb_terminal(holder: Holder) -> None:
    answers = [
        ("0  Quit", "2\n"),
        ("0  Back", "1\n"),
        ("name of the file:", f"{Outside().offer()}\n"),
        ("Passphrase:", f"{PASSPHRASE}\n"),
        ("[y/N]", "y\n"),
        ("Your wallet", "1\n"),
        ("Your credentials", "0\n"),
        ("Your wallet", "\x04"),
    ]
    finished = in_terminal(holder, answers=answers, TERM="dumb")
    assert finished.status == 0
    assert "is yours: degree-" in finished.stdout
    assert "1  Degree, ✓ valid, from city-university on ledger.example, degree-" in finished.stdout
    assert "\x1b" not in finished.stdout


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [(["--plain"], {}), ([], {"TALLY_ACCESSIBLE": "1"})],
    ids=["option", "variable"],
)
def test_menu_opens_where_it_is_wanted(
    holder: Holder, arguments: list[str], variables: dict[str, str]
) -> None:
    finished = in_terminal(holder, *arguments, answers=[("0  Quit", "0\n")], **variables)
    assert finished.status == 0
    assert "Your wallet" in finished.stdout


def test_plain_without_a_terminal_is_refused_and_alone_it_is_the_help(holder: Holder) -> None:
    refused = holder.run("--plain")
    assert refused.status == ExitCode.USAGE
    assert "nobody can be asked here" in refused.stderr
    alone = holder.run()
    assert alone.status == 0
    assert alone.stdout.startswith("Usage: tally")
    assert holder.run("--json").error == "usage_invalid"
    assert holder.run("--plain", "list", "--json").status == 0
