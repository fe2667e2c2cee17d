"""Tables in and out (text/csv): one that is sent is read whole, one that is given goes out piece by piece."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from gateway import sheet
from gateway.errors import GatewayError, WrongMediaType
from gateway.web import body
from gateway.web.door import Call

SECONDS = 30.0
"""How long a client may leave a piece of an answer unread."""


async def read(call: Call) -> tuple[bytes, str | None]:
    """A table that was sent, and the charset its sender says it is in. Raises as `body.read` does, and WrongMediaType
    unless it calls itself text/csv."""
    if call.request.content_type != "text/csv":
        raise WrongMediaType("The body must be text/csv.")
    return await body.read(call.request, sheet.LARGEST), call.request.charset


async def give(
    call: Call, pieces: AsyncIterator[bytes], name: str, content_type: str = "text/csv; charset=utf-8"
) -> web.StreamResponse:
    """Send a table as a file of this name. If it cannot be finished the connection breaks off, so that nobody takes
    half of it for the whole."""
    response = call.stream(content_type)
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
