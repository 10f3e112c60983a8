import pytest

from protocol.claim_path import ClaimPath
from protocol.codes import Code
from protocol.encoding.strict_json import JsonObject
from protocol.errors import VerificationError
from protocol.keys import Ed25519PrivateKey
from protocol.sdjwt.issue import issue_sd_jwt
from protocol.sdjwt.parse import SdJwt
from protocol.sdjwt.present import HeldClaim, list_claims, select_disclosures
from protocol.sdjwt.verify import verify_disclosures
from tests.attacks.artefacts import counted_salts

CLAIMS: JsonObject = {
    "vct": "urn:example",
    "name": "Ada",
    "address": {"street": "Main Street 5", "town": "London", "country": "GB"},
    "birth": {"place": {"town": "London", "house": 5}, "date": "1815-12-10"},
    "nationalities": ["GB", "FR"],
    "awards": [],
}
CREDENTIAL = issue_sd_jwt(
    CLAIMS,
    disclosable=[
        ("name",),
        ("address",),
        ("address", "street"),
        ("address", "town"),
        ("birth", "place"),
        ("nationalities", None),
        ("awards",),
    ],
    key=Ed25519PrivateKey(bytes(range(32))),
    salts=counted_salts(),
    typ="example+sd-jwt",
)
OPEN: JsonObject = {"vct": "urn:example", "birth": {"date": "1815-12-10"}, "nationalities": []}


def shown(sd_jwt: SdJwt) -> JsonObject:
    return verify_disclosures(sd_jwt.unverified_payload(), sd_jwt.disclosures).claims


@pytest.mark.parametrize(
    ("paths", "added"),
    [
        ([], {}),
        ([("vct",), ("birth", "date")], {}),
        ([("name",)], {"name": "Ada"}),
        ([("address", "town")], {"address": {"country": "GB", "town": "London"}}),
        ([("address", "country")], {"address": {"country": "GB"}}),
        ([("address",)], {"address": CLAIMS["address"]}),
        ([("birth", "place", "town")], {"birth": CLAIMS["birth"]}),
        ([("birth",)], {"birth": CLAIMS["birth"]}),
        ([("nationalities", 1)], {"nationalities": ["FR"]}),
        ([("nationalities", None)], {"nationalities": ["GB", "FR"]}),
        ([("nationalities",)], {"nationalities": ["GB", "FR"]}),
        ([("name",), ("name",), ("awards",)], {"name": "Ada", "awards": []}),
    ],
)
def test_selection_shows_the_claims_named_with_their_parents_and_nothing_beside(
    paths: list[ClaimPath], added: JsonObject
) -> None:
    assert shown(select_disclosures(CREDENTIAL, paths)) == OPEN | added


def test_selection_leaves_a_key_binding_behind_and_the_order_as_it_was() -> None:
    bound = SdJwt(CREDENTIAL.issuer_jwt, CREDENTIAL.disclosures, "a.b.c")
    chosen = select_disclosures(bound, [("nationalities", None), ("name",)])
    assert chosen.key_binding_jwt is None
    assert [each.value for each in chosen.disclosures] == ["Ada", "GB", "FR"]


@pytest.mark.parametrize("path", [("surname",), ("name", "first"), ("nationalities", 2), ("awards", None)])
def test_selection_of_a_claim_that_is_not_there_is_refused(path: ClaimPath) -> None:
    with pytest.raises(VerificationError) as caught:
        select_disclosures(CREDENTIAL, [("name",), path])
    assert caught.value.code is Code.CLAIM_MISSING


def test_claims_are_listed_in_the_smallest_pieces_that_can_be_shown() -> None:
    pieces = list_claims(CREDENTIAL)
    assert {(piece.path, piece.always_visible) for piece in pieces} == {
        (("vct",), True),
        (("birth", "date"), True),
        (("birth", "place"), False),
        (("address", "country"), False),
        (("address", "street"), False),
        (("address", "town"), False),
        (("name",), False),
        (("nationalities", 0), False),
        (("nationalities", 1), False),
        (("awards",), False),
    }
    assert len(pieces) == 10
    assert HeldClaim(("birth", "place"), {"town": "London", "house": 5}, always_visible=False) in pieces


def test_piece_of_an_array_has_the_name_of_the_array() -> None:
    names = {piece.path: piece.name for piece in list_claims(CREDENTIAL)}
    assert names["address", "town"] == "town"
    assert names["nationalities", 1] == "nationalities"


def test_each_listed_piece_can_be_shown_on_its_own() -> None:
    always = shown(select_disclosures(CREDENTIAL, []))
    for piece in list_claims(CREDENTIAL):
        chosen = select_disclosures(CREDENTIAL, [piece.path])
        assert (shown(chosen) == always) is piece.always_visible
