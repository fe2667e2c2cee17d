"""The HTTP protocol of a connection: aiohttp's, with our words where it would answer by itself."""

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from gateway.errors import BadJson, GatewayError, TooLarge
from gateway.web import problem
from gateway.web.door import dress


class Protocol(RequestHandler):
    """A connection. What the parser refuses is a problem document like any other, and names no version of anything."""

    __slots__ = ("gateway",)
    gateway: Any

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._messages and isinstance(self._messages[-1][0], _ErrInfo):
            self._break_off()

    def _break_off(self) -> None:
        """The parser cannot go on. If it was within a body, whoever reads that hears of it at once, where aiohttp would
        leave him waiting; the connection ends with his answer, and what follows gets none."""
        bodies = [body for _, body in self._messages]
        if self._request_in_progress and self._current_request is not None:
            bodies.append(self._current_request.content)
        for body in bodies:
            if not body.is_eof():
                self._lingering_time = 0.0
                body.set_exception(web.RequestPayloadError("a malformed chunk"))

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 it may quote what was sent
    ) -> web.StreamResponse:
        """The answer to what the parser could not read."""
        if request.writer.output_size > 0:
            raise ConnectionError("half an answer is out already")
        return refusal(self.gateway, status, exc)


def refusal(gateway: Any, status: int, error: BaseException | None) -> web.Response:
    """The problem for a request that never reached a door. The connection ends with it."""
    request_id = gateway.request_id()
    gateway.log.info("request refused", request_id=request_id, code=status, error=type(error).__name__)
    response = problem.response(_told(status, error), request_id)
    dress(response, request_id, [])
    response.force_close()
    return response


def _told(status: int, error: BaseException | None) -> GatewayError:
    if status >= 500:
        return GatewayError()
    return TooLarge() if isinstance(error, LineTooLong) else BadJson("This is not well-formed HTTP.")


def protocols(server: web.Server, gateway: Any, **options: Any) -> Callable[[], Protocol]:
    """Makes the protocol of each new connection of a server."""
    loop = asyncio.get_running_loop()

    def make() -> Protocol:
        protocol = Protocol(server, loop=loop, **options)
        protocol.gateway = gateway
        return protocol

    return make
