"""The applications: the main door, the ops port, and the socket for the commands of this machine."""

from collections.abc import Collection, Iterable
from typing import Any

from aiohttp import web

from gateway.callers import Caller
from gateway.errors import BadJson, NotFound, WrongMethod
from gateway.web import (
    abuse,
    access_rules,
    analytics,
    api_keys,
    audit,
    auth,
    batches,
    breaches,
    complaints,
    compliance,
    consents,
    data_requests,
    guest_pages,
    guests,
    health,
    holds,
    limits,
    local,
    look,
    messages,
    processing,
    replies,
    suppressions,
    templates,
    users,
    webhooks,
)
from gateway.web.docs import Docs
from gateway.web.door import Handler, Threshold, open_door
from gateway.web.routes import Door, Routes

DESCRIBED = (
    messages.routes, batches.routes, templates.routes, compliance.routes, consents.routes, replies.routes,
    data_requests.routes, complaints.routes, breaches.routes, processing.routes, guests.routes, suppressions.routes,
    holds.routes, audit.routes, analytics.routes, limits.routes, access_rules.routes, abuse.routes, webhooks.routes,
    auth.routes, api_keys.routes, users.routes, health.routes, health.probes, *guest_pages.ROUTES, look.routes,
)  # fmt: skip
MAIN = (*DESCRIBED, Docs(DESCRIBED).routes)
OPS = (health.probes, health.ops)
LOCAL = (*MAIN, health.ops, local.routes, suppressions.local, audit.local)
OPTIONS: dict[str, Any] = {
    "access_log": None,
    "keepalive_timeout": 15.0,
    "lingering_time": 1.0,
    "max_line_size": 8192,
    "max_field_size": 8192,
}
"""Of every connection: our own log, 15 s for the head of a request, 1 s for what still comes after a refusal, lines and
headers of 8 KiB."""

NEVER = ("CONNECT", "TRACE")
"""Taken nowhere, whatever the address."""


class Application:
    """Brings each request to its door. One whose path has no variable part is found by a look into a dict; aiohttp's
    router, which takes the time of a small answer, finds the others."""

    def __init__(self, gateway: Any, routes: Iterable[Routes], caller: Caller | None = None):
        self._threshold = Threshold(gateway, caller)
        self._plain: dict[str, dict[str, Handler]] = {}
        self._router = web.UrlDispatcher()
        for door in doors(routes):
            handler: Any = open_door(door, self._threshold)
            for method in ("GET", "HEAD") if door.method == "GET" else (door.method,):
                if "{" in door.path:
                    self._router.add_route(method, door.path, handler)
                else:
                    self._plain.setdefault(door.path, {})[method] = handler

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer to a request, whatever it asks."""
        if "Expect" in request.headers and not await self._go_on(request):
            response = self._threshold.turned_away(request, BadJson("Only Expect: 100-continue is understood."))
            response.force_close()
            return response
        plain = self._plain.get(request.path)
        if plain is not None:
            handler = plain.get(request.method)
            return await handler(request, {}) if handler else self._nowhere(request, plain)
        found: Any = await self._router.resolve(request)  # type: ignore[arg-type]  # it needs method and path alone
        missing = found.http_exception
        if missing is None:
            return await found.handler(request, found)
        return self._nowhere(request, getattr(missing, "allowed_methods", ()))

    async def _go_on(self, request: web.BaseRequest) -> bool:
        """Tell a client that waits for it to send its body (RFC 9110 §10.1.1)."""
        if request.headers["Expect"].lower() != "100-continue":
            return False
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer itself has not begun
        return True

    def _nowhere(self, request: web.BaseRequest, taken: Collection[str]) -> web.StreamResponse:
        """The answer where there is no door: a path nobody knows, a method that is not one of those `taken` there."""
        if not taken and request.method not in NEVER:
            return self._threshold.turned_away(request, NotFound())
        response = self._threshold.turned_away(request, WrongMethod())
        response.headers["Allow"] = ", ".join(sorted(taken or ("GET", "POST")))
        return response


def doors(routes: Iterable[Routes]) -> list[Door]:
    """Every door, in the order they were declared."""
    return [door for group in routes for door in group.doors]


def runner(application: Application) -> web.ServerRunner:
    """How an application is run: no log but ours, no signal handling."""
    server = web.Server(application, **OPTIONS)
    return web.ServerRunner(server, handle_signals=False, shutdown_timeout=2.0)
