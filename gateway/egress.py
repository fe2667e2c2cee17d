"""Requests to addresses that callers give: to public addresses only, whatever a name server says.

What is checked is the address a connection is opened to, at the moment it is opened: a name that led somewhere else
when it was saved gains nothing. No redirects, no proxies, certificates verified, 15 seconds and a megabyte at most.
"""

import asyncio
import contextlib
import email.utils
import ipaddress
import re
import socket
import ssl
import threading
from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import Any, NamedTuple

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from gateway.clock import Clock
from gateway.errors import Fault, UrlNotAllowed

SECONDS = 15.0
LOOK_UP_SECONDS = 5.0
LARGEST_ANSWER = 1 << 20
PORT = 443
IDLE_SECONDS = 3.0
"""How long a connection stays open for the next request: shorter than most servers wait before they close it."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
URL = re.compile(r"https://([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?(?:[/?][!\"$-~]*)?")
"""Plain enough to mean the same to everybody who reads it: no user, no fragment, no backslash in the name, no
other alphabet."""
UNICAST_V6 = ipaddress.IPv6Network("2000::/3")
UNLISTED = tuple(map(ipaddress.IPv4Network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")))
"""Not public, though the standard library says so: protocol assignments, the old 6to4 relays, a cloud's own host."""


class NotAllowed(OSError):
    """The address may not be connected to."""


class Reply(NamedTuple):
    """What came of a request. `code` is the status, or a word of: not-allowed, name, unreachable, tls, timeout, broken,
    too-large, stopped. `retry_after`: seconds the other side asked for."""

    code: str
    retry_after: float | None = None

    @property
    def taken(self) -> bool:
        """Whether the other side has it."""
        return len(self.code) == 3 and self.code.startswith("2")


class Opening(NamedTuple):
    """An exception that the administrator made: a network at the usual port, or an address at a port of its own."""

    network: ipaddress.IPv4Network | ipaddress.IPv6Network
    port: int

    @classmethod
    def read(cls, text: str) -> "Opening":
        """`10.0.0.0/8`, `10.0.0.5:8443` or `[fd00::5]:8443`. Raises ValueError."""
        address, colon, port = text.rpartition(":")
        if colon and (address.endswith("]") or ":" not in address):
            return cls(ipaddress.ip_network(address.strip("[]")), int(port))
        return cls(ipaddress.ip_network(text), PORT)


