"""What holds for every test: property tests draw the same examples each time, so a green run stays green, and
temporary files are in memory where there is room.

`HYPOTHESIS_PROFILE=search` draws fresh ones, to look for what nobody has found yet. How long an example takes
is never judged: on a busy machine that says nothing about us.
"""

import os
import shutil
from pathlib import Path

from hypothesis import HealthCheck, settings

untimed = settings(print_blob=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("repeatable", untimed, derandomize=True)
settings.register_profile("search", untimed)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

MEMORY = Path("/dev/shm")
ROOM_BYTES = 1 << 30


def pytest_configure() -> None:
    # Every commit waits for the disk, and proves nothing by it: what a power cut leaves behind is tried with
    # faults put in by hand.
    if os.access(MEMORY, os.W_OK | os.X_OK) and shutil.disk_usage(MEMORY).free > ROOM_BYTES:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
