from functools import partial
from pathlib import Path

import pytest

from doors.exit_code import ExitCode
from ledger.fetch import chosen_fetcher
from ledger.trust import TrustedLedgers
from protocol.codes import Code
from protocol.tlog.policy import encode_log_policy
from tests.storage.place import refusal_of
from tests.wallet.holder import NO_LEDGERS, PASSPHRASE, Holder
from tests.wallet.parties import KEYS, POLICY, URL
from tests.wallet.test_trust import PUBLIC, ledger
from wallet.door.network import fetcher_for
from wallet.recovery_phrase import parse_recovery_phrase
from wallet.trust import load_ledgers

KEY = encode_log_policy(POLICY).split()[1]
TRUST = f"Believe what {URL} says about issuers and verifiers? [y/N]"


@pytest.fixture
def newcomer(tmp_path: Path) -> Holder:
    """Somebody without a wallet."""
    return Holder(tmp_path)


@pytest.fixture
def holder(tmp_path: Path) -> Holder:
    """A holder whose wallet trusts no ledger yet."""
    holder = Holder(tmp_path)
    holder.create(ledgers=NO_LEDGERS)
    return holder


def policy_file(folder: Path, text: str) -> str:
    file = folder / "policy"
    file.write_text(text)
    return str(file)


def test_wallet_is_made_and_its_words_go_to_a_file_of_their_own(newcomer: Holder, tmp_path: Path) -> None:
    words = tmp_path / "words"
    ended = newcomer.run("init", "--ledger", URL, "--words-file", str(words), "--json")
    assert (ended.status, ended.stderr) == (0, "")
    assert ended.json == {
        "wallet": str(newcomer.folder.path),
        "recovered": False,
        "words_file": str(words),
        "ledgers": [{"url": URL, "origin": KEYS.origin, "key": KEY}],
    }
    assert words.stat().st_mode & 0o777 == 0o600
    with newcomer.vault() as vault:
        assert parse_recovery_phrase(words.read_text()) == vault.content.entropy
    assert newcomer.run("key", "words", "--reveal").stdout == words.read_text()
    again = newcomer.run("init", "--json")
    assert (again.status, again.error) == (ExitCode.FAILURE, "vault_exists")


def test_person_compares_the_key_types_a_passphrase_twice_and_gets_the_words(newcomer: Holder) -> None:
    answers = [
        (TRUST, "y\n"),
        ("New passphrase:", f"{PASSPHRASE}\n"),
        ("The same again:", f"{PASSPHRASE}\n"),
        ("Press Enter when you have them.", "\n"),
    ]
    finished = newcomer.converse("init", "--ledger", URL, answers=answers, asks_passphrase=True)
    assert finished.status == 0
    assert KEY in finished.stdout
    assert finished.stdout.index("✓") < finished.stdout.index("\x1b[?1049h")
    assert PASSPHRASE not in finished.stdout
    assert "A program needs centuries for this." in finished.stdout
    with newcomer.vault() as vault:
        assert vault.content.credentials == ()


def test_person_who_does_not_trust_the_ledger_gets_no_wallet(newcomer: Holder) -> None:
    finished = newcomer.converse("init", "--ledger", URL, answers=[(TRUST, "\n")], asks_passphrase=True)
    assert finished.status == ExitCode.DECLINED
    assert KEY in finished.stdout
    assert not newcomer.folder.is_initialized()


def test_without_a_place_for_them_the_words_stay_in_the_wallet(newcomer: Holder) -> None:
    ended = newcomer.run("init")
    assert ended.status == 0
    assert "`tally key words` shows them" in ended.stderr
    assert "It trusts no ledger yet" in ended.stderr
    words = newcomer.run("key", "words", "--reveal").stdout.split()
    assert len(words) == 24
    assert " ".join(words[:3]) not in ended.stdout + ended.stderr


