"""Answering a request (OpenID4VP 1.0): read it, and send exactly what the person consented to."""

import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from ledger.fetch import Fetched
from protocol.claim_path import ClaimPath
from protocol.codes import Code
from protocol.encoding.strict_json import decode_utf8
from protocol.errors import MalformedError, RefusedError, TallyError, UnavailableError
from protocol.jws import Algorithm
from protocol.keys import Ed25519PublicKey, SigningKey
from protocol.oauth_error import parse_oauth_error
from protocol.openid4vp.invocation import (
    RequestByReference,
    RequestByValue,
    encode_fetch_body,
    parse_invocation,
)
from protocol.openid4vp.refusal import ErrorWord, ReplyAddress, RequestRefusedError
from protocol.openid4vp.request_object import (
    REQUEST_OBJECT_MEDIA_TYPE,
    VerifiedRequest,
    verify_request_object,
    verify_unsigned_request,
)
from protocol.openid4vp.response import encode_error_response, encode_response, parse_acknowledgement
from protocol.sdjwt.key_binding import create_key_binding
from protocol.sdjwt.parse import parse_sd_jwt
from protocol.sdjwt.present import select_disclosures
from wallet.consent import Consent, ConsentItem
from wallet.content import ActivityEntry, ActivityKind, WalletContent
from wallet.outside import Outside
from wallet.vault import Vault


@dataclass(frozen=True, slots=True)
class Sent:
    """What left the wallet, and where the verifier would like its browser to go on, or None."""

    disclosed: tuple[ClaimPath, ...]
    redirect_uri: str | None


def open_request(link: str, *, outside: Outside) -> VerifiedRequest:
    """Read a request and establish who asks. A request that must be declined is answered so at once.

    Raises:
        MalformedError: it cannot be read.
        VerificationError: who asks could not be established, or it is not for now.
        RequestRefusedError: it asks for what this wallet does not do; the verifier has been told.
        UnavailableError: the verifier or the ledger cannot be reached.
    """
    try:
        return _open(link.strip(), outside)
    except RequestRefusedError as refused:
        with suppress(TallyError):
            _send_error(refused.reply_to, refused.word, refused.code.meaning, outside)
        raise


def send_presentation(vault: Vault, consent: Consent, *, outside: Outside) -> Sent:
    """Send what `consent` says. The copies are marked as used, and that is saved, before anything leaves.

    Raises:
        RefusedError: another process used the copy meanwhile, or the verifier refused the answer.
        UnavailableError: the verifier cannot be reached. The answer may have arrived; it is never sent again.
    """
    presentations = _present(vault.content, consent, outside)
    _mark_used(vault, consent, outside)
    reply_to = consent.request.request.reply_to
    body = encode_response({query: [text] for query, text in presentations.items()}, state=reply_to.state)
    try:
        answer = outside.post_form(reply_to.response_uri, body)
        if answer.status != 200:
            raise RefusedError(Code.RESPONSE_REFUSED, _words_of(answer))
        redirect_uri = parse_acknowledgement(answer.body, development=outside.development)
    except TallyError as error:
        _note(vault, consent, ActivityKind.PRESENTED, error.code, outside)
        raise
    _note(vault, consent, ActivityKind.PRESENTED, None, outside)
    disclosed = tuple(fact.path for item in consent.items for fact in item.disclosed)
    return Sent(disclosed, redirect_uri)


def decline_request(vault: Vault, consent: Consent, *, tell: bool, outside: Outside) -> None:
    """Keep that the person said no. The verifier hears of it only if `tell`; else it learns nothing at all.

    Raises:
        UnavailableError: the verifier cannot be told, or the wallet not be saved.
    """
    _note(vault, consent, ActivityKind.DECLINED, None, outside)
    if tell:
        reply_to = consent.request.request.reply_to
        _send_error(reply_to, ErrorWord.ACCESS_DENIED, "The holder declined.", outside)


