"""The DID of an institution: made once, then rotated, always on its ledger.

Pre-rotation is always on. Two keys are in use at a time: one signs what the institution issues, the other is
committed to by hash and signs nothing but the next entry. Of what an entry needs, everything is on disk
before it is sent, and sending it again changes nothing: whoever is interrupted calls the same function again.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from ledger.client import LedgerClient
from ledger.did_witnesses import renewed_witness_parameter, witness_parameter
from protocol.codes import Code
from protocol.did.document import Relationship, create_did_document
from protocol.did.webvh.author import NewEntry, create_did, update_did
from protocol.did.webvh.entry import parse_entry
from protocol.did.webvh.history import VerifiedHistory, verify_history
from protocol.did.webvh.identifier import parse_webvh
from protocol.did.webvh.witness import APPROVED_BY_LOG
from protocol.encoding.members import text_member
from protocol.encoding.strict_json import JsonObject
from protocol.errors import RefusedError, UnavailableError, VerificationError
from protocol.keys import Ed25519PrivateKey, P256PrivateKey, PublicKey
from protocol.keys.multikey import encode_multikey
from protocol.records import split_history
from storage.atomic_file import replace_file
from storage.key_ring import KeyRing, KeyType, StoredKey, create_key

SIGNING = "signing"
NEXT_UPDATE = "next-update"
_PREPARED = "prepared-"
_ONE_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class IdentityKeeper:
    """What it takes to write the institution's entries.

    Attributes:
        ring: The open key ring; it holds the keys of `create_identity_keys`.
        prepared_entry: The file in which an entry waits from when its keys are kept until it is logged.
        client: The ledger the DID lives on.
        onboarding_token: Gives what the ledger's operator handed out; asked for only to write.
    """

    ring: KeyRing
    prepared_entry: Path
    client: LedgerClient
    onboarding_token: Callable[[], str]


@dataclass(frozen=True, slots=True)
class IdentityKey:
    """The key an institution signs with; `key_id` is its absolute DID URL."""

    key: Ed25519PrivateKey | P256PrivateKey
    key_id: str


def create_identity_keys(*, now: datetime) -> dict[str, StoredKey]:
    """The keys a new institution's ring begins with."""
    return {purpose: create_key(KeyType.ED25519, now=now) for purpose in (SIGNING, NEXT_UPDATE)}


def identity_key(ring: KeyRing, did: str) -> IdentityKey:
    """The key the institution `did` signs with now."""
    key = ring.keys[SIGNING].signing_key()
    return IdentityKey(key, f"{did}#{encode_multikey(key.public_key)}")


def create_identity(keeper: IdentityKeeper, *, name: str, witnessed: bool, now: datetime) -> str:
    """Make the DID `did:webvh:<scid>:<ledger>:<name>` and log its first entry; gives the DID.

    With `witnessed` it names the nodes of the ledger's policy as witnesses. Called again, it gives the same
    DID, until `confirm_identity` says that the caller has written it down.

    Raises:
        MalformedError: `name` cannot be part of a DID.
        RefusedError: the ledger does not admit it; QUORUM_UNSAFE, too few nodes approve entries of DIDs; or
            what waits is of another name, for another ledger, or witnessed where this is not.
        UnavailableError: the ledger cannot be reached.
    """
    if keeper.prepared_entry.exists():
        _require_prepared_for(keeper, name, witnessed=witnessed)
    else:
        keys = keeper.ring.keys
        # This key signs the first entry and, pre-rotation being on, nothing ever after: it is not kept.
        first_key = create_key(KeyType.ED25519, now=now).signing_key()
        host, _, port = keeper.client.ledger.authority.partition(":")
        entry = create_did(
            host,
            int(port) if port else None,
            (name,),
            document=lambda did: _document(did, keys[SIGNING].signing_key().public_key),
            key=first_key,
            next_keys=[keys[NEXT_UPDATE].signing_key().public_key],
            time=now,
            parameters=witness_parameter(keeper.client) if witnessed else None,
        )
        _prepare(keeper, entry)
    return _log_prepared_entry(keeper, now).did


