"""What may be wrong with a wallet and the machine it is on: a finding per question, with what to do about it.

Nothing here mends anything, and nothing is asked of anybody but the trusted ledgers.
"""

import os
import platform
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

import nacl

from ledger.client import LedgerClient
from ledger.trust import TrustedLedgers
from protocol.codes import Audience, Code
from protocol.errors import RefusedError, TallyError
from protocol.policy import VerificationPolicy
from protocol.tlog.policy import VerifiedCheckpoint
from storage.passphrase import Passphrase
from storage.sealed_file import Freshness
from wallet.agent.client import ask_status
from wallet.content import WalletContent
from wallet.folder import WalletFolder
from wallet.vault import Vault

CLOCK_TOLERANCE = timedelta(seconds=60)

_LEAST_PYTHON = (3, 11)
# libsodium checked points wrongly before the version that comes with it (CVE-2025-69277).
_LEAST_PYNACL = (1, 6, 2)
_LEAST_COLUMNS, _LEAST_LINES = 80, 24
_LEDGER = "ledger"
_YEARS = timedelta(days=3650)
_MAX_EVIDENCE_AGE = VerificationPolicy(trusted_issuers={}).evidence_max_age


class Health(StrEnum):
    """How a check ended. WARN: it works, and somebody should look. FAIL: something does not work."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one question.

    Attributes:
        check: What was looked at; the words are stable.
        health: How it ended.
        detail: What was found.
        remedy: What to do, empty when all is well.
    """

    check: str
    health: Health
    detail: str
    remedy: str = ""


def failed(check: str, error: TallyError, *, about: str = "") -> Finding:
    """The finding that is an error, `about` something in particular."""
    subject = f"{about}: " if about else ""
    return Finding(
        check, Health.FAIL, f"{subject}{error} [{error.code}]", error.code.remedy_for(Audience.HOLDER)
    )


def check_versions(
    python: str = platform.python_version(), pynacl: str = nacl.__version__
) -> Iterator[Finding]:
    """Whether Python and libsodium are new enough."""
    for check, version, least in (("python", python, _LEAST_PYTHON), ("libsodium", pynacl, _LEAST_PYNACL)):
        shown = f"{'PyNaCl ' if check == 'libsodium' else ''}{version}"
        if _numbers(version) < least:
            wanted = ".".join(map(str, least))
            yield Finding(check, Health.FAIL, shown, f"Update it to {wanted} or newer.")
        else:
            yield Finding(check, Health.OK, shown)


def check_modes(folder: WalletFolder) -> Finding:
    """Whether every file of the wallet is closed to other users of the machine."""
    opened = [path for path in _files(folder) if _is_open(path)]
    if opened:
        names = ", ".join(str(path) for path in opened)
        remedy = "chmod -R go-rwx " + " ".join(f"'{path}'" for path in (folder.path, folder.state))
        return Finding("modes", Health.FAIL, f"open to others, or not yours: {names}", remedy)
    return Finding("modes", Health.OK, "closed to others")


def check_vault(
    folder: WalletFolder, passphrase: Passphrase | None, *, accept_rollback: bool
) -> Iterator[Finding]:
    """Whether the wallet opens, is whole, and is not older than it should be."""
    if not folder.is_initialized():
        yield failed("vault", RefusedError(Code.VAULT_MISSING))
        return
    if passphrase is None:
        yield Finding("vault", Health.WARN, "not opened", "Give --passphrase-file to have it looked into.")
        return
    try:
        vault = Vault.open(
            folder.vault, passphrase, mark_folder=folder.state, accept_rollback=accept_rollback
        )
    except TallyError as error:
        yield failed("vault", error)
        return
    with vault:
        yield from look_into(vault)


def look_into(vault: Vault) -> Iterator[Finding]:
    """Whether an open wallet is whole, is not older than it should be, and waits for nothing."""
    count = len(vault.content.credentials)
    if vault.file.recovered:
        yield Finding(
            "vault",
            Health.WARN,
            "the newest file is damaged; this is the one before the last change",
            "Look whether something is missing, then change anything, such as the passphrase.",
        )
    else:
        yield Finding("vault", Health.OK, f"opens, generation {vault.file.generation}, {count} held")
    for pending in vault.content.pending:
        detail = f"{pending.issuer_host} was asked for a credential that is not here yet"
        yield Finding("pending", Health.WARN, detail, "Run `tally add` to go on with it, soon.")
    if vault.file.freshness is Freshness.UNKNOWN:
        yield Finding(
            "age",
            Health.WARN,
            "nothing here says how old the wallet should be",
            "If you brought it here yourself, run `tally doctor --accept-rollback`.",
        )
    else:
        yield Finding("age", Health.OK, "as new as the newest one seen here")
    if vault.content.credentials:
        yield _backup(vault.content)