def create_presentation(
    item: ConsentItem,
    *,
    key: SigningKey,
    nonce: str,
    audience: str,
    algorithms: tuple[Algorithm, ...],
    now: datetime,
) -> str:
    """The presentation of `item`, bound to one request by `key`, the key of its copy.

    Raises:
        RefusedError: the verifier takes no key binding by a key of this kind.
    """
    fitting = (
        (Algorithm.EDDSA, Algorithm.ED25519)
        if isinstance(key.public_key, Ed25519PublicKey)
        else (Algorithm.ES256,)
    )
    algorithm = next((name for name in algorithms if name in fitting), None)
    if algorithm is None:
        raise RefusedError(Code.ALGORITHM_NOT_ALLOWED, "the verifier takes no signature of this key's kind")
    credential = parse_sd_jwt(item.copy.credential)
    shown = select_disclosures(credential, [fact.path for fact in item.disclosed])
    binding = create_key_binding(
        shown, key=key, nonce=nonce, audience=audience, issued_at=now, ed25519_name=algorithm
    )
    return shown.encoded_without_key_binding + binding


def _open(link: str, outside: Outside) -> VerifiedRequest:
    invocation = parse_invocation(link, development=outside.development)
    wallet_nonce = None
    match invocation:
        case RequestByReference(client_id, request_uri, by_post):
            wallet_nonce = secrets.token_urlsafe(16) if by_post else None
            token = _fetch_request_object(request_uri, wallet_nonce, outside)
        case RequestByValue(client_id, token):
            pass
        case _:
            return verify_unsigned_request(invocation.parameters, development=outside.development)
    return verify_request_object(
        token,
        expected_client_id=client_id,
        expected_wallet_nonce=wallet_nonce,
        now=outside.clock(),
        resolve_did=outside.resolve_did,
        development=outside.development,
    )


def _fetch_request_object(request_uri: str, wallet_nonce: str | None, outside: Outside) -> str:
    if wallet_nonce is None:
        fetched = outside.fetcher.fetch(request_uri, accept=REQUEST_OBJECT_MEDIA_TYPE)
    else:
        body = encode_fetch_body(wallet_nonce)
        fetched = outside.post_form(request_uri, body, accept=REQUEST_OBJECT_MEDIA_TYPE)
    if fetched.status in (404, 410):
        raise RefusedError(Code.REQUEST_NOT_FOUND)
    if fetched.status != 200:
        raise UnavailableError(Code.NETWORK_STATUS, str(fetched.status))
    return decode_utf8(fetched.body)


def _present(content: WalletContent, consent: Consent, outside: Outside) -> dict[str, str]:
    request = consent.request.request
    return {
        item.query_id: create_presentation(
            item,
            key=content.signing_key(item.copy.key),
            nonce=request.nonce,
            audience=consent.request.audience,
            algorithms=request.key_binding_algorithms,
            now=outside.clock(),
        )
        for item in consent.items
    }


def _mark_used(vault: Vault, consent: Consent, outside: Outside) -> None:
    now = outside.clock()

    def change(content: WalletContent) -> WalletContent:
        for item in consent.items:
            # A copy that is shown again, all being used, is marked already.
            if not item.linkable:
                content = content.with_copy_used(item.credential.id, item.copy.key, now=now)
        return content.with_party_seen(consent.party, name=consent.name, presented=True, now=now)

    vault.change(change)


def _note(vault: Vault, consent: Consent, kind: ActivityKind, outcome: Code | None, outside: Outside) -> None:
    now = outside.clock()
    entries = [
        ActivityEntry(
            time=now,
            kind=kind,
            party=consent.party,
            credential_type=item.credential.credential_type,
            claim_names=tuple(fact.path for fact in item.disclosed),
            purpose=consent.purpose,
            retention=consent.retention,
            outcome=outcome,
        )
        for item in consent.items
    ]

    def change(content: WalletContent) -> WalletContent:
        for entry in entries:
            content = content.with_activity(entry)
        return content

    vault.change(change)


def _send_error(reply_to: ReplyAddress, word: ErrorWord, description: str, outside: Outside) -> None:
    outside.post_form(reply_to.response_uri, encode_error_response(word, description, state=reply_to.state))


def _words_of(answer: Fetched) -> str:
    """The verifier's own words, as far as they can be read; they are shown as its words."""
    try:
        error = parse_oauth_error(answer.body)
    except MalformedError:
        return f"status {answer.status}"
    return f"{error.error}: {error.description}" if error.description else error.error
