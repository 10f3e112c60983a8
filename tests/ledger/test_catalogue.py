"""Every row of the catalogues of attacks on DIDs and on logs has a case."""

import re
from collections.abc import Iterator
from types import ModuleType

from tests.attacks import test_did_log, test_index, test_log, test_resolving
from tests.ledger import test_audit, test_client_side, test_http, test_sequencer
from tests.ledger.node import test_http as test_node_http
from tests.ledger.node import test_witness

MODULES = (
    test_did_log,
    test_resolving,
    test_log,
    test_index,
    test_client_side,
    test_http,
    test_sequencer,
    test_audit,
    test_witness,
    test_node_http,
)
ROWS = {*[f"NT-D{number:02}" for number in range(1, 35)], *[f"NT-L{number:02}" for number in range(1, 34)]}

_ROW = re.compile(r"NT-[DL]\d\d")


def _rows(module: ModuleType) -> Iterator[str]:
    """Those that a test names in the name of a case, or above all of them."""
    for name, function in vars(module).items():
        if name.startswith("test_"):
            yield from _ROW.findall(function.__doc__ or "")
            for mark in getattr(function, "pytestmark", []):
                for case in mark.args[1] if mark.name == "parametrize" else ():
                    yield from _ROW.findall(str(getattr(case, "id", case)))


def test_every_row_has_a_case_and_every_case_a_row() -> None:
    assert {row for module in MODULES for row in _rows(module)} == ROWS
