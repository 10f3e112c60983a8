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


@pytest.fixture
def ada(tmp_path: Path) -> Holder:
    """A holder with a degree in two copies."""
    holder = Holder(tmp_path)
    holder.create()
    holder.hold()
    return holder
