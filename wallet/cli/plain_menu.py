"""The wallet as numbered questions, line by line: for screen readers, braille, and terminals that only print.

A choice runs a command, the same one that is typed otherwise: the menu only asks for what it takes. Nothing
is said by position or colour alone, and nothing on the screen changes once it is written.
"""

import os
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from doors.clock import now
from doors.exit_code import ExitCode
from doors.ledger_address import parse_ledger_address
from doors.prompts import ask
from doors.terminal import Terminal
from protocol.codes import Audience, Code
from protocol.errors import MalformedError, RefusedError, TallyError
from wallet.cli.plain_session import PlainSession, RunCommand
from wallet.door.place import wallet_folder
from wallet.door.wording import quoted, shown_did, shown_label, shown_mark, shown_party, shown_standing
from wallet.held import HeldCredential
from wallet.known_party import KnownParty
from wallet.label import type_label
from wallet.standing import standing_of

Act = Callable[[], object]
Choice = tuple[str, Act]

_LEDGERS = "Ledgers you trust"


def run_plain_menu(terminal: Terminal, run_command: RunCommand) -> ExitCode:
    """Ask what to do and do it, until the person leaves with 0 or closes the input."""
    menu = _Menu(terminal, PlainSession(terminal, run_command))
    while menu.ask_main():
        pass
    return ExitCode.SUCCESS


