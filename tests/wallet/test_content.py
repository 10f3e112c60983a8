from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.codes import Code
from protocol.encoding.strict_json import JsonValue, encode_json, parse_json_object
from protocol.errors import MalformedError, RefusedError
from protocol.keys import Ed25519PrivateKey, P256PrivateKey
from wallet.content import MAX_ACTIVITY, ActivityEntry, ActivityKind, WalletContent
from wallet.held import CredentialCopy, HeldCredential, Standing, StandingWord
from wallet.issuer_evidence import IssuerEvidence
from wallet.known_party import KnownParty
from wallet.pending import PendingCredential, PendingIssuance, Refill
from wallet.recovery_phrase import HolderKey, HolderKeyType
from wallet.stored_content import encode_content, parse_content

NOW = datetime(2026, 11, 22, 10, 0, 0, 123456, UTC)
LATER = NOW + timedelta(days=1)
EMPTY = WalletContent(entropy=bytes(range(32)), next_key_index=640)
KEYS = [HolderKey(HolderKeyType.ED25519, index) for index in range(640, 643)]


def held(credential_id: str = "a", keys: list[HolderKey] = KEYS) -> HeldCredential:
    return HeldCredential(
        id=credential_id,
        issuer="did:webvh:Qm:university.example",
        credential_type="https://credentials.example/degree",
        credential_issuer="https://university.example",
        received_at=NOW,
        copies=tuple(CredentialCopy(credential=f"eyJ.{key.index}~", key=key) for key in keys),
    )


ENTRY = ActivityEntry(
    time=NOW,
    kind=ActivityKind.PRESENTED,
    party="x509_san_dns:shop.example",
    credential_type="https://credentials.example/degree",
    claim_names=(("degree", "name"), ("courses", None, 0)),
    purpose="To see that you studied",
    retention=timedelta(hours=1),
)
FULL = (
    EMPTY.with_keys_reserved(3)
    .with_credential(held())
    .with_copy_used("a", KEYS[0], now=LATER)
    .with_party_seen("x509_san_dns:shop.example", name="Shop", presented=True, now=LATER)
    .with_activity(ENTRY)
    .with_activity(ActivityEntry(time=NOW, kind=ActivityKind.REFUSED, party="p", outcome=Code.EXPIRED))
    .with_evidence(
        [IssuerEvidence(issuer=held().issuer, asked_at=NOW, proofs=(b"proof",), status_lists=("token",))]
    )
)


def code_of_missing(content: WalletContent, credential_id: str) -> Code:
    with pytest.raises(RefusedError) as refusal:
        content.credential(credential_id)
    return refusal.value.code


def test_every_value_comes_back_from_its_json() -> None:
    assert parse_content(encode_content(FULL)) == FULL
    assert parse_content(encode_content(EMPTY)) == EMPTY


@settings(deadline=None)
@given(
    st.builds(
        WalletContent, entropy=st.binary(min_size=32, max_size=32), next_key_index=st.integers(0, 1 << 31)
    )
)
def test_any_content_comes_back_from_its_json(content: WalletContent) -> None:
    assert parse_content(encode_content(content)) == content


def test_no_secret_shows_in_repr() -> None:
    assert repr(EMPTY.entropy) not in repr(FULL)
    assert "eyJ" not in repr(FULL)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(b"", Code.VAULT_DAMAGED, id="empty"),
        pytest.param(b"[]", Code.VAULT_DAMAGED, id="another shape"),
        pytest.param(b'{"format":"tallystick-wallet"}', Code.VAULT_DAMAGED, id="no version"),
        pytest.param(b'{"format":"tallystick-wallet","version":2}', Code.VAULT_VERSION, id="version 2"),
        pytest.param(
            b'{"format":"tallystick-wallet","version":"1"}', Code.VAULT_DAMAGED, id="version in text"
        ),
        pytest.param(b'{"format":"tallystick-wallet","version":1}', Code.VAULT_DAMAGED, id="no content"),
        pytest.param(
            b'{"format":"tallystick-key-ring","version":1,"keys":{}}', Code.VAULT_DAMAGED, id="keys"
        ),
        pytest.param(
            encode_content(FULL).replace(b"tallystick-wallet", b"tallystick-wallot"),
            Code.VAULT_DAMAGED,
            id="another format",
        ),
        pytest.param(encode_content(FULL).replace(b"presented", b"prevented"), Code.VAULT_DAMAGED, id="kind"),
        pytest.param(
            encode_content(FULL).replace(b'"expired"', b'"expirred"'), Code.VAULT_DAMAGED, id="code"
        ),
    ],
)
def test_what_is_no_content_of_a_wallet_is_refused(body: bytes, code: Code) -> None:
    with pytest.raises(MalformedError) as refusal:
        parse_content(body)
    assert refusal.value.code is code


