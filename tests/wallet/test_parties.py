"""Whom the wallet knows, and what the marks of its owner forbid."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from protocol.codes import Code
from protocol.did.key import encode_did_key, encode_did_key_method
from protocol.errors import RefusedError
from protocol.openid4vp.client_id import ClientId, ClientIdPrefix
from tests.counted import NOW
from tests.openid_parties import OTHER_KEY, VERIFIER
from tests.status_issuer import DID
from tests.wallet.counterparts import Campus, Courier
from tests.wallet.holdings import EMPTY, with_held
from tests.wallet.inspector import LEVEL, Inspector, resigned
from wallet.consent import prepare_consent
from wallet.content import ActivityKind, WalletContent
from wallet.known_party import KnownParty, PartyMark, PartyRole, host_of, identity_of
from wallet.offer import open_offer
from wallet.outside import Outside
from wallet.parties import (
    UnwelcomePartyError,
    blocked_issuers,
    find_party,
    forget_party,
    mark_party,
    require_welcome_issuer,
    require_welcome_verifier,
)
from wallet.present import decline_request, open_request, send_presentation
from wallet.receive import receive_credentials
from wallet.vault import Vault

SHOP = f"decentralized_identifier:{VERIFIER}"
OTHER = f"decentralized_identifier:{encode_did_key(OTHER_KEY.public_key)}"
WEBVH = "decentralized_identifier:did:webvh:QmShop:ledger.example:shop"
UNSIGNED = "redirect_uri:https://shop.example/response/1"
HOST = "shop.example"


def knows(
    client_id: str = SHOP, host: str = HOST, *, mark: PartyMark = PartyMark.SEEN, into: WalletContent = EMPTY
) -> WalletContent:
    """A wallet that answered a verifier once."""
    content = into.with_party_seen(client_id, name="Shop", presented=True, host=host, now=NOW)
    return content.with_party_marked(find_party(content, client_id), mark)


def holds_from(
    did: str,
    host: str = "city.example",
    *,
    mark: PartyMark = PartyMark.SEEN,
    into: WalletContent = EMPTY,
) -> WalletContent:
    content = into.with_issuer_seen(did, host=host, now=NOW)
    return content.with_party_marked(find_party(content, did), mark)


def unwelcome(check: Callable[[], object]) -> UnwelcomePartyError:
    with pytest.raises(UnwelcomePartyError) as caught:
        check()
    return caught.value


# Who is who


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (UNSIGNED, "redirect_uri:https://shop.example/response/2?x=1"),
        (UNSIGNED, "redirect_uri:https://SHOP.example:443/"),
    ],
)
def test_party_that_signs_nothing_is_known_by_its_host_alone(one: str, other: str) -> None:
    assert identity_of(one) == identity_of(other) == "redirect_uri:shop.example"
    content = knows(one).with_party_seen(other, name=None, presented=True, host=HOST, now=NOW)
    (party,) = content.parties
    assert (party.client_id, party.presentations, party.hosts) == (other, 2, (HOST,))


def test_party_is_known_by_its_whole_identifier_and_another_port_is_another_host() -> None:
    assert identity_of(SHOP) == SHOP
    assert identity_of("redirect_uri:https://shop.example:8443/a") != identity_of(UNSIGNED)
    assert host_of("https://Shop.Example:443/x") == HOST


def test_party_collects_its_hosts_and_keeps_its_mark() -> None:
    content = knows(mark=PartyMark.TRUSTED)
    content = knows(host="pay.example", into=content, mark=PartyMark.TRUSTED)
    content = content.with_party_seen(SHOP, name="Shop Ltd", presented=False, now=NOW + timedelta(days=1))
    assert content.parties == (
        KnownParty(
            client_id=SHOP,
            name="Shop Ltd",
            first_seen=NOW,
            last_seen=NOW + timedelta(days=1),
            presentations=2,
            mark=PartyMark.TRUSTED,
            hosts=(HOST, "pay.example"),
        ),
    )


def test_issuer_is_a_party_with_the_credentials_it_gave() -> None:
    content = holds_from("did:key:z6Mk").with_issuer_seen("did:key:z6Mk", host="city.example", now=NOW)
    (party,) = content.parties
    assert (party.role, party.credentials, party.presentations) == (PartyRole.ISSUER, 2, 0)


@pytest.mark.parametrize("name", [SHOP, VERIFIER, HOST])
def test_party_is_found_by_host_did_and_client_id(name: str) -> None:
    assert find_party(knows(), name).client_id == SHOP


def test_issuer_is_found_by_its_did_although_it_also_asks() -> None:
    content = knows(into=holds_from(VERIFIER))
    assert find_party(content, VERIFIER).role is PartyRole.ISSUER
    assert find_party(content, SHOP).role is PartyRole.VERIFIER


def test_name_of_nobody_and_name_of_several_are_refused() -> None:
    with pytest.raises(RefusedError) as caught:
        find_party(knows(), "elsewhere.example")
    assert caught.value.code is Code.NOT_FOUND
    with pytest.raises(RefusedError) as caught:
        find_party(knows(UNSIGNED, into=knows()), HOST)
    assert caught.value.code is Code.USAGE_INVALID


# What is refused


@pytest.mark.parametrize("client_id", [SHOP, OTHER, WEBVH, UNSIGNED])
def test_nobody_asks_from_the_host_of_a_blocked_party(client_id: str) -> None:
    content = knows(mark=PartyMark.BLOCKED)
    error = unwelcome(lambda: require_welcome_verifier(content, client_id, host=HOST))
    assert (error.code, error.party, error.known.client_id) == (Code.PARTY_BLOCKED, client_id, SHOP)


def test_blocked_party_does_not_ask_from_another_host() -> None:
    content = knows(mark=PartyMark.BLOCKED)
    for host in (None, "new.example"):
        error = unwelcome(lambda: require_welcome_verifier(content, SHOP, host=host))  # noqa: B023
        assert error.code is Code.PARTY_BLOCKED
    require_welcome_verifier(content, OTHER, host="new.example")


@pytest.mark.parametrize("mark", [PartyMark.SEEN, PartyMark.TRUSTED])
@pytest.mark.parametrize(
    ("known", "now"), [(SHOP, OTHER), (SHOP, WEBVH), (WEBVH, SHOP), (SHOP, UNSIGNED), (WEBVH, UNSIGNED)]
)
def test_other_identity_at_a_known_host_stops_everything(known: str, now: str, mark: PartyMark) -> None:
    error = unwelcome(lambda: require_welcome_verifier(knows(known, mark=mark), now, host=HOST))
    assert (error.code, error.party, error.known.client_id) == (Code.PARTY_CHANGED, now, known)
    assert error.detail == f"{HOST} was {known}, and is {now} now"


@pytest.mark.parametrize(
    ("known", "now"),
    [(SHOP, SHOP), (WEBVH, WEBVH), (UNSIGNED, UNSIGNED + "2"), (UNSIGNED, SHOP), (UNSIGNED, WEBVH)],
)
def test_same_identity_is_welcome_and_so_is_a_signature_where_there_was_none(known: str, now: str) -> None:
    require_welcome_verifier(knows(known), now, host=HOST)


def test_host_that_went_from_unsigned_to_signed_does_not_go_back() -> None:
    content = knows(SHOP, into=knows(UNSIGNED))
    assert unwelcome(lambda: require_welcome_verifier(content, UNSIGNED, host=HOST)).known.client_id == SHOP


def test_host_of_a_blocked_party_that_signs_nothing_stays_blocked_when_somebody_signs_for_it() -> None:
    content = EMPTY.with_party_seen(UNSIGNED, name=None, presented=False, now=NOW)
    content = content.with_party_marked(find_party(content, HOST), PartyMark.BLOCKED)
    error = unwelcome(lambda: require_welcome_verifier(content, SHOP, host=HOST))
    assert error.code is Code.PARTY_BLOCKED


def test_known_party_at_a_new_host_is_welcome() -> None:
    require_welcome_verifier(knows(), SHOP, host="new.example")


def test_very_long_identities_are_told_apart_in_the_sentence() -> None:
    one, other = (f"decentralized_identifier:did:jwk:{'e' * 400}{end}" for end in "ab")
    error = unwelcome(lambda: require_welcome_verifier(knows(one), other, host=HOST))
    assert "eea, and is" in error.detail
    assert "eeb now" in error.detail
    assert len(error.detail) < 450


def test_issuers_are_refused_by_the_same_rules() -> None:
    blocked = holds_from("did:key:a", mark=PartyMark.BLOCKED)
    for did, host in ((None, "city.example"), ("did:key:a", "new.example"), ("did:key:b", "city.example")):
        error = unwelcome(lambda: require_welcome_issuer(blocked, did, host=host))  # noqa: B023
        assert error.code is Code.PARTY_BLOCKED
        assert error.known.client_id == "did:key:a"
    known = holds_from("did:key:a")
    require_welcome_issuer(known, None, host="city.example")
    require_welcome_issuer(known, "did:key:a", host="new.example")
    error = unwelcome(lambda: require_welcome_issuer(known, "did:key:b", host="city.example"))
    assert error.code is Code.PARTY_CHANGED
    assert blocked_issuers(blocked) == {"did:key:a"}
    assert blocked_issuers(known) == blocked_issuers(knows(mark=PartyMark.BLOCKED)) == frozenset()


def test_issuer_and_verifier_at_one_host_are_two_parties() -> None:
    content = knows("decentralized_identifier:did:key:b", "city.example", into=holds_from("did:key:a"))
    require_welcome_issuer(content, "did:key:a", host="city.example")


# Marks in the wallet


def test_marks_are_given_and_taken_and_parties_forgotten(vault: Vault) -> None:
    vault.change(lambda content: knows(into=content))
    assert mark_party(vault, HOST, PartyMark.BLOCKED).mark is PartyMark.BLOCKED
    assert mark_party(vault, HOST, PartyMark.SEEN).mark is PartyMark.SEEN
    assert forget_party(vault, HOST).client_id == SHOP
    assert vault.content.parties == ()


def test_party_that_signs_nothing_is_not_trusted(vault: Vault) -> None:
    vault.change(lambda content: knows(UNSIGNED, into=content))
    with pytest.raises(RefusedError) as caught:
        mark_party(vault, HOST, PartyMark.TRUSTED)
    assert caught.value.code is Code.REQUEST_CLIENT_UNVERIFIED
    assert mark_party(vault, HOST, PartyMark.BLOCKED).mark is PartyMark.BLOCKED


def test_history_is_forgotten_without_letting_a_blocked_party_in_again() -> None:
    content = knows(mark=PartyMark.BLOCKED, into=knows(OTHER, "other.example"))
    assert [party.client_id for party in content.without_activity().parties] == [SHOP]


# Asking and answering


def blocked_at(inspector: Inspector) -> Callable[[WalletContent], WalletContent]:
    host = host_of(inspector.url)
    return lambda content: knows(OTHER, host, mark=PartyMark.BLOCKED, into=content)


def refused(vault: Vault, link: str, outside: Outside) -> UnwelcomePartyError:
    error = unwelcome(lambda: open_request(vault, link, outside=outside))
    entry = vault.content.activity[-1]
    assert (entry.kind, entry.party, entry.outcome) == (ActivityKind.REFUSED, error.party, error.code)
    return error


def test_blocked_verifier_is_refused_before_it_hears_anything(
    vault: Vault, inspector: Inspector, outside: Outside, courier: Courier
) -> None:
    vault.change(lambda content: knows(host="elsewhere.example", mark=PartyMark.BLOCKED, into=content))
    assert refused(vault, inspector.link, outside).code is Code.PARTY_BLOCKED
    by_get = inspector.link.replace("&request_uri_method=post", "")
    assert refused(vault, by_get, outside).code is Code.PARTY_BLOCKED
    assert courier.sent == []
    vault.change(blocked_at(inspector))
    assert refused(vault, inspector.unsigned_link(), outside).code is Code.PARTY_BLOCKED
    assert courier.sent == []


def test_request_that_would_be_declined_with_a_word_gets_none_when_it_comes_in_the_place_of_another(
    vault: Vault, inspector: Inspector, outside: Outside
) -> None:
    vault.change(lambda content: knows(OTHER, host="pay.example", into=content))
    inspector.forge = resigned(
        lambda it: it.update(transaction_data=["x"], response_uri="https://pay.example/response")
    )
    assert refused(vault, inspector.link, outside).code is Code.PARTY_CHANGED
    assert inspector.answers == []


def test_changed_key_is_refused_until_the_old_party_is_forgotten(
    vault: Vault, inspector: Inspector, outside: Outside
) -> None:
    vault.change(with_held)
    link = inspector.ask(LEVEL)
    first = prepare_consent(vault.content, open_request(vault, link, outside=outside), now=NOW)
    send_presentation(vault, first, outside=outside)
    assert vault.content.parties[0].hosts == (host_of(inspector.url),)
    did = encode_did_key(OTHER_KEY.public_key)
    inspector.request = replace(
        inspector.request, client_id=ClientId(ClientIdPrefix.DECENTRALIZED_IDENTIFIER, did)
    )
    inspector.key, inspector.key_id = OTHER_KEY, encode_did_key_method(OTHER_KEY.public_key)
    error = refused(vault, inspector.link, outside)
    assert (error.code, error.known.client_id) == (Code.PARTY_CHANGED, SHOP)
    assert refused(vault, inspector.unsigned_link(), outside).code is Code.PARTY_CHANGED
    forget_party(vault, error.known.client_id)
    again = prepare_consent(vault.content, open_request(vault, inspector.link, outside=outside), now=NOW)
    assert again.first_time


def test_party_that_is_blocked_while_its_request_is_open_gets_nothing(
    vault: Vault, inspector: Inspector, outside: Outside
) -> None:
    vault.change(with_held)
    asked = open_request(vault, inspector.ask(LEVEL), outside=outside)
    consent = prepare_consent(vault.content, asked, now=NOW)
    vault.change(blocked_at(inspector))
    error = unwelcome(lambda: send_presentation(vault, consent, outside=outside))
    assert error.code is Code.PARTY_BLOCKED
    unwelcome(lambda: decline_request(vault, asked, tell=True, outside=outside))
    assert inspector.answers == []
    assert len(vault.content.credential("degree-1").unused_copies) == 2
    decline_request(vault, asked, tell=False, outside=outside)
    kinds = [entry.kind for entry in vault.content.activity]
    assert kinds == [ActivityKind.REFUSED, ActivityKind.REFUSED, ActivityKind.DECLINED]


def test_declined_verifier_is_known_and_its_host_is_nobodys_yet(
    vault: Vault, inspector: Inspector, outside: Outside
) -> None:
    asked = open_request(vault, inspector.link, outside=outside)
    decline_request(vault, asked, tell=True, outside=outside)
    (party,) = vault.content.parties
    assert (party.client_id, party.presentations, party.hosts) == (SHOP, 0, ())


# Receiving


def test_issuer_of_a_received_credential_is_known(vault: Vault, campus: Campus) -> None:
    offer = open_offer(campus.offer(), outside=campus.outside)
    (held,) = receive_credentials(vault, offer, transaction_code=None, outside=campus.outside)
    (party,) = vault.content.parties
    assert (party.role, party.client_id, party.credentials) == (PartyRole.ISSUER, held.issuer, 1)
    assert party.hosts == (offer.issuer_host,)


def test_nothing_is_redeemed_at_the_host_of_a_blocked_issuer(vault: Vault, campus: Campus) -> None:
    offer = open_offer(campus.offer(), outside=campus.outside)
    blocked = PartyMark.BLOCKED
    vault.change(lambda it: holds_from("did:key:a", offer.issuer_host, mark=blocked, into=it))
    campus.courier.sent.clear()
    error = unwelcome(
        lambda: receive_credentials(vault, offer, transaction_code=None, outside=campus.outside)
    )
    assert error.code is Code.PARTY_BLOCKED
    assert campus.courier.sent == []
    assert vault.content.activity[-1].kind is ActivityKind.REFUSED


@pytest.mark.parametrize("mark", [PartyMark.BLOCKED, PartyMark.SEEN])
def test_credential_of_an_issuer_that_is_not_welcome_is_not_kept(
    vault: Vault, campus: Campus, mark: PartyMark
) -> None:
    offer = open_offer(campus.offer(), outside=campus.outside)
    if mark is PartyMark.BLOCKED:
        did, host = DID, "elsewhere.example"
    else:
        did, host = "did:key:a", offer.issuer_host
    vault.change(lambda content: holds_from(did, host, mark=mark, into=content))
    error = unwelcome(
        lambda: receive_credentials(vault, offer, transaction_code=None, outside=campus.outside)
    )
    assert error.code is (Code.PARTY_BLOCKED if mark is PartyMark.BLOCKED else Code.PARTY_CHANGED)
    assert vault.content.credentials == ()
    entry = vault.content.activity[-1]
    assert (entry.kind, entry.party) == (ActivityKind.REFUSED, DID)
