"""Getting a credential: from an opened offer to copies in the wallet (OpenID4VCI 1.0, pre-authorized code).

Nothing secret leaves before a person has said yes to the issuer's host, which is what calling
`receive_credentials` stands for.
"""

import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from ledger.fetch import Fetched
from protocol.checks import Outcome
from protocol.claim_path import ClaimPath
from protocol.codes import Code
from protocol.errors import RefusedError, TallyError, VerificationError
from protocol.keys import PublicKey, SigningKey
from protocol.oauth_error import parse_oauth_error
from protocol.openid4vci.configuration import CredentialConfiguration
from protocol.openid4vci.credential import (
    MAX_RESPONSE_BYTES,
    CredentialRequest,
    CredentialTarget,
    IssuedCredentials,
    Notification,
    NotificationEvent,
    credential_refusal,
    encode_credential_request,
    encode_notification,
    parse_credential_response,
    parse_nonce_response,
)
from protocol.openid4vci.issued import verify_issued
from protocol.openid4vci.metadata import (
    AUTHORIZATION_SERVER_WELL_KNOWN,
    parse_authorization_server_metadata,
    select_authorization_server,
    select_configuration,
    well_known_address,
)
from protocol.openid4vci.proof import create_proof
from protocol.openid4vci.token import (
    TokenRequest,
    TokenResponse,
    encode_token_request,
    parse_token_response,
    select_targets,
    token_refusal,
)
from protocol.policy import StatusRule, VerificationPolicy
from protocol.presentation import Check, VerifiedCredential, verify_credential
from protocol.sdjwt.parse import parse_sd_jwt
from protocol.sdjwt_vc import parse_credential, parse_credential_jws
from wallet.content import (
    ActivityEntry,
    ActivityKind,
    CredentialCopy,
    HeldCredential,
    HolderKey,
    HolderKeyType,
    Standing,
    StandingWord,
)
from wallet.offer import OfferedCredential, OpenedOffer
from wallet.outside import JSON, Outside
from wallet.vault import Vault

DEFAULT_COPIES = 10

