"""Fetching credentials from the real issuer, through a fetcher that lies where a test says so."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger.fetch import Fetched
from protocol.codes import Code
from protocol.encoding.base64url import decode_base64url, encode_base64url
from protocol.encoding.strict_json import JsonObject, JsonValue, encode_json, parse_json_object
from protocol.errors import TallyError, UnavailableError
from protocol.keys import Ed25519PrivateKey, P256PublicKey, PublicKey
from protocol.keys.jwk import encode_jwk, parse_jwk
from protocol.sdjwt.key_binding import create_key_binding
from protocol.sdjwt.parse import parse_sd_jwt
from protocol.sdjwt_vc import issue_sd_jwt_vc
from storage.sealed_file import SealedFile
from tests.issuer.counted import NOW
from tests.issuer.university import EXAMPLE
from tests.status_issuer import DID, KEY, KEY_ID, OTHER_KEY
from tests.wallet.counterparts import (
    Campus,
    Lie,
    changes,
    create_vault,
    gets_lost,
    honest,
    is_away,
    open_campus,
    open_vault,
    says,
)
from wallet.content import ActivityKind, HeldCredential, HolderKeyType, StandingWord
from wallet.facts import held_claims
from wallet.issuance import MAX_CREDENTIALS
from wallet.offer import OpenedOffer, open_offer
from wallet.receive import DEFAULT_COPIES, receive_credentials
from wallet.vault import Vault

VCT = "urn:tallystick:degree:1"
AUTHORIZATION_SERVER = "/.well-known/oauth-authorization-server"
METADATA = "/.well-known/openid-credential-issuer"
HTML = says(b"<html>Bad gateway</html>", 502, kind="text/html")


@pytest.fixture(scope="module")
def open_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campus]:
    with open_campus(tmp_path_factory.mktemp("campus")) as campus:
        yield campus


@pytest.fixture
def campus(open_house: Campus) -> Iterator[Campus]:
    yield open_house
    open_house.reset()


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    with create_vault(tmp_path) as vault:
        yield vault


def receive(
    vault: Vault,
    campus: Campus,
    offer: OpenedOffer | None = None,
    *,
    code: str | None = None,
    copies: int = 2,
) -> tuple[HeldCredential, ...]:
    opened = offer or open_offer(campus.offer(), outside=campus.outside)
    return receive_credentials(vault, opened, transaction_code=code, copies=copies, outside=campus.outside)


def refusal(
    vault: Vault, campus: Campus, offer: OpenedOffer | None = None, *, code: str | None = None
) -> TallyError:
    """Why nothing came; and nothing is kept then."""
    before = vault.content
    with pytest.raises(TallyError) as caught:
        receive(vault, campus, offer, code=code)
    kept = replace(vault.content, next_key_index=before.next_key_index)
    assert kept == before
    return caught.value


def notified(campus: Campus) -> list[str | None]:
    """What the issuer was told about its credentials, the latest first."""
    listed = campus.door.browser.get("/manage/credentials", **campus.door.key).json["credentials"]
    return [each["notified"] for each in listed]


def keys_of(request: bytes) -> list[PublicKey]:
    """The keys that are proved in a credential request."""
    proofs: Any = parse_json_object(request)["proofs"]
    headers = [parse_json_object(decode_base64url(proof.partition(".")[0])) for proof in proofs["jwt"]]
    jwks: list[Any] = [header["jwk"] for header in headers]
    return [parse_jwk(jwk) for jwk in jwks]


def forged(
    holder: PublicKey,
    *,
    key: Ed25519PrivateKey = KEY,
    issuer: str = DID,
    hidden: Callable[[str], bool] = lambda _name: True,
    claims: JsonObject = EXAMPLE,
    **about: Any,
) -> str:
    """What a dishonest university could sign: a degree for `holder` that says `about` itself."""
    payload: JsonObject = {
        "iss": issuer,
        "vct": VCT,
        "iat": int(NOW.timestamp()) - 3600,
        "exp": int(NOW.timestamp()) + 86_400,
        "cnf": {"jwk": encode_jwk(holder)},
    }
    payload = {name: value for name, value in (payload | about).items() if value is not None}
    issued = issue_sd_jwt_vc(
        payload | claims,
        disclosable=[(name,) for name in claims if hidden(name)],
        key=key,
        key_id=f"{issuer}#{KEY_ID.partition('#')[2]}",
        salts=iter(f"{number:022d}" for number in range(1000)).__next__,
    )
    return issued.encoded_without_key_binding


def gives(campus: Campus, forge: Callable[[list[PublicKey]], Sequence[str]]) -> Lie:
    """The issuer issues, and then other credentials arrive."""

    def lie(honestly: Callable[[], Fetched]) -> Fetched:
        credentials = forge(keys_of(campus.courier.sent[-1].body))
        document = parse_json_object(honestly().body)
        document["credentials"] = [{"credential": credential} for credential in credentials]
        return Fetched(200, "application/json", encode_json(document))

    return lie


def for_each_key(**about: Any) -> Callable[[list[PublicKey]], list[str]]:
    return lambda keys: [forged(key, **about) for key in keys]


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
        assert replace(reopened.content, next_key_index=0) == replace(before, next_key_index=0)
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
    assert refusal(vault, campus, offer, code=wrong).code is Code.GRANT_INVALID
    assert len(receive(vault, campus, offer, code=created["tx_code"])) == 1


def test_an_offer_that_was_redeemed_gives_nothing_more(vault: Vault, campus: Campus) -> None:
    offer = open_offer(campus.offer(), outside=campus.outside)
    receive(vault, campus, offer)
    assert refusal(vault, campus, offer).code is Code.GRANT_INVALID


def stands_for(configuration_id: str, *identifiers: str) -> Lie:
    """The token stands for the credentials with these identifiers."""
    detail = {
        "type": "openid_credential",
        "credential_configuration_id": configuration_id,
        "credential_identifiers": list(identifiers),
    }
    return changes(lambda it: it.update(authorization_details=[detail]))


# Who is asked


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda it: it.update(issuer="https://other.example"), id="NT-I28 another issuer"),
        pytest.param(lambda it: it.update(issuer=it["issuer"] + "/"), id="NT-I28 one slash more"),
        pytest.param(lambda it: it.update(issuer=it["issuer"].upper()), id="NT-I28 other case"),
    ],
)
def test_a_code_is_not_taken_to_a_server_that_is_another_one(
    vault: Vault, campus: Campus, change: Callable[[dict[str, Any]], object]
) -> None:
    campus.courier.lie(AUTHORIZATION_SERVER, changes(change))
    assert refusal(vault, campus).code is Code.ISSUER_METADATA_MISMATCH
    assert campus.courier.paths("POST") == []


def test_a_code_is_not_taken_to_a_server_the_issuer_does_not_name(vault: Vault, campus: Campus) -> None:
    offer = open_offer(campus.offer(), outside=campus.outside)
    offer = replace(offer, grant=replace(offer.grant, authorization_server="https://other.example"))
    assert refusal(vault, campus, offer).code is Code.ISSUER_METADATA_MISMATCH
    assert campus.courier.paths("POST") == []


def test_a_server_without_a_token_endpoint_is_of_no_use(vault: Vault, campus: Campus) -> None:
    campus.courier.lie(AUTHORIZATION_SERVER, changes(lambda it: it.pop("token_endpoint")))
    assert refusal(vault, campus).code is Code.OFFER_INVALID


# What must not be kept


@pytest.mark.parametrize(
    ("forge", "code"),
    [
        pytest.param(
            lambda keys: [forged(OTHER_KEY.public_key) for _ in keys],
            Code.CREDENTIAL_UNACCEPTABLE,
            id="NT-I29 bound to another key",
        ),
        pytest.param(for_each_key(cnf=None), Code.CREDENTIAL_UNACCEPTABLE, id="NT-I29 bound to nobody"),
        pytest.param(
            for_each_key(vct="urn:tallystick:passport:1"), Code.ISSUER_NOT_TRUSTED, id="NT-I29 another type"
        ),
        pytest.param(for_each_key(exp=int(NOW.timestamp())), Code.EXPIRED, id="NT-I29 expired"),
        pytest.param(
            for_each_key(nbf=int(NOW.timestamp()) + 3600), Code.NOT_YET_VALID, id="NT-I29 not yet valid"
        ),
        pytest.param(for_each_key(key=OTHER_KEY), Code.SIGNATURE_INVALID, id="NT-I29 signed by another"),
        pytest.param(
            lambda keys: [unsigned(forged(key)) for key in keys],
            Code.ALGORITHM_NOT_ALLOWED,
            id="NT-I29 unsigned",
        ),
        pytest.param(
            for_each_key(hidden=lambda name: name != "birth_date"),
            Code.CREDENTIAL_UNACCEPTABLE,
            id="NT-I29 a claim that cannot be withheld",
        ),
        pytest.param(
            for_each_key(student_union="member-7"),
            Code.CREDENTIAL_UNACCEPTABLE,
            id="NT-I29 a claim beyond the type that cannot be withheld",
        ),
        pytest.param(
            for_each_key(claims={name: value for name, value in EXAMPLE.items() if name != "title"}),
            Code.CREDENTIAL_UNACCEPTABLE,
            id="NT-I29 a mandatory claim is missing",
        ),
        pytest.param(
            lambda keys: [forged(keys[0]), forged(keys[1], claims={**EXAMPLE, "level": "doctor"})],
            Code.CREDENTIAL_UNACCEPTABLE,
            id="NT-I29 copies that differ",
        ),
        pytest.param(
            lambda keys: [forged(keys[0]), forged(keys[1], hidden=lambda name: name != "university")],
            Code.CREDENTIAL_UNACCEPTABLE,
            id="NT-I29 copies that can be shown differently",
        ),
        pytest.param(
            lambda keys: [forged(keys[0]), forged(keys[1], issuer="did:web:other.example")],
            Code.ISSUER_NOT_TRUSTED,
            id="NT-I29 copies of two issuers",
        ),
        pytest.param(
            for_each_key(issuer="did:web:other.example"),
            Code.DID_METHOD_UNSUPPORTED,
            id="NT-I29 no DID of ours",
        ),
        pytest.param(lambda keys: ["eyJ" for _ in keys], Code.FORMAT_INVALID, id="NT-I29 no credential"),
        pytest.param(
            lambda keys: [forged(key) + "WyJ4IiwieCJd~" for key in keys],
            Code.DISCLOSURE_UNREFERENCED,
            id="NT-I29 a disclosure nobody signed",
        ),
        pytest.param(
            lambda keys: [forged(keys[0]), forged(keys[0])],
            Code.CREDENTIAL_UNACCEPTABLE,
            id="NT-I30 one key bound twice",
        ),
        pytest.param(
            lambda keys: [with_key_binding(forged(key)) for key in keys],
            Code.KEY_BINDING_UNEXPECTED,
            id="NT-S67 with a key binding",
        ),
    ],
)
def test_a_credential_that_is_not_acceptable_is_not_kept_and_the_issuer_hears_of_it(
    vault: Vault, campus: Campus, forge: Callable[[list[PublicKey]], list[str]], code: Code
) -> None:
    def resolve(did: str) -> Any:
        if did == DID:
            return campus.dids[DID]
        raise UnavailableError(Code.DID_METHOD_UNSUPPORTED)

    campus.courier.lie("/credential", gives(campus, forge))
    outside = replace(campus.outside, resolve_did=resolve)
    before = vault.content
    with pytest.raises(TallyError) as caught:
        receive_credentials(
            vault,
            open_offer(campus.offer(), outside=outside),
            transaction_code=None,
            copies=2,
            outside=outside,
        )
    assert caught.value.code is code
    assert (vault.content.credentials, vault.content.activity) == (before.credentials, before.activity)
    assert notified(campus)[0] == "credential_failure"


def unsigned(credential: str) -> str:
    _, payload, _ = credential.partition("~")[0].split(".")
    header = encode_base64url(json.dumps({"alg": "none", "typ": "dc+sd-jwt", "kid": KEY_ID}).encode())
    return f"{header}.{payload}.~" + credential.partition("~")[2]


def with_key_binding(credential: str) -> str:
    sd_jwt = parse_sd_jwt(credential)
    return credential + create_key_binding(sd_jwt, key=KEY, nonce="n" * 22, audience="a", issued_at=NOW)


@pytest.mark.parametrize("more", [pytest.param(1, id="NT-I30 more credentials than keys")])
def test_more_credentials_than_keys_are_refused(vault: Vault, campus: Campus, more: int) -> None:
    def forge(keys: list[PublicKey]) -> list[str]:
        return [forged(key) for key in [*keys, *keys[:more]]]

    campus.courier.lie("/credential", gives(campus, forge))
    assert refusal(vault, campus).code is Code.CREDENTIAL_UNACCEPTABLE


def test_a_credential_that_is_revoked_already_is_not_kept(vault: Vault, campus: Campus) -> None:
    def revoke(honestly: Callable[[], Fetched]) -> Fetched:
        answer = honestly()
        (latest, *_) = campus.door.browser.get("/manage/credentials", **campus.door.key).json["credentials"]
        campus.door.browser.post_json(f"/manage/credentials/{latest['id']}/revoke", {}, **campus.door.key)
        campus.clock.advance(timedelta(minutes=5))
        return answer

    campus.courier.lie("/credential", revoke)
    assert refusal(vault, campus).code is Code.CREDENTIAL_REVOKED


def test_an_end_beyond_the_calendar_is_no_end(vault: Vault, campus: Campus) -> None:
    campus.courier.lie("/credential", gives(campus, for_each_key(exp=2**53 - 1)))
    (held,) = receive(vault, campus)
    assert held in vault.content.credentials


def test_hostile_claims_of_a_strange_type_pass_as_they_are(vault: Vault, campus: Campus) -> None:
    hostile: JsonObject = {"\x1b[2J\u202e": "\x1b]52;c;eA==\x07\u200b", "a": [{"\u2066": "\r\n"}]}
    strange = {"vct": "urn:stranger:\u202eticket", "claims": hostile}

    def rename(metadata: dict[str, Any]) -> None:
        metadata["credential_configurations_supported"]["degree"]["vct"] = strange["vct"]

    campus.courier.lie(METADATA, changes(rename))
    campus.courier.lie("/credential", gives(campus, for_each_key(**strange)))
    (held,) = receive(vault, campus)
    assert (held.credential_type, held_claims(held)) == (strange["vct"], hostile)
    assert held.id.startswith("stranger-")
    assert vault.content.activity[0].claim_names == (("\x1b[2J\u202e",), ("a",))


# Standing


def test_a_status_nobody_can_be_asked_for_is_unknown_and_asked_for_once(vault: Vault, campus: Campus) -> None:
    campus.courier.lie("/status/1", is_away)
    (held,) = receive(vault, campus, copies=10)
    assert held.standing is not None
    assert held.standing.word is StandingWord.UNKNOWN
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


@pytest.mark.parametrize(
    ("path", "lie", "code"),
    [
        pytest.param(AUTHORIZATION_SERVER, HTML, Code.NETWORK_STATUS, id="server down"),
        pytest.param(AUTHORIZATION_SERVER, says(b"", 404), Code.NETWORK_STATUS, id="server unknown"),
        pytest.param(AUTHORIZATION_SERVER, says(b"[]"), Code.FORMAT_INVALID, id="server array"),
        pytest.param("/token", HTML, Code.NETWORK_STATUS, id="token down"),
        pytest.param("/token", says(b"<html>", 400), Code.NETWORK_STATUS, id="token html"),
        pytest.param("/token", says(b"", 401), Code.NETWORK_STATUS, id="token no body"),
        pytest.param("/token", says({"error": "invalid_tx_code"}, 400), Code.GRANT_INVALID, id="token draft"),
        pytest.param(
            "/token", says({"error": "invalid_client"}, 401), Code.ISSUANCE_REFUSED, id="token for others"
        ),
        pytest.param("/token", says({"error": 7}, 400), Code.NETWORK_STATUS, id="token error no text"),
        pytest.param("/token", says({}), Code.MEMBER_MISSING, id="token empty"),
        pytest.param(
            "/token",
            changes(lambda it: it.update(token_type="DPoP")),
            Code.MEMBER_INVALID,
            id="token of another type",
        ),
        pytest.param(
            "/token",
            changes(lambda it: it.update(access_token="a\r\nb")),
            Code.MEMBER_INVALID,
            id="token with a line break",
        ),
        pytest.param(
            "/token",
            changes(lambda it: it.update(expires_in=2**53 - 1)),
            Code.MEMBER_INVALID,
            id="token for ever",
        ),
        pytest.param(
            "/token", says(b'{"expires_in":' + b"9" * 5000 + b"}"), Code.JSON_NUMBER, id="token huge number"
        ),
        pytest.param(
            "/token",
            stands_for("other", "other-1"),
            Code.CREDENTIAL_CONFIGURATION_UNKNOWN,
            id="token for something else",
        ),
        pytest.param("/nonce", HTML, Code.NETWORK_STATUS, id="nonce down"),
        pytest.param("/nonce", says(b"", 405), Code.NETWORK_STATUS, id="nonce refused"),
        pytest.param("/nonce", says(b"{}"), Code.MEMBER_MISSING, id="nonce missing"),
        pytest.param("/nonce", says({"c_nonce": "x" * 5000}), Code.MEMBER_INVALID, id="nonce too long"),
        pytest.param("/credential", HTML, Code.NETWORK_STATUS, id="credential down"),
        pytest.param("/credential", says(b"<html>", 400), Code.NETWORK_STATUS, id="credential html"),
        pytest.param("/credential", says(b"", 401), Code.NETWORK_STATUS, id="credential no body"),
        pytest.param(
            "/credential",
            says({"error": "credential_request_denied"}, 400),
            Code.ISSUANCE_REFUSED,
            id="credential denied",
        ),
        pytest.param(
            "/credential",
            says({"transaction_id": "t", "interval": 5}, 202),
            Code.ISSUANCE_REFUSED,
            id="credential later",
        ),
        pytest.param("/credential", says({"credentials": []}), Code.MEMBER_INVALID, id="credential none"),
        pytest.param("/credential", says(b"[" * 100_000), Code.JSON_DEPTH, id="credential deep"),
        pytest.param("/token", gets_lost, Code.NETWORK_TIMEOUT, id="token lost"),
        pytest.param("/nonce", is_away, Code.NETWORK_UNREACHABLE, id="nonce away"),
        pytest.param("/credential", gets_lost, Code.NETWORK_TIMEOUT, id="credential lost"),
    ],
)
def test_an_answer_that_is_none_is_a_typed_error_and_nothing_is_kept(
    vault: Vault, campus: Campus, path: str, lie: Lie, code: Code
) -> None:
    campus.courier.lie(path, lie)
    assert refusal(vault, campus).code is code


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


def forging(campus: Campus, **about: Any) -> Lie:
    def lie(_honestly: Callable[[], Fetched]) -> Fetched:
        keys = keys_of(campus.courier.sent[-1].body)
        credentials: list[JsonValue] = [{"credential": forged(key, **about)} for key in keys]
        return Fetched(200, "application/json", encode_json({"credentials": credentials}))

    return lie


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
