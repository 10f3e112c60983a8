from collections.abc import Iterator

import pytest

from ledger.fetch import Fetched, Fetcher, FetchRules
from ledger.remote import RemoteServer
from protocol.codes import Code
from protocol.errors import RefusedError, UnavailableError
from tests.issuer.door import Door, open_door
from tests.issuer.university import EXAMPLE


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    with Fetcher(FetchRules(development=True)) as fetcher:
        yield fetcher


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A server that is managed: that of an issuer."""
    with open_door(tmp_path_factory.mktemp("university")) as door:
        yield door


@pytest.fixture
def remote(door: Door, fetcher: Fetcher) -> RemoteServer:
    key = door.key["Authorization"].removeprefix("Bearer ")
    return RemoteServer(door.university.url, management_key=key, fetcher=fetcher)


def test_commands_reach_the_running_server(remote: RemoteServer) -> None:
    created = remote.post("offers", {"type": "degree", "claims": EXAMPLE})
    offers = remote.get("offers")["offers"]
    assert isinstance(offers, list)
    assert created["id"] in [offer["id"] for offer in offers if isinstance(offer, dict)]
    assert isinstance(remote.post("rotate")["key_id"], str)


def test_errors_keep_their_code_and_detail(remote: RemoteServer) -> None:
    with pytest.raises(RefusedError) as refusal:
        remote.post("offers", {"type": "degree", "claims": {**EXAMPLE, "level": "none"}})
    assert refusal.value.code is Code.CLAIMS_INVALID
    assert refusal.value.detail.startswith("level: is not one of")


def test_wrong_key_is_refused(door: Door, fetcher: Fetcher) -> None:
    with pytest.raises(RefusedError) as refusal:
        RemoteServer(door.university.url, management_key="wrong", fetcher=fetcher).get("offers")
    assert refusal.value.code is Code.MANAGEMENT_KEY_INVALID


def test_server_that_is_not_there_is_unreachable(fetcher: Fetcher) -> None:
    with pytest.raises(UnavailableError) as unreachable:
        RemoteServer("http://issuer.localhost:1", management_key="key", fetcher=fetcher).get("offers")
    assert unreachable.value.code is Code.NETWORK_UNREACHABLE


class Proxy(Fetcher):
    """A proxy that answers instead of the server."""

    def __init__(self, body: bytes) -> None:
        super().__init__(FetchRules())
        self._body = body

    def fetch(self, url: str, **_how: object) -> Fetched:
        return Fetched(502, "text/html", self._body)


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"code":"made_up"}', b'{"code":1}', b""])
def test_answer_that_is_no_problem_document_is_reported_by_its_status(body: bytes) -> None:
    remote = RemoteServer("https://issuer.example", management_key="key", fetcher=Proxy(body))
    with pytest.raises(UnavailableError) as failure:
        remote.get("offers")
    assert (failure.value.code, failure.value.detail) == (Code.NETWORK_STATUS, "502")
