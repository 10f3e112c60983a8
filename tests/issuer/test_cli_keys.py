"""Keys that are in other hands, said from the command line, before a real ledger and a real server."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from doors.clock import now
from doors.exit_code import ExitCode
from protocol.encoding.time import encode_utc
from tests.command import serving
from tests.ledger.institutions import Home, Town, town

YESTERDAY = f"{now() - timedelta(days=1):%Y-%m-%d}"
EARLIER = f"{now() - timedelta(days=2):%Y-%m-%d}"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("town")) as place:
        yield place


@pytest.fixture(scope="module")
def university(place: Town) -> Home:
    return place.settle("university")


def keys_of(home: Home) -> list[Any]:
    keys: list[Any] = home.answer("issuer", "key", "list")["keys"]
    return keys


def marking(key: str, since: str = YESTERDAY) -> tuple[str, ...]:
    return ("issuer", "key", "compromised", key, "--since", since, "--yes")


def test_key_that_signs_is_replaced_before_it_is_marked(university: Home) -> None:
    [first] = keys_of(university)
    assert (first["valid_until"], first["compromised"]) == (None, None)
    told = university.tally(*marking("current"))
    assert told.status == ExitCode.SUCCESS, told
    assert "a new key takes its place first" in told.stderr
    old, new = keys_of(university)
    assert (old["key"], old["compromised"]) == (first["key"], f"{YESTERDAY}T00:00:00Z")
    assert old["valid_until"] is not None
    assert (new["valid_until"], new["compromised"]) == (None, None)
    assert f"in other hands since {YESTERDAY}T00:00:00Z" in university.tally("issuer", "key", "list").stdout
    # Said again: only an earlier moment says more.
    again = university.refusal(*marking(old["key"], f"{YESTERDAY}T01:00:00Z"))
    assert again[:2] == (ExitCode.FAILURE, "entry_not_admitted")
    earlier = university.answer(*marking(old["id"], EARLIER))
    assert (earlier["key"], earlier["key_id"]) == (old["id"], new["id"])
    assert keys_of(university)[0]["compromised"] == f"{EARLIER}T00:00:00Z"
    assert keys_of(university)[1]["key"] == new["key"]


def test_server_that_runs_takes_the_new_key_into_use_itself(place: Town) -> None:
    city = place.settle("city")
    [first] = keys_of(city)
    with serving(city.path, "issuer", "--passphrase-file", str(city.path / "passphrase")):
        marked = city.answer(*marking(first["key"]))
        assert marked["key"] == first["id"]
        # It goes on with the key that this command has seen.
        rotated = city.answer("issuer", "rotate", "--yes")
    keys = keys_of(city)
    assert [key["compromised"] is None for key in keys] == [False, True, True]
    assert keys[1]["id"] == marked["key_id"]
    assert keys[2]["id"] == rotated["key_id"]


@pytest.mark.parametrize(
    ("command", "status", "code"),
    [
        (marking("z6MkNobody"), ExitCode.NOT_FOUND, "not_found"),
        (marking("current", encode_utc(now() + timedelta(days=1))), ExitCode.USAGE, "usage_invalid"),
        (marking("current", "then"), ExitCode.USAGE, "usage_invalid"),
        (marking("current")[:-1], ExitCode.USAGE, "input_required"),
    ],
)
def test_what_cannot_be_marked_changes_nothing(
    university: Home, command: tuple[str, ...], status: int, code: str
) -> None:
    before = keys_of(university)
    assert university.refusal(*command)[:2] == (status, code)
    assert keys_of(university) == before


def test_home_without_an_institution_has_no_keys(place: Town) -> None:
    nobody = Home(place.path / "nobody", "")
    assert nobody.refusal("issuer", "key", "list")[:2] == (ExitCode.NOT_FOUND, "not_initialized")
    assert nobody.refusal(*marking("current"))[:2] == (ExitCode.NOT_FOUND, "not_initialized")