class _Menu:
    def __init__(self, terminal: Terminal, session: PlainSession) -> None:
        self._terminal = terminal
        self._session = session

    def ask_main(self) -> bool:
        """Ask once, and do it; whether to go on."""
        try:
            has_wallet = wallet_folder().is_initialized()
        except TallyError as error:
            self._tell(error)
            return False
        if has_wallet:
            return self._offer("Your wallet", self._main, leave="Quit")
        return self._offer("There is no wallet here yet.", self._first_steps, leave="Quit")

    @property
    def _main(self) -> Sequence[Choice]:
        return (
            ("Your credentials", self._credentials),
            ("Add", lambda: self._offer("Add a credential", self._adding)),
            ("Share", self._share),
            ("What happened", lambda: self._offer("What happened", self._history)),
            ("People and places", self._people_and_places),
            ("Keys", lambda: self._offer("Keys", self._keys)),
            ("Back up", lambda: self._offer("Back up", self._backups)),
            ("Look for problems", lambda: self._session.run_open("doctor")),
        )

    @property
    def _first_steps(self) -> Sequence[Choice]:
        return (
            ("Make a new wallet", lambda: self._make()),
            ("Bring a wallet back from its 24 words", lambda: self._make("--recover")),
            (
                "Bring a wallet back from a backup",
                lambda: self._with_file(self._session.run, "backup", "restore"),
            ),
            ("Look for problems", lambda: self._session.run("doctor")),
        )

    def _make(self, *options: str) -> None:
        ledger = self._ask_ledger("Address of a ledger to trust (Enter for none yet):")
        self._session.run("init", *options, *(f"--ledger={url}" for url in [ledger] if url))

    def _credentials(self) -> None:
        choices: list[Choice] = [
            (_credential_line(held, now()), partial(self._offer, held.id, self._about_credential(held)))
            for held in self._session.content().credentials
        ]
        everything = ("Ask all issuers how they stand", lambda: self._session.run_open("status"))
        title = "Your credentials" if choices else "You have no credentials yet."
        self._offer(title, [*choices, everything] if choices else [])

    def _about_credential(self, held: HeldCredential) -> Sequence[Choice]:
        return [
            (title, partial(self._session.run_open, command, arguments=[held.id]))
            for title, command in (
                ("Show what it says", "show"),
                ("Ask its issuer how it stands", "status"),
                ("Get further copies", "refill"),
                ("Remove it", "remove"),
            )
        ]

    @property
    def _adding(self) -> Sequence[Choice]:
        return (
            ("From an offer: a link, a file or a picture", self._add),
            ("Go on with what was interrupted", self._go_on),
        )

    def _go_on(self) -> None:
        if self._session.content().pending:
            self._session.run_open("add")
        else:
            self._terminal.note("Nothing was interrupted.")

    def _add(self) -> None:
        if offer := self._ask("The link, or the name of the file:"):
            self._session.run_open("add", arguments=[offer])

    def _share(self) -> None:
        if request := self._ask("The link of the request, or the name of a file or picture with it:"):
            self._session.run_sharing("present", arguments=[request])

    @property
    def _history(self) -> Sequence[Choice]:
        run = self._session.run_open
        return (
            ("List everything", lambda: run("activity", "list")),
            ("List what happened with one party", self._history_of_party),
            ("Write a signed file of it", lambda: self._with_file(run, "activity", "export")),
            ("Check such a file", lambda: self._with_file(run, "activity", "verify")),
            ("Forget it all", lambda: run("activity", "forget")),
        )

    def _history_of_party(self) -> None:
        if party := self._ask("A part of its name or address:"):
            self._session.run_open("activity", "list", f"--party={party}")

    def _people_and_places(self) -> None:
        choices: list[Choice] = [
            (
                _party_line(party),
                partial(self._offer, shown_party(party.client_id), self._about_party(party)),
            )
            for party in self._session.content().parties
        ]
        self._offer("People and places", [*choices, (_LEDGERS, lambda: self._offer(_LEDGERS, self._ledgers))])

    def _about_party(self, party: KnownParty) -> Sequence[Choice]:
        return [
            (title, partial(self._session.run_open, "party", command, arguments=[party.client_id]))
            for title, command in (
                ("Trust it", "trust"),
                ("Block it", "block"),
                ("Take the mark away", "unmark"),
                ("Forget it", "forget"),
            )
        ]

    @property
    def _ledgers(self) -> Sequence[Choice]:
        return (
            ("List them", lambda: self._session.run("trust")),
            ("Trust another one", lambda: self._with_ledger("trust")),
            ("Trust one no longer", lambda: self._with_ledger("trust", "--remove")),
        )

    def _with_ledger(self, *words: str) -> None:
        if url := self._ask_ledger("Its address:"):
            self._session.run(*words, arguments=[url])

    @property
    def _keys(self) -> Sequence[Choice]:
        return (
            ("List your keys", lambda: self._session.run_open("key", "list")),
            # That takes more than an unlocked wallet: the command asks for the passphrase itself.
            ("Show the 24 words", lambda: self._session.run("key", "words")),
            ("Give the wallet a new passphrase", self._change_passphrase),
        )

    def _change_passphrase(self) -> None:
        # It asks for the old one itself, and what was known here is not the passphrase any more.
        self._session.lock()
        self._session.run("passwd")

    @property
    def _backups(self) -> Sequence[Choice]:
        return (
            ("Make a backup", lambda: self._with_file(self._session.run_open, "backup", "make")),
            ("Rehearse a restore", lambda: self._with_file(self._session.run, "backup", "rehearse")),
            ("Restore", lambda: self._with_file(self._session.run, "backup", "restore")),
        )

    def _with_file(self, run: Callable[..., object], *words: str) -> None:
        if file := self._ask("Name of the file:"):
            # There is no shell here that would know what ~ is.
            run(*words, arguments=[os.path.expanduser(file)])  # noqa: PTH111 (it leaves be what it cannot expand)

    def _offer(self, title: str, choices: Sequence[Choice], *, leave: str = "Back") -> bool:
        """Ask which of `choices`, by its number, and do it; whether one was chosen. Its errors are told."""
        self._terminal.note()
        self._terminal.note(title)
        for number, (text, _) in enumerate(choices, start=1):
            self._terminal.note(f"{number}  {text}")
        self._terminal.note(f"0  {leave}")
        while True:
            answer = self._ask("Number:")
            if answer is None or answer == "0":
                return False
            if answer.isascii() and answer.isdigit() and 1 <= int(answer) <= len(choices):
                self._do(choices[int(answer) - 1][1])
                return True
            self._terminal.note(f"Type a number from 0 to {len(choices)}.")

    def _do(self, act: Act) -> None:
        try:
            act()
        except TallyError as error:
            self._tell(error)

    def _ask(self, question: str) -> str | None:
        """What was typed; None when the input was closed."""
        try:
            return ask(self._terminal, question, option="a command")
        except RefusedError as error:
            if error.code is not Code.DECLINED:
                raise
            return None

    def _ask_ledger(self, question: str) -> str | None:
        while typed := self._ask(question):
            try:
                return parse_ledger_address(typed)
            except MalformedError as error:
                self._tell(error)
        return None

    def _tell(self, error: TallyError) -> None:
        self._terminal.error(error.code, str(error), error.code.remedy_for(Audience.HOLDER))


def _credential_line(held: HeldCredential, moment: datetime) -> str:
    label = shown_label(type_label(held.credential_type))
    standing = shown_standing(standing_of(held, now=moment)).text
    return f"{label}, {standing}, from {shown_did(held.issuer)}, {held.id}"


def _party_line(party: KnownParty) -> str:
    name = f"{quoted(party.name)}, " if party.name else ""
    return f"{name}{shown_party(party.client_id)}, {party.role}, {shown_mark(party.mark).text}"
