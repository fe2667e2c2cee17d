"""What happens at every door, in this order: who is it, may he, has he taken too much, what does he want; and then the
view, and what is said of its answer or its error.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web
from msgspec import Struct, json
from multidict import CIMultiDict

from gateway import metrics
from gateway.answers import Answer
from gateway.callers import NOBODY, Caller
from gateway.errors import BadIdempotencyKey, BadJson, GatewayError, QuotaExceeded, Unauthorized
from gateway.limits import Standing
from gateway.web import body, problem
from gateway.web.client import client_address, source
from gateway.web.keys import ACTOR, GATEWAY
from gateway.web.routes import Door

ONCE = ("Authorization", "Idempotency-Key", "Content-Type")
CSP = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
ALWAYS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", CSP),
    ("Referrer-Policy", "no-referrer"),
    ("Server", "guest-gateway"),
)


class Call(Struct):
    """One request, as a view sees it."""

    gateway: Any
    parts: Any
    request: web.Request
    id: str
    caller: Caller = NOBODY
    order: Any = None
    raw: bytes = b""

    @property
    def query(self) -> Mapping[str, str]:
        return self.request.query

    def match(self, name: str) -> str:
        """A part of the path."""
        return self.request.match_info[name]


def open_door(door: Door) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The aiohttp handler of a door."""
    encode = json.Encoder().encode
    seconds = metrics.REQUEST_SECONDS.labels(door.path)
    counted: dict[int, Any] = {}

    async def handle(request: web.Request) -> web.StreamResponse:
        began = time.perf_counter()
        gateway = request.app[GATEWAY]
        call = Call(gateway, gateway.parts, request, gateway.request_id())
        standings: list[Standing] = []
        try:
            result = await _through(door, call, standings)
            response = _response(door, result, encode)
        except GatewayError as error:
            if isinstance(error, QuotaExceeded):
                standings = error.details.get("standings", [])
            response = problem.response(error, call.id)
        except Exception as error:  # noqa: BLE001 the last resort: a defect of ours is told without its details
            gateway.log.error("request failed", request_id=call.id, route=door.path, error=type(error).__name__)
            gateway.defect(error)
            response = problem.response(GatewayError(), call.id)
        dress(response, call.id, standings)
        took = time.perf_counter() - began
        seconds.observe(took)
        if response.status not in counted:
            counted[response.status] = metrics.REQUESTS.labels(door.method, door.path, response.status)
        counted[response.status].inc()
        if gateway.log_requests:
            gateway.log.info("request", request_id=call.id, route=door.path, method=door.method, code=response.status,
                             dur_ms=round(took * 1000, 1), actor=call.caller.actor)  # fmt: skip
        return response

    return handle


async def _through(door: Door, call: Call, standings: list[Standing]) -> Any:
    gateway, request = call.gateway, call.request
    _single_headers(request)
    if not door.exempt:
        gateway.admit()
    if door.scope is not None:
        call.caller = await _identify(call)
        call.caller.need(door.scope)
    if door.limit is not None:
        standings += await call.parts.limits.take(door.limit, call.caller.limit_keys)
    if door.takes is None:
        return await door.view(call)
    call.raw = await body.read(request)
    body.check_type(request)
    call.order = body.decode(call.raw, door.takes)
    return await door.view(call)


def _single_headers(request: web.Request) -> None:
    """Two of these would be read differently by the two of us."""
    headers = request.headers
    for name in ONCE:
        if name in headers and len(headers.getall(name)) > 1:
            if name == "Idempotency-Key":
                raise BadIdempotencyKey()
            raise BadJson(f"The header {name} is given twice.")


async def _identify(call: Call) -> Caller:
    """The caller; whoever guesses is slowed down, whoever knows his key is let through all the same."""
    gateway, request = call.gateway, call.request
    actor = request.app.get(ACTOR)
    if actor is not None:
        return actor(request)
    address = client_address(request, call.parts.config.server.proxies)
    try:
        return gateway.callers.by_header(request.headers.get("Authorization"), address)
    except Unauthorized:
        await call.parts.limits.take("auth", {"ip": gateway.vault.limiter_key(source(address).encode())})
        raise


def _response(door: Door, result: Any, encode: Callable[[Any], bytes]) -> web.StreamResponse:
    if isinstance(result, web.StreamResponse):
        return result
    if isinstance(result, Answer):
        answer = web.Response(status=result.status, body=result.body, content_type=result.content_type)
        answer.headers.extend(result.headers)
        return answer
    if result is None:
        return web.Response(status=204)
    return web.Response(status=door.status, body=encode(result), content_type="application/json")


def dress(response: web.StreamResponse, request_id: str, standings: list[Standing]) -> None:
    """The headers every answer has."""
    headers: CIMultiDict[str] = response.headers
    for name, value in ALWAYS:
        headers.setdefault(name, value)
    headers["X-Request-Id"] = request_id
    if standings:
        headers["RateLimit-Policy"] = ", ".join(f'"{s.name}";q={s.quota};w={s.window}' for s in standings)
        headers["RateLimit"] = ", ".join(f'"{s.name}";r={s.remaining};t={s.reset}' for s in standings)
