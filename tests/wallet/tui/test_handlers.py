"""Textual calls a handler of a class and of each class above it: overriding takes nothing away."""

import importlib
import inspect
import pkgutil
from typing import Any

import pytest

import wallet.tui

# These only add something to what the class above does.
ADDING = {"on_mount", "on_screen_resume"}


def classes() -> list[type[Any]]:
    found: dict[str, type[Any]] = {}
    for module in pkgutil.walk_packages(wallet.tui.__path__, "wallet.tui."):
        if not module.name.endswith("__main__"):
            for _, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
                if kind.__module__.startswith("wallet.tui"):
                    found[f"{kind.__module__}.{kind.__qualname__}"] = kind
    return list(found.values())


@pytest.mark.parametrize("kind", classes(), ids=lambda kind: kind.__name__)
def test_no_handler_is_meant_to_replace_that_of_the_class_above(kind: type[Any]) -> None:
    own = {name for name in vars(kind) if name.startswith(("on_", "_on_"))} - ADDING
    above = {
        name for base in kind.__mro__[1:] if base.__module__.startswith("wallet.") for name in vars(base)
    }
    assert own & above == set()
    for name in ADDING & vars(kind).keys():
        assert "super()" not in inspect.getsource(vars(kind)[name]), "it would be called twice"
