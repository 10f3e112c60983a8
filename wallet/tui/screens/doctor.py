"""What may be wrong with the wallet and the machine it is on, and what to do about it."""

import shutil
from collections.abc import Iterator, Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll

from doors.screen.text import Line, Signs, Text
from doors.terminal import dim, good, warning
from wallet.doctor import Finding, Health, check_agent, check_modes, check_terminal, check_versions, look_into
from wallet.door.health_mark import health_mark, mark_columns
from wallet.door.place import agent_folder
from wallet.tui.actions import bindings
from wallet.tui.screens.frame import WalletScreen
from wallet.tui.ways import ways

_CHECK_WIDTH = 12


class DoctorScreen(WalletScreen):
    """A finding per question, with what to do where something is to be done."""

    NAME: ClassVar[str] = "Doctor"
    HELP_LINES: ClassVar[tuple[str, ...]] = (
        "Looks at the wallet's files, the ledgers it trusts, this machine's clock and this terminal. Nothing "
        "is mended by itself; where something is to be done, it stands below the finding.",
    )
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("doctor.rerun")]

    def compose_body(self) -> ComposeResult:
        """The findings."""
        with VerticalScroll():
            yield Text((dim("Looking …"),), classes="findings")

    def on_mount(self) -> None:
        """Look at once."""
        self.action_rerun()

    def action_rerun(self) -> None:
        """Look again."""
        self.wallet_app.start(self._look())

    async def _look(self) -> None:
        findings = await self.wallet_app.work("Looking …", self._findings)
        lines = [line for finding in findings for line in _lines(finding, self.wallet_app.settings.keys)]
        failed = sum(finding.health is not Health.OK for finding in findings)
        total = warning(f"! {failed} of {len(findings)} need a look.") if failed else good("✓ All is well.")
        self.query_one(".findings", Text).show((total,), (), *lines)

    def _findings(self) -> list[Finding]:
        from wallet.door.network import ledger_findings  # the network costs a quarter of a second

        session, window = self.wallet_app.session, shutil.get_terminal_size()
        with session.viewed() as vault:
            about_the_vault = list(look_into(vault))
        return [
            check_modes(session.folder),
            *about_the_vault,
            *ledger_findings(session.folder),
            *check_agent(agent_folder),
            *check_versions(),
            check_terminal(is_terminal=True, encoding="utf-8", columns=window.columns, lines=window.lines),
        ]


def _lines(finding: Finding, keymap: Mapping[str, str]) -> Iterator[Line]:
    yield *health_mark(finding.health, plain=Signs.ascii), finding.check.ljust(_CHECK_WIDTH), finding.detail
    if finding.remedy:
        margin = " " * (mark_columns(plain=Signs.ascii) + _CHECK_WIDTH)
        yield (dim(margin + finding.remedy),)
        for way in ways(finding.remedy, keymap):
            yield (margin, *way)
