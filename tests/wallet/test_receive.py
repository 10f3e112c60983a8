"""Fetching credentials from the real issuer, through a fetcher that lies where a test says so."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.fetch import Fetched
from protocol.codes import Code
from protocol.encoding.strict_json import parse_json_object
from protocol.errors import RefusedError, TallyError, UnavailableError
from protocol.keys import P256PublicKey
from protocol.keys.jwk import encode_jwk
from protocol.sdjwt.parse import parse_sd_jwt
from storage.sealed_file import SealedFile
from tests.issuer.university import EXAMPLE
from tests.status_issuer import DID
from tests.wallet.counterparts import (
    Campus,
    Lie,
    changes,
    honest,
    is_away,
    open_vault,
    says,
)
from tests.wallet.issuing import (
    AUTHORIZATION_SERVER,
    HTML,
    METADATA,
    VCT,
    for_each_key,
    forging,
    gives,
    keys_of,
    notified,
    receive,
    refusal,
    stands_for,
)
from wallet.content import ActivityKind
from wallet.facts import held_claims
from wallet.held import StandingWord
from wallet.issuance import MAX_CREDENTIALS, Step
from wallet.offer import open_offer
from wallet.receive import DEFAULT_COPIES, receive_credentials
from wallet.recovery_phrase import HolderKeyType
from wallet.vault import Vault


def test_a_degree_comes_in_copies_of_which_each_has_a_key_of_its_own(vault: Vault, campus: Campus) -> None:
    (held,) = receive(vault, campus, copies=DEFAULT_COPIES)
    assert vault.content.credentials == (held,)
    assert held.id.startswith("degree-")
    assert (held.issuer, held.credential_type) == (DID, VCT)
    assert held.credential_issuer == campus.door.university.url
    assert (held.received_at, held.standing and held.standing.word) == (campus.clock.now, StandingWord.VALID)
    assert len({copy.key for copy in held.copies}) == len(held.copies) == DEFAULT_COPIES
    for copy in held.copies:
        public = vault.content.signing_key(copy.key).public_key
        payload = parse_sd_jwt(copy.credential).unverified_payload()
        assert payload["cnf"] == {"jwk": encode_jwk(public)}
        assert copy.key.index < vault.content.next_key_index
    assert held_claims(held) == EXAMPLE
    assert notified(campus)[0] == "credential_accepted"


def test_the_history_names_the_claims_and_never_says_what_they_say(vault: Vault, campus: Campus) -> None:
    receive(vault, campus)
    (entry,) = vault.content.activity
    assert (entry.kind, entry.party, entry.credential_type) == (ActivityKind.RECEIVED, DID, VCT)
    assert entry.claim_names == tuple((name,) for name in sorted(EXAMPLE))
    assert (entry.outcome, entry.purpose) == (None, None)


def test_no_more_copies_are_asked_for_than_wanted_or_given(vault: Vault, campus: Campus) -> None:
    limit = campus.door.university.institution.settings.copies
    for wanted, got in ((0, 1), (1, 1), (3, 3), (10_000, limit)):
        (held,) = receive(vault, campus, copies=wanted)
        assert len(held.copies) == got


def test_an_endless_batch_is_answered_with_as_many_keys_as_wanted(vault: Vault, campus: Campus) -> None:
    endless = {"batch_size": 2**53 - 1}
    campus.courier.lie(METADATA, changes(lambda it: it.update(batch_credential_issuance=endless)))
    (held,) = receive(vault, campus, copies=3)
    assert len(held.copies) == 3


def test_fewer_copies_than_keys_are_taken(vault: Vault, campus: Campus) -> None:
    (held,) = receive(vault, campus, open_offer(campus.offer(copies=2), outside=campus.outside), copies=5)
    assert len(held.copies) == 2
    (other,) = receive(vault, campus)
    assert min(copy.key.index for copy in other.copies) > max(copy.key.index for copy in held.copies) + 2


def test_an_issuer_without_ed25519_gets_p256_keys(vault: Vault, campus: Campus) -> None:
    algorithms = {"jwt": {"proof_signing_alg_values_supported": ["ES256"]}}

    def change(metadata: dict[str, Any]) -> None:
        metadata["credential_configurations_supported"]["degree"]["proof_types_supported"] = algorithms

    campus.courier.lie(METADATA, changes(change))
    (held,) = receive(vault, campus)
    assert {copy.key.type for copy in held.copies} == {HolderKeyType.P256}
    assert isinstance(vault.content.signing_key(held.copies[0].key).public_key, P256PublicKey)


# What must be saved before something leaves


def test_keys_are_saved_before_the_code_and_every_proof_leave(
    vault: Vault, campus: Campus, tmp_path: Path
) -> None:
    first = vault.content.next_key_index
    saved: list[int] = []

    def look(honestly: Callable[[], Fetched]) -> Fetched:
        with open_vault(tmp_path) as other:
            saved.append(other.content.next_key_index)
        return honestly()

    for path in ("/token", "/credential"):
        campus.courier.lie(path, look)
    receive(vault, campus, copies=4)
    assert saved == [first + 4, first + 4]


@pytest.mark.parametrize("path", [AUTHORIZATION_SERVER, "/token", "/nonce", "/credential", "/status/1"])
@pytest.mark.parametrize("arrived", [False, True])
def test_a_crash_loses_no_key_and_leaves_the_wallet_whole(
    vault: Vault, campus: Campus, tmp_path: Path, path: str, arrived: bool
) -> None:
    class PowerCut(BaseException):
        pass

    def cut(honestly: Callable[[], Fetched]) -> Fetched:
        if arrived:
            honestly()
        raise PowerCut

    before = vault.content
    campus.courier.lie(path, cut)
    with pytest.raises(PowerCut):
        receive(vault, campus)
    shown = [
        key for sent in campus.courier.sent if sent.url.endswith("/credential") for key in keys_of(sent.body)
    ]
    vault.close()
    campus.courier.lie_no_more()
    with open_vault(tmp_path) as reopened:
        assert replace(reopened.content, next_key_index=0, pending=()) == replace(before, next_key_index=0)
        (held,) = receive(reopened, campus)
        fresh = {reopened.content.signing_key(copy.key).public_key for copy in held.copies}
        assert fresh.isdisjoint(shown)


def test_a_crash_while_the_issuer_is_told_comes_after_the_credential_was_kept(
    vault: Vault, campus: Campus, tmp_path: Path
) -> None:
    def cut(_honestly: Callable[[], Fetched]) -> Fetched:
        raise KeyboardInterrupt

    campus.courier.lie("/notification", cut)
    with pytest.raises(KeyboardInterrupt):
        receive(vault, campus)
    with open_vault(tmp_path) as reopened:
        assert [held.credential_type for held in reopened.content.credentials] == [VCT]


def test_a_wallet_another_process_holds_does_not_spoil_the_code(
    vault: Vault, campus: Campus, tmp_path: Path
) -> None:
    offer = open_offer(campus.offer(), outside=campus.outside)
    with open_vault(tmp_path) as other, other.file.hold():
        assert refusal(vault, campus, offer).code is Code.VAULT_LOCKED
    assert campus.courier.paths("POST") == []
    assert len(receive(vault, campus, offer)) == 1


def test_no_other_process_changes_the_wallet_between_the_code_and_the_copies(
    vault: Vault, campus: Campus, tmp_path: Path
) -> None:
    codes: list[Code] = []

    def interfere(honestly: Callable[[], Fetched]) -> Fetched:
        with open_vault(tmp_path) as other, pytest.raises(TallyError) as caught:
            other.change(lambda content: content.with_keys_reserved(1))
        codes.append(caught.value.code)
        return honestly()

    for path in ("/token", "/credential", "/notification"):
        campus.courier.lie(path, interfere)
    receive(vault, campus)
    assert codes == [Code.VAULT_LOCKED] * 3


def test_a_full_disk_at_the_end_is_told_to_the_issuer(
    vault: Vault, campus: Campus, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill_disk(honestly: Callable[[], Fetched]) -> Fetched:
        def full(_file: SealedFile, _body: bytes) -> None:
            raise UnavailableError(Code.DISK_FULL)

        monkeypatch.setattr(SealedFile, "save", full)
        return honestly()

    campus.courier.lie("/credential", fill_disk)
    assert refusal(vault, campus).code is Code.DISK_FULL
    assert notified(campus)[0] == "credential_failure"


# The transaction code


def test_the_transaction_code_is_sent_only_where_one_was_announced(vault: Vault, campus: Campus) -> None:
    receive(vault, campus, code="493536")
    assert all(b"493536" not in sent.body for sent in campus.courier.sent)
    created = campus.door.offer(tx_code=True)
    receive(vault, campus, open_offer(created["offer"], outside=campus.outside), code=created["tx_code"])
    assert any(created["tx_code"].encode() in sent.body for sent in campus.courier.sent)


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(None, id="none"),
        pytest.param("", id="empty"),
        pytest.param("1234\udcff", id="typed in another encoding"),
        pytest.param("1234\n56", id="two lines"),
    ],
)
def test_without_a_usable_transaction_code_nothing_leaves(
    vault: Vault, campus: Campus, code: str | None
) -> None:
    offer = open_offer(campus.offer(tx_code=True), outside=campus.outside)
    campus.courier.sent.clear()
    assert refusal(vault, campus, offer, code=code).code is Code.TRANSACTION_CODE_REQUIRED
    assert campus.courier.sent == []


def test_a_wrong_transaction_code_is_refused_and_can_be_corrected(vault: Vault, campus: Campus) -> None:
    created = campus.door.offer(tx_code=True)
    offer = open_offer(created["offer"], outside=campus.outside)
    wrong = str((int(created["tx_code"]) + 1) % 1_000_000).zfill(6)
    refused = refusal(vault, campus, offer, code=wrong)
    assert (refused.code, refused.detail) == (Code.TRANSACTION_CODE_WRONG, "4 tries left")
    assert vault.content.pending == ()
    assert len(receive(vault, campus, offer, code=created["tx_code"])) == 1


def test_an_offer_that_was_redeemed_gives_nothing_more(vault: Vault, campus: Campus) -> None:
    offer = open_offer(campus.offer(), outside=campus.outside)
    receive(vault, campus, offer)
    assert refusal(vault, campus, offer).code is Code.GRANT_INVALID


# Standing


def forbidden(_honestly: Callable[[], Fetched]) -> Fetched:
    raise RefusedError(Code.NETWORK_HOST_FORBIDDEN)


@pytest.mark.parametrize("lie", [pytest.param(is_away, id="away"), pytest.param(forbidden, id="forbidden")])
def test_a_status_nobody_can_be_asked_for_is_unknown_and_asked_for_once(
    vault: Vault, campus: Campus, lie: Lie
) -> None:
    campus.courier.lie("/status/1", lie)
    (held,) = receive(vault, campus, copies=10)
    assert held.standing is None
    assert campus.courier.paths().count("/status/1") == 1


def test_the_status_list_of_ten_copies_is_fetched_once_and_whole(vault: Vault, campus: Campus) -> None:
    receive(vault, campus, copies=10)
    (sent,) = [sent for sent in campus.courier.sent if "/status/" in sent.url]
    assert (sent.method, sent.url, sent.body) == ("GET", f"{campus.door.university.url}/status/1", b"")


def test_a_credential_whose_issuer_nobody_can_vouch_for_now_is_not_kept(vault: Vault, campus: Campus) -> None:
    def unreachable(_did: str) -> Any:
        raise UnavailableError(Code.NETWORK_UNREACHABLE)

    outside = replace(campus.outside, resolve_did=unreachable)
    opened = open_offer(campus.offer(), outside=outside)
    with pytest.raises(UnavailableError):
        receive_credentials(vault, opened, transaction_code=None, outside=outside)
    assert vault.content.credentials == ()
    assert notified(campus)[0] == "credential_failure"


# Answers that are none


def test_a_nonce_that_has_aged_is_fetched_anew_once(vault: Vault, campus: Campus) -> None:
    aged = says({"error": "invalid_nonce"}, 400)
    campus.courier.lie("/credential", aged, honest)
    (held,) = receive(vault, campus)
    assert len(held.copies) == 2
    first, second = [sent.body for sent in campus.courier.sent if sent.url.endswith("/credential")]
    assert keys_of(first) == keys_of(second)
    assert first != second

    campus.courier.sent.clear()
    campus.courier.lie("/credential", aged)
    assert refusal(vault, campus).code is Code.PROOF_NONCE_INVALID
    assert campus.courier.paths().count("/credential") == 2


def test_an_issuer_without_a_nonce_endpoint_gets_proofs_without_a_nonce(vault: Vault, campus: Campus) -> None:
    campus.courier.lie(METADATA, changes(lambda it: it.pop("nonce_endpoint")))
    assert refusal(vault, campus).code is Code.PROOF_INVALID  # this issuer has one, so it insists
    assert "/nonce" not in campus.courier.paths()


def test_an_issuer_that_cannot_be_notified_is_not_missed(vault: Vault, campus: Campus) -> None:
    for lie in (HTML, is_away, says(b"", 204)):
        campus.courier.lie("/notification", lie)
        receive(vault, campus)
    campus.courier.lie("/credential", changes(lambda it: it.pop("notification_id")))
    campus.courier.sent.clear()
    receive(vault, campus)
    campus.courier.lie(METADATA, changes(lambda it: it.pop("notification_endpoint")))
    receive(vault, campus)
    assert "/notification" not in campus.courier.paths()


# Several credentials


def names(count: int) -> Lie:
    """The token stands for so many credentials."""
    return stands_for("degree", *[f"degree-{number}" for number in range(count)])


def test_endless_credential_identifiers_are_refused_before_any_is_asked_for(
    vault: Vault, campus: Campus
) -> None:
    campus.courier.lie("/token", names(MAX_CREDENTIALS + 1))
    assert refusal(vault, campus).code is Code.SIZE_EXCEEDED
    assert "/credential" not in campus.courier.paths()


def test_each_credential_the_token_names_is_fetched_by_its_name_with_keys_of_its_own(
    vault: Vault, campus: Campus
) -> None:
    campus.courier.lie("/token", names(3))
    campus.courier.lie("/credential", forging(campus))
    held = receive(vault, campus)
    assert vault.content.credentials == held
    asked = [parse_json_object(sent.body) for sent in campus.courier.sent if sent.url.endswith("/credential")]
    assert [request["credential_identifier"] for request in asked] == ["degree-0", "degree-1", "degree-2"]
    assert len({copy.key for each in held for copy in each.copies}) == 6


def test_what_came_before_a_failure_is_kept(vault: Vault, campus: Campus) -> None:
    campus.courier.lie("/token", names(2))
    campus.courier.lie("/credential", forging(campus), is_away)
    with pytest.raises(UnavailableError):
        receive(vault, campus)
    assert [held.credential_type for held in vault.content.credentials] == [VCT]


def test_two_types_in_one_offer_become_two_credentials(vault: Vault, campus: Campus) -> None:
    offer = open_offer(campus.offer(), outside=campus.outside)
    other = replace(offer.credentials[0], configuration_id="other", vct="urn:stranger:123")
    campus.courier.lie("/credential", forging(campus), forging(campus, vct="urn:stranger:123"))
    held = receive(vault, campus, replace(offer, credentials=(offer.credentials[0], other)))
    assert [each.credential_type for each in held] == [VCT, "urn:stranger:123"]
    asked = [parse_json_object(sent.body) for sent in campus.courier.sent if sent.url.endswith("/credential")]
    assert [request["credential_configuration_id"] for request in asked] == ["degree", "other"]


def test_a_type_without_a_word_is_called_a_credential(vault: Vault, campus: Campus) -> None:
    offer = open_offer(campus.offer(), outside=campus.outside)
    offer = replace(offer, credentials=(replace(offer.credentials[0], vct="7:1"),))
    campus.courier.lie("/credential", gives(campus, for_each_key(vct="7:1")))
    (held,) = receive(vault, campus, offer)
    assert held.id.startswith("credential-")


def test_each_step_is_told_before_it_is_done(vault: Vault, campus: Campus) -> None:
    steps: list[Step] = []
    opened = open_offer(campus.offer(), outside=campus.outside)
    receive_credentials(vault, opened, transaction_code=None, outside=campus.outside, on_step=steps.append)
    assert steps == list(Step)
