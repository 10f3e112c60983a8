"""Every row of the catalogue of attacks on wallets has a case."""

from types import ModuleType

from tests.doors import test_clipboard
from tests.wallet import (
    test_cli_agent,
    test_consent,
    test_offer,
    test_open_request,
    test_present,
    test_receive,
    test_receive_attacks,
    test_unlocking,
    test_window,
)

MODULES = (
    test_offer,
    test_receive,
    test_receive_attacks,
    test_consent,
    test_open_request,
    test_present,
    test_unlocking,
    test_window,
    test_cli_agent,
    test_clipboard,
)
ROWS = {
    "NT-S67",
    *[f"NT-I{number}" for number in range(27, 32)],
    *[f"NT-P{number}" for number in range(20, 37)],
    "NT-P38",
    "NT-W09",
    "NT-W22",
    "NT-W28",
    "NT-W29",
}


def _ids(module: ModuleType) -> list[str]:
    cases = [
        getattr(case, "id", None)
        for function in vars(module).values()
        for mark in getattr(function, "pytestmark", [])
        if mark.name == "parametrize"
        for case in mark.args[1]
    ]
    return [case for case in cases if case and case.startswith("NT-")]


def test_every_row_has_a_case_and_every_case_a_row() -> None:
    assert {case[:6] for module in MODULES for case in _ids(module)} == ROWS
