"""The HTTP protocol of a connection: aiohttp's, with our words where it would answer by itself."""

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from gateway.errors import BadInput, GatewayError
from gateway.web import problem
from gateway.web.door import dress


class NotHttp(BadInput):
    """The request is not well-formed HTTP."""

    code, status = "bad-json", 400


class Protocol(RequestHandler):
    """A connection. What the parser refuses is a problem document like any other, and names no version of anything."""

    __slots__ = ("gateway",)
    gateway: Any

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 it may quote what was sent
    ) -> web.StreamResponse:
        """The answer to a request that never reached a door. The connection ends with it."""
        if request.writer.output_size > 0:
            raise ConnectionError("half an answer is out already")
        request_id = self.gateway.request_id()
        self.gateway.log.info("request refused", request_id=request_id, code=status, error=type(exc).__name__)
        response = problem.response(NotHttp() if status < 500 else GatewayError(), request_id)
        dress(response, request_id, [])
        response.force_close()
        return response


def protocols(server: web.Server, gateway: Any, **options: Any) -> Callable[[], Protocol]:
    """Makes the protocol of each new connection of a server."""
    loop = asyncio.get_running_loop()

    def make() -> Protocol:
        protocol = Protocol(server, loop=loop, **options)
        protocol.gateway = gateway
        return protocol

    return make
