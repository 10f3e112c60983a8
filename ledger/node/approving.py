"""The thread that looks what the log has published with its quorum, and approves what is under it.

It looks by itself as often as the node copies, and soon after somebody asked for approvals: whoever asks
wants to know of the newest.
"""

import logging
import threading
from contextlib import suppress
from datetime import timedelta
from typing import Self

from ledger.log_files import LogFiles
from ledger.node.approver import Approver
from ledger.node.trouble import TroubleNote
from protocol.codes import Code
from protocol.errors import TallyError, UnavailableError

# A stranger's questions make it look once a second at most.
_PAUSE_SECONDS = 1.0

_logger = logging.getLogger("tally.ledger.node")


class Approving:
    """Lets `approver` approve what the log behind `files` publishes; use it in a `with` statement."""

    def __init__(
        self, approver: Approver, files: LogFiles, *, note: TroubleNote, interval: timedelta
    ) -> None:
        self._approver = approver
        self._files = files
        self._note = note
        self._interval = interval.total_seconds()
        self._asked = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="approver", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        """Wait until it has stopped."""
        self._stopping.set()
        self._asked.set()
        self._thread.join()

    def look_soon(self) -> None:
        """Look without waiting for the usual time."""
        self._asked.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            # What is asked for from here on may be newer than what it is about to see.
            self._asked.clear()
            self._look()
            self._stopping.wait(_PAUSE_SECONDS)
            self._asked.wait(max(0.0, self._interval - _PAUSE_SECONDS))

    def _look(self) -> None:
        failure: TallyError | None = None
        try:
            self._approver.approve(self._files.read_checkpoint(), is_stopping=self._stopping.is_set)
        except UnavailableError as error:
            if error.code is not Code.LOG_SELF_CHECK_FAILED:
                # The log is out of reach, or the copy is not there yet: who follows the log tells of that.
                return
            failure = error
        except TallyError as error:
            failure = error
        except Exception as error:
            _logger.exception("internal_error in the approver")
            failure = TallyError(Code.INTERNAL_ERROR, type(error).__name__)
        with suppress(TallyError):
            self._note.tell(failure, copied_size=0)
