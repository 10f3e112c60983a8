"""From a host name to the IP addresses an outbound request may go to: public ones only.

The table is our own, from the special-purpose registries of RFC 6890: what Python's `is_global` and
`is_private` say has changed between versions, and lets addresses through that lead back inside (NAT64, 6to4).
"""

import queue
import socket
import threading
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TypeAlias

from protocol.codes import Code
from protocol.errors import RefusedError, UnavailableError

Resolve: TypeAlias = Callable[[str, float], Sequence[str]]
"""Finds the IP addresses of a host name within some seconds, or raises UnavailableError."""

_DENIED_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, and the metadata services of clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
# Everything outside of it is denied as a whole: loopback, IPv4 in all its disguises (::ffff:0:0/96, ::/96,
# 64:ff9b::/96, 64:ff9b:1::/48), unique local, link-local, site-local and multicast.
_UNICAST_V6 = IPv6Network("2000::/3")
_DENIED_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, and Teredo, which carries IPv4
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which carries IPv4
        "3fff::/20",  # documentation
    )
)


def require_public(address: str) -> None:
    """Refuse an IP address that does not lie on the public internet.

    Raises:
        RefusedError: not public, or not an IP address.
    """
    try:
        parsed = ip_address(address)
    except ValueError as error:
        raise RefusedError(Code.NETWORK_HOST_FORBIDDEN, "not an address") from error
    if not _is_public(parsed):
        raise RefusedError(Code.NETWORK_HOST_FORBIDDEN, "the name leads to an address that is not public")


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _DENIED_V4)
    return address in _UNICAST_V6 and not any(address in network for network in _DENIED_V6)


def resolve_host(host: str, seconds: float) -> Sequence[str]:
    """The IP addresses of `host`, public or not, as the system's resolver finds them.

    Raises:
        UnavailableError: there are none, or none in time.
    """
    answers: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            # The dot at the end keeps the resolver from trying the name inside our own domain too.
            found = socket.getaddrinfo(f"{host}.", None, type=socket.SOCK_STREAM)
            answers.put([str(entry[4][0]) for entry in found])
        except OSError as error:
            answers.put(error)

    # getaddrinfo knows no time limit, so the thread may outlive the question.
    threading.Thread(target=look_up, daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty as error:
        raise UnavailableError(Code.NETWORK_TIMEOUT, host) from error
    if isinstance(answer, OSError):
        raise UnavailableError(Code.NETWORK_UNREACHABLE, host) from answer
    return answer
