"""A line that breaks: between a client and a gateway, as often and in the way it is told."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit


class Relay:
    """Hands bytes on in both directions. Each connection takes the next of `breaks`; after them it is `whole`:

    - `unheard`: hangs up before a byte has gone through
    - `unanswered`: the gateway hears the request, its answer is lost
    - `interrupted`: hangs up after the first event of a live line
    """

    def __init__(self, base: str, breaks: list[str]):
        self._host, self._to = urlsplit(base).hostname, urlsplit(base).port
        self.breaks, self.base = breaks, ""
        self.calls: list[asyncio.Task] = []
        self.ends: list[asyncio.StreamWriter] = []
        self.whole = asyncio.Event()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A connection, from its beginning to its end."""
        self.calls.append(asyncio.current_task())
        self.ends.append(writer)
        how = self.breaks.pop(0) if self.breaks else ""
        if not self.breaks:
            self.whole.set()
        if how != "unheard":
            there, onward = await asyncio.open_connection(self._host, self._to)
            self.ends.append(onward)
            out = asyncio.create_task(_copy(reader, onward))
            await _copy(there, writer, how)
            await _close(writer, onward)
            await out
        await _close(writer)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, until: str = "") -> None:
    with contextlib.suppress(ConnectionError):
        while (part := await reader.read(65536)) and until != "unanswered":
            writer.write(part)
            await writer.drain()
            if until == "interrupted" and b"event:" in part:
                return


async def _close(*writers: asyncio.StreamWriter) -> None:
    for writer in writers:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@contextlib.asynccontextmanager
async def relay(base: str, *breaks: str, port: int = 0) -> AsyncIterator[Relay]:
    """A line to a gateway, at a port of its own."""
    line = Relay(base, list(breaks))
    server = await asyncio.start_server(line.take, "127.0.0.1", port)
    line.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield line
    finally:
        server.close()
        await _close(*line.ends)
        await asyncio.gather(*line.calls)