def _backup(content: WalletContent) -> Finding:
    note = content.last_backup
    if note is None:
        return Finding("backup", Health.WARN, "there is none", "Make one with `tally backup make FILE`.")
    day = f"of {note.made_at:%Y-%m-%d}"
    since = sum(held.received_at > note.made_at for held in content.credentials)
    if since:
        detail = f"{day}, without {since} of the credentials here"
        return Finding("backup", Health.WARN, detail, "Make another with `tally backup make FILE`.")
    return Finding("backup", Health.OK, f"{day}, with every credential")


def check_ledgers(
    trusted: TrustedLedgers, clients: Iterable[LedgerClient], *, now: datetime
) -> Iterator[Finding]:
    """Whether each trusted ledger answers, is fresh, and agrees with this machine's clock."""
    if not trusted.ledgers:
        yield Finding(_LEDGER, Health.WARN, "none is trusted, so no issuer", "Run `tally trust URL`.")
    for client in clients:
        try:
            checkpoint = client.checkpoint(now=now)
        except TallyError as error:
            yield _explained(client, error, now=now)
        else:
            yield _freshness(checkpoint, now=now)


def check_agent(find_folder: Callable[[], Path]) -> Iterator[Finding]:
    """How the agent is, where there is one; `find_folder` says where it would be."""
    try:
        status = ask_status(find_folder())
    except TallyError as error:
        yield failed("agent", error)
    else:
        if status is not None:
            detail = f"keeps the wallet unlocked, and locks in {_duration(status.locks_in)}"
            yield Finding("agent", Health.OK, detail)


def check_terminal(*, is_terminal: bool, encoding: str, columns: int, lines: int) -> Finding:
    """Whether the terminal shows what the wallet says."""
    shown = f"{encoding}, {columns} by {lines}" if is_terminal else "none"
    if is_terminal and encoding.lower().replace("-", "") != "utf8":
        return Finding("terminal", Health.WARN, shown, "Set LANG to a UTF-8 locale, such as C.UTF-8.")
    if is_terminal and (columns < _LEAST_COLUMNS or lines < _LEAST_LINES):
        wanted = f"{_LEAST_COLUMNS} by {_LEAST_LINES}"
        return Finding("terminal", Health.WARN, shown, f"Make the window larger, at least {wanted}.")
    return Finding("terminal", Health.OK, shown)


def _freshness(checkpoint: VerifiedCheckpoint, *, now: datetime) -> Finding:
    origin = checkpoint.origin
    if checkpoint.time is None:
        detail = f"{origin}: its policy asks nobody for the time"
        return Finding(_LEDGER, Health.WARN, detail, "Ask its operator for a policy with a quorum.")
    age = now - checkpoint.time
    if age < -CLOCK_TOLERANCE:
        return _clock_behind(origin, -age)
    if age > _MAX_EVIDENCE_AGE:
        return Finding(
            _LEDGER,
            Health.FAIL,
            f"{origin}: last vouched for {_duration(age)} ago by this machine's clock",
            "Set the clock of this machine; if it is right, tell the operator of the ledger.",
        )
    return Finding(_LEDGER, Health.OK, f"{origin}: vouched for {_duration(max(age, timedelta()))} ago")


def _explained(client: LedgerClient, error: TallyError, *, now: datetime) -> Finding:
    # Cosignatures from the future do not count, so to a clock that is far behind every quorum is missing.
    if error.code is Code.LOG_QUORUM_MISSING:
        try:
            checkpoint = client.checkpoint(now=now + _YEARS)
        except TallyError:
            return failed(_LEDGER, error, about=client.ledger.origin)
        if checkpoint.time is not None:
            return _clock_behind(checkpoint.origin, checkpoint.time - now)
    return failed(_LEDGER, error, about=client.ledger.origin)


def _clock_behind(origin: str, by: timedelta) -> Finding:
    return Finding(
        _LEDGER,
        Health.FAIL,
        f"this machine's clock is {_duration(by)} behind that of {origin}",
        "Set the clock of this machine.",
    )


def _files(folder: WalletFolder) -> Iterator[Path]:
    for place in filter(Path.exists, (folder.path, folder.state)):
        yield place
        yield from sorted(place.rglob("*"))


def _is_open(path: Path) -> bool:
    status = path.lstat()
    return bool(stat.S_IMODE(status.st_mode) & 0o077) or status.st_uid != os.getuid()


def _numbers(version: str) -> tuple[int, ...]:
    leading = version.split("+")[0].split(".")[:3]
    return tuple(int("".join(filter(str.isdigit, part)) or 0) for part in leading)


def _duration(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    for size, name in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size} {name}"
    return f"{seconds} seconds"
