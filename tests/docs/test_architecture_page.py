import re
from pathlib import Path

from protocol.openid4vp.vp_token import ResponseCheck
from protocol.presentation import Check
from tests.docs.markdown import ROOT, read_page

PAGE = read_page("docs/architecture.md")
FLOORS = ("protocol", "storage", "schemas", "doors", "ledger", "issuer", "verifier", "wallet", "demo")


def named_modules() -> list[str]:
    """Each module of the tables, as a path without its ending."""
    return [
        heading.strip("`") + name
        for heading, cells in PAGE.rows()
        if re.fullmatch(r"`[\w/]+/`", heading)
        for name in re.findall(r"`(\w+)`", cells[0])
    ]


def test_tables_name_every_module_once() -> None:
    files = (path.relative_to(ROOT) for floor in FLOORS for path in Path(ROOT, floor).rglob("*.py"))
    modules = [str(path.with_suffix("")) for path in files if path.name != "__init__.py"]
    named = named_modules()
    assert sorted(set(modules) - set(named)) == [], "to be named in docs/architecture.md"
    assert sorted(set(named) - set(modules)) == [], "named in docs/architecture.md, and not there"
    assert len(named) == len(set(named))


def test_picture_of_a_presentation_shows_the_checks_in_their_order() -> None:
    (picture,) = [block.text for block in PAGE.blocks if Check.ISSUER_TRUST in block.text]
    whole = [ResponseCheck.REQUEST_EXPIRY, *Check, ResponseCheck.QUERY, ResponseCheck.SAME_PERSON]
    assert set(whole) == {*Check, *ResponseCheck}
    decision = picture[picture.index(whole[0]) :]
    shown = [word for word in re.findall(r"\w+", decision) if word in set(whole)]
    assert list(dict.fromkeys(shown)) == [str(check) for check in whole]
