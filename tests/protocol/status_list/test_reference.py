import pytest

from protocol.codes import Code
from protocol.encoding.strict_json import JsonValue
from protocol.errors import VerificationError
from protocol.status_list import StatusReference, read_status


def test_credential_without_a_status_has_none() -> None:
    assert read_status({"vct": "urn:example:1"}) is None


@pytest.mark.parametrize(
    "uri",
    [
        "https://issuer.example/status/1",
        "https://issuer.example",
        "https://a.b-c.issuer.example:8443/status?list=1",
        "https://xn--bcher-kva.example/",
        "http://city.localhost:8030/status/1",
    ],
)
def test_status_reference_is_read(uri: str) -> None:
    payload: dict[str, JsonValue] = {"status": {"status_list": {"idx": 0, "uri": uri}, "other": 1}}
    assert read_status(payload) == StatusReference(0, uri)


@pytest.mark.parametrize(
    "status",
    [None, "revoked", [], {"status_list": None}, {"status_list": []}, {"status_list": {}}],
    ids=str,
)
def test_status_of_another_shape_is_refused(status: JsonValue) -> None:
    with pytest.raises(VerificationError) as caught:
        read_status({"status": status})
    assert caught.value.code is Code.CLAIM_INVALID


def test_status_by_another_mechanism_alone_is_not_taken_for_valid() -> None:
    with pytest.raises(VerificationError) as caught:
        read_status({"status": {"identifier_list": {"id": "aa", "uri": "https://issuer.example"}}})
    assert caught.value.code is Code.STATUS_UNKNOWN


@pytest.mark.parametrize("uri", [None, 1, {}, ["https://issuer.example"]], ids=str)
def test_uri_that_is_no_text_is_refused(uri: JsonValue) -> None:
    with pytest.raises(VerificationError) as caught:
        read_status({"status": {"status_list": {"idx": 1, "uri": uri}}})
    assert caught.value.code is Code.CLAIM_INVALID
