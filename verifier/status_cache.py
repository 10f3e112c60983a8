"""Status lists, fetched whole and kept for as long as their issuers allow.

A list is asked for by its address alone, so that the issuer learns neither which credential was shown nor to
whom it belongs; a copy that is kept does not even tell how often. What is kept was verified first, and of
each list it is remembered on disk when the newest one seen was signed, so that nobody can show an older one
from before a revocation.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from protocol.codes import Code
from protocol.did.verified import VerifiedDid
from protocol.encoding.strict_json import decode_utf8
from protocol.encoding.time import encode_utc, parse_utc
from protocol.errors import MalformedError, UnavailableError, VerificationError
from protocol.status_list import VerifiedStatusList, verify_no_rollback, verify_status_list_token
from storage.atomic_file import make_private_folder, replace_file

DEFAULT_TIME_TO_LIVE = timedelta(minutes=5)
"""For how long a list is kept whose issuer does not say."""
MAX_KEPT_CHARACTERS = 64 << 20

_LOCKS = 64


class StatusListMemory:
    """When the newest list of each issuer and address was signed, one small file each; it only moves forward.

    What one issuer signs for the address of another says nothing of the other's lists.

    Args:
        folder: Where the files are; it is made when it is missing.
    """

    def __init__(self, folder: Path) -> None:
        make_private_folder(folder)
        self._folder = folder

    def recall(self, issuer: str, uri: str) -> datetime | None:
        """When the newest list that the DID `issuer` signed for `uri` was, or None at the first contact.

        Raises:
            UnavailableError: it cannot be read; forgetting it silently would hide a rollback.
        """
        path = self._path(issuer, uri)
        try:
            return parse_utc(decode_utf8(path.read_bytes())) if path.exists() else None
        except (MalformedError, OSError) as error:
            raise UnavailableError(Code.DISK_ERROR, f"the remembered status list {path.name}") from error

    def remember(self, issuer: str, uri: str, issued_at: datetime) -> None:
        """Note that a list which `issuer` signed at `issued_at` was seen, unless a newer one was."""
        known = self.recall(issuer, uri)
        if known is None or known < issued_at:
            replace_file(self._path(issuer, uri), encode_utc(issued_at).encode())

    def _path(self, issuer: str, uri: str) -> Path:
        # No DID has a space in it.
        return self._folder / f"{hashlib.sha256(f'{issuer} {uri}'.encode()).hexdigest()}.issued-at"


@dataclass(frozen=True, slots=True)
class _Kept:
    token: str
    use_until: datetime


class StatusLists:
    """Finds status list tokens, by fetching them only when the copy kept is too old. Threads may share one.

    Args:
        fetch: Fetches the token at an address, or raises UnavailableError. What it brings is untrusted.
        memory: Remembers the newest list of each address.
    """

    def __init__(self, fetch: Callable[[str], str], *, memory: StatusListMemory) -> None:
        self._fetch = fetch
        self._memory = memory
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._kept_lock = threading.Lock()
        # Many presentations at once wait for one fetch of their list instead of making one each.
        self._fetch_locks = [threading.Lock() for _ in range(_LOCKS)]

    def find(self, uri: str, *, issuer: VerifiedDid, now: datetime, clock_skew: timedelta) -> str:
        """The token of the list at `uri`, which `issuer` has signed.

        Raises:
            MalformedError, VerificationError: not a list to believe, or older than one already seen.
            UnavailableError: it cannot be fetched.
        """

        def verify(token: str) -> VerifiedStatusList:
            return verify_status_list_token(
                token, expected_uri=uri, issuer=issuer, now=now, clock_skew=clock_skew
            )

        with self._fetch_locks[hash(uri) % _LOCKS]:
            kept = self._usable(uri, now)
            if kept is not None:
                try:
                    verify(kept)
                except VerificationError:
                    pass  # It has expired, or its key was rotated out: there must be a newer one.
                else:
                    return kept
            token = self._fetch(uri)
            status_list = verify(token)
            verify_no_rollback(status_list, last_issued_at=self._memory.recall(issuer.did, uri))
            self._memory.remember(issuer.did, uri, status_list.issued_at)
            self._keep(uri, _Kept(token, now + (status_list.time_to_live or DEFAULT_TIME_TO_LIVE)))
            return token

    def _usable(self, uri: str, now: datetime) -> str | None:
        with self._kept_lock:
            kept = self._kept.get(uri)
            return kept.token if kept is not None and now < kept.use_until else None

    def _keep(self, uri: str, kept: _Kept) -> None:
        with self._kept_lock:
            self._kept[uri] = kept
            self._kept.move_to_end(uri)
            while sum(len(each.token) for each in self._kept.values()) > MAX_KEPT_CHARACTERS:
                self._kept.popitem(last=False)
