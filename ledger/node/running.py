"""A node at work: its parts put together, checked once, and running until the block ends."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime

from ledger.fetch import Fetcher
from ledger.log_files import LogFiles
from ledger.node.copy import LogCopy
from ledger.node.cosigner import Cosigner, Promise
from ledger.node.evidence import Evidence
from ledger.node.folder import NodeFolder
from ledger.node.follower import Follower
from ledger.node.http import NodeApp
from ledger.node.last_cosigned import LastCosigned, hash_origin
from ledger.node.trouble import TroubleNote
from ledger.node.witness import LogWitness
from ledger.self_check import check_whole_log
from ledger.store import LedgerStore
from protocol.errors import TallyError


@contextmanager
def run_node(
    folder: NodeFolder, cosigner: Cosigner, *, url: str, fetcher: Fetcher, clock: Callable[[], datetime]
) -> Iterator[NodeApp]:
    """The node in `folder`, reached at `url`. Whoever calls holds its key.

    A copy is checked against itself, and hashed anew as a whole, before anything is cosigned.

    Raises:
        RefusedError: LOG_SELF_CHECK_FAILED, the second memory is gone or contradicts the database.
        UnavailableError: LOG_SELF_CHECK_FAILED, the copy is damaged; or the disk's fault.
    """
    settings, ledger = folder.settings(), folder.ledger()
    log_key = ledger.policy.logs[0].key
    files = LogFiles(ledger.url, fetcher)
    with ExitStack() as stack:
        engine = folder.open_database()
        stack.callback(engine.dispose)
        store = LedgerStore(engine)
        last = LastCosigned(engine, folder.last_cosigned, ledger.origin)
        last.read()
        copy = None
        if cosigner.promise is Promise.COPY:
            check_whole_log(store)
            copy = LogCopy(store, files, authority=ledger.authority, clock=clock)
        evidence = Evidence(folder.evidence, log_key, last=last, files=files, copy=copy)
        follower = None
        if copy is not None:
            follower = Follower(
                copy,
                files,
                log_key,
                evidence=evidence,
                note=TroubleNote(engine, ledger.origin, clock=clock),
                interval=settings.interval,
                patience=settings.patience,
            )
            stack.enter_context(follower)
        witness = LogWitness(
            log_key,
            cosigner=cosigner,
            last=last,
            require=(lambda _signed: None) if follower is None else follower.require,
            contradicted=evidence.keep if follower is None else follower.contradicted,
            clock=clock,
        )
        origin_hash = hash_origin(ledger.origin)

        def trouble() -> TallyError | None:
            return None if follower is None else follower.trouble

        yield NodeApp(
            {origin_hash: witness},
            {} if copy is None else {origin_hash: store},
            cosigner.policy_line(url),
            trouble,
        )
