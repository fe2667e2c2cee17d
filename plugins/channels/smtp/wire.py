"""One connection to a mail server: bytes out, replies in."""

import asyncio
import re
import ssl
from collections import deque
from typing import NamedTuple, cast

LONGEST_REPLY = 64 * 1024
"""Far more than any reply to a command has; a server that says more is not one."""
MOST_REPLIES = 8
"""More than there are commands on their way at once; what is beyond was not asked for and is not kept."""
LINE = re.compile(rb"([2-5]\d\d)(?:([ -])([^\0\r\n]*))?\r?")
ENHANCED = re.compile(r"([245])\.\d{1,3}\.\d{1,3}(?= |$)")


class Reply(NamedTuple):
    """What the server said: `code` such as 250, and its text line by line."""

    code: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """All of it, for people."""
        return " ".join(self.lines)

    @property
    def enhanced(self) -> str | None:
        """The status of RFC 3463 at its beginning, such as 5.1.1; None if there is none or it contradicts the code."""
        found = ENHANCED.match(self.lines[0])
        return found[0] if found and found[1] == str(self.code)[0] else None


class Broken(Exception):
    """The connection is of no more use. `code`: lost, or garbage when what came is not SMTP."""

    def __init__(self, code: str):
        super().__init__(code)
        self.code = code


class Wire(asyncio.Protocol):
    """Replies are awaited one by one, in the order of the commands, however many were written at once."""

    _transport: asyncio.Transport

    def __init__(self):
        self._loop = asyncio.get_running_loop()
        self._rest = b""
        self._size = 0
        self._lines: list[str] = []
        self._replies: deque[Reply] = deque()
        self._waiter: asyncio.Future | None = None
        self._broken: str | None = None

    @property
    def quiet(self) -> bool:
        """Whether it is open and the server has said nothing that was not asked for."""
        return self._broken is None and not (self._replies or self._lines or self._rest)

    @property
    def host(self) -> str:
        """The address of our own end."""
        return self._transport.get_extra_info("sockname")[0]

    def write(self, data: bytes) -> None:
        """Send, now or as soon as the socket takes it. On a broken connection nothing happens; `reply` tells."""
        if self._broken is None:
            self._transport.write(data)

    async def reply(self) -> Reply:
        """The next reply. Raises `Broken`."""
        while not self._replies:
            if self._broken is not None:
                raise Broken(self._broken)
            self._waiter = self._loop.create_future()
            await self._waiter
        return self._replies.popleft()

    async def start_tls(self, context: ssl.SSLContext, server: str) -> None:
        """Encrypt from here on. Whatever came before is not believed (RFC 3207 §6)."""
        if not self.quiet:
            raise Broken("garbage")
        secure = await self._loop.start_tls(self._transport, self, context, server_hostname=server)
        if secure is None:  # it ended just after the handshake
            raise Broken("lost")
        self._transport = secure

    def close(self) -> None:
        """End it once everything is written."""
        self._transport.close()

    def abort(self) -> None:
        """End it at once: a mail without its final dot is not one."""
        self._transport.abort()

    # -- called by the loop -------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if self._broken is None:  # after garbage nothing is believed
                self._take(line)
        if self._size + len(self._rest) > LONGEST_REPLY or len(self._replies) > MOST_REPLIES:
            self._break("garbage")
        self._wake()

    def connection_lost(self, _: Exception | None) -> None:
        self._break("lost")
        self._wake()

    def _take(self, line: bytes) -> None:
        found = LINE.fullmatch(line)
        if found is None:
            self._break("garbage")
            return
        self._size += len(line)
        self._lines.append((found[3] or b"").decode("utf-8", "replace"))
        if found[2] != b"-":
            self._replies.append(Reply(int(found[1]), tuple(self._lines)))
            self._lines, self._size = [], 0

    def _break(self, code: str) -> None:
        if self._broken is None:
            self._broken = code
            self._transport.abort()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done() and (self._replies or self._broken):
            self._waiter.set_result(None)
