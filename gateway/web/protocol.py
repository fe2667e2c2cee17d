"""The HTTP protocol of a connection: aiohttp's, with our words where it would answer by itself."""

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from gateway.errors import BadJson, GatewayError, TooLarge
from gateway.overload import RETRY
from gateway.web import problem
from gateway.web.door import dress
from gateway.web.turnstile import END_OF_HEAD, Refusal, Turnstile

PATIENCE = RETRY[0]
"""Seconds after a refusal before which the next one on that connection is not told. Whoever waits as long as he was
told never notices; those who do not would keep us busy with refusing."""


class Protocol(RequestHandler):
    """A connection. What the parser refuses is a problem document like any other, and names no version of anything."""

    __slots__ = ("_answered", "_between", "_next_refusal", "gateway", "turnstile")
    gateway: Any
    turnstile: Turnstile

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self._answered = 0
        self._next_refusal = 0.0
        self._between = True
        """Whether the parser is known to stand between two requests; a new connection does."""

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Write the last of an answer, and note that it is out if the connection lives on."""
        finished = await super().finish_response(request, resp, start_time)
        self._answered += bool(resp.keep_alive)
        return finished

    def data_received(self, data: bytes) -> None:
        shut = self.turnstile.shut
        if shut and self._between and self._refused(data):
            return
        super().data_received(data)
        if self._messages and isinstance(self._messages[-1][0], _ErrInfo):
            self._break_off()
        self._between = shut and self._ended_with(data)

    def _refused(self, data: bytes) -> bool:
        """Answer a request that matters too little before it is read; False where it must be read."""
        if self._answered < self._request_count or self._paused or self.transport is None:
            return False
        refusal = self.turnstile.refusal(data)
        if refusal is None:
            return False
        early = self._next_refusal - self._loop.time()
        if early > 0:
            self.transport.pause_reading()
            self._loop.call_later(early, self._refuse, refusal)
        else:
            self._refuse(refusal)
        return True

    def _refuse(self, refusal: Refusal) -> None:
        if self.transport is None or self.transport.is_closing():
            return
        self.transport.write(refusal.raw)
        if refusal.last:
            self.transport.close()
            return
        self.transport.resume_reading()
        self._next_refusal = self._loop.time() + PATIENCE
        self._next_keepalive_close_time = self._next_refusal + self._keepalive_timeout

    def _ended_with(self, data: bytes) -> bool:
        """Whether the one request there is now ended with these bytes, so that nothing of a next one is in the parser:
        its head then ends in them, and what follows is its body."""
        if len(self._messages) != 1:
            return False
        body = self._messages[0][1]
        head = data.find(END_OF_HEAD) + len(END_OF_HEAD)
        return body.is_eof() and head >= len(END_OF_HEAD) and head + body.total_bytes == len(data)

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


def protocols(server: web.Server, gateway: Any, turnstile: Turnstile, **options: Any) -> Callable[[], Protocol]:
    """Makes the protocol of each new connection of a server."""
    loop = asyncio.get_running_loop()

    def make() -> Protocol:
        protocol = Protocol(server, loop=loop, **options)
        protocol.gateway, protocol.turnstile = gateway, turnstile
        return protocol

    return make
