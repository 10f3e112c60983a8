"""A canary over all tests: what is secret is looked for wherever it must not be.

The secrets are those that the tests know, and those that are made while a test runs: whatever passes through
the values that hold one (`_SECRETS`). They are looked for in the text of every error and of every check, in
every log record, in every line of a wallet's history, in what commands print, and in what a test leaves on
stderr. A hit fails the test in which it happens, and names the place and the kind, never the secret.

Not looked into: what a foreign exception says, which nobody is shown, and files, which have tests of their
own.
"""

import base64
import functools
import json
import logging
import re
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from typing import Any

import pytest


class Kind(StrEnum):
    """What a secret is."""

    CLAIM = "a claim value"
    CREDENTIAL = "a credential"
    KEY = "a private key"
    PASSPHRASE = "a passphrase"
    WORDS = "recovery words"
    TOKEN = "a token"
    CODE = "a code"
    MANAGEMENT_KEY = "a management key"


# Which commands are there to show what, or let a person see the words while they type them. Everything else
# shows nothing.
_SHOWN: Mapping[tuple[str, ...], frozenset[Kind]] = {
    ("show",): frozenset({Kind.CLAIM, Kind.CREDENTIAL}),
    ("present",): frozenset({Kind.CLAIM}),
    ("add",): frozenset({Kind.CLAIM}),
    ("init",): frozenset({Kind.WORDS}),
    ("key", "words"): frozenset({Kind.WORDS}),
    ("backup", "rehearse"): frozenset({Kind.WORDS}),
    ("backup", "restore"): frozenset({Kind.WORDS}),
    ("passwd",): frozenset({Kind.WORDS}),
    ("issuer", "offer"): frozenset({Kind.CODE}),
    ("issuer", "init"): frozenset({Kind.MANAGEMENT_KEY}),
    ("verifier", "init"): frozenset({Kind.MANAGEMENT_KEY}),
    ("verifier", "result"): frozenset({Kind.CLAIM}),
    ("verifier", "check"): frozenset({Kind.CLAIM}),
    ("ledger", "init"): frozenset({Kind.MANAGEMENT_KEY}),
    ("ledger", "token"): frozenset({Kind.MANAGEMENT_KEY}),
}
# What an example says of the world rather than of a person, or in a word that is found everywhere.
_COMMON = {"level", "university", "issuing_authority", "issued_on", "expires_on", "awarded_on"}
_MIN_CLAIM = 6
_MIN_PASSPHRASE = 12
_MIN_TOKEN = 16
_MIN_CODE = 6
_MIN_KINDS_OF_CHARACTERS = 5
# What has blanks in it is searched for one by one: of what tests make up, only the latest.
_REMEMBERED = 100
# Tokens are compared from the beginning of a run, so that one that was cut is found too.
_HEAD = 24
_WATCHED = ("/tests/canary.py", "/protocol/errors.py", "/protocol/checks.py")
_RUN = re.compile(r"[A-Za-z0-9_\-]{6,}")
_URL_SAFE = str.maketrans("+/", "-_")
_SHAPES = {
    Kind.MANAGEMENT_KEY: re.compile(r"tally_[a-z_]+_[0-9a-f]{8}_[A-Za-z0-9]{43}"),
    Kind.KEY: re.compile(r"\"d\"\s*:\s*\"[A-Za-z0-9_-]{43}\"|-----BEGIN [A-Z ]*PRIVATE KEY"),
}


