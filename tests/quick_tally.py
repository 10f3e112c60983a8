"""`tally` itself, except that a new passphrase costs little to try: `python -m tests.quick_tally ARGUMENTS`.

What a passphrase costs is written into the file it opens, so nothing else differs.
"""

import sys
from time import perf_counter

from storage import passphrase
from storage.passphrase import WEAKEST_ACCEPTED

if __name__ == "__main__":
    # Before the commands are imported, or they would have the real one already.
    passphrase.calibrate_kdf = lambda stopwatch=perf_counter: WEAKEST_ACCEPTED
    from tally import main

    sys.exit(main())
