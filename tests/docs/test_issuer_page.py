"""What the page for issuers tells people to write is accepted, and its numbers are those of the code."""

import re
from pathlib import Path

import pytest

from doors.exit_code import ExitCode, exit_code
from issuer.claims import check_claims
from issuer.credential_type import TypeShelf
from issuer.offer import TRIES
from issuer.settings import IssuerSettings, parse_settings
from protocol.codes import Code, find_code
from protocol.errors import MalformedError, RefusedError, TallyError, UnavailableError, VerificationError
from schemas import credential_types
from tests.docs.markdown import read_page

PAGE = read_page("docs/issuer.md")
KINDS: tuple[type[TallyError], ...] = (MalformedError, VerificationError, UnavailableError, RefusedError)


def test_settings_of_the_page_are_the_defaults() -> None:
    [text] = [block.text for block in PAGE.blocks if block.language == "toml"]
    settings = parse_settings(text)
    assert settings == IssuerSettings(settings.name, settings.url, settings.did)


def test_page_names_every_type_that_comes_along() -> None:
    [line] = [line for line in PAGE.prose.splitlines() if line.startswith("Four types come along")]
    assert re.findall(r"`(\w+)`", line) == [kind.name for kind in credential_types()]


def test_type_of_the_page_can_be_issued(tmp_path: Path) -> None:
    blocks = iter([block.text for block in PAGE.blocks if block.language == "json"])
    source = tmp_path / "library_card"
    source.mkdir()
    for name in ("claims.schema.json", "type_metadata.json", "example.json"):
        (source / name).write_text(next(blocks))
    issued = TypeShelf(tmp_path / "types").add(source, valid_days=365)
    assert f"You issue {issued.name} ({issued.definition.vct}), valid for 365 days." in PAGE.text
    with pytest.raises(RefusedError) as caught:
        check_claims(issued.definition, {"given_name": "Ada"})
    assert f"✗ {caught.value}\n" in PAGE.text


def test_page_knows_how_many_wrong_codes_an_offer_survives() -> None:
    assert TRIES == 5
    assert "the fifth wrong code closes the offer" in " ".join(PAGE.text.split())


def test_every_code_of_the_page_ends_with_its_number() -> None:
    listed = [
        (int(cells[0]), find_code(word))
        for heading, cells in PAGE.rows()
        if heading == "How a command ends" and cells[0].isdecimal()
        for word in re.findall(r"`(\w+)`", cells[2])
    ]
    assert len(listed) > 10
    for number, code in listed:
        assert code is not None
        assert number in {exit_code(kind(code)) for kind in KINDS}, code


def test_every_number_of_the_page_is_one_of_ours() -> None:
    numbers = {int(cells[0]) for _, cells in PAGE.rows() if cells[0].isdecimal()}
    assert numbers <= set(ExitCode)
    assert exit_code(RefusedError(Code.STATUS_FINAL)) in numbers
