"""What holds for every test: property tests draw the same examples each time, so a green run stays green.

`HYPOTHESIS_PROFILE=search` draws fresh ones, to look for what nobody has found yet.
"""

import os

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, print_blob=True)
settings.register_profile("search", print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
