"""Every row of the catalogue of attacks on credentials and presentations has a case."""

from types import ModuleType

from tests.attacks import (
    test_key_binding,
    test_sd_jwt_claims,
    test_sd_jwt_disclosures,
    test_sd_jwt_form,
    test_sd_jwt_issuer,
)

MODULES = (
    test_sd_jwt_form,
    test_sd_jwt_issuer,
    test_sd_jwt_disclosures,
    test_sd_jwt_claims,
    test_key_binding,
)
ROWS = [
    *[f"NT-S{number:02}" for number in range(1, 39)],
    *[f"NT-S{number:02}" for number in range(40, 70)],
    *[f"NT-K{number:02}" for number in range(1, 21)],
]


def _ids(module: ModuleType) -> list[str]:
    return [
        case.id
        for function in vars(module).values()
        for mark in getattr(function, "pytestmark", [])
        if mark.name == "parametrize"
        for case in mark.args[1]
    ]


def test_every_row_has_a_case_and_every_case_a_row() -> None:
    ids = [case for module in MODULES for case in _ids(module)]
    assert sorted({case[:6] for case in ids}) == sorted(ROWS)
    assert len(ids) == len(set(ids))
