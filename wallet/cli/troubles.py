"""Looking for problems: `tally doctor`."""

import shutil
from collections.abc import Iterator

import click

from doors.command import Command, pass_terminal
from doors.exit_code import ExitCode
from doors.prompts import PassphraseSource, passphrase_options
from doors.terminal import Terminal, dim
from protocol.encoding.strict_json import JsonValue
from protocol.errors import RefusedError
from storage.passphrase import Passphrase
from wallet.doctor import (
    Finding,
    Health,
    check_agent,
    check_modes,
    check_terminal,
    check_vault,
    check_versions,
    failed,
)
from wallet.door.health_mark import health_mark, mark_columns
from wallet.door.network import ledger_findings
from wallet.door.place import agent_folder, wallet_folder
from wallet.folder import WalletFolder

_CHECK_WIDTH = 12


@click.command("doctor", cls=Command, examples=["tally doctor"])
@click.option(
    "--accept-rollback",
    is_flag=True,
    help="Take the wallet as it is for the newest: you restored it yourself.",
)
@passphrase_options
@pass_terminal
def doctor(terminal: Terminal, *, accept_rollback: bool, passphrase: PassphraseSource) -> ExitCode:
    """Look for problems, and say how to mend them. Ends with 1 if something does not work."""
    findings: list[Finding] = []
    for finding in _findings(terminal, passphrase, accept_rollback=accept_rollback):
        findings.append(finding)
        check = f"{finding.check.ljust(_CHECK_WIDTH)} "
        terminal.say(*health_mark(finding.health, plain=terminal.ascii), check, finding.detail)
        if finding.remedy:
            terminal.say(" " * (mark_columns(plain=terminal.ascii) + len(check)), dim(finding.remedy))
    documents: list[JsonValue] = [
        {
            "check": finding.check,
            "health": finding.health.value,
            "detail": finding.detail,
            "remedy": finding.remedy,
        }
        for finding in findings
    ]
    is_well = all(finding.health is not Health.FAIL for finding in findings)
    terminal.document({"well": is_well, "findings": documents})
    return ExitCode.SUCCESS if is_well else ExitCode.FAILURE


def _findings(
    terminal: Terminal, passphrase: PassphraseSource, *, accept_rollback: bool
) -> Iterator[Finding]:
    try:
        folder = wallet_folder()
    except RefusedError as error:
        # Nothing in a folder that others can change is worth a look.
        yield failed("modes", error)
    else:
        # A person is asked before the first answer stands there.
        secret = _secret(terminal, folder, passphrase)
        yield check_modes(folder)
        yield from check_vault(folder, secret, accept_rollback=accept_rollback)
        if folder.is_initialized():
            yield from ledger_findings(folder)
        yield from check_agent(agent_folder)
    yield from check_versions()
    window = shutil.get_terminal_size()
    yield check_terminal(
        is_terminal=terminal.stdout.isatty(),
        encoding=terminal.stdout.encoding,
        columns=window.columns,
        lines=window.lines,
    )


def _secret(terminal: Terminal, folder: WalletFolder, passphrase: PassphraseSource) -> Passphrase | None:
    """The passphrase, or None where nobody gives one: the other checks do not need it."""
    is_given = passphrase.file is not None or passphrase.descriptor is not None
    if not folder.is_initialized() or not (is_given or terminal.interactive):
        return None
    return Passphrase(passphrase.read(terminal))
