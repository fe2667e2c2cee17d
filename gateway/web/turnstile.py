"""What stands before the doors while there is too much to do: a request that matters too little is refused by a look at
its bytes, at a fraction of what it costs to read it and to find out who is asking.

It only knows the plainest of requests, those nearly all clients make: one that arrived whole, for a path without a
variable part. Whatever else it sees, it leaves to the parser and the doors, which refuse by the same rules.
"""

import math
import re
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from gateway import metrics
from gateway.errors import Unavailable
from gateway.ids import LENGTH as LENGTH_OF_ID
from gateway.life import Gateway
from gateway.overload import Importance
from gateway.web import problem
from gateway.web.door import dress
from gateway.web.routes import Door, Routes

LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,9})[ \t]*(?=\r\n)", re.IGNORECASE)
ODD = re.compile(
    rb"\r\n(?:[ \t]|transfer-encoding:|expect:|upgrade:|connection:(?![ \t]*(?:close|keep-alive)[ \t]*\r\n))",
    re.IGNORECASE,
)
"""What changes how a request is read, or how its connection goes on."""
LAST = re.compile(rb"\r\nconnection:[ \t]*close", re.IGNORECASE)
MAYBE_URGENT = (b"emergency", b"\\u")
"""An emergency says so in its body, be it in escaped letters."""
NAME = "req_" + "0" * LENGTH_OF_ID
END_OF_HEAD = b"\r\n\r\n"


class Refusal(NamedTuple):
    """An answer as it goes over the wire. `last`: the connection ends with it."""

    raw: bytes
    last: bool


class Turnstile:
    """Looks at requests to some doors."""

    def __init__(self, gateway: Gateway, routes: Iterable[Routes]):
        self._gateway = gateway
        self._doors = {
            f"{door.method} {door.path} HTTP/1.1".encode(): door
            for group in routes
            for door in group.doors
            if "{" not in door.path and not door.exempt and door.importance < Importance.FIRST
        }

    @property
    def shut(self) -> bool:
        """Whether there is anything to be refused."""
        return self._gateway.overload.refusing > 0

    def refusal(self, data: bytes) -> Refusal | None:
        """The answer to what came on a connection that waits for a request, if it is one whole request and matters too
        little; None where the doors must see it."""
        door = self._doors.get(data[: data.find(b"\r\n")])
        if door is None or not is_whole(data) or (door.urgent and any(word in data for word in MAYBE_URGENT)):
            return None
        try:
            self._gateway.overload.call_in(door.importance)
        except Unavailable as error:
            return self._refused(door, error, LAST.search(data, 0, data.find(END_OF_HEAD) + 2) is not None)
        return None

    def _refused(self, door: Door, error: Unavailable, last: bool) -> Refusal:
        gateway = self._gateway
        request_id = gateway.request_id()
        metrics.of(metrics.REQUESTS, door.method, door.path, str(error.status)).inc()
        if gateway.log_requests:
            gateway.log.info("request", request_id=request_id, route=door.path, method=door.method, code=error.status)
        form = _form(str(error), math.ceil(error.retry_after or 0), last)
        return Refusal(form.replace(NAME.encode(), request_id.encode()), last)


@cache
def _form(detail: str, seconds: int, last: bool) -> bytes:
    """A refusal as it goes over the wire, but for the name of the request."""
    answer = problem.response(Unavailable(detail, retry_after=seconds), NAME)
    dress(answer, NAME, [])
    if last:
        answer.headers["Connection"] = "close"
    body: bytes = answer.body  # type: ignore[assignment]
    head = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items())
    return f"HTTP/1.1 503 Service Unavailable\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def is_whole(data: bytes) -> bool:
    """Whether this is one plain request from its first byte to its last, and nothing else."""
    head = data.find(END_OF_HEAD) + len(END_OF_HEAD)
    lengths = LENGTH.findall(data, 0, head)
    if ODD.search(data, 0, head) or len(lengths) > 1:
        return False
    return head + int(lengths[0] if lengths else 0) == len(data)
