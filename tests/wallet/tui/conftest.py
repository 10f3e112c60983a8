import asyncio
import inspect
from pathlib import Path

import pytest

from tests.wallet.holder import Holder


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine to its end."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    asyncio.run(pyfuncitem.obj(**wanted))
    return True


@pytest.fixture(autouse=True)
def no_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    """No text is read as markup while a screen is up, whoever hands it to Textual: the program would end."""

    def refuse(markup: str, *_arguments: object, **_more: object) -> None:
        raise AssertionError(f"read as markup: {markup!r}")

    monkeypatch.setattr("textual.markup.to_content", refuse)
    monkeypatch.setattr("rich.text.Text.from_markup", refuse)


@pytest.fixture
def ada(tmp_path: Path) -> Holder:
    """A holder with a degree in two copies."""
    holder = Holder(tmp_path)
    holder.create()
    holder.hold()
    return holder
