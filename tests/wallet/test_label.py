import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.claim_path import ClaimPath
from schemas import credential_types
from wallet.label import claim_label, type_label, type_metadata, type_name

DEGREE = "urn:tallystick:degree:1"
LICENCE = "urn:tallystick:driving_licence:1"
HOSTILE = "\x1b[2J\u202e"


def test_known_types_have_their_short_names_and_their_labels() -> None:
    for known in credential_types():
        assert type_name(known.vct) == known.name
        assert type_label(known.vct) == known.type_metadata.name(["en"])
        assert type_metadata(known.vct) == known.type_metadata


@pytest.mark.parametrize(
    ("vct", "name"),
    [
        pytest.param("https://stranger.example/ticket", "https://stranger.example/ticket", id="address"),
        pytest.param("urn:tallystick:degree:2", "urn:tallystick:degree:2", id="another version"),
        pytest.param(DEGREE.upper(), DEGREE.upper(), id="another case"),
        pytest.param("degree", "vct:degree", id="short name of a known type"),
        pytest.param(f"{HOSTILE}:x", f"{HOSTILE}:x", id="hostile"),
    ],
)
def test_a_strange_type_is_called_by_its_identifier_and_never_looks_like_a_known_one(
    vct: str, name: str
) -> None:
    assert (type_name(vct), type_label(vct), type_metadata(vct)) == (name, name, None)


@given(st.text())
def test_no_strange_type_takes_the_name_of_a_known_one(vct: str) -> None:
    taken = {known.name for known in credential_types()}
    assert (type_name(vct) in taken) == (vct in {known.vct for known in credential_types()})


@pytest.mark.parametrize(
    ("vct", "path", "label"),
    [
        pytest.param(DEGREE, ("given_name",), "Given name", id="known"),
        pytest.param(LICENCE, ("driving_privileges", 1, "restrictions", 0), "Restriction", id="element"),
        pytest.param(DEGREE, ("thesis_title",), "Thesis title", id="unknown claim of a known type"),
        pytest.param("urn:x:y", ("address", "postal_code"), "Address postal code", id="unknown type"),
        pytest.param("urn:x:y", ("degrees", 0, "title"), "Degrees title", id="element of an unknown type"),
        pytest.param("urn:x:y", (HOSTILE,), HOSTILE.lower(), id="hostile"),
    ],
)
def test_a_claim_has_the_label_of_its_type_or_a_word_made_of_its_name(
    vct: str, path: ClaimPath, label: str
) -> None:
    assert claim_label(vct, path) == label
