"""How far somebody may go: what, from where, until when. Nobody gives away more than he has himself."""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from gateway.errors import Forbidden
from gateway.model import ALL_SCOPES, SCOPES

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
"""IPv4 as a socket for both shows it (RFC 4291 §2.5.5.2)."""


class Reach(NamedTuple):
    """Scopes, source networks (none: from anywhere), end in ms (None: for good)."""

    scopes: frozenset[str]
    networks: tuple[str, ...] = ()
    expires_at: int | None = None

    def covers(self, other: "Reach") -> bool:
        """Whether the other goes nowhere beyond this one."""
        return (
            other.scopes <= self.scopes
            and _inside(other.networks, self.networks)
            and (self.expires_at is None or (other.expires_at is not None and other.expires_at <= self.expires_at))
        )

    def need(self, *others: "Reach") -> None:
        """Raise Forbidden unless this covers all of them."""
        if not all(map(self.covers, others)):
            raise Forbidden("Nobody gives, changes or ends what goes beyond his own scopes, networks and expiry.")


def scopes_of(names: Iterable[str]) -> frozenset[str]:
    """The scopes behind what was asked for; `all` stands for most. Raises ValueError naming a stranger."""
    wanted: set[str] = set()
    for name in names:
        if name != "all" and name not in SCOPES:
            raise ValueError(name)
        wanted |= ALL_SCOPES if name == "all" else {name}
    return frozenset(wanted)


def is_network(text: str) -> bool:
    """Whether this names a network of IP addresses, as `within` takes it."""
    try:
        network(text)
    except ValueError:
        return False
    return True


def within(address: str | None, networks: tuple[str, ...]) -> bool:
    """Whether this is an IP address in one of the networks."""
    ip = ip_address(address or "")
    return ip is not None and any(ip in network(one) for one in networks)


@lru_cache(4096)
def ip_address(text: str) -> Address | None:
    """The IP address that a text is, without its zone; None where it is none. One that IPv6 only carries for IPv4
    (::ffff:192.0.2.1) is the IPv4 address."""
    try:
        ip = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(ip, "ipv4_mapped", None) or ip


@lru_cache(1024)
def network(text: str) -> Network:
    """The network that a text is, one of IPv4 where IPv6 only carries it. Read once: it is compared with at every
    request. Raises ValueError."""
    found = ipaddress.ip_network(text)
    if getattr(found.network_address, "scope_id", None):
        raise ValueError("a network has no zone")
    if found.version == 6 and found.subnet_of(MAPPED):
        return ipaddress.IPv4Network((int(found.network_address) & 0xFFFFFFFF, found.prefixlen - 96))
    return found


def source(address: str) -> str:
    """What somebody nobody knows is counted by: his IPv4 address, or the /64 around an IPv6 one, since nobody is given
    less and could try with a new address each time. Whatever is no address counts as one and the same."""
    return _around(address, 32, 64)


def neighbourhood(address: str) -> str:
    """The network that an address is counted with: its /24, or the /48 of an IPv6 one, which is one customer's."""
    return _around(address, 24, 48)


@lru_cache(4096)
def _around(address: str, four: int, six: int) -> str:
    ip = ip_address(address)
    if ip is None:
        return ""
    length = four if ip.version == 4 else six
    around = ipaddress.ip_network((int(ip).to_bytes(4 if ip.version == 4 else 16), length), strict=False)
    return str(ip) if length == 32 else str(around)


def _inside(inner: tuple[str, ...], outer: tuple[str, ...]) -> bool:
    if not outer:
        return True
    return bool(inner) and all(any(_part(network(one), network(other)) for other in outer) for one in inner)


def _part(one: Network, other: Network) -> bool:
    return one.version == other.version and one.subnet_of(other)  # type: ignore[arg-type]