class Canaries:
    """The secrets, and the search for them."""

    def __init__(self) -> None:
        self._phrases: dict[str, Kind] = {}
        self._latest: deque[tuple[str, Kind]] = deque(maxlen=_REMEMBERED)
        self._runs: dict[str, Kind] = {}
        self._entropies: set[bytes] = set()

    def add_phrase(self, text: str, kind: Kind) -> None:
        """`text` is secret, wherever it stands in a longer one."""
        self._phrases[text] = self._phrases[json.dumps(text)[1:-1]] = kind

    def add_run(self, text: str, kind: Kind) -> None:
        """`text` is secret where it stands on its own: behind a blank, a quote, a dot; or its beginning."""
        if len(set(text)) >= _MIN_KINDS_OF_CHARACTERS:
            self._runs[text[:_HEAD]] = kind

    def add_bytes(self, data: bytes, kind: Kind) -> None:
        """`data` is secret, in hexadecimal and in both base64."""
        self.add_run(data.hex(), kind)
        self.add_run(base64.urlsafe_b64encode(data).decode().rstrip("="), kind)

    def add_claims(self, value: object, name: str = "") -> None:
        """What a credential says is secret, if it is unmistakable."""
        match value:
            case dict():
                for key, inner in value.items():
                    self.add_claims(inner, str(key))
            case list():
                for inner in value:
                    self.add_claims(inner, name)
            case str() if len(value) >= _MIN_CLAIM and name not in _COMMON:
                self.add_phrase(value, Kind.CLAIM)

    def add_passphrase(self, text: str) -> None:
        """What somebody chose or typed."""
        if len(text) >= _MIN_PASSPHRASE and len(set(text)) >= _MIN_KINDS_OF_CHARACTERS:
            self._latest.append((text, Kind.PASSPHRASE))

    def add_entropy(self, entropy: bytes) -> None:
        """What all keys of a wallet follow from, also as words."""
        from wallet.recovery_phrase import encode_recovery_phrase

        if entropy not in self._entropies:
            self._entropies.add(entropy)
            self.add_bytes(entropy, Kind.WORDS)
            with suppress(ValueError):  # a test made one of another length
                self._latest.append((" ".join(encode_recovery_phrase(entropy).split()[:4]), Kind.WORDS))

    def add_token(self, text: str | None, kind: Kind) -> None:
        """What lets its bearer in; shorter than usual only as digits, which somebody has to type."""
        if text is not None and len(text) >= (_MIN_CODE if text.isdecimal() else _MIN_TOKEN):
            self.add_run(text, kind)

    def add_credential(self, encoded: str) -> None:
        """A credential: what its issuer signed of it, and every disclosure."""
        issuer_jwt, *disclosures = encoded.split("~")
        for secret in (issuer_jwt.rpartition(".")[2], *disclosures):
            self.add_token(secret, Kind.CREDENTIAL)

    def found_in(self, text: str) -> frozenset[Kind]:
        """The kinds of secrets in `text`."""
        kinds = {kind for phrase, kind in self._phrases.items() if phrase in text}
        kinds.update(kind for phrase, kind in self._latest if phrase in text)
        # The second time for the other alphabet of base64.
        for spelling in {text, text.translate(_URL_SAFE)}:
            heads = (run[:_HEAD] for run in _RUN.findall(spelling))
            kinds.update(self._runs[head] for head in heads if head in self._runs)
        kinds.update(kind for kind, shape in _SHAPES.items() if shape.search(text))
        return frozenset(kinds)


class Watch:
    """Looks where secrets must not be, and remembers what it found until it is asked."""

    def __init__(self, canaries: Canaries) -> None:
        self.canaries = canaries
        self._hits: list[str] = []

    def look(self, place: str | Callable[[], str], *texts: str, shown: frozenset[Kind] = frozenset()) -> None:
        """Look into `texts`; what is in `shown` may be there."""
        for text in texts:
            kinds = self.canaries.found_in(text) - shown if text else frozenset()
            if kinds:
                where = place if isinstance(place, str) else place()
                self._hits.append(f"{' and '.join(sorted(kinds))} in {where}")

    def look_at_error(self, error: Any) -> None:
        """An error: what it says to a person, and to a programmer."""
        if error.detail:
            self.look(lambda: f"an error {error.code} raised by {_caller()}", str(error), repr(error))

    def look_at_check(self, outcome: object, detail: str) -> None:
        """What is noted of a check."""
        self.look(lambda: f"a check that {outcome}, noted by {_caller()}", detail)

    def look_at_record(self, record: logging.LogRecord) -> None:
        """A log record, with the exception that came along."""
        traceback = logging.Formatter().formatException(record.exc_info) if record.exc_info else ""
        self.look(f"a log record of {record.name}", record.getMessage(), traceback)

    def look_at_entry(self, entry: Any) -> None:
        """A line of a wallet's history. Who and why are strangers' words, and claims are there by name."""
        self.look("a line of the history", repr((entry.kind, entry.credential_type, entry.outcome)))
        self.look("the claim names in a line of the history", repr(entry.claim_names))

    def look_at_output(self, arguments: Sequence[str], stdout: str, stderr: str) -> None:
        """What a command printed."""
        words = tuple(argument for argument in arguments if not argument.startswith("-"))
        shown = max((_SHOWN[key] for key in _SHOWN if words[: len(key)] == key), key=len, default=frozenset())
        name = f"tally {' '.join(words[:2])}"
        self.look(f"the output of `{name}`", stdout, shown=shown)
        self.look(f"the stderr of `{name}`", stderr, shown=shown)

    def take_hits(self) -> list[str]:
        """What was found since the last time."""
        hits, self._hits = self._hits, []
        return hits


watch = Watch(Canaries())


def look_at_output(arguments: Sequence[str], stdout: str, stderr: str) -> None:
    """Look at what a command of ours printed, in this process or in another one."""
    watch.look_at_output(arguments, stdout, stderr)


