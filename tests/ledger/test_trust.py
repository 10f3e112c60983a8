from dataclasses import replace

import pytest

from ledger.fetch import Fetched, Fetcher, FetchRules
from ledger.signer import LedgerKeys
from ledger.trust import (
    TrustedLedger,
    choose_ledger,
    encode_trusted_ledgers,
    parse_ledgers_file,
    trust_ledgers,
)
from protocol.codes import Code
from protocol.errors import RefusedError, VerificationError
from protocol.keys import Ed25519PrivateKey
from protocol.tlog.policy import encode_log_policy

KEYS = LedgerKeys("ledger.example", *(Ed25519PrivateKey(bytes([number]) * 32) for number in (1, 3, 2)))
PUBLIC = TrustedLedger("https://ledger.example", KEYS.policy("https://ledger.example"))
LOCAL = TrustedLedger("http://ledger.localhost:8101", KEYS.policy("http://ledger.localhost:8101"))


class OwnWord(Fetcher):
    """The way to a ledger that tells its own policy."""

    def __init__(self) -> None:
        super().__init__(FetchRules())

    def fetch(self, url: str, **_how: object) -> Fetched:
        assert url == f"{PUBLIC.url}/policy"
        return Fetched(200, "text/plain", encode_log_policy(PUBLIC.policy).encode())


def test_ledger_is_believed_its_own_word_at_first() -> None:
    assert choose_ledger(f"{PUBLIC.url}/", policy=None, fetcher=OwnWord()) == PUBLIC


def test_policy_takes_the_place_of_the_ledgers_word() -> None:
    policy = encode_log_policy(LOCAL.policy)
    assert choose_ledger(LOCAL.url, policy=policy, fetcher=OwnWord()) == LOCAL


def test_policy_for_another_ledger_is_refused() -> None:
    policy = encode_log_policy(PUBLIC.policy)
    with pytest.raises(RefusedError) as refusal:
        choose_ledger(LOCAL.url, policy=policy, fetcher=OwnWord())
    assert refusal.value.code is Code.LOG_POLICY_INVALID


def test_local_addresses_are_followed_only_while_a_local_ledger_is_trusted() -> None:
    assert not trust_ledgers([PUBLIC]).development
    assert trust_ledgers([PUBLIC, LOCAL]) == replace(
        trust_ledgers([PUBLIC]), ledgers=(PUBLIC, LOCAL), development=True
    )


def test_ledger_of_a_did_is_the_one_whose_address_it_names() -> None:
    scid = "QmfGEUAcMpzo25kF2Rhn8L2FLZbLc3KqV2gyBWwCYhP9Kd"
    trusted = trust_ledgers([PUBLIC, LOCAL])
    assert trusted.ledger_of(f"did:webvh:{scid}:ledger.localhost%3A8101:city") == LOCAL
    assert trusted.ledger_of(f"did:webvh:{scid}:ledger.example:city") == PUBLIC
    with pytest.raises(VerificationError) as stranger:
        trusted.ledger_of(f"did:webvh:{scid}:ledger.localhost:city")
    assert stranger.value.code is Code.LEDGER_NOT_TRUSTED


def test_trusted_ledgers_are_written_and_read_alike() -> None:
    trusted = trust_ledgers([PUBLIC, LOCAL])
    assert parse_ledgers_file(encode_trusted_ledgers(trusted).encode()) == trusted


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        pytest.param(b"[[", "at end of document", id="no-toml"),
        pytest.param(b"\xff", Code.TEXT_INVALID.meaning, id="no-text"),
        pytest.param(b"development = 'yes'", "development is true or false", id="no-flag"),
        pytest.param(b"ledger = 1", "ledger is a list of tables", id="no-table"),
        pytest.param(b"[[ledger]]\npolicy = 1", "ledger[1].policy is a text", id="no-text-policy"),
        pytest.param(b"[[ledger]]\npolicy = 'log x'", "ledger[1].policy cannot be used", id="bad-policy"),
        pytest.param(b"[[ledgers]]", "ledgers is unknown; did you mean ledger?", id="misspelt"),
        pytest.param(
            encode_trusted_ledgers(trust_ledgers([PUBLIC])).replace(f" {PUBLIC.url}\n", "\n").encode(),
            "ledger[1].policy cannot be used: one log with its URL, then its index log",
            id="no-address",
        ),
        pytest.param(
            encode_trusted_ledgers(trust_ledgers([LOCAL])).replace(":8101\n", ":81010\n").encode(),
            "ledger[1].policy cannot be used: the log's URL is no web address",
            id="no-port",
        ),
    ],
)
def test_settings_in_another_form_are_refused_and_name_the_place(source: bytes, reason: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        parse_ledgers_file(source)
    assert refusal.value.code is Code.SETTINGS_INVALID
    assert refusal.value.detail.startswith("ledgers.toml: ")
    assert reason in refusal.value.detail
