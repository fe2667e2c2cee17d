"""The applications: the main door, the ops port, and the socket for the commands of this machine."""

from collections.abc import Iterable
from typing import Any

from aiohttp import web

from gateway.callers import Caller
from gateway.errors import NotFound, WrongMethod
from gateway.web import compliance, guest_pages, health, local, messages, problem, templates
from gateway.web.door import dress, open_door
from gateway.web.keys import ACTOR, GATEWAY
from gateway.web.routes import Door, Routes

MAIN = (
    messages.routes, templates.routes, compliance.routes, health.routes, health.probes, guest_pages.routes,
)  # fmt: skip
OPS = (health.probes, health.ops)
LOCAL = (*MAIN, health.ops, local.routes)
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


def make(gateway, routes: Iterable[Routes]) -> web.Application:
    """An application with these doors."""
    app = web.Application(client_max_size=1 << 25, middlewares=[outside])
    app[GATEWAY] = gateway
    for door in doors(routes):
        handler = open_door(door)
        for method in ("GET", "HEAD") if door.method == "GET" else (door.method,):
            app.router.add_route(method, door.path, handler)
    return app


def doors(routes: Iterable[Routes]) -> list[Door]:
    """Every door, in the order they were declared."""
    return [door for group in routes for door in group.doors]


@web.middleware
async def outside(request: web.Request, handler) -> web.StreamResponse:
    """Answers for what has no door: a path nobody knows, a method nobody takes."""
    if request.match_info.http_exception is None:
        return await handler(request)
    gateway = request.app[GATEWAY]
    request_id = gateway.request_id()
    missing = request.match_info.http_exception
    if isinstance(missing, web.HTTPMethodNotAllowed) or request.method in NEVER:
        response = problem.response(WrongMethod(), request_id)
        allowed = missing.allowed_methods if isinstance(missing, web.HTTPMethodNotAllowed) else ("GET", "POST")
        response.headers["Allow"] = ", ".join(sorted(allowed))
    else:
        response = problem.response(NotFound(), request_id)
    dress(response, request_id, [])
    return response


def at_the_socket(app: web.Application, uid: int) -> web.Application:
    """Make everyone at this application the local user."""
    caller: Caller | None = None

    def who(request: web.Request) -> Caller:
        nonlocal caller
        caller = caller or request.app[GATEWAY].callers.local(uid)
        return caller

    app[ACTOR] = who
    return app


def runner(app: web.Application) -> web.AppRunner:
    """How an application is run: no log but ours, no signal handling."""
    return web.AppRunner(app, handle_signals=False, shutdown_timeout=2.0, **OPTIONS)
