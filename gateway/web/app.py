"""The applications: the main door, the ops port, and the socket for the commands of this machine."""

from collections.abc import Iterable

from aiohttp import web

from gateway.callers import Caller
from gateway.errors import NotFound, WrongMethod
from gateway.web import compliance, guest_pages, health, local, messages, problem
from gateway.web.door import dress, open_door
from gateway.web.keys import ACTOR, GATEWAY
from gateway.web.routes import Door, Routes

MAIN = (messages.routes, compliance.routes, health.routes, health.probes, guest_pages.routes)
OPS = (health.probes, health.ops)
LOCAL = (*MAIN, health.ops, local.routes)
LONGEST_LINE, LONGEST_HEADER = 8192, 8192
KEEP_ALIVE = 15.0


def make(gateway, routes: Iterable[Routes]) -> web.Application:
    """An application with these doors."""
    app = web.Application(client_max_size=1 << 25, middlewares=[outside])
    app[GATEWAY] = gateway
    for door in doors(routes):
        app.router.add_route(door.method, door.path, open_door(door))
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
    if isinstance(missing, web.HTTPMethodNotAllowed):
        response = problem.response(WrongMethod(), request_id)
        response.headers["Allow"] = ", ".join(sorted(missing.allowed_methods))
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
    """How an application is run: our own limits, our own log, no signal handling."""
    return web.AppRunner(
        app, access_log=None, handle_signals=False, keepalive_timeout=KEEP_ALIVE, max_line_size=LONGEST_LINE,
        max_field_size=LONGEST_HEADER, handler_cancellation=False, shutdown_timeout=2.0,
    )  # fmt: skip
