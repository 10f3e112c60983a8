"""The conversation with an issuer: a code for a token, proofs of keys for credentials (OpenID4VCI 1.0).

It begins only after a person has said yes to the issuer's host.
"""

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from ledger.fetch import Fetched
from protocol.codes import Code
from protocol.errors import RefusedError, TallyError, VerificationError
from protocol.keys import SigningKey
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
from protocol.openid4vci.metadata import (
    AUTHORIZATION_SERVER_WELL_KNOWN,
    IssuerMetadata,
    parse_authorization_server_metadata,
    select_authorization_server,
    well_known_address,
)
from protocol.openid4vci.proof import create_proof
from protocol.openid4vci.token import (
    RefreshRequest,
    TokenRequest,
    TokenResponse,
    encode_token_request,
    parse_token_response,
    select_targets,
    token_refusal,
)
from wallet.offer import OfferedCredential, OpenedOffer
from wallet.outside import JSON, Outside, read_refusal, status_error
from wallet.pending import PendingCredential, PendingIssuance, Refill

MAX_CREDENTIALS = 16
"""How many credentials one offer can bring: a server names as many as it likes, and each costs requests."""

_MAX_ACKNOWLEDGEMENT_BYTES = 64 * 1024


class Step(StrEnum):
    """What is done on the way from an offer to copies in the wallet."""

    REDEEMING = "redeeming"
    ASKING = "asking"
    CHECKING = "checking"
    KEEPING = "keeping"


OnStep: TypeAlias = Callable[[Step], None]
"""Hears what is done next."""


def unheard(_step: Step) -> None:
    """For whoever does not want to hear it."""


@dataclass(frozen=True, slots=True)
class IssuerSession:
    """An offer whose code was redeemed, and the way to its issuer; `on_step` hears what is done."""

    pending: PendingIssuance
    outside: Outside
    on_step: OnStep = unheard

    def request(self, credential: PendingCredential, keys: Collection[SigningKey]) -> IssuedCredentials:
        """Ask for a copy of `credential` for each of `keys`; fewer may come, and nothing of it is verified.

        Raises:
            RefusedError: the issuer refuses, does not know the access token any more, or needs more time.
            VerificationError: more credentials than keys.
            MalformedError, UnavailableError: an answer that cannot be read, or none.
        """
        self.on_step(Step.ASKING)
        answer = self._ask(credential, keys)
        if answer.status == 400 and _refusal(answer).code is Code.PROOF_NONCE_INVALID:
            # §8.3.1.2: a nonce may have aged between the two requests; one fresh one is fetched, once.
            answer = self._ask(credential, keys)
        if answer.status not in (200, 202):
            raise _refusal(answer)
        issued = parse_credential_response(answer.body, expected_count=len(keys))
        if not isinstance(issued, IssuedCredentials):
            raise RefusedError(Code.ISSUANCE_REFUSED, "the issuer asks to come back later")
        return issued

    def notify(self, issued: IssuedCredentials, event: NotificationEvent) -> None:
        """Tell the issuer what became of `issued`, if it wants to know.

        A courtesy: that it does not hear of it changes nothing about what the wallet holds (§11).
        """
        endpoint = self.pending.notification_endpoint
        if issued.notification_id is None or endpoint is None:
            return
        with suppress(TallyError):
            self.outside.post_json(
                endpoint,
                encode_notification(Notification(issued.notification_id, event)),
                access_token=self.pending.access_token,
                max_bytes=_MAX_ACKNOWLEDGEMENT_BYTES,
            )

    def _ask(self, credential: PendingCredential, keys: Collection[SigningKey]) -> Fetched:
        nonce = self._fetch_nonce()
        proofs = tuple(
            create_proof(
                key,
                audience=self.pending.issuer_url,
                nonce=nonce,
                issued_at=self.outside.clock(),
                algorithms=credential.proof_algorithms,
            )
            for key in keys
        )
        return self.outside.post_json(
            self.pending.credential_endpoint,
            encode_credential_request(CredentialRequest(credential.target, proofs)),
            access_token=self.pending.access_token,
            max_bytes=MAX_RESPONSE_BYTES,
        )

    def _fetch_nonce(self) -> str | None:
        endpoint = self.pending.nonce_endpoint
        if endpoint is None:
            return None
        answer = self.outside.fetcher.fetch(endpoint, method="POST", accept=JSON)
        if answer.status != 200:
            raise status_error(answer)
        return parse_nonce_response(answer.body)


def redeem_offer(offer: OpenedOffer, transaction_code: str | None, *, outside: Outside) -> TokenResponse:
    """Exchange the code of `offer`, which can be done once, for an access token.

    Raises:
        RefusedError: the code is wrong or used, or the authorization server cannot redeem it.
        VerificationError: another authorization server than the issuer names.
        MalformedError, UnavailableError: an answer that cannot be read, or none.
    """
    request = TokenRequest(offer.grant.code, transaction_code)
    return _request_token(offering_server(offer), request, outside)


def offering_server(offer: OpenedOffer) -> str:
    """The authorization server that redeems `offer`.

    Raises:
        RefusedError: it is not told which one.
        VerificationError: another one than the issuer names.
    """
    return select_authorization_server(offer.metadata, offer.grant.authorization_server)


def refresh_access(refill: Refill, metadata: IssuerMetadata, *, outside: Outside) -> TokenResponse:
    """Exchange the refresh token of `refill` for an access token; `metadata` is that of its issuer now.

    Raises:
        RefusedError: GRANT_INVALID, once the issuer allows no refill any more.
        VerificationError: whoever gave the refresh token is not the issuer's authorization server any more.
        MalformedError, UnavailableError: an answer that cannot be read, or none.
    """
    servers = metadata.authorization_servers or (metadata.credential_issuer,)
    if refill.authorization_server not in servers:
        raise VerificationError(Code.ISSUER_METADATA_MISMATCH, "authorization_servers")
    return _request_token(refill.authorization_server, RefreshRequest(refill.refresh_token), outside)


def select_credentials(
    offer: OpenedOffer, token: TokenResponse
) -> tuple[tuple[OfferedCredential, CredentialTarget], ...]:
    """What to ask for: everything that was offered, under the names the token gives it.

    Raises:
        RefusedError: the token is for something else, or for more than anybody wants.
    """
    targets = [
        (offered, target)
        for offered in offer.credentials
        for target in select_targets(token, offered.configuration_id)
    ]
    if len(targets) > MAX_CREDENTIALS:
        raise RefusedError(Code.SIZE_EXCEEDED, f"more than {MAX_CREDENTIALS} credentials")
    return tuple(targets)


def _request_token(server: str, request: TokenRequest | RefreshRequest, outside: Outside) -> TokenResponse:
    address = well_known_address(server, AUTHORIZATION_SERVER_WELL_KNOWN, development=outside.development)
    metadata = parse_authorization_server_metadata(
        outside.fetcher.fetch_ok(address, accept=JSON).body,
        expected_issuer=server,
        development=outside.development,
    )
    if metadata.token_endpoint is None:
        raise RefusedError(Code.OFFER_INVALID, "the authorization server has no token endpoint")
    answer = outside.post_form(metadata.token_endpoint, encode_token_request(request))
    if answer.status != 200:
        with_code = isinstance(request, TokenRequest) and request.transaction_code is not None
        raise token_refusal(read_refusal(answer), with_transaction_code=with_code)
    return parse_token_response(answer.body)


def _refusal(answer: Fetched) -> RefusedError:
    return credential_refusal(read_refusal(answer))
