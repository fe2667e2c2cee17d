"""What happens at every door, in this order: from where does he come, who is it, may he, has he taken too much, what
does he want; and then the view, and what is said of its answer or its error.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from operator import attrgetter
from typing import Any

from aiohttp import web
from msgspec import Struct, json
from multidict import CIMultiDict

from gateway import metrics
from gateway.answers import Answer
from gateway.callers import NOBODY, Caller
from gateway.errors import BadIdempotencyKey, BadJson, GatewayError, QuotaExceeded, Spent, Unauthorized
from gateway.limits import Asking, Standing, Take
from gateway.model import MessageClass
from gateway.overload import Importance, importance
from gateway.web import arriving, body, problem, query, watching
from gateway.web.arriving import Items
from gateway.web.client import client_address
from gateway.web.routes import API_VERSION, Door

LEFT = attrgetter("remaining")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
"""The methods that are counted by name."""
EMERGENCY = "send.emergency"
ONCE = ("Authorization", "Idempotency-Key", "Content-Type")
CSP = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
COMPRESSED = ("text/html", "text/css")
"""What is made smaller on the way to whoever takes it so."""
ALWAYS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", CSP),
    ("Referrer-Policy", "no-referrer"),
    ("Server", "guest-gateway"),
    ("Gateway-Version", API_VERSION),
)


Handler = Callable[[web.BaseRequest, Mapping[str, str]], Awaitable[web.StreamResponse]]
"""Answers a request; the variable parts of its path are the second argument."""


class Call(Struct):
    """One request, as a view sees it. `query`: as the type the door declares for it, bare where it declares none.
    `items`: those of the long list in the body. `spent`: the credential was good once, or would be elsewhere;
    `invalid`: how many of the recipients cannot be, beyond what is usual."""

    gateway: Any
    parts: Any
    request: web.BaseRequest
    id: str
    path: Mapping[str, str]
    caller: Caller = NOBODY
    order: Any = None
    query: Any = None
    items: Items = Items([], [], b"")
    takes: list[Take] = []
    standings: list[Standing] = []
    spent: bool = False
    invalid: int = 0

    @property
    def people(self) -> Any:
        return self.gateway.people

    @property
    def address(self) -> str:
        """Where the request comes from, "" for the socket."""
        return client_address(self.request, self.parts.config.server.proxies)

    @property
    def asking(self) -> Asking:
        """Who asks, as limits see him."""
        caller = self.caller
        return Asking(caller.limit_keys, caller.names, self.address, self.gateway.vault.limiter_key)

    async def enter(self, endpoint: str, wait: bool) -> None:
        """Take one from the limits on a door. Without `wait` what is taken is on disk with what the request writes.
        Raises QuotaExceeded."""
        limits = self.parts.limits
        if limits.watches(endpoint):
            await self._take(limits.at_door(endpoint, self.asking, wait=wait))

    def weigh(self, class_: MessageClass, many: bool = False) -> None:
        """Raise Unavailable where there is too much to do for a message of this class, or for so many."""
        worth = importance(class_, many)
        admitted = worth is Importance.USUAL and EMERGENCY not in self.caller.scopes
        if not admitted:
            self.gateway.overload.admit(worth)

    async def count(self, endpoint: str, **about: str | bytes | None) -> None:
        """Take one from the limits on an endpoint that go by what the request says: `about` which category, channel,
        guest, provider. Raises QuotaExceeded."""
        asking = self.asking
        asking.says(**about)
        await self._take(self.parts.limits.in_order(endpoint, asking))

    async def count_recipients(self, endpoint: str, many: int) -> None:
        """Take for so many recipients, where a limit counts them; one is taken already. Raises QuotaExceeded, and
        Invalid for more than would ever pass."""
        await self._take(self.parts.limits.for_recipients(endpoint, self.asking, many))

    async def guess(self, spared: bool = False) -> None:
        """Somebody shows what may be a guess: at most so many a minute from one source, and none from one that is held
        up for abuse, unless he is `spared`. Raises QuotaExceeded."""
        if not spared:
            self.gateway.watch.hold_source(self.address)
        await self.parts.limits.at_door("auth", self.asking)

    async def guessed(self, error: Unauthorized) -> None:
        """What was shown is not good: a guess, unless it was good once. Raises QuotaExceeded."""
        self.spent = isinstance(error, Spent)
        await self.guess(spared=self.spent)

    async def _take(self, taking: Awaitable[list[Take]]) -> None:
        """The answer says where the caller then stands, the tightest first. Whoever is refused has taken nothing."""
        try:
            takes = await taking
        except GatewayError:
            self.parts.limits.give(self.takes)
            self.takes = []
            raise
        if takes:
            self.takes = [*self.takes, *takes]
            self.standings = sorted([take.standing for take in self.takes], key=LEFT)

    def match(self, name: str) -> str:
        """A part of the path."""
        return self.path[name]

    def stream(self, content_type: str) -> web.StreamResponse:
        """An answer that is written bit by bit; it has the headers every answer has."""
        response = web.StreamResponse(headers={"Content-Type": content_type})
        dress(response, self.id, [])
        return response


class Threshold(Struct, frozen=True):
    """What the doors of one application share. `caller`: who is at the other end, where the way in proves it."""

    gateway: Any
    caller: Caller | None = None

    def turned_away(self, request: web.BaseRequest, error: GatewayError) -> web.Response:
        """The answer to what comes to no door."""
        gateway = self.gateway
        request_id = gateway.request_id()
        if self.caller is None:
            error = watching.nowhere(gateway, request, error)
        response = problem.response(error, request_id)
        dress(response, request_id, [])
        method = request.method if request.method in METHODS else "other"
        metrics.REQUESTS.labels(method, "none", response.status).inc()
        if gateway.log_requests:
            gateway.log.info("request", request_id=request_id, route="none", method=method, code=response.status)
        return response


def open_door(door: Door, threshold: Threshold) -> Handler:
    """What answers at a door."""
    gateway = threshold.gateway
    encode = json.Encoder().encode
    seconds = metrics.REQUEST_SECONDS.labels(door.path)
    counted: dict[int, Any] = {}

    async def handle(request: web.BaseRequest, path: Mapping[str, str]) -> web.StreamResponse:
        began, refusal = time.perf_counter(), None
        call = Call(gateway, gateway.parts, request, gateway.request_id(), path)
        try:
            result = await _through(door, call, threshold.caller)
            response = _response(door, result, encode)
        except GatewayError as error:
            if isinstance(error, QuotaExceeded):
                call.standings = error.details.get("standings", [])
            if isinstance(error, Unauthorized) and not error.faults:
                gateway.callers.refused += 1
            response, refusal = _told(door, error, call), error
        except Exception as error:  # noqa: BLE001 the last resort: a defect of ours is told without its details
            gateway.log.error("request failed", request_id=call.id, route=door.path, error=type(error).__name__)
            gateway.defect(error)
            response = _told(door, GatewayError(), call)
        finally:
            call.parts.limits.leave(call.takes)
        if threshold.caller is None and not door.exempt:
            watching.answered(door, call, response.status, refusal)
        dress(response, call.id, call.standings)
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


async def _through(door: Door, call: Call, caller: Caller | None) -> Any:
    gateway, request = call.gateway, call.request
    if caller is None and door.guarded and call.parts.gate.guards:
        call.parts.gate.admit(call.address, request.headers.get("Authorization"))
    _single_headers(request)
    if not door.exempt:
        gateway.admit()
    if door.scope is not None:
        call.caller = caller or await _identify(call)
        call.caller.need(door.scope)
    if not door.exempt:
        if caller is None:
            watching.hold(door, call)
            await _in_turn(door, call)
        await call.enter(door.endpoint, wait=door.repeat is None)
    call.query = request.query if door.query is None else query.read(request.query, door.query)
    if not door.decodes:
        return await door.view(call)
    body.check_type(request)
    if door.many is None:
        call.order = body.decode(await body.read(request, door.largest), door.takes)
    else:
        call.order, call.items = await arriving.read(request, door)
    return await door.view(call)


async def _in_turn(door: Door, call: Call) -> None:
    """Whoever matters most goes straight through, others when it is their turn. Raises Unavailable where there is too
    much to do for that, unless he may have an emergency."""
    if door.importance is Importance.FIRST:
        return
    gateway = call.gateway
    if not (door.urgent and EMERGENCY in call.caller.scopes):
        gateway.overload.admit(door.importance)
    if not gateway.entrance.take():
        await gateway.entrance.wait()


def _single_headers(request: web.BaseRequest) -> None:
    """Two of these would be read differently by the two of us."""
    headers = request.headers
    for name in ONCE:
        if len(headers.getall(name, ())) > 1:
            if name == "Idempotency-Key":
                raise BadIdempotencyKey()
            raise BadJson(f"The header {name} is given twice.")


async def _identify(call: Call) -> Caller:
    """The caller; whoever guesses is slowed down, whoever knows his key is let through all the same."""
    request = call.request
    try:
        return call.gateway.callers.by_header(request.headers.get("Authorization"), call.address)
    except Unauthorized as error:
        await call.guessed(error)
        raise


def _response(door: Door, result: Any, encode: Callable[[Any], bytes]) -> web.StreamResponse:
    if isinstance(result, web.StreamResponse):
        return result
    if isinstance(result, Answer):
        return _answer(result)
    if result is None:
        return web.Response(status=204)
    return web.Response(status=door.status, body=encode(result), content_type="application/json")


def _answer(made: Answer) -> web.Response:
    answer = web.Response(status=made.status, body=made.body, content_type=made.content_type)
    answer.headers.extend(made.headers)
    if made.content_type in COMPRESSED:
        answer.charset = "utf-8"
        answer.enable_compression()
        answer.headers["Vary"] = "Accept-Encoding"
    return answer


def _told(door: Door, error: GatewayError, call: Call) -> web.Response:
    """The answer that tells of an error, in the way of this door."""
    return problem.response(error, call.id) if door.told is None else _answer(door.told(error, call))


def dress(response: web.StreamResponse, request_id: str, standings: list[Standing]) -> None:
    """The headers every answer has."""
    headers: CIMultiDict[str] = response.headers
    for name, value in ALWAYS:
        headers.setdefault(name, value)
    headers["X-Request-Id"] = request_id
    if standings:
        headers["RateLimit-Policy"] = ", ".join(s.policy for s in standings)
        headers["RateLimit"] = ", ".join(f'"{s.name}";r={s.remaining};t={s.reset}' for s in standings)
