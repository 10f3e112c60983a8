"""Further copies of a credential that is held, from its issuer and without a new offer.

A copy is shown once. Where the issuer allows it, used ones make room for new ones, bound to fresh keys, which
say the same. See [decision 0007](../docs/decisions/0007-refill.md).
"""

from protocol.codes import Code
from protocol.errors import RefusedError, VerificationError
from protocol.openid4vci.credential import CredentialIdentifier
from protocol.openid4vci.token import TokenResponse, select_targets
from wallet.held import HeldCredential
from wallet.issuance import OnStep, Step, refresh_access, unheard
from wallet.known_party import host_of
from wallet.offer import fetch_issuer_metadata, read_offered
from wallet.outside import Outside
from wallet.parties import noting_refusals, require_welcome_issuer
from wallet.pending import PendingCredential, PendingIssuance, Refill
from wallet.receive import DEFAULT_COPIES, complete_issuance
from wallet.recovery_phrase import HolderKey
from wallet.vault import Vault


def refill_copies(
    vault: Vault,
    credential_id: str,
    *,
    copies: int = DEFAULT_COPIES,
    outside: Outside,
    on_step: OnStep = unheard,
) -> HeldCredential:
    """Fetch up to `copies` further copies of a credential; the credential with them.

    A refill that was interrupted is gone on with first. What comes must pass every check and say the same as
    what is held, of the same issuer; else everything stays as it is. Copies that were not used stay, those
    that were used go. The keys are saved before they are shown, and the tokens before they are used, so
    whatever fails, `complete_issuance` or another call goes on with it.

    Raises:
        UnwelcomePartyError: the issuer is blocked, or somebody else than before issues at its host.
        RefusedError: REFILL_REFUSED, when there are no further copies to be had, which is remembered; the
            issuer refuses for now; there is no such credential; another process holds the wallet.
        VerificationError: what came is not what is held, or must not be trusted.
        MalformedError: an answer of the issuer cannot be read.
        UnavailableError: the issuer or the ledger cannot be reached, or the wallet not be saved.
    """
    with vault.file.hold(), noting_refusals(vault, now=outside.clock()):
        content = vault.reload()
        held, pending = content.credential(credential_id), content.pending_refill(credential_id)
        if pending is not None:
            try:
                return _complete(vault, pending, outside, on_step)
            except RefusedError as error:
                # Too late for that one, but the next refresh token is here.
                if error.code is not Code.ACCESS_TOKEN_INVALID:
                    raise
        return _complete(vault, _begin(vault, held, copies, outside, on_step), outside, on_step)


def _complete(vault: Vault, pending: PendingIssuance, outside: Outside, on_step: OnStep) -> HeldCredential:
    (held,) = complete_issuance(vault, pending, outside=outside, on_step=on_step)
    return held


def _begin(
    vault: Vault, held: HeldCredential, copies: int, outside: Outside, on_step: OnStep
) -> PendingIssuance:
    refill, issuer_url = held.refill, held.credential_issuer
    if refill is None or issuer_url is None:
        raise RefusedError(Code.REFILL_REFUSED, "it offered none, or offers none any more")
    require_welcome_issuer(vault.content, held.issuer, host=host_of(issuer_url))
    metadata = fetch_issuer_metadata(issuer_url, outside=outside)
    offered = read_offered(metadata, refill.configuration_id)
    if offered.vct != held.credential_type:
        raise VerificationError(Code.ISSUER_METADATA_MISMATCH, "another type of credential than before")
    count = max(1, min(copies, metadata.batch_size))
    vault.change(lambda content: content.with_keys_reserved(count))
    first = vault.content.next_key_index - count
    on_step(Step.REDEEMING)
    try:
        token = refresh_access(refill, metadata, outside=outside)
    except RefusedError as error:
        if error.code is not Code.GRANT_INVALID:
            raise
        vault.change(lambda content: content.with_refresh_token(refill.refresh_token, None))
        raise RefusedError(Code.REFILL_REFUSED, error.detail) from error
    pending = PendingIssuance(
        offer=held.offer or "",
        refill_of=held.id,
        issuer_url=issuer_url,
        credential_endpoint=metadata.credential_endpoint,
        nonce_endpoint=metadata.nonce_endpoint,
        notification_endpoint=metadata.notification_endpoint,
        access_token=token.access_token,
        begun_at=outside.clock(),
        credentials=(
            PendingCredential(
                configuration_id=refill.configuration_id,
                identifier=_identifier(refill, token),
                name=offered.name,
                vct=offered.vct,
                proof_algorithms=offered.proof_algorithms,
                keys=tuple(HolderKey(offered.key_type, first + number) for number in range(count)),
            ),
        ),
    )
    # A server that gives no other refresh token takes the same one again (RFC 6749 §6).
    refresh_token = token.refresh_token or refill.refresh_token
    vault.change(
        lambda content: content.with_refresh_token(refill.refresh_token, refresh_token).with_pending(pending)
    )
    return pending


def _identifier(refill: Refill, token: TokenResponse) -> str | None:
    """The name under which the access token has the credential; as before, where it does not say."""
    if not token.credential_identifiers:
        return refill.identifier
    targets = select_targets(token, refill.configuration_id)
    names = [target.value for target in targets if isinstance(target, CredentialIdentifier)]
    return refill.identifier if refill.identifier in names else names[0]
