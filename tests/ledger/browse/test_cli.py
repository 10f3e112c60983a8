from collections.abc import Iterator
from pathlib import Path

import pytest

from doors.terminal import Terminal
from ledger.browse.tui.app import BrowseApp
from protocol.codes import Code
from protocol.tlog.policy import encode_log_policy
from tests.ledger.browse.stage import served
from tests.ledger.conftest import Tally
from tests.ledger.process import Operator
from tests.ledger.world import World, names


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with served(tmp_path_factory.mktemp("ledger"), lambda port: names(3, port=port)) as world:
        yield world


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[BrowseApp]:
    """The explorers that were opened, in a terminal that is one."""
    opened: list[BrowseApp] = []
    monkeypatch.setattr(Terminal, "shows_screens", property(lambda _terminal: True))
    monkeypatch.setattr(BrowseApp, "run", lambda app: opened.append(app))
    return opened


def test_explorer_without_a_terminal_is_refused_and_says_what_does_without_one(tally: Tally) -> None:
    said = tally("browse", "http://ledger.localhost:1", "--json")
    assert (said.status, said.code) == (2, Code.INPUT_REQUIRED)
    assert "/browse" in said.err


def test_policy_that_was_given_is_not_the_word_of_the_ledger(
    tally: Tally, home: Path, world: World, opened: list[BrowseApp]
) -> None:
    url = world.ledger.url
    (home / "policy").write_text(encode_log_policy(world.ledger.policy))
    for arguments in ([url], [url, "--policy", "policy"], ["--policy", "policy"]):
        assert tally("browse", *arguments).status == 0
    assert [app.own_word for app in opened] == [True, False, False]
    assert {app.origin for app in opened} == {world.ledger.origin}


def test_explorer_without_arguments_is_of_the_ledger_of_this_machine(
    tally: Tally, operator: Operator, opened: list[BrowseApp]
) -> None:
    assert tally("browse").status == 0
    assert [(app.origin, app.own_word) for app in opened] == [("ledger.localhost:18101", False)]


def test_explorer_of_no_ledger_is_refused(tally: Tally, opened: list[BrowseApp]) -> None:
    said = tally("browse", "http://ledger.localhost:1", "--json")
    assert (said.status, said.code) == (7, Code.NETWORK_LEDGER_UNREACHABLE)
    assert opened == []
