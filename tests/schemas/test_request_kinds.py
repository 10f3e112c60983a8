import pytest

from schemas import credential_types
from schemas.request_kinds import ClaimTable, request_kinds

TABLE = request_kinds()
TABLES = [*(kind.usual for kind in TABLE.kinds), TABLE.rarely_needed]


@pytest.mark.parametrize("table", TABLES)
def test_every_claim_of_the_table_is_one_of_its_type(table: ClaimTable) -> None:
    claims = {known.vct: {claim.path for claim in known.type_metadata.claims} for known in credential_types()}
    for vct, paths in table.items():
        assert paths <= claims[vct]


def test_of_every_type_it_is_known_what_is_rarely_needed() -> None:
    assert TABLE.rarely_needed.keys() == {known.vct for known in credential_types()}


@pytest.mark.parametrize(
    ("purpose", "labels"),
    [
        ("To check that you are 18 or over", ["an age check"]),
        ("AGE VERIFICATION", ["an age check"]),
        ("Job application", ["a job application"]),
        ("Student discount", ["a student discount"]),
        ("To rent you a car", ["vehicle hire"]),
        ("Are you old enough to rent a car?", ["an age check", "vehicle hire"]),
        ("Check-in for your flight", ["travel"]),
        ("To open an account", ["opening an account"]),
        ("To see whether you may apply", []),
        ("Package delivery, message, page, carpet", []),
        ("", []),
    ],
)
def test_kind_is_recognized_by_whole_words_of_the_purpose(purpose: str, labels: list[str]) -> None:
    assert [kind.label for kind in TABLE.recognize(purpose)] == labels
