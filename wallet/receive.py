"""Getting a credential: from an opened offer to copies in the wallet (OpenID4VCI 1.0, pre-authorized code).

Nothing secret leaves before a person has said yes to the issuer's host, which is what calling
`receive_credentials` stands for.
"""

import itertools
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from protocol.codes import Code
from protocol.errors import RefusedError, TallyError
from protocol.keys import PublicKey, SigningKey
from protocol.openid4vci.credential import (
    CredentialIdentifier,
    CredentialTarget,
    IssuedCredentials,
    NotificationEvent,
)
from protocol.openid4vci.token import TokenResponse
from protocol.presentation import VerifiedCredential
from wallet.acceptance import claim_names, is_status_known, verify_further, verify_received
from wallet.content import ActivityEntry, ActivityKind, WalletContent
from wallet.held import CredentialCopy, HeldCredential, Standing, StandingWord
from wallet.issuance import (
    IssuerSession,
    OnStep,
    Step,
    offering_server,
    redeem_offer,
    select_credentials,
    unheard,
)
from wallet.known_party import host_of
from wallet.offer import OfferedCredential, OpenedOffer
from wallet.outside import Outside
from wallet.parties import noting_refusals, require_welcome_issuer
from wallet.pending import PendingCredential, PendingIssuance, Refill
from wallet.recovery_phrase import HolderKey
from wallet.vault import Vault

DEFAULT_COPIES = 10
KEEP_TRYING = timedelta(days=7)
"""For how long an issuance is gone on with. Issuers keep it for less; it is their word that counts."""

_NAME_IN_VCT = re.compile(r"[a-z][a-z0-9_-]{0,31}", re.IGNORECASE)


def receive_credentials(
    vault: Vault,
    offer: OpenedOffer,
    *,
    transaction_code: str | None,
    copies: int = DEFAULT_COPIES,
    outside: Outside,
    on_step: OnStep = unheard,
) -> tuple[HeldCredential, ...]:
    """Redeem `offer` and keep what comes: each credential, if every copy of it passes every check.

    Up to `copies` copies of each credential are asked for, each bound to a fresh key. The keys are taken and
    saved before the code is redeemed, so that a wallet that cannot be saved does not spoil it, and the
    access token before it is used. Whatever fails from then on, `complete_issuance` goes on with it. Until
    the end no other process can change the wallet.

    Raises:
        UnwelcomePartyError: the issuer is blocked, or somebody else than before issues at its host.
        RefusedError: the code is wrong or used, or the issuer refuses; the transaction code is missing;
            another process holds the wallet.
        VerificationError: what came is not what was offered, or must not be trusted. It is not kept.
        MalformedError: an answer of the issuer cannot be read.
        UnavailableError: the issuer or the ledger cannot be reached, or the wallet not be saved.
    """
    code = _required_code(offer, transaction_code)
    count = max(1, min(copies, offer.batch_size))
    foreseen = count * len(offer.credentials)
    with vault.file.hold(), noting_refusals(vault, now=outside.clock()):
        require_welcome_issuer(vault.reload(), None, host=host_of(offer.issuer_url))
        vault.change(lambda content: content.with_keys_reserved(foreseen))
        # The counter as saved just now: another process may have taken keys since the wallet was opened.
        first_key = vault.content.next_key_index - foreseen
        on_step(Step.REDEEMING)
        token = redeem_offer(offer, code, outside=outside)
        # The token may name several credentials where the offer names one.
        targets = select_credentials(offer, token)
        more = count * len(targets) - foreseen
        pending = PendingIssuance(
            offer=offer.digest,
            issuer_url=offer.issuer_url,
            credential_endpoint=offer.metadata.credential_endpoint,
            nonce_endpoint=offer.metadata.nonce_endpoint,
            notification_endpoint=offer.metadata.notification_endpoint,
            access_token=token.access_token,
            begun_at=outside.clock(),
            credentials=tuple(
                _pending(offered, target, range(first, first + count), offering_server(offer), token)
                for (offered, target), first in zip(targets, itertools.count(first_key, count), strict=False)
            ),
        )
        vault.change(lambda content: content.with_keys_reserved(more).with_pending(pending))
        return _complete(vault, pending, outside, on_step)


def complete_issuance(
    vault: Vault, pending: PendingIssuance, *, outside: Outside, on_step: OnStep = unheard
) -> tuple[HeldCredential, ...]:
    """Go on with an issuance or a refill that was interrupted, and keep what comes.

    The same keys are proved, so an issuer that has issued already gives the same again. Once the issuer does
    not know the access token any more, or it fails after `KEEP_TRYING`, it is forgotten.

    Raises:
        TallyError: as `receive_credentials`; ACCESS_TOKEN_INVALID if it is too late.
    """
    with vault.file.hold(), noting_refusals(vault, now=outside.clock()):
        left = vault.reload().pending_again(pending)
        # Another process may have completed it.
        if left is None:
            return ()
        require_welcome_issuer(vault.content, None, host=host_of(left.issuer_url))
        return _complete(vault, left, outside, on_step)