def look_at_sections(sections: Iterable[tuple[str, str, str]]) -> None:
    """Look at what pytest caught while a test ran: when, on which stream, and what. Tests print on stdout."""
    for _when, stream, text in sections:
        if stream != "stdout":
            watch.look(f"what the test left on {stream}", text)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin. Not before the tests are collected: what is imported here would be missing from the coverage."""
    if session.items:
        _learn(watch.canaries)
        _lie_in_wait(watch)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    return (yield from _fail_on_hits())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    return (yield from _fail_on_hits())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    look_at_sections(item._report_sections)
    return (yield from _fail_on_hits())


def _fail_on_hits() -> Generator[None, object, object]:
    result = yield
    hits = watch.take_hits()
    if hits:
        pytest.fail("The canary found " + "; ".join(dict.fromkeys(hits)), pytrace=False)
    return result


def _learn(canaries: Canaries) -> None:
    """What the tests know from the beginning."""
    from schemas import credential_types
    from tests.wallet.counterparts import ENTROPY, PASSPHRASE

    for known in credential_types():
        canaries.add_claims(dict(known.example))
    canaries.add_phrase(PASSPHRASE.text, Kind.PASSPHRASE)
    canaries.add_entropy(ENTROPY)


def _secrets(canaries: Canaries) -> Iterator[tuple[type[Any], Callable[[Any], None]]]:
    """The values that hold a secret, and what is secret in them."""
    from issuer.offer import CreatedOffer
    from protocol.keys import Ed25519PrivateKey, P256PrivateKey
    from protocol.openid4vci.credential import IssuedCredentials
    from protocol.openid4vci.offer import PreAuthorizedGrant
    from protocol.openid4vci.token import RefreshRequest, TokenRequest, TokenResponse
    from storage.passphrase import Passphrase
    from wallet.content import WalletContent
    from wallet.held import CredentialCopy
    from wallet.pending import PendingIssuance, Refill

    def add_tokens(*names: str, kind: Kind = Kind.TOKEN) -> Callable[[Any], None]:
        def add(value: object) -> None:
            for name in names:
                canaries.add_token(getattr(value, name), kind)

        return add

    def add_issued(issued: IssuedCredentials) -> None:
        for credential in issued.credentials:
            canaries.add_credential(credential)

    yield Passphrase, lambda passphrase: canaries.add_passphrase(passphrase.text)
    yield Ed25519PrivateKey, lambda key: canaries.add_bytes(key.seed, Kind.KEY)
    yield P256PrivateKey, lambda key: canaries.add_bytes(key.scalar, Kind.KEY)
    yield WalletContent, lambda content: canaries.add_entropy(content.entropy)
    yield CredentialCopy, lambda copy: canaries.add_credential(copy.credential)
    yield IssuedCredentials, add_issued
    yield CreatedOffer, add_tokens("code", "tx_code", kind=Kind.CODE)
    yield PreAuthorizedGrant, add_tokens("code", kind=Kind.CODE)
    yield TokenRequest, add_tokens("code", "transaction_code", kind=Kind.CODE)
    yield TokenResponse, add_tokens("access_token", "refresh_token")
    yield RefreshRequest, add_tokens("refresh_token")
    yield PendingIssuance, add_tokens("access_token")
    yield Refill, add_tokens("refresh_token")


def _lie_in_wait(watch: Watch) -> None:
    from protocol.checks import CheckRecord
    from protocol.errors import TallyError
    from wallet.content import ActivityEntry

    for kind, learn in _secrets(watch.canaries):
        _after_making(kind, learn)
    _after_making(TallyError, watch.look_at_error)
    _after_making(ActivityEntry, watch.look_at_entry)
    note = CheckRecord.note

    @functools.wraps(note)
    def noted(self: CheckRecord, outcome: Any, detail: str) -> None:
        watch.look_at_check(outcome, detail)
        note(self, outcome, detail)

    make_record = logging.getLogRecordFactory()

    def record(*arguments: Any, **more: Any) -> logging.LogRecord:
        made = make_record(*arguments, **more)
        watch.look_at_record(made)
        return made

    CheckRecord.note = noted  # type: ignore[method-assign]
    logging.setLogRecordFactory(record)


def _after_making(kind: type[Any], look: Callable[[Any], None]) -> None:
    """Look at each value of this kind once it is made."""
    make = kind.__init__

    @functools.wraps(make)
    def made(self: Any, *arguments: Any, **more: Any) -> None:
        make(self, *arguments, **more)
        look(self)

    kind.__init__ = made


def _caller() -> str:
    """The line that did it: the first one that is neither here nor where errors and checks are made."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.endswith(_WATCHED):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
