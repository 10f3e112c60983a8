"""How long a person waits for the command itself: the best of several fresh interpreters."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import row

RUNS = 9


def run() -> None:
    print("\nStart-up, fresh interpreter, best of", RUNS)
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "TALLY_HOME": home}
        bare = _best(["-c", "pass"], environment)
        row("python -c pass", f"{bare:,.0f} ms")
        for arguments in (["--help"], ["list"]):
            best = _best(["-m", "tally", *arguments], environment)
            row(f"tally {' '.join(arguments)}", f"{best:,.0f} ms", "goal: at most 150 ms")


def _best(arguments: list[str], environment: dict[str, str]) -> float:
    best = float("inf")
    for _ in range(RUNS):
        begin = time.perf_counter()
        subprocess.run(
            [sys.executable, *arguments],
            env=environment,
            cwd=Path(__file__).parent.parent,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        best = min(best, time.perf_counter() - begin)
    return best * 1000