_NAME_IN_VCT = re.compile(r"[a-z][a-z0-9_-]{0,31}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Batch:
    """Keys that were proved, and what came back for them."""

    keys: dict[HolderKey, SigningKey]
    issued: IssuedCredentials

    def holder_keys(self, verified: Sequence[VerifiedCredential]) -> list[PublicKey]:
        """The key each credential is bound to; `verify_issued` has seen to it that each is one of ours."""
        return [each.holder_key for each in verified if each.holder_key is not None]


def receive_credentials(
    vault: Vault,
    offer: OpenedOffer,
    *,
    transaction_code: str | None,
    copies: int = DEFAULT_COPIES,
    outside: Outside,
) -> tuple[HeldCredential, ...]:
    """Redeem `offer` and keep what comes, if every copy passes every check.

    Up to `copies` copies of each credential are asked for, each bound to a fresh key. The keys are taken and
    saved before the issuer sees them, so that an interruption never leads to a key being used twice.

    Raises:
        RefusedError: the code is wrong or used, or the issuer refuses; the transaction code is missing.
        VerificationError: what came is not what was offered, or must not be trusted. It is not kept.
        UnavailableError: the issuer or the ledger cannot be reached.
    """
    if offer.transaction_code is not None and not transaction_code:
        raise RefusedError(Code.TRANSACTION_CODE_REQUIRED)
    if offer.transaction_code is None:
        transaction_code = None
    token = _redeem(offer, transaction_code, outside)
    held: list[HeldCredential] = []
    for credential in offer.credentials:
        configuration = select_configuration(offer.metadata, credential.configuration_id)
        for target in select_targets(token, credential.configuration_id):
            count = max(1, min(copies, offer.batch_size))
            batch = _ask(vault, offer, configuration, target, token, count, outside)
            held.append(_keep(vault, offer, credential, batch, token, outside))
    return tuple(held)


def _redeem(offer: OpenedOffer, transaction_code: str | None, outside: Outside) -> TokenResponse:
    server = select_authorization_server(offer.metadata, offer.grant.authorization_server)
    address = well_known_address(server, AUTHORIZATION_SERVER_WELL_KNOWN, development=outside.development)
    metadata = parse_authorization_server_metadata(
        outside.fetcher.fetch_ok(address, accept=JSON).body,
        expected_issuer=server,
        development=outside.development,
    )
    if metadata.token_endpoint is None:
        raise RefusedError(Code.OFFER_INVALID, "the authorization server has no token endpoint")
    request = TokenRequest(offer.grant.code, transaction_code)
    answer = outside.post_form(metadata.token_endpoint, encode_token_request(request))
    if answer.status != 200:
        raise token_refusal(parse_oauth_error(answer.body))
    return parse_token_response(answer.body)


def _ask(
    vault: Vault,
    offer: OpenedOffer,
    configuration: CredentialConfiguration,
    target: CredentialTarget,
    token: TokenResponse,
    count: int,
    outside: Outside,
) -> _Batch:
    keys = _reserve_keys(vault, configuration, count)
    answer = _request(offer, configuration, target, token, keys, outside)
    if answer.status == 400 and _refusal(answer).code is Code.PROOF_NONCE_INVALID:
        # §8.3.1.2: a nonce may have aged between the two requests; one fresh one is fetched, once.
        answer = _request(offer, configuration, target, token, keys, outside)
    if answer.status not in (200, 202):
        raise _refusal(answer)
    issued = parse_credential_response(answer.body, expected_count=len(keys))
    if not isinstance(issued, IssuedCredentials):
        raise RefusedError(
            Code.ISSUANCE_REFUSED, "the issuer asks to come back later, which is not done here"
        )
    return _Batch(keys, issued)


def _reserve_keys(
    vault: Vault, configuration: CredentialConfiguration, count: int
) -> dict[HolderKey, SigningKey]:
    vault.change(lambda content: content.with_keys_reserved(count))
    # The counter as saved just now: another process may have taken keys since the wallet was opened.
    first = vault.content.next_key_index - count
    ed25519 = any(name in ("EdDSA", "Ed25519") for name in configuration.proof_algorithms)
    key_type = HolderKeyType.ED25519 if ed25519 else HolderKeyType.P256
    names = [HolderKey(key_type, index) for index in range(first, first + count)]
    return {name: vault.content.signing_key(name) for name in names}


def _request(
    offer: OpenedOffer,
    configuration: CredentialConfiguration,
    target: CredentialTarget,
    token: TokenResponse,
    keys: dict[HolderKey, SigningKey],
    outside: Outside,
) -> Fetched:
    nonce = None
    if offer.metadata.nonce_endpoint is not None:
        fresh = outside.fetcher.fetch(offer.metadata.nonce_endpoint, method="POST", accept=JSON)
        nonce = parse_nonce_response(fresh.body)
    proofs = tuple(
        create_proof(
            key,
            audience=offer.issuer_url,
            nonce=nonce,
            issued_at=outside.clock(),
            algorithms=configuration.proof_algorithms,
        )
        for key in keys.values()
    )
    return outside.post_json(
        offer.metadata.credential_endpoint,
        encode_credential_request(CredentialRequest(target, proofs)),
        access_token=token.access_token,
        max_bytes=MAX_RESPONSE_BYTES,
    )


def _keep(
    vault: Vault,
    offer: OpenedOffer,
    offered: OfferedCredential,
    batch: _Batch,
    token: TokenResponse,
    outside: Outside,
) -> HeldCredential:
    try:
        verified = _verify(batch, offered.vct, outside)
    except TallyError:
        _notify(offer, batch.issued, token, NotificationEvent.FAILURE, outside)
        raise
    names = {key.public_key: name for name, key in batch.keys.items()}
    now = outside.clock()
    held = HeldCredential(
        id=f"{_short_name(offered.vct)}-{secrets.token_hex(4)}",
        issuer=verified[0].issuer,
        credential_type=offered.vct,
        credential_issuer=offer.issuer_url,
        received_at=now,
        copies=tuple(
            CredentialCopy(credential=text, key=names[key])
            for text, key in zip(batch.issued.credentials, batch.holder_keys(verified), strict=True)
        ),
        standing=Standing(word=_standing_word(verified), checked_at=now),
    )
    entry = ActivityEntry(
        time=now,
        kind=ActivityKind.RECEIVED,
        party=held.issuer,
        credential_type=held.credential_type,
        claim_names=_claim_names(verified),
    )
    vault.change(lambda content: content.with_credential(held).with_activity(entry))
    _notify(offer, batch.issued, token, NotificationEvent.ACCEPTED, outside)
    return held


def _verify(batch: _Batch, vct: str, outside: Outside) -> list[VerifiedCredential]:
    issuer = parse_credential(parse_credential_jws(parse_sd_jwt(batch.issued.credentials[0]))).issuer
    # The issuer that signed the first copy is the one that must have signed all of them. That the holder
    # wants a credential of this issuer was said when the offer was accepted.
    policy = VerificationPolicy(
        trusted_issuers={vct: frozenset({issuer})},
        # A list that cannot be had right now does not spoil a code that can be redeemed only once.
        status=StatusRule.WHEN_REACHABLE,
    )
    verified = [
        verify_credential(
            credential,
            policy=policy,
            now=outside.clock(),
            resolve_did=outside.resolve_did,
            fetch_status_list=outside.fetch_status_list,
        )
        for credential in batch.issued.credentials
    ]
    verify_issued(verified, expected_vct=vct, proved_keys=[key.public_key for key in batch.keys.values()])
    if any(_claim_names([each]) != _claim_names([verified[0]]) for each in verified):
        raise VerificationError(Code.CREDENTIAL_UNACCEPTABLE, "the copies do not hold the same claims")
    return verified


def _notify(
    offer: OpenedOffer,
    issued: IssuedCredentials,
    token: TokenResponse,
    event: NotificationEvent,
    outside: Outside,
) -> None:
    if issued.notification_id is None or offer.metadata.notification_endpoint is None:
        return
    # A courtesy: that the issuer does not hear it changes nothing about what the wallet holds (§11).
    with suppress(TallyError):
        outside.post_json(
            offer.metadata.notification_endpoint,
            encode_notification(Notification(issued.notification_id, event)),
            access_token=token.access_token,
            max_bytes=64 * 1024,
        )


def _refusal(answer: Fetched) -> RefusedError:
    return credential_refusal(parse_oauth_error(answer.body))


def _standing_word(verified: Sequence[VerifiedCredential]) -> StandingWord:
    """Valid, unless the policy let a status pass that nobody could ask for."""
    outcomes = [check.outcome for each in verified for check in each.checks if check.id == Check.STATUS]
    return StandingWord.UNKNOWN if Outcome.UNKNOWN in outcomes else StandingWord.VALID


def _claim_names(verified: Sequence[VerifiedCredential]) -> tuple[ClaimPath, ...]:
    technical = {"iss", "vct", "iat", "nbf", "exp", "cnf", "status"}
    return tuple((name,) for name in sorted(verified[0].claims) if name not in technical)


def _short_name(vct: str) -> str:
    """The last word of a type, to make an id that a person can tell from others: `degree-5f3a9e21`."""
    words = [word for word in re.split(r"[:/]", vct) if _NAME_IN_VCT.fullmatch(word)]
    return words[-1].lower() if words else "credential"
