"""Every row of the catalogue of attacks on wallet files, processes and crashes has a case."""

from types import ModuleType

from tests.storage import (
    test_sealed_archive,
    test_sealed_file_faults,
    test_sealed_file_forgery,
    test_sealed_file_killed,
    test_sealed_file_restart,
)
from tests.wallet import (
    test_backup,
    test_backup_faults,
    test_cli_agent,
    test_cli_backup,
    test_secrets_stay_inside,
    test_unlocking,
)

MODULES = (
    test_sealed_archive,
    test_sealed_file_faults,
    test_sealed_file_forgery,
    test_sealed_file_killed,
    test_sealed_file_restart,
    test_backup,
    test_backup_faults,
    test_cli_agent,
    test_cli_backup,
    test_secrets_stay_inside,
    test_unlocking,
)
ROWS = [f"NT-W{number:02}" for number in range(1, 31)]


def _ids(module: ModuleType) -> set[str]:
    return {
        case
        for function in vars(module).values()
        for mark in getattr(function, "pytestmark", [])
        if mark.name == "parametrize"
        for case in _named(mark.args[1], mark.kwargs.get("ids"))
        if case.startswith("NT-W")
    }


def _named(cases: object, ids: object) -> list[str]:
    """What the cases are called: by themselves, or by `ids`."""
    assert isinstance(cases, list | tuple | dict)
    if isinstance(ids, list):
        return [str(name) for name in ids]
    return [str(getattr(case, "id", None) or (ids(case) if callable(ids) else case)) for case in cases]


def test_every_row_has_a_case_and_every_case_a_row() -> None:
    assert sorted({case[:6] for module in MODULES for case in _ids(module)}) == ROWS
