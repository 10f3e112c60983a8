"""Answering a request (OpenID4VP 1.0): read it, and send exactly what the person consented to."""

import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from ledger.fetch import Fetched
from protocol.claim_path import ClaimPath
from protocol.codes import Code
from protocol.encoding.members import text_member
from protocol.encoding.strict_json import decode_utf8
from protocol.errors import MalformedError, RefusedError, TallyError, UnavailableError
from protocol.oauth_error import parse_oauth_error
from protocol.openid4vp.client_id import parse_client_id
from protocol.openid4vp.invocation import (
    Invocation,
    RequestByReference,
    RequestByValue,
    UnsignedRequest,
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
from protocol.openid4vp.response import encode_error_response, parse_acknowledgement
from wallet.answer import create_answer
from wallet.consent import Consent
from wallet.content import ActivityEntry, ActivityKind, WalletContent
from wallet.known_party import host_of
from wallet.outside import Outside, status_error
from wallet.parties import noting_refusals, require_welcome_verifier
from wallet.vault import Vault

_REFUSED_FETCHES = {
    404: Code.REQUEST_NOT_FOUND,
    409: Code.PRESENTATION_REPLAYED,
    410: Code.REQUEST_EXPIRED,
}


@dataclass(frozen=True, slots=True)
class Sent:
    """What left the wallet, and where the verifier would like its browser to go on, or None."""

    disclosed: tuple[ClaimPath, ...]
    redirect_uri: str | None


def open_request(vault: Vault, link: str, *, outside: Outside) -> VerifiedRequest:
    """Read a request and establish who asks. A request that must be declined is answered so at once.

    Nothing at all is sent to a party that is not welcome, and the history says that it was refused.

    Raises:
        MalformedError: it cannot be read.
        VerificationError: who asks could not be established, or it is not for now.
        UnwelcomePartyError: whoever asks is blocked, or came in the place of somebody else.
        RequestRefusedError: it asks for what this wallet does not do; the verifier has been told.
        RefusedError: there is no such request any more.
        UnavailableError: the verifier or the ledger cannot be reached.
    """
    invocation = parse_invocation(link.strip(), development=outside.development)
    client_id = _client_id(invocation, outside)
    with noting_refusals(vault, now=outside.clock()):
        host = host_of(invocation.request_uri) if isinstance(invocation, RequestByReference) else None
        require_welcome_verifier(vault.content, client_id, host=host)
        try:
            asked = _open(invocation, outside)
        except RequestRefusedError as refused:
            require_welcome_verifier(vault.content, client_id, host=host_of(refused.reply_to.response_uri))
            with suppress(TallyError):
                _send_error(refused.reply_to, refused.word, refused.code.meaning, outside)
            raise
        _require_welcome(vault.content, asked)
    return asked


def send_presentation(vault: Vault, consent: Consent, *, outside: Outside) -> Sent:
    """Send what `consent` says, once.

    Before anything leaves, the copies are marked as used and the history says that they were sent, and both
    are saved. Until the verifier has answered, no other process can change the wallet.

    Raises:
        UnwelcomePartyError: the verifier was blocked meanwhile, or its host became somebody else's.
        RefusedError: another process holds the wallet or used the copy meanwhile, or the verifier refused the
            answer.
        UnavailableError: the wallet cannot be saved, or the verifier not be reached. The answer may have
            arrived; it is never sent again.
    """
    body = create_answer(vault.content, consent, outside=outside)
    sent = _sent_lines(consent, outside.clock())
    with vault.file.hold(), noting_refusals(vault, now=outside.clock()):
        vault.change(lambda content: _with_sent(content, consent, sent, now=outside.clock()))
        try:
            redirect_uri = _post(consent.request.request.reply_to, body, outside)
        except TallyError as error:
            _note_outcome(vault, sent, error.code)
            raise
        _note_outcome(vault, sent, None)
    disclosed = tuple(fact.path for item in consent.items for fact in item.disclosed)
    return Sent(disclosed, redirect_uri)


def decline_request(vault: Vault, asked: VerifiedRequest, *, tell: bool, outside: Outside) -> None:
    """Keep that the person said no. The verifier hears of it only if `tell`; else it learns nothing at all.

    What the wallet holds is not looked at: nobody can tell who has such a credential from who does not.

    Raises:
        UnwelcomePartyError: the verifier would have to be told, and was blocked meanwhile.
        RefusedError: another process holds the wallet.
        UnavailableError: the verifier cannot be told, or the wallet not be saved.
    """
    line = _line(asked, ActivityKind.DECLINED, None, outside.clock())
    entries = [
        replace(
            line, credential_type=part.vct_values[0], claim_names=tuple(claim.path for claim in part.claims)
        )
        for part in asked.request.query.credentials
    ]

    def change(content: WalletContent) -> WalletContent:
        if tell:
            _require_welcome(content, asked)
        name, now = asked.request.client_name, outside.clock()
        seen = content.with_party_seen(asked.audience, name=name, presented=False, now=now)
        return _with_entries(seen, entries)

    with noting_refusals(vault, now=outside.clock()):
        vault.change(change)
    if tell:
        reply_to = asked.request.reply_to
        _send_error(reply_to, ErrorWord.ACCESS_DENIED, "The holder declined.", outside)


def _client_id(invocation: Invocation, outside: Outside) -> str:
    """Who the link says asks, which is nobody's word yet."""
    match invocation:
        case UnsignedRequest(parameters):
            client_id = text_member(parameters, "client_id")
        case _:
            client_id = invocation.client_id
    return str(parse_client_id(client_id, development=outside.development))


def _require_welcome(content: WalletContent, asked: VerifiedRequest) -> None:
    host = host_of(asked.request.reply_to.response_uri)
    require_welcome_verifier(content, asked.audience, host=host)


def _open(invocation: Invocation, outside: Outside) -> VerifiedRequest:
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
    if fetched.status in _REFUSED_FETCHES:
        raise RefusedError(_REFUSED_FETCHES[fetched.status])
    if fetched.status != 200:
        raise status_error(fetched)
    return decode_utf8(fetched.body)


def _post(reply_to: ReplyAddress, body: str, outside: Outside) -> str | None:
    answer = outside.post_form(reply_to.response_uri, body)
    if 400 <= answer.status < 500:
        raise RefusedError(Code.RESPONSE_REFUSED, _words_of(answer))
    if answer.status != 200:
        raise status_error(answer)
    try:
        return parse_acknowledgement(answer.body, development=outside.development)
    except MalformedError as error:
        # It arrived. What the verifier says to that is no answer of the protocol.
        raise UnavailableError(Code.PRESENTATION_UNCONFIRMED, error.detail) from error


def _with_sent(
    content: WalletContent, consent: Consent, sent: Sequence[ActivityEntry], *, now: datetime
) -> WalletContent:
    _require_welcome(content, consent.request)
    # A credential that answers two parts of a request is shown in one copy.
    shown = {(item.credential.id, item.copy.key): item.linkable for item in consent.items}
    for (credential_id, key), linkable in shown.items():
        content = content.with_copy_used(credential_id, key, now=now, again=linkable)
    content = content.with_party_seen(
        consent.party, name=consent.name, presented=True, host=consent.host, now=now
    )
    return _with_entries(content, sent)


def _with_entries(content: WalletContent, entries: Sequence[ActivityEntry]) -> WalletContent:
    for entry in entries:
        content = content.with_activity(entry)
    return content


def _note_outcome(vault: Vault, sent: Sequence[ActivityEntry], outcome: Code | None) -> None:
    def change(content: WalletContent) -> WalletContent:
        for entry in sent:
            content = content.with_outcome(entry, outcome)
        return content

    # A full disk now must not hide how it ended; the history then goes on saying that nobody knows.
    with suppress(TallyError):
        vault.change(change)


def _sent_lines(consent: Consent, now: datetime) -> list[ActivityEntry]:
    """A line of history for each credential, which says that nobody knows yet how it ended."""
    line = _line(consent.request, ActivityKind.PRESENTED, Code.PRESENTATION_UNCONFIRMED, now)
    return [
        replace(
            line,
            credential_type=item.credential.credential_type,
            claim_names=tuple(fact.path for fact in item.disclosed),
        )
        for item in consent.items
    ]


def _line(asked: VerifiedRequest, kind: ActivityKind, outcome: Code | None, now: datetime) -> ActivityEntry:
    statement = asked.request.statement
    return ActivityEntry(
        time=now,
        kind=kind,
        party=asked.audience,
        purpose=None if statement is None else statement.purpose,
        retention=None if statement is None else statement.retention,
        outcome=outcome,
    )


def _send_error(reply_to: ReplyAddress, word: ErrorWord, description: str, outside: Outside) -> None:
    outside.post_form(reply_to.response_uri, encode_error_response(word, description, state=reply_to.state))


def _words_of(answer: Fetched) -> str:
    """The verifier's own words, as far as they can be read; they are shown as its words."""
    try:
        error = parse_oauth_error(answer.body)
    except MalformedError:
        return f"status {answer.status}"
    return f"{error.error}: {error.description}" if error.description else error.error
