"""Each defence of the threat model names a test that is there."""

import re

import pytest

from tests.docs.markdown import ROOT, read_page

PAGE = read_page("docs/threat-model.md")
ATTACKERS = [cells[0].strip("*") for heading, cells in PAGE.rows() if heading == "Who attacks"][1:]
DEFENCES = [
    cells for heading, cells in PAGE.rows() if heading != "Who attacks" and cells[0] not in ("attack", "name")
]
NAMED = sorted({name for cells in DEFENCES for name in re.findall(r"`([^`]+)`", cells[3])})


def test_defences_were_found() -> None:
    assert len(ATTACKERS) > 5
    assert len(DEFENCES) > 30


@pytest.mark.parametrize("name", NAMED)
def test_named_test_exists(name: str) -> None:
    path, _, function = name.partition("::")
    assert path.startswith("tests/")
    source = (ROOT / path).read_text("utf-8")
    assert re.search(rf"^(?:async )?def {function or 'test_'}", source, re.MULTILINE)
    assert not function or re.search(rf"^(?:async )?def {function}\(", source, re.MULTILINE)


@pytest.mark.parametrize("cells", DEFENCES, ids=lambda cells: str(cells[0]))
def test_defence_has_an_attacker_of_the_model_and_a_test(cells: list[str]) -> None:
    _attack, by, defence, tests = cells
    assert set(by.split(", ")) <= set(ATTACKERS)
    assert defence
    assert tests


def test_every_attacker_attacks_something() -> None:
    assert {name for cells in DEFENCES for name in cells[1].split(", ")} == set(ATTACKERS)
