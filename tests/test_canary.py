"""The canary sings: in every place that it looks into, for every kind of secret, and repeats none of them."""

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from protocol.checks import CheckRecord, Outcome
from protocol.claim_path import ClaimPath
from protocol.codes import Code
from protocol.errors import MalformedError
from protocol.keys import Ed25519PrivateKey, P256PrivateKey
from protocol.openid4vci.offer import PreAuthorizedGrant
from protocol.openid4vci.token import RefreshRequest, TokenRequest, TokenResponse
from schemas import credential_type
from storage.management_key import create_management_key
from storage.passphrase import Passphrase
from tests import canary
from tests.canary import Canaries, Kind, Watch
from tests.wallet.holdings import EMPTY, with_held
from wallet.content import ActivityEntry, ActivityKind
from wallet.recovery_phrase import encode_recovery_phrase

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SEED = bytes(range(100, 132))
NAME = "Münstergasse 12"


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """The canary itself, with a mind of its own for what it finds in this test."""
    monkeypatch.setattr(canary.watch, "_hits", [])
    return canary.watch


def made_secrets() -> dict[str, tuple[Kind, str]]:
    """A secret of each sort, made as the program makes it."""
    Ed25519PrivateKey(SEED)
    P256PrivateKey(SEED)
    Passphrase("tall ships in a bottle")
    TokenResponse("an-access-token-of-32-characters", refresh_token="a-refresh-token-of-33-characters")
    TokenRequest("a-pre-authorized-code-of-them-all", "839201")
    RefreshRequest("another-refresh-token-of-them-all")
    PreAuthorizedGrant("yet-another-pre-authorized-code")
    (held,) = with_held(EMPTY).credentials
    credential = held.copies[0].credential
    return {
        "key in hexadecimal": (Kind.KEY, SEED.hex()),
        "key in base64url": (Kind.KEY, "ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1-f4CBgoM"),
        "key in base64": (Kind.KEY, "ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoM="),
        "key as a JWK": (Kind.KEY, json.dumps({"kty": "OKP", "d": "x" * 43})),
        "passphrase of a test": (Kind.PASSPHRASE, "correct horse battery staple"),
        "passphrase made just now": (Kind.PASSPHRASE, "tall ships in a bottle"),
        "words": (Kind.WORDS, encode_recovery_phrase(EMPTY.entropy)),
        "entropy": (Kind.WORDS, EMPTY.entropy.hex()),
        "access token": (Kind.TOKEN, "an-access-token-of-32-characters"),
        "access token that was cut": (Kind.TOKEN, "an-access-token-of-32-cha…"),
        "refresh token": (Kind.TOKEN, "a-refresh-token-of-33-characters"),
        "other refresh token": (Kind.TOKEN, "another-refresh-token-of-them-all"),
        "code": (Kind.CODE, "a-pre-authorized-code-of-them-all"),
        "offered code": (Kind.CODE, "yet-another-pre-authorized-code"),
        "transaction code": (Kind.CODE, "839201"),
        "management key": (Kind.MANAGEMENT_KEY, create_management_key("tally_issuer")[0]),
        "claim": (Kind.CLAIM, NAME),
        "claim in JSON": (Kind.CLAIM, json.dumps(NAME)),
        "credential": (Kind.CREDENTIAL, credential),
        "disclosure": (Kind.CREDENTIAL, credential.split("~")[1]),
        "signature": (Kind.CREDENTIAL, credential.split("~")[0].split(".")[2]),
    }


SORTS = list(made_secrets())


@pytest.mark.parametrize("sort", SORTS)
def test_secret_is_found_in_the_middle_of_a_text_and_no_other(watch: Watch, sort: str) -> None:
    kind, secret = made_secrets()[sort]
    assert watch.canaries.found_in(f'not a word: "{secret}", really') == {kind}
    assert watch.canaries.found_in("not a word, really") == set()


def in_an_error(secret: str) -> None:
    MalformedError(Code.JSON_INVALID, f"at {secret}")


