"""The full-screen wallet: how soon its first screen is drawn, and what a key costs among 1,000 credentials.

A key is counted in time of the processor: a pilot waits longer than that, until nothing happens any more.
"""

import asyncio
import fcntl
import os
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

from textual.pilot import Pilot

from benchmarks.measure import row
from benchmarks.wallets import create_wallet, open_wallet
from wallet.folder import WalletFolder
from wallet.settings import WalletSettings
from wallet.tui.app import WalletApp
from wallet.tui.screens.credentials import CredentialsScreen
from wallet.tui.session import WalletSession

RUNS = 5
CREDENTIALS = 1_000
LINES, COLUMNS = 24, 80
LAST_DRAWN = b"Help"  # in the line of keys at the bottom


def run() -> None:
    print("\nThe full-screen wallet at 80x24, best of", RUNS)
    row("import textual.app", f"{min(_import_seconds() for _ in range(RUNS)) * 1000:,.0f} ms")
    row(
        "first full screen, fresh interpreter",
        f"{min(_first_paint() for _ in range(RUNS)) * 1000:,.0f} ms",
        "goal: at most 500 ms",
    )
    with tempfile.TemporaryDirectory() as folder:
        create_wallet(Path(folder), CREDENTIALS)
        for what, seconds in asyncio.run(_press_keys(Path(folder))).items():
            row(f"{CREDENTIALS:,} credentials: {what}", f"{seconds * 1000:,.0f} ms", "of processor")


def _import_seconds() -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import textual.app"], check=True)
    return time.perf_counter() - begin


def _first_paint() -> float:
    """Seconds from the start of the program to its first full screen, in a terminal."""
    screen, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    with tempfile.TemporaryDirectory() as home:
        begin = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "wallet.tui"],
            cwd=Path(__file__).parent.parent,
            env={"PATH": os.environ["PATH"], "TERM": "xterm-256color", "TALLY_HOME": home},
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        )
        os.close(terminal)
        try:
            drawn = b""
            while LAST_DRAWN not in drawn:
                ready, _, _ = select.select([screen], [], [], 30)
                assert ready, drawn
                drawn += os.read(screen, 1 << 16)
            return time.perf_counter() - begin
        finally:
            process.kill()
            process.wait()
            os.close(screen)


async def _press_keys(folder: Path) -> dict[str, float]:
    session = WalletSession(WalletFolder(folder, folder / "state"))
    session.adopt(open_wallet(folder))
    app = WalletApp(session, WalletSettings())
    costs = {}
    async with app.run_test(size=(COLUMNS, LINES)) as pilot:
        begin = time.process_time()
        await app.push_screen(CredentialsScreen())
        await pilot.pause()
        costs["the list is drawn"] = time.process_time() - begin
        costs["one line down"] = await _cost(pilot, "j")
        costs["one page down"] = await _cost(pilot, "pagedown")
        costs["to the end"] = await _cost(pilot, "G")
        await pilot.press("slash")
        costs["first letter of a filter"] = await _cost(pilot, "7")
        costs["second letter"] = await _cost(pilot, "4")
        costs["the filter is emptied"] = await _cost(pilot, "ctrl+u")
    session.lock()
    return costs


async def _cost(pilot: Pilot[None], key: str) -> float:
    begin = time.process_time()
    await pilot.press(key)
    await pilot.pause()
    return time.process_time() - begin