@pytest.mark.parametrize("member", ["entropy", "next_key_index"])
@pytest.mark.parametrize("value", [None, True, "!", [], 1.5])
def test_a_member_of_another_type_is_refused(member: str, value: JsonValue) -> None:
    stored = parse_json_object(encode_content(EMPTY))
    content = stored["content"]
    assert isinstance(content, dict)
    content[member] = value
    with pytest.raises(MalformedError):
        parse_content(encode_json(stored))


def test_the_next_copy_is_the_oldest_unused_one_and_then_the_one_shown_longest_ago() -> None:
    content = EMPTY.with_credential(held())
    for turn in range(2):
        for number, key in enumerate(KEYS):
            assert content.credential("a").next_copy.key == key
            moment = LATER + timedelta(days=turn, hours=number)
            content = content.with_copy_used("a", key, now=moment, again=turn > 0)
    assert content.credential("a").unused_copies == ()


def test_a_copy_is_used_only_once() -> None:
    content = EMPTY.with_credential(held()).with_copy_used("a", KEYS[1], now=NOW)
    for key in (KEYS[1], HolderKey(HolderKeyType.P256, KEYS[0].index)):
        with pytest.raises(RefusedError) as refusal:
            content.with_copy_used("a", key, now=LATER)
        assert refusal.value.code is Code.COPIES_USED_UP


def test_a_copy_the_credential_does_not_have_is_not_used_again_either() -> None:
    content = EMPTY.with_credential(held(keys=KEYS[:1]))
    with pytest.raises(RefusedError) as refusal:
        content.with_copy_used("a", KEYS[1], now=LATER, again=True)
    assert refusal.value.code is Code.COPIES_USED_UP


def test_a_credential_is_removed_with_all_its_copies_and_alone() -> None:
    content = EMPTY.with_credential(held("a")).with_credential(held("b")).without_credential("a")
    assert [credential.id for credential in content.credentials] == ["b"]
    assert code_of_missing(content, "a") is Code.CREDENTIAL_NOT_FOUND


def test_a_change_to_a_credential_that_is_not_there_is_refused() -> None:
    changes: tuple[Callable[[], object], ...] = (
        lambda: EMPTY.with_copy_used("a", KEYS[0], now=NOW),
        lambda: EMPTY.without_credential("a"),
        lambda: EMPTY.with_copy_used("a", KEYS[0], now=NOW, again=True),
    )
    for change in changes:
        with pytest.raises(RefusedError) as refusal:
            change()
        assert refusal.value.code is Code.CREDENTIAL_NOT_FOUND


def test_a_credential_without_copies_or_with_a_taken_id_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="copy"):
        EMPTY.with_credential(replace(held(), copies=()))
    with pytest.raises(ValueError, match="id"):
        EMPTY.with_credential(held()).with_credential(held())


def test_reserved_keys_are_never_given_out_again() -> None:
    content = EMPTY.with_keys_reserved(3)
    assert content.next_key_index == 643
    assert content.with_credential(held()).without_credential("a").next_key_index == 643


def test_a_holder_key_is_derived_from_the_phrase_when_it_is_needed() -> None:
    ed25519 = EMPTY.signing_key(KEYS[0])
    assert isinstance(ed25519, Ed25519PrivateKey)
    assert ed25519 == EMPTY.signing_key(KEYS[0])
    assert ed25519 != EMPTY.signing_key(KEYS[1])
    assert isinstance(EMPTY.signing_key(HolderKey(HolderKeyType.P256, 640)), P256PrivateKey)
    assert ed25519.seed.hex() not in encode_content(FULL).decode()


def test_a_party_is_known_by_its_id_with_its_last_name_and_the_times_it_was_met() -> None:
    content = EMPTY.with_party_seen("p", name="Shop", presented=False, now=NOW)
    content = content.with_party_seen("q", name=None, presented=True, now=NOW)
    content = content.with_party_seen("p", name="Shop Ltd", presented=True, now=LATER)
    assert content.party("p") == KnownParty(
        client_id="p", name="Shop Ltd", first_seen=NOW, last_seen=LATER, presentations=1
    )
    assert content.party("r") is None
    assert len(content.parties) == 2


def test_the_history_forgets_the_oldest_lines_first_and_all_when_asked() -> None:
    entries = tuple(replace(ENTRY, time=NOW + timedelta(seconds=n)) for n in range(MAX_ACTIVITY))
    content = replace(FULL, activity=entries).with_activity(replace(ENTRY, time=LATER))
    assert len(content.activity) == MAX_ACTIVITY
    assert (content.activity[0].time, content.activity[-1].time) == (NOW + timedelta(seconds=1), LATER)
    forgotten = content.without_activity()
    assert (forgotten.activity, forgotten.parties) == ((), ())
    assert forgotten.credentials == content.credentials