def test_recovered_wallet_has_the_same_words_and_never_an_old_key(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    first, second = (Holder(tmp_path_factory.mktemp("home")) for _ in range(2))
    first.create()
    first.hold()
    words = first.home / "words"
    words.touch(mode=0o600)
    words.write_text(first.run("key", "words", "--reveal").stdout)
    ended = second.run("init", "--recover", "--words-file", str(words), "--json")
    assert (ended.status, ended.json["recovered"]) == (0, True)
    with first.vault() as old, second.vault() as new:
        assert new.content.entropy == old.content.entropy
        assert new.content.credentials == ()
        # It counts from the minute it was made in; the old one was made in the same, and is not ahead of it.
        assert new.content.next_key_index <= old.content.next_key_index


def test_person_types_the_words_where_nothing_is_scrolled_back(newcomer: Holder) -> None:
    words = "zoo " * 23 + "vote"
    answers = [
        ("Words 1 to 24:", f"  {words.upper()}\n"),
        ("New passphrase:", f"{PASSPHRASE}\n"),
        ("The same again:", f"{PASSPHRASE}\n"),
    ]
    finished = newcomer.converse("init", "--recover", answers=answers, asks_passphrase=True)
    assert finished.status == 0
    typed = finished.stdout[finished.stdout.index("\x1b[?1049h") : finished.stdout.index("\x1b[?1049l")]
    assert "ZOO" in typed
    assert "ZOO" not in finished.stdout.replace(typed, "")
    with newcomer.vault() as vault:
        assert vault.content.entropy == b"\xff" * 32


def test_each_typed_word_is_looked_up_at_once(newcomer: Holder) -> None:
    answers = [
        ("Words 1 to 24:", "zoo " * 6 + "zzo " + "zoo " * 5 + "\n"),
        ("Words 7, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24:", "zoo " * 12 + "\n"),
        ("Word 24:", "zoo zoo\n"),
        ("Word 24:", "zoo\n"),
        ("The number and the word that is another one:", "24 vote\n"),
        ("New passphrase:", f"{PASSPHRASE}\n"),
        ("The same again:", f"{PASSPHRASE}\n"),
    ]
    finished = newcomer.converse("init", "--recover", answers=answers, asks_passphrase=True)
    assert finished.status == 0
    typed, _, after = finished.stdout.partition("\x1b[?1049l")
    assert "Word 7, “zzo”, is not in the list. Is it zoo?" in typed
    assert "more than 24 words" in typed
    assert "do not belong together" in typed
    assert "zoo" not in after
    with newcomer.vault() as vault:
        assert vault.content.entropy == b"\xff" * 32


@pytest.mark.parametrize(
    "url", ["ftp://ledger.example", "https://ledger.example:99999", "ledger", "https://a b"]
)
def test_address_of_a_ledger_that_is_none_is_refused(url: str) -> None:
    # Not on the stage: the address must not even reach the fetcher.
    assert refusal_of(lambda: chosen_fetcher(url)).code in (
        Code.FORMAT_INVALID,
        Code.NETWORK_SCHEME_FORBIDDEN,
    )


def test_fetcher_reaches_the_ports_of_the_trusted_ledgers_and_no_others() -> None:
    trusted = TrustedLedgers((ledger("ledger.example:8443"),))
    with fetcher_for(trusted) as fetcher:
        for url, code in (
            ("https://ledger.example:9443", Code.NETWORK_HOST_FORBIDDEN),
            ("http://ledger.localhost:8101", Code.NETWORK_HOST_FORBIDDEN),
            ("http://ledger.example", Code.NETWORK_SCHEME_FORBIDDEN),
        ):
            refusal = refusal_of(partial(fetcher.fetch, url, accept="text/plain"))
            assert refusal.code is code


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--recover"], "input_required"),
        (["--ledger", "http://gone.localhost:1"], "network_ledger_unreachable"),
        (["--words-file", "WORDS"], "vault_exists"),
        (["--words-file", "/nowhere/words"], "usage_invalid"),
        (["--ledger", URL, "--ledger-policy", "BINARY"], "text_invalid"),
        (["--ledger", URL, "--ledger-policy", "POLICY"], "log_policy_invalid"),
    ],
)
def test_wallet_that_cannot_be_made_as_wanted_is_not_made(
    newcomer: Holder, tmp_path: Path, arguments: list[str], code: str
) -> None:
    (tmp_path / "words").touch()
    (tmp_path / "binary").write_bytes(b"\xff")
    paths = {
        "WORDS": str(tmp_path / "words"),
        "BINARY": str(tmp_path / "binary"),
        "POLICY": policy_file(tmp_path, encode_log_policy(PUBLIC.policy)),
    }
    ended = newcomer.run("init", *(paths.get(argument, argument) for argument in arguments), "--json")
    assert (ended.stdout, ended.error) == ("", code)
    assert not newcomer.folder.is_initialized()


