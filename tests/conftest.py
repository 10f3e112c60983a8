"""What holds for every test: property tests draw the same examples each time, so a green run stays green.

`HYPOTHESIS_PROFILE=search` draws fresh ones, to look for what nobody has found yet. How long an example takes
is never judged: on a busy machine that says nothing about us.
"""

import os

from hypothesis import HealthCheck, settings

untimed = settings(print_blob=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("repeatable", untimed, derandomize=True)
settings.register_profile("search", untimed)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
