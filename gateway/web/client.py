"""Where a request really comes from: the other end of the line, or what a proxy of ours says of it."""

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
