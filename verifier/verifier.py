"""A verifier at work: its settings, grounds, register and keys, as the use cases need them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.engine import Engine

from ledger.identity import IdentityKey, SigningKeys
from protocol.openid4vp.client_id import ClientId, ClientIdPrefix
from storage.key_ring import KeyRing
from storage.seal import Seal
from verifier.folder import VerifierFolder
from verifier.grounds import Grounds
from verifier.policy_file import load_policy
from verifier.register import TABLES
from verifier.settings import VerifierSettings

ANSWERS = "answers"
"""The purpose of the key that seals what was presented."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """What asking and checking take.

    Attributes:
        settings: What the verifier is; its `url` is where it is reached now.
        register: What was asked and answered.
        seal: Seals what was presented.
        grounds: Gives the grounds of the decisions of this moment.
        signer: Gives the present key to sign requests with, which a rotation exchanges; None if the verifier
            has no DID.
    """

    settings: VerifierSettings
    register: Engine
    seal: Seal
    grounds: Callable[[], Grounds]
    signer: Callable[[], IdentityKey] | None

    def response_uri(self, reference: str) -> str:
        """Where the answer to a request is posted."""
        return f"{self.settings.url}/response/{reference}"

    def client_id(self, reference: str, *, is_signed: bool) -> ClientId:
        """Who asks in a request, and so the audience of its answer."""
        if not is_signed:
            return ClientId(ClientIdPrefix.REDIRECT_URI, self.response_uri(reference))
        assert self.settings.did is not None, "only a verifier with a DID signs"
        return ClientId(ClientIdPrefix.DECENTRALIZED_IDENTIFIER, self.settings.did)


@contextmanager
def open_verifier(
    folder: VerifierFolder, ring: KeyRing, *, url: str, grounds: Callable[[], Grounds], now: datetime
) -> Iterator[tuple[Verifier, SigningKeys | None]]:
    """The verifier of `folder`, reached at `url`, until the block ends. Only one process can have it open.

    It has signing keys if it has a DID. A rotation of them that was interrupted is finished first.

    Raises:
        RefusedError: there is no verifier yet, its files cannot be used, or it is open elsewhere.
        VerificationError: its policy does not trust the ledger of its DID.
        UnavailableError: the disk's fault; or the ledger is needed, and cannot be reached.
    """
    settings = replace(folder.load_settings(), url=url)
    grounds()
    with ring.file.hold(), ExitStack() as stack:
        keys = None
        if settings.did is not None:
            ledger = load_policy(folder.policy).ledgers.ledger_of(settings.did)
            keeper = stack.enter_context(folder.identity_keeper(ring, ledger))
            keys = SigningKeys(keeper, settings.did, now=now)
        seal_key = ring.keys[ANSWERS].private
        register = folder.open_register(settings.database, TABLES, seal_key=seal_key)
        stack.callback(register.dispose)
        signer = None if keys is None else keys.current
        yield Verifier(settings, register, Seal(seal_key), grounds, signer), keys
