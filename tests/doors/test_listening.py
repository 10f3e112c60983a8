import socket

import pytest

from doors.listening import Listening


@pytest.mark.parametrize(
    ("public_url", "host"),
    [("http://issuer.localhost:8102", "issuer.localhost"), ("http://issuer.localhost", "issuer.localhost")],
)
def test_address_on_this_machine_follows_the_port(public_url: str, host: str) -> None:
    with Listening("127.0.0.1", 0).at(public_url, default_port=1) as (listener, url):
        assert url == listener.url == f"http://{host}:{listener.socket.getsockname()[1]}"


def test_public_address_behind_a_proxy_stays() -> None:
    with Listening("127.0.0.1", 0).at("https://issuer.example:8443", default_port=1) as (listener, url):
        assert url == "https://issuer.example:8443"
        assert listener.url == f"http://127.0.0.1:{listener.socket.getsockname()[1]}"


@pytest.mark.parametrize("public_url", ["http://issuer.localhost:{port}", "https://issuer.example:443"])
def test_port_that_is_not_said_is_that_of_the_address_or_the_usual_one(public_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    default = 1 if "{port}" in public_url else port
    with Listening("127.0.0.1", None).at(public_url.format(port=port), default_port=default) as (listener, _):
        assert listener.socket.getsockname()[1] == port