def test_a_line_of_the_history_learns_how_it_ended() -> None:
    begun = replace(ENTRY, outcome=Code.PRESENTATION_UNCONFIRMED)
    content = EMPTY.with_activity(ENTRY).with_activity(begun)
    assert content.with_outcome(begun, None).activity == (ENTRY, ENTRY)
    refused = content.with_outcome(begun, Code.RESPONSE_REFUSED)
    assert [line.outcome for line in refused.activity] == [None, Code.RESPONSE_REFUSED]
    assert EMPTY.with_outcome(begun, None) == EMPTY


# Further copies

REFILL = Refill(
    authorization_server="https://university.example",
    configuration_id="degree",
    identifier=None,
    refresh_token="a refresh token",
)
NEW_COPY = CredentialCopy(credential="eyJ.new~", key=HolderKey(HolderKeyType.ED25519, 650))


def pending(offer: str = "digest", *, refill_of: str | None = None) -> PendingIssuance:
    credential = PendingCredential(
        configuration_id="degree",
        identifier=None,
        name="Degree",
        vct="https://credentials.example/degree",
        proof_algorithms=("EdDSA",),
        keys=(NEW_COPY.key,),
        refill=REFILL,
    )
    return PendingIssuance(
        offer=offer,
        issuer_url="https://university.example",
        credential_endpoint="https://university.example/credential",
        nonce_endpoint=None,
        notification_endpoint=None,
        access_token="an access token",
        begun_at=NOW,
        credentials=(credential,),
        refill_of=refill_of,
    )


def test_refill_comes_back_from_its_json_and_shows_its_secret_nowhere() -> None:
    content = EMPTY.with_credential(replace(held(), refill=REFILL)).with_pending(pending())
    assert parse_content(encode_content(content)) == content
    assert "a refresh token" not in repr(content)


def test_wallet_without_word_of_refills_is_read() -> None:
    document = parse_json_object(encode_content(EMPTY.with_credential(held())))
    inner: Any = document["content"]
    del inner["credentials"][0]["refill"], inner["credentials"][0]["gone"]
    assert parse_content(encode_json(document)) == EMPTY.with_credential(held())


def test_new_copies_take_the_place_of_used_ones() -> None:
    used = EMPTY.with_credential(held()).with_copy_used("a", KEYS[1], now=LATER)
    refilled = used.with_refilled("a", (NEW_COPY,), None).credential("a")
    assert [copy.key for copy in refilled.copies] == [KEYS[0], KEYS[2], NEW_COPY.key]
    assert refilled.gone == (KEYS[1],)
    assert refilled.next_copy.key == KEYS[0]


@pytest.mark.parametrize("known", [None, StandingWord.VALID, StandingWord.REVOKED])
def test_word_that_came_with_new_copies_does_not_hide_bad_news(known: StandingWord | None) -> None:
    before = None if known is None else Standing(word=known, checked_at=NOW)
    content = EMPTY.with_credential(replace(held(), standing=before))
    asked = Standing(word=StandingWord.VALID, checked_at=LATER)
    assert content.with_refilled("a", (NEW_COPY,), None).credential("a").standing == before
    found = content.with_refilled("a", (NEW_COPY,), asked).credential("a").standing
    assert found == (before if known is StandingWord.REVOKED else asked)


def test_refresh_token_is_exchanged_wherever_it_is() -> None:
    other = replace(REFILL, refresh_token="of another offer")
    content = (
        EMPTY.with_credential(replace(held("a"), refill=REFILL))
        .with_credential(replace(held("b"), refill=other))
        .with_credential(held("c"))
        .with_pending(pending())
    )
    renewed = content.with_refresh_token("a refresh token", "the next one")
    (waiting,) = renewed.pending
    found = [*(each.refill for each in renewed.credentials), waiting.credentials[0].refill]
    next_one = replace(REFILL, refresh_token="the next one")
    assert found == [next_one, other, None, next_one]
    over = content.with_refresh_token("a refresh token", None)
    assert [each.refill for each in over.credentials] == [None, other, None]


def test_refill_and_issuance_of_one_offer_are_told_apart() -> None:
    content = EMPTY.with_credential(held()).with_pending(pending()).with_pending(pending(refill_of="a"))
    assert len(content.pending) == 2
    assert content.pending_issuance("digest") == pending()
    assert content.pending_refill("a") == pending(refill_of="a")
    assert content.pending_refill("b") is None
    for each in content.pending:
        assert content.pending_again(each) == each
        assert content.with_pending(replace(each, credentials=())).pending_again(each) is None
    assert content.without_credential("a").pending == (pending(),)
