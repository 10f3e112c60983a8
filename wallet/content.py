"""What a wallet holds, as values: every change gives a new content, and nothing is saved here.

The history says who, when, which claims by name, and how it ended. It never holds a claim's value.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from protocol.claim_path import ClaimPath
from protocol.codes import Code
from protocol.errors import RefusedError
from protocol.keys import Ed25519PrivateKey, P256PrivateKey
from wallet.held import CredentialCopy, HeldCredential, Standing
from wallet.issuer_evidence import MAX_ISSUERS, IssuerEvidence
from wallet.known_party import KnownParty, PartyMark, PartyRole, identity_of, met
from wallet.pending import PendingIssuance, Refill
from wallet.recovery_phrase import HolderKey, derive_holder_key

MAX_ACTIVITY = 5000


class ActivityKind(StrEnum):
    """What happened. DECLINED: the holder said no. REFUSED: the wallet did."""

    RECEIVED = "received"
    PRESENTED = "presented"
    DECLINED = "declined"
    REFUSED = "refused"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityEntry:
    """One line of the history.

    Attributes:
        party: The client id of the verifier, or the DID of the issuer.
        credential_type: The `vct`.
        claim_names: Which claims left, or were asked for, as paths; never what they said.
        purpose: Why, in the verifier's own words.
        retention: How long the verifier promised to keep it at most.
        outcome: The code it ended with; None when it went through.
    """

    time: datetime
    kind: ActivityKind
    party: str
    credential_type: str | None = None
    claim_names: tuple[ClaimPath, ...] = ()
    purpose: str | None = None
    retention: timedelta | None = None
    outcome: Code | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupNote:
    """When the last backup was made, and how many credentials are in it."""

    made_at: datetime
    credentials: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletContent:
    """All a wallet remembers. `next_key_index` rises only, so that no holder key is ever used twice.

    `pending` is what an issuer was asked for and that is not among `credentials` yet. `last_backup` is None
    when there never was one, and `words_confirmed_at` when nobody ever gave the recovery words back. `gone`
    are the keys of copies that were presented before their credential was removed, so that no backup brings
    one back as new. `evidence` vouches for issuers of credentials; what is older than a day is of no use.
    """

    entropy: bytes = field(repr=False)
    next_key_index: int
    credentials: tuple[HeldCredential, ...] = ()
    pending: tuple[PendingIssuance, ...] = ()
    parties: tuple[KnownParty, ...] = ()
    activity: tuple[ActivityEntry, ...] = ()
    last_backup: BackupNote | None = None
    words_confirmed_at: datetime | None = None
    gone: tuple[HolderKey, ...] = ()
    evidence: tuple[IssuerEvidence, ...] = ()

    def signing_key(self, key: HolderKey) -> Ed25519PrivateKey | P256PrivateKey:
        """The private key that `key` names, derived from the recovery phrase; it is stored nowhere."""
        return derive_holder_key(self.entropy, key)

    def credential(self, credential_id: str) -> HeldCredential:
        """The credential with this id.

        Raises:
            RefusedError: there is none.
        """
        for held in self.credentials:
            if held.id == credential_id:
                return held
        raise RefusedError(Code.CREDENTIAL_NOT_FOUND)

    def with_keys_reserved(self, count: int) -> "WalletContent":
        """The next `count` indices are taken: save this before a key is shown to anyone."""
        return replace(self, next_key_index=self.next_key_index + count)

    def with_credential(self, held: HeldCredential) -> "WalletContent":
        """With one more credential.

        Raises:
            ValueError: its id is taken, or it has no copies.
        """
        if not held.copies or any(other.id == held.id for other in self.credentials):
            raise ValueError("a new credential has an id of its own and a copy")
        return replace(self, credentials=(*self.credentials, held))

    def pending_issuance(self, offer: str) -> PendingIssuance | None:
        """The issuance of the offer with this digest that is not complete; None if there is none."""
        return next((each for each in self.pending if (each.offer, each.refill_of) == (offer, None)), None)

    def pending_refill(self, credential_id: str) -> PendingIssuance | None:
        """The refill of this credential that is not complete; None if there is none."""
        return next((each for each in self.pending if each.refill_of == credential_id), None)

    def pending_again(self, pending: PendingIssuance) -> PendingIssuance | None:
        """What is left of `pending`; None if it is complete."""
        if pending.refill_of is not None:
            return self.pending_refill(pending.refill_of)
        return self.pending_issuance(pending.offer)

    def with_pending(self, pending: PendingIssuance) -> "WalletContent":
        """With an issuance that has begun, or what is left of it; without it, if nothing is left."""
        same = (pending.offer, pending.refill_of)
        others = tuple(other for other in self.pending if (other.offer, other.refill_of) != same)
        return replace(self, pending=(*others, pending) if pending.credentials else others)

    def with_copy_used(
        self, credential_id: str, key: HolderKey, *, now: datetime, again: bool = False
    ) -> "WalletContent":
        """With the copy that is bound to `key` marked as presented `now`: save this before it is sent.

        `again` lets it be one that was presented before.

        Raises:
            RefusedError: there is no such credential or copy, or another process just used it.
        """
        held = self.credential(credential_id)
        if not any(copy.key == key for copy in (held.copies if again else held.unused_copies)):
            raise RefusedError(Code.COPIES_USED_UP)
        copies = tuple(replace(copy, used_at=now) if copy.key == key else copy for copy in held.copies)
        return self._with_changed(replace(held, copies=copies))

    def with_standing(self, credential_id: str, standing: Standing) -> "WalletContent":
        """With what was learnt about a credential's status, as far as `Standing.followed_by` lets it count.

        Raises:
            RefusedError: there is no such credential.
        """
        held = self.credential(credential_id)
        followed = standing if held.standing is None else held.standing.followed_by(standing)
        return self._with_changed(replace(held, standing=followed))

    def without_credential(self, credential_id: str) -> "WalletContent":
        """Without a credential, all of its copies, and those that are still to come.

        Raises:
            RefusedError: there is no such credential.
        """
        removed = self.credential(credential_id)
        left = replace(
            self,
            gone=(*self.gone, *removed.shown_keys),
            credentials=tuple(held for held in self.credentials if held is not removed),
            pending=tuple(each for each in self.pending if each.refill_of != credential_id),
        )
        return left.with_evidence(())

    def evidence_about(self, issuer: str) -> IssuerEvidence | None:
        """What vouches for `issuer`; None if the wallet keeps nothing."""
        return next((each for each in self.evidence if each.issuer == issuer), None)

    def with_evidence(self, evidence: Iterable[IssuerEvidence]) -> "WalletContent":
        """With new evidence about issuers in the place of the old: the newest about 16 issuers at most, and
        only about those of credentials that are here.
        """
        newest = {each.issuer: each for each in (*self.evidence, *evidence)}
        issuers = {held.issuer for held in self.credentials}
        kept = sorted(
            (each for each in newest.values() if each.issuer in issuers), key=lambda each: each.asked_at
        )
        return replace(self, evidence=tuple(kept[-MAX_ISSUERS:]))

    def with_refilled(
        self, credential_id: str, copies: tuple[CredentialCopy, ...], standing: Standing | None
    ) -> "WalletContent":
        """With further copies of a credential, as `HeldCredential.refilled`.

        Raises:
            RefusedError: there is no such credential.
        """
        return self._with_changed(self.credential(credential_id).refilled(copies, standing))

    def with_refresh_token(self, old: str, new: str | None) -> "WalletContent":
        """With another refresh token wherever `old` was, None for no refill any more."""

        def renewed(refill: Refill | None) -> Refill | None:
            if refill is None or refill.refresh_token != old:
                return refill
            return None if new is None else replace(refill, refresh_token=new)

        return replace(
            self,
            credentials=tuple(replace(held, refill=renewed(held.refill)) for held in self.credentials),
            pending=tuple(
                replace(
                    each,
                    credentials=tuple(
                        replace(credential, refill=renewed(credential.refill))
                        for credential in each.credentials
                    ),
                )
                for each in self.pending
            ),
        )

    def with_party_seen(
        self, client_id: str, *, name: str | None, presented: bool, now: datetime, host: str | None = None
    ) -> "WalletContent":
        """With a verifier met `now`, and one more presentation to it if `presented`, which went to `host`."""
        known = self.party(client_id) or met(client_id, PartyRole.VERIFIER, now=now)
        known = known.met_again(client_id, name=name, host=host, now=now)
        return self._with_party(replace(known, presentations=known.presentations + presented))

    def with_issuer_seen(self, did: str, *, host: str | None, now: datetime) -> "WalletContent":
        """With one more credential from an issuer, fetched `now` from `host`."""
        known = self.party(did) or met(did, PartyRole.ISSUER, now=now)
        known = known.met_again(did, name=known.name, host=host, now=now)
        return self._with_party(replace(known, credentials=known.credentials + 1))

    def with_party_marked(self, party: KnownParty, mark: PartyMark) -> "WalletContent":
        """With a mark on a party."""
        return self._with_party(replace(party, mark=mark))

    def without_party(self, party: KnownParty) -> "WalletContent":
        """Without a party: whoever comes next under its names is met for the first time."""
        others = tuple(known for known in self.parties if known.identity != party.identity)
        return replace(self, parties=others)

    def party(self, client_id: str) -> KnownParty | None:
        """What is known of a party; None when it was never met."""
        wanted = identity_of(client_id)
        return next((party for party in self.parties if party.identity == wanted), None)

    def with_activity(self, entry: ActivityEntry) -> "WalletContent":
        """With one more line of history; beyond `MAX_ACTIVITY` lines the oldest are forgotten."""
        return replace(self, activity=(*self.activity, entry)[-MAX_ACTIVITY:])

    def with_outcome(self, entry: ActivityEntry, outcome: Code | None) -> "WalletContent":
        """With how the line `entry` of the history ended; without a change if it was forgotten meanwhile."""
        ended = replace(entry, outcome=outcome)
        return replace(self, activity=tuple(ended if line == entry else line for line in self.activity))

    def without_activity(self) -> "WalletContent":
        """Without any history, and without the parties in it but those its owner marked: to forget what
        happened is not to let a blocked party in again.
        """
        marked = tuple(party for party in self.parties if party.mark is not PartyMark.SEEN)
        return replace(self, activity=(), parties=marked)

    def _with_party(self, party: KnownParty) -> "WalletContent":
        return replace(self, parties=(*self.without_party(party).parties, party))

    def _with_changed(self, changed: HeldCredential) -> "WalletContent":
        return replace(
            self,
            credentials=tuple(changed if held.id == changed.id else held for held in self.credentials),
        )