def test_several_ledgers_are_trusted_each_by_its_policy(newcomer: Holder, tmp_path: Path) -> None:
    policy = policy_file(tmp_path, encode_log_policy(PUBLIC.policy))
    arguments = ("--ledger", PUBLIC.url, "--ledger", URL, "--ledger", f"{URL}/", "--ledger-policy", policy)
    ended = newcomer.run("init", *arguments, "--json")
    assert [each["url"] for each in ended.json["ledgers"]] == [PUBLIC.url, URL]
    assert load_ledgers(newcomer.folder).development


def test_ledger_is_trusted_later_and_no_longer(holder: Holder) -> None:
    assert holder.run("trust", "--json").json == {"ledgers": []}
    trusted = [{"url": URL, "origin": KEYS.origin, "key": KEY}]
    assert holder.run("trust", URL, "--yes", "--json").json == {"ledgers": trusted}
    assert holder.run("trust", "--json").json == {"ledgers": trusted}
    assert KEY in holder.run("trust").stdout
    assert holder.run("trust", URL, "--remove", "--yes", "--json").json == {"ledgers": []}
    ended = holder.run("trust", URL, "--remove", "--yes", "--json")
    assert (ended.status, ended.error) == (ExitCode.NOT_FOUND, "not_found")


@pytest.mark.parametrize("more", [[], ["--remove"]])
def test_trust_is_not_changed_without_a_yes(holder: Holder, more: list[str]) -> None:
    holder.run("trust", URL, "--yes") if more else None
    before = load_ledgers(holder.folder)
    ended = holder.run("trust", URL, *more, "--json")
    assert (ended.status, ended.error) == (ExitCode.USAGE, "input_required")
    assert load_ledgers(holder.folder) == before


def test_person_reads_the_policy_before_trusting_it(holder: Holder) -> None:
    finished = holder.converse("trust", URL, answers=[(f"Believe what {URL} says", "n\n")])
    assert finished.status == ExitCode.DECLINED
    assert encode_log_policy(POLICY) in finished.stdout.replace("\r\n", "\n")
    assert load_ledgers(holder.folder).ledgers == ()


def test_changed_policy_is_not_taken_unless_it_is_to_replace(holder: Holder, tmp_path: Path) -> None:
    first = policy_file(tmp_path, encode_log_policy(PUBLIC.policy))
    assert holder.run("trust", PUBLIC.url, "--policy", first, "--yes").status == 0
    changed = policy_file(tmp_path, encode_log_policy(ledger("ledger.example", seed=20).policy))
    ended = holder.run("trust", PUBLIC.url, "--policy", changed, "--yes", "--json")
    assert (ended.stdout, ended.error) == ("", "vault_exists")
    assert load_ledgers(holder.folder).ledgers == (PUBLIC,)
    assert holder.run("trust", PUBLIC.url, "--policy", changed, "--replace", "--yes").status == 0
    assert load_ledgers(holder.folder).ledgers == (ledger("ledger.example", seed=20),)


@pytest.mark.parametrize(
    "words", [("trust", "example"), ("init", "--ledger", "example"), ("trust", "file:///x")]
)
def test_what_is_no_web_address_is_wrong_usage(newcomer: Holder, words: tuple[str, ...]) -> None:
    ended = newcomer.run(*words, "--json")
    assert (ended.status, ended.stdout, ended.error) == (ExitCode.USAGE, "", "usage_invalid")
    assert "is not like https://ledger.example" in ended.stderr
    assert ("https:// is missing" in ended.stderr) is (words[-1] == "example")


def test_nobody_is_asked_whether_to_trust_no_longer_what_is_not_trusted(holder: Holder) -> None:
    ended = holder.run("trust", "https://elsewhere.example", "--remove", "--json")
    assert (ended.status, ended.error) == (ExitCode.NOT_FOUND, "not_found")
