"""Where a request really comes from: the other end of the line, or what a proxy of ours says of it."""

from ipaddress import IPv6Network, ip_address

from aiohttp import web

from gateway.reach import within


def client_address(request: web.BaseRequest, proxies: tuple[str, ...]) -> str:
    """The client's IP address, "" where there is none. X-Forwarded-For counts only when the line comes from one of
    `proxies`; of its addresses the last that is no proxy of ours was seen by one of ours, those before it by nobody."""
    address = request.remote or ""
    if not proxies or not within(address, proxies):
        return address
    hops = [hop.strip() for line in request.headers.getall("X-Forwarded-For", []) for hop in line.split(",")]
    for hop in reversed(hops):
        address = hop
        if not within(hop, proxies):
            break
    return address


def source(address: str) -> str:
    """What a guesser is counted by: his IPv4 address, or the /64 around an IPv6 one, since nobody is given less and
    could try with a new address each time. Whatever is no address counts as one and the same."""
    try:
        ip = ip_address(address)
    except ValueError:
        return ""
    if ip.version == 6 and not ip.ipv4_mapped:
        return str(IPv6Network((int(ip), 64), strict=False))
    return str(ip if ip.version == 4 else ip.ipv4_mapped)