def in_a_check(secret: str) -> None:
    record = CheckRecord(("status",))
    record.begin("status")
    record.note(Outcome.PASSED, secret)


def in_a_log_record(secret: str) -> None:
    logging.getLogger("tally.http").debug("answered %s", secret)
    logging.getLogger("anybody").info("answered %s", secret)


def in_a_logged_exception(secret: str) -> None:
    try:
        raise ZeroDivisionError(secret)
    except ZeroDivisionError:
        logging.getLogger("tally.upkeep").debug("it went wrong", exc_info=True)


def in_the_history(secret: str) -> None:
    ActivityEntry(time=NOW, kind=ActivityKind.PRESENTED, party="them", credential_type=secret)


def in_the_claim_names_of_the_history(secret: str) -> None:
    path: ClaimPath = ("address", secret)
    ActivityEntry(time=NOW, kind=ActivityKind.PRESENTED, party="them", claim_names=(path,))


def in_the_output_of_a_command(secret: str) -> None:
    canary.look_at_output(["list", "--json"], secret, "")


def in_the_stderr_of_a_command(secret: str) -> None:
    canary.look_at_output(["list"], "", secret)


def in_what_a_test_left_on_stderr(secret: str) -> None:
    canary.look_at_sections([("call", "stderr", f"the server said {secret}"), ("call", "stdout", secret)])


@pytest.mark.parametrize(
    "place",
    [
        in_an_error,
        in_a_check,
        in_a_log_record,
        in_a_logged_exception,
        in_the_history,
        in_the_claim_names_of_the_history,
        in_the_output_of_a_command,
        in_the_stderr_of_a_command,
        in_what_a_test_left_on_stderr,
    ],
)
def test_secret_is_found_in_each_place_and_not_repeated(
    watch: Watch, caplog: pytest.LogCaptureFixture, place: Callable[[str], None]
) -> None:
    for logger in ("tally.http", "tally.upkeep", "anybody"):
        caplog.set_level(logging.DEBUG, logger)
    place("nothing")
    assert watch.take_hits() == []
    place(NAME)
    hits = watch.take_hits()
    assert hits
    for hit in hits:
        assert hit.startswith("a claim value in ")
        assert NAME not in hit
    caplog.clear()


def test_hit_in_an_error_says_which_line_raised_it(watch: Watch) -> None:
    in_an_error(NAME)
    (hit, *_) = watch.take_hits()
    assert hit.startswith("a claim value in an error json_invalid raised by ")
    assert "test_canary.py:" in hit


def test_command_that_is_there_to_show_a_secret_may_show_it_and_no_other(watch: Watch) -> None:
    words = encode_recovery_phrase(EMPTY.entropy)
    canary.look_at_output(["show", "degree-1"], f"address {NAME}", "")
    canary.look_at_output(["--json", "key", "words"], words, "")
    assert watch.take_hits() == []
    canary.look_at_output(["key"], words, "")
    Ed25519PrivateKey(SEED)
    canary.look_at_output(["show", "degree-1"], "", SEED.hex())
    assert watch.take_hits() == [
        "recovery words in the output of `tally key`",
        "a private key in the stderr of `tally show degree-1`",
    ]


def test_all_that_an_example_says_of_a_person_is_secret_and_common_words_are_not() -> None:
    canaries = Canaries()
    canaries.add_claims(dict(credential_type("identity_card").example))
    for said in ("Müller", "1998-05-17", "C01X7742Q", NAME):
        assert canaries.found_in(f"({said})") == {Kind.CLAIM}
    assert canaries.found_in("Bern CH City of Bern 2026-03-02") == set()


def test_hit_fails_the_test_in_which_it_happens(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    wrapper = canary._fail_on_hits()
    next(wrapper)
    in_an_error(NAME)
    with pytest.raises(pytest.fail.Exception, match="The canary found a claim value in an error") as failure:
        wrapper.send(None)
    assert NAME not in str(failure.value)
    untroubled = canary._fail_on_hits()
    next(untroubled)
    with pytest.raises(StopIteration):
        untroubled.send(None)
