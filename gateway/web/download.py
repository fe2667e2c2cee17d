"""Files that are given out piece by piece."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from gateway.errors import GatewayError
from gateway.web.door import Call

SECONDS = 30.0
"""How long a client may leave a piece of an answer unread."""
TABLE = "text/csv; charset=utf-8"


async def give(call: Call, pieces: AsyncIterator[bytes], type_: str, name: str) -> web.StreamResponse:
    """Send a file of this type and name. If it cannot be finished the connection breaks off, so that nobody takes half
    of it for the whole."""
    response = call.stream(type_)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    await response.prepare(call.request)
    if call.request.method == "HEAD":
        return response
    try:
        async for piece in pieces:
            async with asyncio.timeout(SECONDS):
                await response.write(piece)
        await response.write_eof()
    except (OSError, TimeoutError, GatewayError):
        if call.request.transport is not None:
            call.request.transport.abort()
    return response
