"""What holds for every test: property tests draw the same examples each time, so a green run stays green;
temporary files are in memory where there is room; coverage is measured where it is to be had; no garbage is
looked for among the tests themselves.

`HYPOTHESIS_PROFILE=search` draws fresh ones, to look for what nobody has found yet. How long an example takes
is never judged: on a busy machine that says nothing about us.
"""

import asyncio
import gc
import inspect
import os
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING
from unittest import mock

import pytest
from coverage import Coverage
from hypothesis import HealthCheck, is_hypothesis_test, settings

if TYPE_CHECKING:
    from tests.postgres import PostgresServer

pytest_plugins = ["tests.canary"]

untimed = settings(print_blob=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("repeatable", untimed, derandomize=True)
settings.register_profile("search", untimed)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

MEMORY = Path("/dev/shm")
ROOM_BYTES = 1 << 30
MEASURED = [Path(__file__).parent / folder for folder in ("protocol", "attacks")]


def pytest_configure() -> None:
    # Every commit waits for the disk, and proves nothing by it: what a power cut leaves behind is tried with
    # faults put in by hand.
    if os.access(MEMORY, os.W_OK | os.X_OK) and shutil.disk_usage(MEMORY).free > ROOM_BYTES:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
    gc.disable()


def pytest_collection_finish() -> None:
    # What was collected stays to the end: garbage is not to be looked for among twelve thousand tests. And
    # what a test leaves behind is rarely worth a look.
    gc.freeze()
    gc.set_threshold(10_000)
    gc.enable()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    # A campaign is worth what it tried: `record_property` in a test says how much that was.
    if config.option.markexpr == "stress":
        for report in terminalreporter.getreports("passed"):
            for what, count in report.user_properties:
                terminalreporter.write_line(f"{count:>8}  {what}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.definition.get_closest_marker("both_engines") and "engine_name" in metafunc.fixturenames:
        metafunc.parametrize("engine_name", ["sqlite", "postgresql"])


@pytest.fixture(scope="session")
def postgres() -> Iterator["PostgresServer"]:
    """A PostgreSQL, started by the first test that asks for one."""
    from tests.postgres import postgres_server

    with postgres_server() as server:
        yield server


@pytest.fixture
def engine_name() -> str:
    """Of the databases of a test: SQLite, and for the marker `both_engines` also PostgreSQL."""
    return "sqlite"


@pytest.fixture
def new_database(request: pytest.FixtureRequest, tmp_path: Path, engine_name: str) -> Callable[[str], str]:
    """Gives the address of an empty database, once under each name."""
    if engine_name == "sqlite":
        return lambda name: str(tmp_path / f"{name}.sqlite")
    server: PostgresServer = request.getfixturevalue("postgres")
    return lambda _name: server.new_database()


@pytest.fixture
def database(new_database: Callable[[str], str]) -> str:
    """Where a store is kept."""
    return new_database("register")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    # Measuring costs as much again as running. What only another room's test or a drawn example reaches has
    # no test of its own, so nothing is lost by not looking there.
    if _is_measured(item):
        return (yield)
    paused = []
    # A worker has two of them, and where one stops the other goes on.
    while (coverage := Coverage.current()) is not None:
        coverage.stop()
        paused.append(coverage)
    try:
        return (yield)
    finally:
        for coverage in reversed(paused):
            coverage.start()


def _is_measured(item: pytest.Item) -> bool:
    drawn = is_hypothesis_test(getattr(item, "obj", None))
    return not drawn and any(item.path.is_relative_to(folder) for folder in MEASURED)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine to its end."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    asyncio.run(pyfuncitem.obj(**wanted))
    return True


@pytest.fixture(scope="session", autouse=True)
def quick_servers() -> Iterator[None]:
    """Servers here end at once: uvicorn looks and waits in tenths of a second, and now in hundredths."""
    import uvicorn.server

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds / 10)

    quick = SimpleNamespace(**{**vars(asyncio), "sleep": sleep})
    with mock.patch.object(uvicorn.server, "asyncio", quick):
        yield


@pytest.fixture(scope="session", autouse=True)
def own_ports() -> Iterator[None]:
    """Each worker has ports of its own: one that is free now may be for a server that starts later."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 10
    with mock.patch("demo.world._PORTS", range(20_000 + 1_000 * number, 21_000 + 1_000 * number)):
        yield


@pytest.fixture
def no_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    """No text is read as markup while a screen is up, whoever hands it to Textual: the program would end."""

    def refuse(markup: str, *_arguments: object, **_more: object) -> None:
        raise AssertionError(f"read as markup: {markup!r}")

    monkeypatch.setattr("textual.markup.to_content", refuse)
    monkeypatch.setattr("rich.text.Text.from_markup", refuse)
