"""Answering a verifier on loopback, honest or not."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ledger.fetch import Fetched
from protocol.codes import Code
from protocol.encoding.base64url import decode_base64url
from protocol.encoding.strict_json import JsonValue, parse_json_object
from protocol.errors import RefusedError, TallyError, UnavailableError
from protocol.jws import Algorithm
from protocol.openid4vp.response import PresentationResponse, parse_response
from protocol.openid4vp.vp_token import verify_vp_token
from protocol.policy import VerificationPolicy
from storage.sealed_file import SealedFile
from tests.counted import NOW, SetClock
from tests.openid_parties import VERIFIER, fetch_nothing
from tests.processes import ROOT, plain_environment
from tests.status_issuer import DID
from tests.wallet.counterparts import (
    UNIVERSITY,
    Courier,
    Lie,
    gets_lost,
    is_away,
    open_vault,
)
from tests.wallet.holdings import CARD, DEGREE, TYPES, with_all_used, with_held
from tests.wallet.inspector import LEVEL, Inspector, query_for
from wallet.consent import Consent, prepare_consent
from wallet.content import ActivityKind, WalletContent
from wallet.outside import Outside
from wallet.present import decline_request, open_request, send_presentation
from wallet.recovery_phrase import HolderKeyType
from wallet.stored_content import encode_content
from wallet.vault import Vault

THREADS = 64
PROCESSES = 4


class PowerCut(BaseException):
    """The process is gone."""


@pytest.fixture
def vault(vault: Vault) -> Vault:
    """A wallet with a degree in two copies."""
    vault.change(with_held)
    return vault


def consent_to(vault: Vault, link: str, outside: Outside) -> Consent:
    return prepare_consent(vault.content, open_request(vault, link, outside=outside), now=outside.clock())


def refused_to_send(vault: Vault, consent: Consent, outside: Outside) -> TallyError:
    with pytest.raises(TallyError) as caught:
        send_presentation(vault, consent, outside=outside)
    return caught.value


def used(content: WalletContent) -> list[bool]:
    return [copy.used_at is not None for copy in content.credential("degree-1").copies]


def outcomes(content: WalletContent) -> list[Code | None]:
    return [entry.outcome for entry in content.activity]


# Sending


def test_what_was_consented_to_arrives_and_is_what_the_verifier_asked_for(
    vault: Vault, inspector: Inspector, outside: Outside
) -> None:
    consent = consent_to(vault, inspector.link, outside)
    sent = send_presentation(vault, consent, outside=outside)
    assert sent.disclosed == (("level",),)
    assert sent.redirect_uri is None
    verified = verify_vp_token(
        {query_id: [text] for query_id, text in inspector.presented().items()},
        query=inspector.request.query,
        expected_nonce=inspector.request.nonce,
        expected_audience=str(inspector.request.client_id),
        expires_at=NOW + timedelta(minutes=5),
        policy=VerificationPolicy(trusted_issuers={DEGREE: frozenset({DID})}),
        now=NOW,
        resolve_did=lambda _did: UNIVERSITY,
        fetch_status_list=fetch_nothing,
    )
    (answer,) = verified.answers["it"]
    assert answer.answer.claims == {("level",): "master"}
    assert answer.answer.excess == ()


@pytest.mark.parametrize(
    "unsigned", [pytest.param(False, id="NT-P38 signed"), pytest.param(True, id="NT-P38 unsigned")]
)
def test_the_audience_is_the_full_client_identifier(
    vault: Vault, inspector: Inspector, outside: Outside, unsigned: bool
) -> None:
    link = inspector.unsigned_link() if unsigned else inspector.link
    send_presentation(vault, consent_to(vault, link, outside), outside=outside)
    (presentation,) = inspector.presented().values()
    payload = parse_json_object(decode_base64url(presentation.rpartition("~")[2].split(".")[1]))
    expected = (
        f"redirect_uri:{inspector.url}/response" if unsigned else f"decentralized_identifier:{VERIFIER}"
    )
    assert payload["aud"] == expected
    assert payload["nonce"] == inspector.request.nonce


def test_the_history_says_who_when_why_and_which_claims_and_never_what_they_say(
    vault: Vault, inspector: Inspector, outside: Outside
) -> None:
    send_presentation(vault, consent_to(vault, inspector.link, outside), outside=outside)
    (entry,) = vault.content.activity
    assert (entry.time, entry.kind, entry.outcome) == (NOW, ActivityKind.PRESENTED, None)
    assert (entry.party, entry.credential_type) == (f"decentralized_identifier:{VERIFIER}", DEGREE)
    assert entry.claim_names == (("level",),)
    assert (entry.purpose, entry.retention) == ("To see that you are of age", timedelta(0))
    party = vault.content.party(entry.party)
    assert party is not None
    assert (party.name, party.presentations) == ("The Cinema", 1)
    history = encode_content(replace(vault.content, credentials=())).decode()
    assert not [
        value for value in map(str, TYPES[DEGREE].example.values()) if len(value) > 4 and value in history
    ]
    assert not consent_to(vault, inspector.link, outside).first_time


def test_every_answer_takes_another_copy(vault: Vault, inspector: Inspector, outside: Outside) -> None:
    for _ in range(2):
        send_presentation(vault, consent_to(vault, inspector.link, outside), outside=outside)
    presentations = []
    for body in inspector.answers:
        answer = parse_response(body)
        assert isinstance(answer, PresentationResponse)
        presentations.append(answer.vp_token["it"][0])
    # Of all their parts they share nothing but the headers, which say who issued and how it was signed.
    one, other = [set(re.split("[.~]", text)) for text in presentations]
    headers = {presentations[0].split(".")[0], presentations[0].rpartition("~")[2].split(".")[0]}
    assert one & other == headers
    assert used(vault.content) == [True, True]


def test_a_used_copy_is_shown_again_only_when_none_is_left_and_then_in_turn(
    vault: Vault, inspector: Inspector, outside: Outside, clock: SetClock
) -> None:
    vault.change(with_all_used)
    shown = []
    for day in range(10, 13):
        clock.now = NOW + timedelta(days=day)
        inspector.now = clock.now
        consent = consent_to(vault, inspector.link, outside)
        (item,) = consent.items
        assert item.linkable
        shown.append(item.copy.key.index)
        send_presentation(vault, consent, outside=outside)
    assert shown == [shown[0], shown[0] + 1, shown[0]]


def test_a_credential_that_answers_two_parts_uses_up_one_copy(
    vault: Vault, inspector: Inspector, outside: Outside
) -> None:
    parts: list[JsonValue] = [
        query_for(DEGREE, ["level"], query_id="a"),
        query_for(DEGREE, ["field"], query_id="b"),
    ]
    inspector.ask({"credentials": parts})
    sent = send_presentation(vault, consent_to(vault, inspector.link, outside), outside=outside)
    assert sent.disclosed == (("level",), ("field",))
    assert inspector.presented().keys() == {"a", "b"}
    assert used(vault.content) == [True, False]
    assert outcomes(vault.content) == [None, None]


def test_keys_sign_by_the_names_the_verifier_prefers(
    vault: Vault, inspector: Inspector, outside: Outside
) -> None:
    vault.change(lambda content: with_held(content, CARD, id="card-1", key_type=HolderKeyType.P256))
    for vct, algorithms, expected in (
        (DEGREE, (Algorithm.ES256, Algorithm.ED25519, Algorithm.EDDSA), "Ed25519"),
        (DEGREE, (Algorithm.EDDSA, Algorithm.ED25519), "EdDSA"),
        (CARD, (Algorithm.EDDSA, Algorithm.ES256), "ES256"),
    ):
        inspector.answers.clear()
        inspector.ask({"credentials": [query_for(vct)]}, key_binding_algorithms=algorithms)
        send_presentation(vault, consent_to(vault, inspector.link, outside), outside=outside)
        binding = inspector.presented()["it"].rpartition("~")[2]
        assert parse_json_object(decode_base64url(binding.split(".")[0]))["alg"] == expected


def test_a_key_the_verifier_cannot_check_signs_nothing_and_no_copy_is_used(
    vault: Vault, inspector: Inspector, outside: Outside
) -> None:
    inspector.ask(LEVEL, key_binding_algorithms=(Algorithm.ES256,))
    error = refused_to_send(vault, consent_to(vault, inspector.link, outside), outside)
    assert error.code is Code.ALGORITHM_NOT_ALLOWED
    assert (used(vault.content), vault.content.activity, inspector.answers) == ([False, False], (), [])


# What is saved before anything leaves


@pytest.mark.parametrize("arrives", [False, True])
def test_a_copy_is_used_and_the_history_written_before_it_leaves(
    vault: Vault, inspector: Inspector, outside: Outside, courier: Courier, tmp_path: Path, arrives: bool
) -> None:
    def cut(honestly: Callable[[], Fetched]) -> Fetched:
        if arrives:
            honestly()
        raise PowerCut

    consent = consent_to(vault, inspector.link, outside)
    courier.lie("/response", cut)
    with pytest.raises(PowerCut):
        send_presentation(vault, consent, outside=outside)
    vault.close()
    with open_vault(tmp_path) as reopened:
        assert used(reopened.content) == [True, False]
        assert outcomes(reopened.content) == [Code.PRESENTATION_UNCONFIRMED]
        again = consent_to(reopened, inspector.link, outside)
        assert again.items[0].copy.key != consent.items[0].copy.key
        assert not again.items[0].linkable


def test_nothing_leaves_while_another_process_holds_the_wallet(
    vault: Vault, inspector: Inspector, outside: Outside, tmp_path: Path
) -> None:
    consent = consent_to(vault, inspector.link, outside)
    with open_vault(tmp_path) as other, other.file.hold():
        assert refused_to_send(vault, consent, outside).code is Code.VAULT_LOCKED
    assert inspector.answers == []
    assert send_presentation(vault, consent, outside=outside).disclosed == (("level",),)


def test_no_other_process_changes_the_wallet_until_the_verifier_has_answered(
    vault: Vault, inspector: Inspector, outside: Outside, courier: Courier, tmp_path: Path
) -> None:
    codes: list[Code] = []

    def interfere(honestly: Callable[[], Fetched]) -> Fetched:
        with open_vault(tmp_path) as other, pytest.raises(RefusedError) as caught:
            other.change(lambda content: content.with_keys_reserved(1))
        codes.append(caught.value.code)
        return honestly()

    courier.lie("/response", interfere)
    send_presentation(vault, consent_to(vault, inspector.link, outside), outside=outside)
    assert codes == [Code.VAULT_LOCKED]


@pytest.mark.parametrize(
    ("before", "change", "code"),
    [
        pytest.param(
            None,
            lambda content: content.with_copy_used("degree-1", content.credentials[0].copies[0].key, now=NOW),
            Code.COPIES_USED_UP,
            id="copy used",
        ),
        pytest.param(
            None,
            lambda content: content.without_credential("degree-1"),
            Code.CREDENTIAL_NOT_FOUND,
            id="removed",
        ),
        pytest.param(
            with_all_used,
            lambda content: content.without_credential("degree-1"),
            Code.CREDENTIAL_NOT_FOUND,
            id="used and removed",
        ),
    ],
)
def test_what_another_process_did_since_the_consent_calls_it_off(
    vault: Vault,
    inspector: Inspector,
    outside: Outside,
    tmp_path: Path,
    before: Callable[[WalletContent], WalletContent] | None,
    change: Callable[[WalletContent], WalletContent],
    code: Code,
) -> None:
    if before is not None:
        vault.change(before)
    consent = consent_to(vault, inspector.link, outside)
    with open_vault(tmp_path) as other:
        other.change(change)
    assert refused_to_send(vault, consent, outside).code is code
    assert inspector.answers == []


def test_nothing_leaves_when_the_wallet_cannot_be_saved(
    vault: Vault, inspector: Inspector, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_file: SealedFile, _body: bytes) -> None:
        raise UnavailableError(Code.DISK_FULL)

    consent = consent_to(vault, inspector.link, outside)
    monkeypatch.setattr(SealedFile, "save", full)
    assert refused_to_send(vault, consent, outside).code is Code.DISK_FULL
    assert inspector.answers == []


@pytest.mark.parametrize("status", [200, 400])
def test_a_full_disk_after_the_answer_does_not_hide_it(
    vault: Vault,
    inspector: Inspector,
    outside: Outside,
    courier: Courier,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
) -> None:
    def fill_disk(honestly: Callable[[], Fetched]) -> Fetched:
        def full(_file: SealedFile, _body: bytes) -> None:
            raise UnavailableError(Code.DISK_FULL)

        monkeypatch.setattr(SealedFile, "save", full)
        return honestly()

    inspector.acknowledgement = (status, b"{}", "application/json")
    consent = consent_to(vault, inspector.link, outside)
    courier.lie("/response", fill_disk)
    if status == 200:
        send_presentation(vault, consent, outside=outside)
    else:
        assert refused_to_send(vault, consent, outside).code is Code.RESPONSE_REFUSED
    assert outcomes(vault.content) == [Code.PRESENTATION_UNCONFIRMED]


def test_of_many_threads_that_send_one_copy_only_one_does(
    vault: Vault, inspector: Inspector, outside: Outside, tmp_path: Path
) -> None:
    consent = consent_to(vault, inspector.link, outside)
    start = threading.Barrier(THREADS)
    ended: list[Code | None] = []

    def send() -> None:
        with open_vault(tmp_path) as own:
            start.wait()
            try:
                send_presentation(own, consent, outside=outside)
            except RefusedError as error:
                ended.append(error.code)
            else:
                ended.append(None)

    threads = [threading.Thread(target=send) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(ended), ended.count(None), len(inspector.answers)) == (THREADS, 1, 1)
    assert set(ended) <= {None, Code.VAULT_LOCKED, Code.COPIES_USED_UP}
    vault.reload()
    assert (used(vault.content), outcomes(vault.content)) == ([True, False], [None])


def test_of_several_processes_that_send_one_copy_only_one_does(
    vault: Vault, inspector: Inspector, tmp_path: Path
) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.wallet.presenter", str(tmp_path), inspector.link],
            cwd=ROOT,
            env=plain_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(PROCESSES)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
    ended = []
    for process in processes:
        assert process.stdout is not None
        with process.stdout:
            ended.append(process.stdout.read())
        assert process.wait(30) == 0
    assert (ended.count("sent"), len(inspector.answers)) == (1, 1)
    assert set(ended) <= {"sent", Code.VAULT_LOCKED, Code.COPIES_USED_UP}
    vault.reload()
    assert used(vault.content) == [True, False]


# What the verifier says to it


@pytest.mark.parametrize(
    ("acknowledgement", "code", "detail"),
    [
        pytest.param(
            (400, b'{"error":"invalid_request","error_description":"Too late"}', "application/json"),
            Code.RESPONSE_REFUSED,
            "invalid_request: Too late",
            id="refused",
        ),
        pytest.param(
            (403, b'{"error":"access_denied"}', "application/json"),
            Code.RESPONSE_REFUSED,
            "access_denied",
            id="word",
        ),
        pytest.param(
            (400, b'{"error":"\\u001b[2J\\u202e"}', "application/json"),
            Code.RESPONSE_REFUSED,
            "'[2J'",
            id="hostile word",
        ),
        pytest.param((404, b"<html>", "text/html"), Code.RESPONSE_REFUSED, "status 404", id="html"),
        pytest.param((400, b"[" * 9999, "application/json"), Code.RESPONSE_REFUSED, "status 400", id="deep"),
        pytest.param((503, b"<html>", "text/html"), Code.NETWORK_STATUS, "503", id="down"),
        pytest.param((204, b"", "text/plain"), Code.NETWORK_STATUS, "204", id="nothing"),
        pytest.param(
            (200, b"<html>", "text/html"), Code.NETWORK_CONTENT_TYPE, "expected application/json", id="page"
        ),
        pytest.param(
            (200, b"", "application/json"), Code.PRESENTATION_UNCONFIRMED, "json invalid", id="no body"
        ),
        pytest.param(
            (200, b'{"redirect_uri":7}', "application/json"),
            Code.PRESENTATION_UNCONFIRMED,
            "redirect_uri: member invalid",
            id="no address",
        ),
        pytest.param(
            (200, b'{"redirect_uri":"javascript:alert(1)"}', "application/json"),
            Code.PRESENTATION_UNCONFIRMED,
            "web address: format invalid",
            id="script",
        ),
        pytest.param(
            (200, b'{"redirect_uri":"http://shop.example/done"}', "application/json"),
            Code.PRESENTATION_UNCONFIRMED,
            "network scheme forbidden",
            id="http",
        ),
    ],
)
def test_whatever_the_verifier_says_is_a_typed_error_and_stands_in_the_history(
    vault: Vault,
    inspector: Inspector,
    outside: Outside,
    acknowledgement: tuple[int, bytes, str],
    code: Code,
    detail: str,
) -> None:
    inspector.acknowledgement = acknowledgement
    error = refused_to_send(vault, consent_to(vault, inspector.link, outside), outside)
    assert error.code is code
    assert detail in error.detail
    assert outcomes(vault.content) == [code]
    assert used(vault.content) == [True, False]
    assert len(inspector.answers) == 1


def test_the_browser_goes_on_where_the_verifier_says(
    vault: Vault, inspector: Inspector, outside: Outside
) -> None:
    address = "https://shop.example/done?x=1#response_code=abc"
    inspector.acknowledgement = (200, json.dumps({"redirect_uri": address}).encode(), "application/json")
    sent = send_presentation(vault, consent_to(vault, inspector.link, outside), outside=outside)
    assert sent.redirect_uri == address


@pytest.mark.parametrize(
    ("lie", "code", "arrived"),
    [
        pytest.param(gets_lost, Code.NETWORK_TIMEOUT, 1, id="answer lost"),
        pytest.param(is_away, Code.NETWORK_UNREACHABLE, 0, id="away"),
    ],
)
def test_what_may_have_arrived_is_never_sent_again(
    vault: Vault, inspector: Inspector, outside: Outside, courier: Courier, lie: Lie, code: Code, arrived: int
) -> None:
    consent = consent_to(vault, inspector.link, outside)
    courier.lie("/response", lie)
    assert refused_to_send(vault, consent, outside).code is code
    assert outcomes(vault.content) == [code]
    courier.lie_no_more()
    assert refused_to_send(vault, consent, outside).code is Code.COPIES_USED_UP
    assert len(inspector.answers) == arrived


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "place", [pytest.param("request", id="NT-P28 request"), pytest.param("response", id="NT-P28 response")]
)
def test_a_redirect_is_not_followed_and_nothing_is_sent_again(
    vault: Vault, inspector: Inspector, outside: Outside, courier: Courier, status: int, place: str
) -> None:
    inspector.headers = {"location": f"{inspector.url}/elsewhere"}
    if place == "request":
        inspector.given = status
        with pytest.raises(RefusedError) as caught:
            open_request(vault, inspector.link, outside=outside)
        assert caught.value.code is Code.NETWORK_REDIRECT_FORBIDDEN
    else:
        consent = consent_to(vault, inspector.link, outside)
        inspector.acknowledgement = (status, b"", "text/plain")
        assert refused_to_send(vault, consent, outside).code is Code.NETWORK_REDIRECT_FORBIDDEN
        assert outcomes(vault.content) == [Code.NETWORK_REDIRECT_FORBIDDEN]
    assert "/elsewhere" not in courier.paths()
    assert len(inspector.answers) == (place == "response")


# Declining


@pytest.mark.parametrize("tell", [False, True])
def test_a_person_who_declines_shows_nothing_and_tells_it_only_if_wanted(
    vault: Vault, inspector: Inspector, outside: Outside, tell: bool
) -> None:
    consent = consent_to(vault, inspector.link, outside)
    decline_request(vault, consent.request, tell=tell, outside=outside)
    (entry,) = vault.content.activity
    assert (entry.kind, entry.outcome, entry.claim_names) == (ActivityKind.DECLINED, None, (("level",),))
    assert used(vault.content) == [False, False]
    if tell:
        assert inspector.declined() == ("access_denied", "The holder declined.")
    else:
        assert inspector.answers == []


@pytest.mark.parametrize("vct", [pytest.param(CARD, id="NT-P31 the verifier learns nothing of what is held")])
def test_who_has_no_such_credential_declines_in_the_same_words(
    vault: Vault, inspector: Inspector, outside: Outside, vct: str
) -> None:
    asked = open_request(
        vault,
        inspector.ask({"credentials": [query_for(DEGREE), query_for(vct, query_id="b")]}),
        outside=outside,
    )
    with pytest.raises(RefusedError) as caught:
        prepare_consent(vault.content, asked, now=NOW)
    assert caught.value.code is Code.NOTHING_MATCHES
    assert inspector.answers == []
    decline_request(vault, asked, tell=True, outside=outside)
    without = inspector.answers.pop()
    for entry, asked_for in zip(vault.content.activity, (DEGREE, vct), strict=True):
        assert (entry.party, entry.kind) == (str(inspector.request.client_id), ActivityKind.DECLINED)
        assert (entry.credential_type, entry.claim_names) == (asked_for, ())
        assert entry.purpose == "To see that you are of age"
    answered = open_request(vault, inspector.ask(LEVEL), outside=outside)
    decline_request(vault, answered, tell=True, outside=outside)
    assert inspector.answers == [without]


def test_a_verifier_that_cannot_be_told_is_an_error_after_it_was_noted(
    vault: Vault, inspector: Inspector, outside: Outside, courier: Courier
) -> None:
    consent = consent_to(vault, inspector.link, outside)
    courier.lie("/response", is_away)
    with pytest.raises(UnavailableError):
        decline_request(vault, consent.request, tell=True, outside=outside)
    assert [entry.kind for entry in vault.content.activity] == [ActivityKind.DECLINED]