def confirm_identity(keeper: IdentityKeeper) -> None:
    """The DID that `create_identity` gave is written down where it will be found again."""
    keeper.prepared_entry.unlink()


def rotate_identity(keeper: IdentityKeeper, did: str, *, now: datetime) -> IdentityKey:
    """Take a new signing key into use, and commit to a new key for the entry after this one.

    What the old key signed goes on verifying for its time; docs/decisions/0004. A DID with witnesses names
    those that the nodes of the policy are now, if that can be found out.

    Raises:
        VerificationError: the DID's history on the ledger must not be trusted.
        RefusedError: the ledger does not admit the entry; nothing has changed.
        UnavailableError: the ledger cannot be reached; call again.
    """
    # Nothing is begun that could not be sent.
    keeper.onboarding_token()
    if not _is_rotating(keeper):
        # Whoever names the DID has written it down: an entry that still waits is that of its creation.
        keeper.prepared_entry.unlink(missing_ok=True)
        previous = _read_history(keeper, did, now).latest
        keys = keeper.ring.keys
        fresh = create_identity_keys(now=now)
        entry = update_did(
            previous,
            key=keys[NEXT_UPDATE].signing_key(),
            # Times in a history rise by whole seconds, however fast one rotates.
            time=max(now, previous.time + _ONE_SECOND),
            document=_document(did, fresh[SIGNING].signing_key().public_key),
            next_keys=[fresh[NEXT_UPDATE].signing_key().public_key],
            parameters=renewed_witness_parameter(keeper.client, previous.parameters.witness),
        )
        keeper.ring.save({**keys, **{_PREPARED + purpose: key for purpose, key in fresh.items()}})
        _prepare(keeper, entry)
    resume_identity(keeper, now=now)
    return identity_key(keeper.ring, did)


class SigningKeys:
    """The institution's signing key while it works. Threads may share it.

    A rotation that was interrupted is finished first.

    Raises:
        RefusedError, UnavailableError: as `rotate_identity`.
    """

    def __init__(self, keeper: IdentityKeeper, did: str, *, now: datetime) -> None:
        resume_identity(keeper, now=now)
        self._keeper = keeper
        self._did = did
        self._lock = threading.Lock()
        self._current = identity_key(keeper.ring, did)

    def current(self) -> IdentityKey:
        """The key to sign with now."""
        return self._current

    def verify_listed(self, now: datetime) -> None:
        """Check that the DID lists this key, so that nobody signs in vain with an old one.

        Raises:
            VerificationError: it does not, it was deactivated, its history must not be trusted, or the ledger
                shows nothing of it.
            UnavailableError: the ledger cannot be reached.
        """
        try:
            history = _read_history(self._keeper, self._did, now)
        except UnavailableError as error:
            if error.code is Code.DID_NOT_FOUND:
                # It was logged there once. Whoever looks it up now finds what we find.
                raise VerificationError(error.code, self._did) from error
            raise
        document = history.verified_did(evidence=None).document
        for relationship in Relationship:
            if self._current.key_id not in document.relationships[relationship]:
                raise VerificationError(Code.SIGNING_KEY_REPLACED, self._did)

    def rotate(self, now: datetime) -> IdentityKey:
        """Publish a new key and sign with it from now on.

        Raises:
            RefusedError, VerificationError, UnavailableError: as `rotate_identity`.
        """
        with self._lock:
            self._current = rotate_identity(self._keeper, self._did, now=now)
            return self._current


def resume_identity(keeper: IdentityKeeper, *, now: datetime) -> None:
    """Finish a rotation, or a confirmation, that was interrupted; does nothing when none was.

    Raises:
        RefusedError, UnavailableError: as `rotate_identity`.
    """
    if keeper.prepared_entry.exists():
        _log_prepared_entry(keeper, now)
        _take_into_use(keeper)


