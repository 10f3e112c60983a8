from collections.abc import Iterator

import pytest

from issuer.remote import RemoteIssuer
from ledger.fetch import Fetcher, FetchRules
from protocol.codes import Code
from protocol.errors import RefusedError, TallyError, UnavailableError
from tests.issuer.door import Door
from tests.issuer.university import EXAMPLE


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    with Fetcher(FetchRules(development=True)) as fetcher:
        yield fetcher


@pytest.fixture
def remote(door: Door, fetcher: Fetcher) -> RemoteIssuer:
    key = door.key["Authorization"].removeprefix("Bearer ")
    return RemoteIssuer(door.university.url, management_key=key, fetcher=fetcher)


def test_commands_reach_the_running_issuer(remote: RemoteIssuer) -> None:
    created = remote.post("offers", {"type": "degree", "claims": EXAMPLE})
    offers = remote.get("offers")["offers"]
    assert isinstance(offers, list)
    assert created["id"] in [offer["id"] for offer in offers if isinstance(offer, dict)]
    assert isinstance(remote.post("rotate")["key_id"], str)


def test_errors_keep_their_code_and_detail(remote: RemoteIssuer) -> None:
    with pytest.raises(RefusedError) as refusal:
        remote.post("offers", {"type": "degree", "claims": {**EXAMPLE, "level": "none"}})
    assert refusal.value.code is Code.CLAIMS_INVALID
    assert refusal.value.detail.startswith("level: is not one of")


def test_wrong_key_is_refused(door: Door, fetcher: Fetcher) -> None:
    with pytest.raises(RefusedError) as refusal:
        RemoteIssuer(door.university.url, management_key="wrong", fetcher=fetcher).get("offers")
    assert refusal.value.code is Code.MANAGEMENT_KEY_INVALID


def test_answer_that_is_no_problem_document_is_reported_by_its_status(door: Door, fetcher: Fetcher) -> None:
    remote = RemoteIssuer(f"{door.university.url}/token", management_key="key", fetcher=fetcher)
    with pytest.raises(TallyError) as failure:
        remote.get("offers")
    assert failure.value.code is Code.NOT_FOUND
    with pytest.raises(UnavailableError) as unreachable:
        RemoteIssuer("http://issuer.localhost:1", management_key="key", fetcher=fetcher).get("offers")
    assert unreachable.value.code is Code.NETWORK_UNREACHABLE
