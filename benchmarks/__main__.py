"""Run every benchmark on one core and print its table."""

import os
import platform
import sys

from benchmarks import appends, credentials, dids, growth, index, log, screens, startup, wallets


def main() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print(f"Python {platform.python_version()}, {platform.machine()}, one core. Compare ratios, not figures.")
    for benchmark in (credentials, dids, log, index, appends, growth, wallets, startup, screens):
        benchmark.run()
        sys.stdout.flush()


if __name__ == "__main__":
    main()