def _require_prepared_for(keeper: IdentityKeeper, name: str, *, witnessed: bool) -> None:
    entry = parse_entry(keeper.prepared_entry.read_bytes())
    did = text_member(entry.state, "id")
    prepared = parse_webvh(did)
    if ("witness" in entry.parameters) is not witnessed:
        how = "without witnesses" if witnessed else "with witnesses"
        raise RefusedError(Code.VAULT_EXISTS, f"what was begun is {did}, {how}; finish that first")
    if (prepared.authority, prepared.path) != (keeper.client.ledger.authority, (name,)):
        raise RefusedError(Code.VAULT_EXISTS, f"what was begun is {did}; finish that first")


def _is_rotating(keeper: IdentityKeeper) -> bool:
    """Whether a rotation was interrupted: its keys are in the ring, and its entry waits."""
    has_keys = any(purpose.startswith(_PREPARED) for purpose in keeper.ring.keys)
    return has_keys and keeper.prepared_entry.exists()


def _prepare(keeper: IdentityKeeper, entry: NewEntry) -> None:
    replace_file(keeper.prepared_entry, entry.line.encode())


def _log_prepared_entry(keeper: IdentityKeeper, now: datetime) -> VerifiedHistory:
    token = keeper.onboarding_token()
    line = keeper.prepared_entry.read_bytes()
    entry = parse_entry(line)
    did = text_member(entry.state, "id")
    try:
        keeper.client.submit(line, onboarding_token=token)
    except RefusedError as refusal:
        if refusal.code.startswith("network_"):
            # Not the ledger's judgement: the entry may even have been logged.
            raise UnavailableError(refusal.code, refusal.detail) from refusal
        if refusal.code is Code.WRITER_NOT_AUTHORIZED:
            raise
        # Sent before, it may have been logged although the answer was lost. Then nothing but its keys can
        # ever write the next entry.
        if not _is_logged(keeper, did, entry.version_id, now):
            _give_up(keeper)
            raise
    # The ledger's receipt is its word; that the entry is in the log and is the last of the DID is checked.
    history = _read_history(keeper, did, now)
    if history.latest.version_id != entry.version_id:
        raise UnavailableError(Code.LOG_STALE, "the ledger does not show the new entry yet")
    return history


def _is_logged(keeper: IdentityKeeper, did: str, version_id: str, now: datetime) -> bool:
    try:
        history = _read_history(keeper, did, now)
    except UnavailableError as error:
        # A DID that is rotated was logged once: that its ledger shows nothing of it settles nothing.
        if error.code is Code.DID_NOT_FOUND and not _is_rotating(keeper):
            return False
        raise
    return any(version.version_id == version_id for version in history.versions)


def _take_into_use(keeper: IdentityKeeper) -> None:
    keys = keeper.ring.keys
    prepared = {
        purpose.removeprefix(_PREPARED): key for purpose, key in keys.items() if purpose.startswith(_PREPARED)
    }
    if prepared:
        keeper.ring.save({**_without_prepared(keys), **prepared})
    keeper.prepared_entry.unlink()


def _give_up(keeper: IdentityKeeper) -> None:
    # The entry first: whoever is interrupted in between must not send it once its keys are gone.
    keeper.prepared_entry.unlink()
    keys = keeper.ring.keys
    if (kept := _without_prepared(keys)) != keys:
        keeper.ring.save(kept)


def _without_prepared(keys: Mapping[str, StoredKey]) -> dict[str, StoredKey]:
    return {purpose: key for purpose, key in keys.items() if not purpose.startswith(_PREPARED)}


def _read_history(keeper: IdentityKeeper, did: str, now: datetime) -> VerifiedHistory:
    records = keeper.client.read_history(did, now=now)
    entries, _marks = split_history(records.leaves)
    return verify_history(entries, did=did, now=now, witness_proofs=APPROVED_BY_LOG)


def _document(did: str, key: PublicKey) -> JsonObject:
    fragment = encode_multikey(key)
    return create_did_document(did, {fragment: key}, assertion=[fragment], authentication=[fragment])
