"""Issuers, and those in between, who send something else than was offered and asked for."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ledger.fetch import Fetched
from ledger.type_records import LoggedType
from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject
from protocol.errors import TallyError, UnavailableError
from protocol.keys import PublicKey
from protocol.type_metadata import metadata_integrity
from schemas import credential_type
from tests.counted import NOW
from tests.issuer.university import EXAMPLE, SCHEMAS
from tests.status_issuer import DID, OTHER_KEY
from tests.wallet.counterparts import (
    Campus,
    Lie,
    changes,
    gets_lost,
    is_away,
    says,
)
from tests.wallet.issuing import (
    AUTHORIZATION_SERVER,
    HTML,
    METADATA,
    for_each_key,
    forged,
    gives,
    notified,
    receive,
    refusal,
    stands_for,
    unsigned,
    with_key_binding,
)
from wallet.facts import held_claims
from wallet.offer import open_offer
from wallet.receive import receive_credentials
from wallet.vault import Vault

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


# Answers that are none


@pytest.mark.parametrize(
    ("path", "lie", "code"),
    [
        pytest.param(AUTHORIZATION_SERVER, HTML, Code.NETWORK_STATUS, id="server down"),
        pytest.param(AUTHORIZATION_SERVER, says(b"", 404), Code.NETWORK_STATUS, id="server unknown"),
        pytest.param(AUTHORIZATION_SERVER, says(b"[]"), Code.FORMAT_INVALID, id="server array"),
        pytest.param("/token", HTML, Code.NETWORK_STATUS, id="token down"),
        pytest.param("/token", says(b"<html>", 400), Code.NETWORK_STATUS, id="token html"),
        pytest.param("/token", says(b"", 401), Code.NETWORK_STATUS, id="token no body"),
        pytest.param(
            "/token",
            says({"error": "invalid_tx_code"}, 400),
            Code.TRANSACTION_CODE_WRONG,
            id="token draft",
        ),
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


# A type that is another one than its issuer has logged


def logged(*documents: bytes, by: str = DID) -> tuple[LoggedType, ...]:
    return tuple(
        LoggedType(by, metadata_integrity(document), index, NOW) for index, document in enumerate(documents)
    )


def test_credential_of_a_type_as_it_is_logged_is_kept(
    vault: Vault, campus: Campus, monkeypatch: pytest.MonkeyPatch
) -> None:
    integrity = credential_type("degree").integrity
    now = LoggedType(DID, integrity, 7, NOW)
    monkeypatch.setattr(campus, "types", (*logged(b"before"), now, *logged(b"a stranger's", by="did:key:z")))
    assert len(receive(vault, campus)) == 1


@pytest.mark.parametrize("documents", [[b"another"], [None, b"replaced"]])
def test_credential_of_a_type_that_was_changed_in_silence_is_refused(
    vault: Vault, campus: Campus, monkeypatch: pytest.MonkeyPatch, documents: list[bytes | None]
) -> None:
    own = (SCHEMAS / "degree" / "type_metadata.json").read_bytes()
    monkeypatch.setattr(campus, "types", logged(*(document or own for document in documents)))
    assert refusal(vault, campus).code is Code.TYPE_METADATA_CHANGED


@pytest.mark.parametrize("integrity", ["sha256-", "", 7, ["sha256-"]])
def test_credential_that_names_another_document_than_the_logged_one_is_refused(
    vault: Vault, campus: Campus, monkeypatch: pytest.MonkeyPatch, integrity: object
) -> None:
    monkeypatch.setattr(campus, "types", logged(b"another"))
    campus.courier.lie("/credential", gives(campus, for_each_key(**{"vct#integrity": integrity})))
    code = Code.TYPE_METADATA_CHANGED if isinstance(integrity, str) else Code.CLAIM_INVALID
    assert refusal(vault, campus).code is code
