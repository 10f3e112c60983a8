"""How credentials stand: by their own times, and by status lists that may be away, old or forged."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from ledger.fetch import Fetched, Fetcher
from protocol.codes import Code
from protocol.encoding.strict_json import JsonValue
from protocol.errors import RefusedError, TallyError, UnavailableError
from protocol.status_list import Status, StatusList
from tests.counted import NOW
from tests.status_issuer import OTHER_KEY, payload, token
from tests.wallet.counterparts import UNIVERSITY, open_vault
from tests.wallet.holdings import EMPTY, STATUS_URI, seconds, standing, with_held
from wallet.content import WalletContent
from wallet.held import HeldCredential, Standing, StandingWord
from wallet.outside import Outside
from wallet.standing import MAX_AGE, PresentWord, standing_of
from wallet.status import refresh_standings
from wallet.vault import Vault

LATER = NOW + timedelta(hours=1)
SOON = NOW + timedelta(seconds=1)


@dataclass
class StatusHost:
    """Where the status lists are: an address to a token, or to the error on the way to it."""

    lists: dict[str, str | TallyError] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def fetch_ok(self, url: str, *, accept: str, max_bytes: int) -> Fetched:
        assert accept == "application/statuslist+jwt"
        assert max_bytes == 32 << 20
        self.asked.append(url)
        answer = self.lists.get(url, UnavailableError(Code.NETWORK_UNREACHABLE))
        if isinstance(answer, TallyError):
            raise answer
        return Fetched(200, accept, answer.encode())

    def publish(self, statuses: Mapping[int, int]) -> None:
        self.lists[STATUS_URI] = signed_list(statuses)

    def outside(self, *, now: datetime = LATER, did: Any = UNIVERSITY) -> Outside:
        def resolve(_did: str) -> Any:
            if isinstance(did, TallyError):
                raise did
            return did

        return Outside(
            cast("Fetcher", self),
            resolve,
            lambda: now,
            development=False,
            prove_issuer=lambda _did: (),
            read_type_records=lambda _vct, _did: (),
        )


def signed_list(
    statuses: Mapping[int, int], *, uri: str = STATUS_URI, bits: int = 2, **changed: JsonValue
) -> str:
    honest: dict[str, JsonValue] = {
        "sub": uri,
        "iat": seconds(NOW),
        "exp": seconds(NOW + timedelta(days=30)),
    }
    return token(payload(StatusList.all_valid(bits, 64).with_statuses(statuses), **honest | changed))


@pytest.fixture
def host() -> StatusHost:
    return StatusHost()


def keep(vault: Vault, *ids: str, **about: Any) -> None:
    for each in ids or ("degree-1",):
        vault.change(lambda content: with_held(content, id=each, **about))  # noqa: B023 (called at once)


def words(vault: Vault) -> list[StandingWord | None]:
    return [held.standing.word if held.standing else None for held in vault.content.credentials]


def one(**about: Any) -> HeldCredential:
    return with_held(EMPTY, **about).credential("degree-1")


@pytest.mark.parametrize(
    ("about", "word"),
    [
        pytest.param({}, PresentWord.VALID, id="valid"),
        pytest.param({"indices": (1, 2)}, PresentWord.VALID, id="asked"),
        pytest.param({"indices": (1, 2), "standing": None}, PresentWord.UNKNOWN, id="never asked"),
        pytest.param({"standing": None}, PresentWord.VALID, id="nothing to ask"),
        pytest.param(
            {"indices": (1, 2), "standing": standing(StandingWord.UNKNOWN)},
            PresentWord.UNKNOWN,
            id="asked in vain",
        ),
        pytest.param({"standing": standing(StandingWord.SUSPENDED)}, PresentWord.SUSPENDED, id="suspended"),
        pytest.param({"standing": standing(StandingWord.REVOKED)}, PresentWord.REVOKED, id="revoked"),
        pytest.param({"exp": seconds(NOW)}, PresentWord.EXPIRED, id="ends now"),
        pytest.param({"exp": seconds(SOON)}, PresentWord.VALID, id="ends soon"),
        pytest.param({"exp": None}, PresentWord.VALID, id="never ends"),
        pytest.param({"exp": 2**53 - 1}, PresentWord.VALID, id="ends after the calendar"),
        pytest.param({"nbf": seconds(LATER)}, PresentWord.NOT_YET_VALID, id="begins later"),
        pytest.param({"nbf": seconds(SOON)}, PresentWord.VALID, id="begins as soon as clocks differ"),
        pytest.param({"iat": seconds(LATER)}, PresentWord.NOT_YET_VALID, id="issued later"),
        pytest.param({"iat": seconds(SOON)}, PresentWord.VALID, id="issued as soon as clocks differ"),
        pytest.param({"iat": None}, PresentWord.VALID, id="issued at any time"),
        pytest.param({"exp": 0, "nbf": seconds(LATER)}, PresentWord.EXPIRED, id="ends before it begins"),
        pytest.param(
            {"exp": 0, "standing": standing(StandingWord.REVOKED)}, PresentWord.REVOKED, id="revoked and over"
        ),
        pytest.param(
            {"exp": 0, "standing": standing(StandingWord.UNKNOWN)}, PresentWord.EXPIRED, id="unknown and over"
        ),
    ],
)
def test_a_credential_stands_as_badly_as_is_known(about: Any, word: PresentWord) -> None:
    assert standing_of(one(**about), now=NOW).word is word


def test_good_news_is_forgotten_and_bad_news_is_not() -> None:
    for word, later in (
        (StandingWord.VALID, PresentWord.UNKNOWN),
        (StandingWord.SUSPENDED, PresentWord.SUSPENDED),
        (StandingWord.REVOKED, PresentWord.REVOKED),
    ):
        held = one(indices=(1, 2), standing=standing(word))
        assert standing_of(held, now=NOW + MAX_AGE).word == word.value
        assert standing_of(held, now=NOW + MAX_AGE + timedelta(seconds=1)).word is later


def test_a_standing_says_when_the_credential_ends_and_when_somebody_was_asked() -> None:
    known = standing_of(one(), now=LATER)
    assert (known.expires_at, known.checked_at) == (NOW.replace(microsecond=0) + timedelta(days=30), NOW)
    endless = standing_of(one(exp=None, standing=None), now=LATER)
    assert (endless.expires_at, endless.checked_at) == (None, None)
    assert standing_of(one(exp=2**53 - 1), now=NOW).expires_at is None


@pytest.mark.parametrize(
    ("status", "word"),
    [
        pytest.param(Status.VALID, StandingWord.VALID, id="valid"),
        pytest.param(Status.INVALID, StandingWord.REVOKED, id="revoked"),
        pytest.param(Status.SUSPENDED, StandingWord.SUSPENDED, id="suspended"),
        pytest.param(3, StandingWord.UNKNOWN, id="not registered"),
    ],
)
def test_the_list_of_the_issuer_is_kept_with_the_time(
    vault: Vault, host: StatusHost, status: int, word: StandingWord
) -> None:
    keep(vault, copies=1, indices=[7])
    host.publish({7: status})
    refresh_standings(vault, outside=host.outside())
    assert vault.content.credential("degree-1").standing == Standing(word=word, checked_at=LATER)


def test_a_revocation_stays_whatever_older_list_is_served_again(vault: Vault, host: StatusHost) -> None:
    keep(vault, copies=1, indices=[7])
    host.publish({7: Status.INVALID})
    refresh_standings(vault, outside=host.outside())
    for statuses in ({}, {7: Status.SUSPENDED}):
        host.publish(statuses)
        refresh_standings(vault, outside=host.outside())
        assert words(vault) == [StandingWord.REVOKED]
    host.lists.clear()
    refresh_standings(vault, outside=host.outside())
    assert words(vault) == [StandingWord.REVOKED]


def test_a_suspension_stays_until_a_list_says_otherwise(vault: Vault, host: StatusHost) -> None:
    keep(vault, copies=1, indices=[7])
    host.publish({7: Status.SUSPENDED})
    refresh_standings(vault, outside=host.outside())
    host.lists.clear()
    refresh_standings(vault, outside=host.outside(now=LATER + timedelta(days=1)))
    suspended = Standing(word=StandingWord.SUSPENDED, checked_at=LATER)
    assert vault.content.credential("degree-1").standing == suspended
    host.publish({})
    refresh_standings(vault, outside=host.outside())
    assert words(vault) == [StandingWord.VALID]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(UnavailableError(Code.NETWORK_TIMEOUT), id="slow"),
        pytest.param(RefusedError(Code.NETWORK_HOST_FORBIDDEN), id="inside"),
        pytest.param("", id="empty"),
        pytest.param("<html>", id="html"),
        pytest.param(signed_list({}, uri="https://issuer.example/status/2"), id="of another address"),
        pytest.param(signed_list({}, iat=seconds(LATER + timedelta(hours=1))), id="of the future"),
        pytest.param(signed_list({}, exp=seconds(LATER)), id="of the past"),
        pytest.param(token(payload(sub=STATUS_URI), key=OTHER_KEY), id="signed by another"),
        pytest.param(signed_list({}, bits=1).rpartition(".")[0] + ".AAAA", id="signature of another"),
        pytest.param(token(payload(StatusList(2, b""), sub=STATUS_URI)), id="too short"),
    ],
)
def test_what_cannot_be_found_out_is_never_valid_and_never_news(
    vault: Vault, host: StatusHost, answer: str | TallyError
) -> None:
    keep(vault, "known", copies=1, indices=[7])
    keep(vault, "new", copies=1, indices=[7], standing=None)
    host.lists[STATUS_URI] = answer
    assert refresh_standings(vault, outside=host.outside()) == {"known", "new"}
    assert [held.standing for held in vault.content.credentials] == [standing(StandingWord.VALID), None]


def test_without_its_issuer_a_list_says_nothing(vault: Vault, host: StatusHost) -> None:
    keep(vault, copies=1, indices=[7], standing=None)
    host.publish({})
    outside = host.outside(did=UnavailableError(Code.DID_NOT_FOUND))
    assert refresh_standings(vault, outside=outside) == {"degree-1"}
    assert words(vault) == [None]


def test_bad_news_of_one_copy_counts_although_the_list_of_another_is_away(
    vault: Vault, host: StatusHost
) -> None:
    keep(vault, copies=2, indices=[1, 2])
    elsewhere = {"status_list": {"idx": 1, "uri": "https://issuer.example/status/2"}}
    keep(vault, "elsewhere", copies=1, status=elsewhere)
    away = vault.content.credential("elsewhere").copies
    both = replace(vault.content.credential("degree-1"), id="both")
    both = replace(both, copies=both.copies + away)
    vault.change(lambda content: content.with_credential(both))
    for status, word in ((Status.VALID, StandingWord.VALID), (Status.INVALID, StandingWord.REVOKED)):
        host.publish({1: status})
        refresh_standings(vault, outside=host.outside())
        assert vault.content.credential("both").standing == Standing(
            word=word, checked_at=NOW if word is StandingWord.VALID else LATER
        )


def test_a_status_by_another_mechanism_is_unknown_and_none_at_all_is_valid(
    vault: Vault, host: StatusHost
) -> None:
    keep(vault, "strange", status={"other": 1})
    keep(vault, "without", standing=None)
    refresh_standings(vault, outside=host.outside())
    assert words(vault) == [StandingWord.UNKNOWN, StandingWord.VALID]
    assert host.asked == []


def test_the_worst_of_the_unused_copies_counts(vault: Vault, host: StatusHost) -> None:
    keep(vault, copies=3, indices=[1, 2, 3])
    host.publish({1: Status.SUSPENDED, 3: 3})
    refresh_standings(vault, outside=host.outside())
    assert words(vault) == [StandingWord.SUSPENDED]
    first = vault.content.credential("degree-1").copies[0]
    vault.change(lambda content: content.with_copy_used("degree-1", first.key, now=NOW))
    host.publish({1: Status.SUSPENDED})
    refresh_standings(vault, outside=host.outside())
    assert words(vault) == [StandingWord.VALID]


def test_used_copies_count_when_no_other_is_left(vault: Vault, host: StatusHost) -> None:
    keep(vault, copies=1, indices=[1])
    only = vault.content.credential("degree-1").copies[0]
    vault.change(lambda content: content.with_copy_used("degree-1", only.key, now=NOW))
    host.publish({1: Status.INVALID})
    refresh_standings(vault, outside=host.outside())
    assert words(vault) == [StandingWord.REVOKED]


def test_whole_lists_are_fetched_and_each_once(vault: Vault, host: StatusHost) -> None:
    keep(vault, "a", "b", copies=5, indices=range(5))
    host.publish({})
    refresh_standings(vault, outside=host.outside())
    # Nothing in the address tells which credentials, or how many, it is about.
    assert host.asked == [STATUS_URI]
    assert words(vault) == [StandingWord.VALID] * 2


def test_a_list_that_cannot_be_had_is_not_waited_for_twice(vault: Vault, host: StatusHost) -> None:
    keep(vault, "a", "b", copies=5, indices=range(5))
    refresh_standings(vault, outside=host.outside())
    assert host.asked == [STATUS_URI]


def test_an_empty_wallet_asks_nobody_and_is_not_saved(vault: Vault, host: StatusHost) -> None:
    refresh_standings(vault, outside=host.outside())
    assert (host.asked, vault.file.generation) == ([], 1)


def test_what_another_process_removed_or_added_meanwhile_is_left_as_it_is(
    vault: Vault, host: StatusHost, tmp_path: Path
) -> None:
    keep(vault, "a", "b", copies=1, indices=[7])
    host.publish({7: Status.SUSPENDED})

    def change(content: WalletContent) -> WalletContent:
        return with_held(content.without_credential("a"), id="c", indices=[1, 2])

    class Meddling(StatusHost):
        def fetch_ok(self, url: str, *, accept: str, max_bytes: int) -> Fetched:
            with open_vault(tmp_path) as other:
                other.change(change)
            return host.fetch_ok(url, accept=accept, max_bytes=max_bytes)

    refresh_standings(vault, outside=Meddling().outside())
    assert [held.id for held in vault.content.credentials] == ["b", "c"]
    assert words(vault) == [StandingWord.SUSPENDED, StandingWord.VALID]


def test_a_wallet_another_process_holds_is_not_changed(
    vault: Vault, host: StatusHost, tmp_path: Path
) -> None:
    keep(vault, copies=1, indices=[7])
    host.publish({7: Status.SUSPENDED})
    with open_vault(tmp_path) as other, other.file.hold(), pytest.raises(RefusedError) as caught:
        refresh_standings(vault, outside=host.outside())
    assert caught.value.code is Code.VAULT_LOCKED
    assert words(vault) == [StandingWord.VALID]


def test_bad_news_keeps_the_time_it_was_first_learnt(vault: Vault, host: StatusHost) -> None:
    keep(vault, copies=1, indices=[7])
    host.publish({7: Status.SUSPENDED})
    refresh_standings(vault, outside=host.outside())
    host.publish({7: Status.SUSPENDED})
    refresh_standings(vault, outside=host.outside(now=LATER + timedelta(minutes=5)))
    standing = vault.content.credential("degree-1").standing
    assert standing is not None
    assert (standing.checked_at, standing.known_since) == (LATER + timedelta(minutes=5), LATER)


def test_revocation_that_is_confirmed_keeps_its_beginning_and_is_asked_anew(
    vault: Vault, host: StatusHost
) -> None:
    keep(vault, copies=1, indices=[7])
    host.publish({7: Status.INVALID})
    refresh_standings(vault, outside=host.outside())
    refresh_standings(vault, outside=host.outside(now=LATER + timedelta(minutes=5)))
    standing = vault.content.credential("degree-1").standing
    assert standing is not None
    assert (standing.checked_at, standing.known_since) == (LATER + timedelta(minutes=5), LATER)