def _required_code(offer: OpenedOffer, transaction_code: str | None) -> str | None:
    if offer.transaction_code is None:
        return None
    # What was typed in another encoding than the terminal's cannot be sent, and would cost an attempt.
    if not transaction_code or not transaction_code.isprintable():
        raise RefusedError(Code.TRANSACTION_CODE_REQUIRED)
    return transaction_code


def _pending(
    offered: OfferedCredential,
    target: CredentialTarget,
    indices: Iterable[int],
    authorization_server: str,
    token: TokenResponse,
) -> PendingCredential:
    identifier = target.value if isinstance(target, CredentialIdentifier) else None
    refill = None
    if token.refresh_token is not None:
        refill = Refill(
            authorization_server=authorization_server,
            configuration_id=offered.configuration_id,
            identifier=identifier,
            refresh_token=token.refresh_token,
        )
    return PendingCredential(
        configuration_id=offered.configuration_id,
        identifier=identifier,
        name=offered.name,
        vct=offered.vct,
        proof_algorithms=offered.proof_algorithms,
        keys=tuple(HolderKey(offered.key_type, index) for index in indices),
        refill=refill,
    )


def _complete(
    vault: Vault, pending: PendingIssuance, outside: Outside, on_step: OnStep
) -> tuple[HeldCredential, ...]:
    held: list[HeldCredential] = []
    try:
        for credential in pending.credentials:
            session = IssuerSession(pending, outside, on_step)
            keys = {key: vault.content.signing_key(key) for key in credential.keys}
            issued = session.request(credential, keys.values())
            held.append(_keep(vault, session, credential, keys, issued))
            pending = pending.without(credential)
    except TallyError as error:
        if error.code is Code.ACCESS_TOKEN_INVALID or outside.clock() - pending.begun_at > KEEP_TRYING:
            given_up = replace(pending, credentials=())
            vault.change(lambda content: content.with_pending(given_up))
        raise
    return tuple(held)


def _keep(
    vault: Vault,
    session: IssuerSession,
    credential: PendingCredential,
    keys: Mapping[HolderKey, SigningKey],
    issued: IssuedCredentials,
) -> HeldCredential:
    left, refill_of = session.pending.without(credential), session.pending.refill_of
    try:
        session.on_step(Step.CHECKING)
        verified = verify_received(
            issued.credentials, expected_vct=credential.vct, keys=keys.values(), outside=session.outside
        )
        if refill_of is not None:
            verify_further(vault.content.credential(refill_of), verified[0])
        held = _held(session, credential, keys, issued, verified)
        entry = ActivityEntry(
            time=held.received_at,
            kind=ActivityKind.RECEIVED,
            party=held.issuer,
            credential_type=held.credential_type,
            claim_names=claim_names(verified[0]),
        )
        host = host_of(session.pending.issuer_url)

        def change(content: WalletContent) -> WalletContent:
            require_welcome_issuer(content, held.issuer, host=host)
            if refill_of is None:
                content = content.with_issuer_seen(held.issuer, host=host, now=held.received_at)
                content = content.with_credential(held)
            else:
                content = content.with_refilled(refill_of, held.copies, held.standing)
            return content.with_activity(entry).with_pending(left)

        session.on_step(Step.KEEPING)
        vault.change(change)
    except TallyError:
        session.notify(issued, NotificationEvent.FAILURE)
        raise
    session.notify(issued, NotificationEvent.ACCEPTED)
    return vault.content.credential(refill_of or held.id)


def _held(
    session: IssuerSession,
    credential: PendingCredential,
    keys: Mapping[HolderKey, SigningKey],
    issued: IssuedCredentials,
    verified: Sequence[VerifiedCredential],
) -> HeldCredential:
    names: dict[PublicKey | None, HolderKey] = {key.public_key: name for name, key in keys.items()}
    now = session.outside.clock()
    return HeldCredential(
        id=f"{_short_name(verified[0].vct)}-{secrets.token_hex(4)}",
        issuer=verified[0].issuer,
        credential_type=verified[0].vct,
        credential_issuer=session.pending.issuer_url,
        received_at=now,
        copies=tuple(
            CredentialCopy(credential=text, key=names[each.holder_key])
            for text, each in zip(issued.credentials, verified, strict=True)
        ),
        standing=Standing(word=StandingWord.VALID, checked_at=now) if is_status_known(verified) else None,
        offer=session.pending.offer,
        refill=credential.refill,
    )


def _short_name(vct: str) -> str:
    """The last word of a type, to make an id that a person can tell from others: `degree-5f3a9e21`."""
    words = [word for word in re.split(r"[:/]", vct) if _NAME_IN_VCT.fullmatch(word)]
    return words[-1].lower() if words else "credential"
