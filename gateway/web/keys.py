"""What the application carries, under typed keys."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from gateway.callers import Caller

GATEWAY: web.AppKey[Any] = web.AppKey("gateway", Any)
"""The running gateway: `gateway.life.Gateway`."""
ACTOR: web.AppKey[Callable[[web.Request], Caller]] = web.AppKey("actor")
"""Only on the socket's application: who is at the other end."""
