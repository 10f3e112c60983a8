"""Rehearsing a restore: what a backup would bring back, and what it cannot, without touching anything.

Every copy is read as for a presentation, and its key derived from the words: a copy whose key is not the one
its issuer bound it to could never be shown.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ledger.trust import TrustedLedger, TrustedLedgers
from protocol.codes import Code
from protocol.errors import TallyError
from protocol.keys import PublicKey
from protocol.sdjwt.parse import parse_sd_jwt
from protocol.sdjwt.verify import verify_disclosures
from protocol.sdjwt_vc import parse_credential, parse_credential_jws, verify_credential_rules
from wallet.backup import Backup
from wallet.content import WalletContent
from wallet.held import CredentialCopy, HeldCredential
from wallet.recovery_phrase import derive_holder_key_from_seed, derive_seed
from wallet.trust import is_same_ledger


class Arrival(StrEnum):
    """What a restore does with a part of the backup.

    NEW: it comes back. MORE: it is here, and copies of it come back. HERE: all of it is here already.
    KEPT: something else is here in its place, and stays.
    """

    NEW = "new"
    MORE = "more"
    HERE = "here"
    KEPT = "kept"


class LossKind(StrEnum):
    """What a backup cannot bring back once the wallet is gone."""

    PASSPHRASE = "passphrase"  # noqa: S105 (what is lost, not a secret)
    PENDING = "pending"
    CHECKPOINTS = "checkpoints"
    RECEIVED_SINCE = "received_since"
    SHOWN_SINCE = "shown_since"


@dataclass(frozen=True, slots=True)
class Loss:
    """One kind of loss, and whom or what it is about: issuers' hosts, or ids of credentials.

    Without subjects it is what always is so, or what cannot be known without the wallet.
    """

    kind: LossKind
    subjects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsedCredential:
    """A credential in the backup.

    Attributes:
        held: It, as it is in the backup.
        arrival: NEW, MORE or HERE.
        faults: Why copies of it could not be shown, each reason once; empty when all is well.
    """

    held: HeldCredential
    arrival: Arrival
    faults: tuple[Code, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsedLedger:
    """A ledger the backup trusts; its arrival is NEW, HERE or KEPT."""

    ledger: TrustedLedger
    arrival: Arrival


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What a restore would do.

    Attributes:
        made_at: When the backup was made.
        same_words: Whether the wallet here is of the same words; None when there is no wallet here. When it
            is False, the backup cannot be merged into it.
        credentials: In the order of the backup.
        ledgers: In the order of the backup.
        parties: How many parties are in it.
        activity: How many lines of history are in it.
        losses: What the backup cannot bring back if the wallet is lost.
    """

    made_at: datetime
    same_words: bool | None
    credentials: tuple[RehearsedCredential, ...]
    ledgers: tuple[RehearsedLedger, ...]
    parties: int
    activity: int
    losses: tuple[Loss, ...]

    @property
    def is_sound(self) -> bool:
        """Whether everything in it can be used."""
        return not any(rehearsed.faults for rehearsed in self.credentials)


def rehearse(backup: Backup, here: WalletContent | None, *, ledgers: TrustedLedgers) -> Rehearsal:
    """What restoring `backup` would do where the wallet holds `here` and trusts `ledgers`.

    `here` is None where there is no wallet. Nothing is asked of anybody, and nothing is written.
    """
    same_words = None if here is None else here.entropy == backup.content.entropy
    comparable = here if same_words else None
    known = {} if comparable is None else {held.id: held for held in comparable.credentials}
    seed = derive_seed(backup.content.entropy)
    return Rehearsal(
        made_at=backup.made_at,
        same_words=same_words,
        credentials=tuple(
            RehearsedCredential(
                held=held, arrival=_arrival(held, known.get(held.id)), faults=_faults(held, seed)
            )
            for held in backup.content.credentials
        ),
        ledgers=tuple(
            RehearsedLedger(ledger=ledger, arrival=_ledger_arrival(ledger, ledgers.ledgers))
            for ledger in backup.ledgers.ledgers
        ),
        parties=len(backup.content.parties),
        activity=len(backup.content.activity),
        losses=tuple(_losses(backup, comparable)),
    )


def _arrival(held: HeldCredential, here: HeldCredential | None) -> Arrival:
    if here is None:
        return Arrival.NEW
    known = {copy.credential for copy in here.copies}
    coming = [copy for copy in held.copies if copy.credential not in known and copy.key not in here.gone]
    return Arrival.MORE if coming else Arrival.HERE


def _ledger_arrival(ledger: TrustedLedger, here: Iterable[TrustedLedger]) -> Arrival:
    same = [known for known in here if is_same_ledger(known, ledger)]
    if ledger in same:
        return Arrival.HERE
    return Arrival.KEPT if same else Arrival.NEW


def _faults(held: HeldCredential, seed: bytes) -> tuple[Code, ...]:
    codes = (_fault(held, copy, seed) for copy in held.copies)
    return tuple(dict.fromkeys(code for code in codes if code is not None))


def _fault(held: HeldCredential, copy: CredentialCopy, seed: bytes) -> Code | None:
    try:
        issuer, vct, holder_key = _read(copy)
    except TallyError as error:
        return error.code
    if (issuer, vct) != (held.issuer, held.credential_type):
        return Code.CREDENTIAL_UNACCEPTABLE
    expected = derive_holder_key_from_seed(seed, copy.key).public_key
    return None if holder_key == expected else Code.HOLDER_KEY_INVALID


def _read(copy: CredentialCopy) -> tuple[str, str, PublicKey | None]:
    """Who says it issued a copy, its type, and the key it is bound to."""
    sd_jwt = parse_sd_jwt(copy.credential)
    credential = parse_credential(parse_credential_jws(sd_jwt))
    payload = sd_jwt.unverified_payload()
    claims = verify_disclosures(payload, sd_jwt.disclosures)
    return credential.issuer, credential.vct, verify_credential_rules(payload, claims)


def _losses(backup: Backup, here: WalletContent | None) -> Iterator[Loss]:
    yield Loss(LossKind.PASSPHRASE)
    yield Loss(LossKind.CHECKPOINTS)
    if here is None:
        if backup.left_out:
            yield Loss(LossKind.PENDING, backup.left_out)
        yield Loss(LossKind.RECEIVED_SINCE)
        yield Loss(LossKind.SHOWN_SINCE)
        return
    then = {held.id: held for held in backup.content.credentials}
    subjects = {
        LossKind.PENDING: [*backup.left_out, *(pending.issuer_host for pending in here.pending)],
        LossKind.RECEIVED_SINCE: [held.id for held in here.credentials if held.id not in then],
        LossKind.SHOWN_SINCE: [
            held.id for held in here.credentials if held.id in then and _shown_since(held, then[held.id])
        ],
    }
    for kind, named in subjects.items():
        if named:
            yield Loss(kind, tuple(dict.fromkeys(named)))


def _shown_since(here: HeldCredential, then: HeldCredential) -> bool:
    shown = {*here.gone, *(copy.key for copy in here.copies if copy.used_at is not None)}
    return any(copy.key in shown for copy in then.unused_copies)