class Egress:
    """The way out. `allow` are the exceptions of config.toml. Nothing is opened before it is needed."""

    def __init__(self, allow: Iterable[str], clock: Clock):
        self.openings = tuple(map(Opening.read, allow))
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None
        self._opening = asyncio.Lock()
        self._closed = False

    def allows(self, address: str, port: int) -> bool:
        """Whether a connection may be opened there."""
        ip = ipaddress.ip_address(address)
        return (port == PORT and public(ip)) or any(
            port == opening.port and ip.version == opening.network.version and ip in opening.network
            for opening in self.openings
        )

    async def check(self, url: str) -> None:
        """Whether an address may be saved: https, and a name that leads to places alone that may be connected to.
        Raises UrlNotAllowed, which never says where the name leads."""
        parts = URL.fullmatch(url)
        found = await self._places(parts[1].strip("[]"), int(parts[2] or PORT)) if parts else []
        if not found or not all(self.allows(*place) for place in found):
            raise UrlNotAllowed(
                faults=[
                    Fault("/url", "url-not-allowed", "https, port 443, at a name that leads to public addresses only")
                ]
            )

    async def _places(self, host: str, port: int) -> list[tuple[str, int]]:
        """Addresses and port behind a name; none if there are none in time."""
        try:
            async with asyncio.timeout(LOOK_UP_SECONDS):
                return [(sockaddr[0], port) for *_, sockaddr in await look_up(host, port)]
        except (OSError, ValueError):  # no such name, too slow, or no name at all
            return []

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Send a body and hear how it was taken. Raises nothing."""
        if self._closed:
            return Reply("stopped")
        session = await self._opened()
        try:
            async with session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                return await self._reply(answer)
        except TimeoutError:
            return Reply("timeout")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Reply(_word(error))

    async def _reply(self, answer: aiohttp.ClientResponse) -> Reply:
        read = 0
        async for chunk in answer.content.iter_chunked(65_536):
            read += len(chunk)
            if read > LARGEST_ANSWER:
                answer.close()
                return Reply("too-large")
        return Reply(str(answer.status), self._seconds(answer.headers.get("Retry-After", "")))

    def _seconds(self, text: str) -> float | None:
        """A Retry-After, be it seconds or a date (RFC 9110 §10.2.3)."""
        if text.isascii() and text.isdigit():
            return float(text[:9])
        try:
            at = email.utils.parsedate_to_datetime(text)
        except ValueError:
            return None
        return max(0.0, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - self._clock.now() / 1000)

    async def _opened(self) -> aiohttp.ClientSession:
        async with self._opening:
            if self._session is None:
                context = await asyncio.to_thread(ssl.create_default_context)  # reads every authority there is
                connector = aiohttp.TCPConnector(
                    ssl=context, resolver=Names(), socket_factory=self._socket, limit=0, keepalive_timeout=IDLE_SECONDS
                )
                self._session = aiohttp.ClientSession(
                    connector=connector,
                    timeout=aiohttp.ClientTimeout(total=SECONDS),
                    cookie_jar=aiohttp.DummyCookieJar(),
                    headers={"User-Agent": "guest-gateway"},
                    auto_decompress=False,
                )
        return self._session

    def _socket(self, place: tuple[Any, ...]) -> socket.socket:
        """A socket for the address that is about to be connected to; raises NotAllowed where that must not be."""
        family, type_, protocol, _, (address, port, *_) = place
        if not self.allows(address, port):
            raise NotAllowed()
        return socket.socket(family, type_, protocol)

    async def close(self) -> None:
        """Close every connection; what is asked for afterwards is not done."""
        self._closed = True
        if self._session is not None:
            await self._session.close()


class Anywhere(Egress):
    """The way out to addresses that stand in config.toml: they are the administrator's own."""

    def allows(self, address: str, port: int) -> bool:  # noqa: ARG002 whatever it is
        return True


def public(ip: Address) -> bool:
    """Whether an address is one of the public internet. One that wraps another, as ::ffff:10.0.0.1 does, is not."""
    if isinstance(ip, ipaddress.IPv6Address):
        return ip in UNICAST_V6 and ip.is_global and ip.sixtofour is None
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not any(ip in net for net in UNLISTED)


class Names(AbstractResolver):
    """Name look-ups as aiohttp wants them."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=sockaddr[0], port=port, family=kind, proto=protocol,
                          flags=socket.AI_NUMERICHOST)
            for kind, _, protocol, _, sockaddr in await look_up(host, port, family)
        ]  # fmt: skip

    async def close(self) -> None:
        """There is nothing to close."""


async def look_up(host: str, port: int, family: int = socket.AF_UNSPEC) -> list[Any]:
    """What `getaddrinfo` finds. Raises OSError.

    In a thread that belongs to nobody: a name server that says nothing for half a minute neither takes a place in a
    pool that others wait for, nor holds up the end of the process.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[list[Any]] = loop.create_future()

    def look() -> None:
        try:
            found, error = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM), None
        except (OSError, UnicodeError) as failed:
            found, error = [], failed if isinstance(failed, OSError) else OSError("no name")
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(_found, future, found, error)

    threading.Thread(target=look, name="look up", daemon=True).start()
    return await future


def _found(future: asyncio.Future[list[Any]], found: list[Any], error: OSError | None) -> None:
    if future.done():  # whoever asked has gone
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(found)


def _word(error: Exception) -> str:
    """Why nothing came back, out of a closed set."""
    if isinstance(getattr(error, "os_error", error), NotAllowed):
        return "not-allowed"
    kinds: dict[str, type | tuple[type, ...]] = {
        "name": aiohttp.ClientConnectorDNSError,
        "tls": (aiohttp.ClientSSLError, ssl.SSLError),
        "unreachable": aiohttp.ClientConnectorError,
    }
    return next((word for word, kind in kinds.items() if isinstance(error, kind)), "broken")
