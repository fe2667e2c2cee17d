"""Repeated requests: the same key and body get the first answer again (IETF httpapi draft, Idempotency-Key)."""

import re
from collections.abc import Awaitable, Callable

from msgspec import json

from gateway.answers import Answer
from gateway.errors import BadIdempotencyKey, IdempotencyInProgress, IdempotencyKeyReused
from gateway.repeats import Repeat
from gateway.web.door import Call

VISIBLE = re.compile(r"[\x21-\x7e]{1,255}")


async def once(
    call: Call,
    route: str,
    act: Callable[[Repeat | None], Awaitable[Answer]],
    content: bytes | None = None,
    *,
    required: bool = False,
) -> Answer:
    """Do it, or answer as before. `act` stores its answer together with what it did. `content`: what makes the request
    the same one, when that is not the order as a whole."""
    key = call.request.headers.get("Idempotency-Key")
    if key is None and not required:
        return await act(None)
    if key is None or not VISIBLE.fullmatch(key):
        raise BadIdempotencyKey()
    repeats = call.gateway.repeats
    repeat = repeats.named(call.caller.principal, route, key, json.encode(call.order) if content is None else content)
    kept = repeats.find(repeat)
    if kept is not None:
        if kept.mac != repeat.mac:
            raise IdempotencyKeyReused()
        location = (("Location", kept.location),) if kept.location else ()
        return Answer(kept.answer, kept.status, (*location, ("Idempotent-Replayed", "true")))
    if not repeats.begin(repeat):
        raise IdempotencyInProgress(retry_after=1)
    try:
        return await act(repeat)
    finally:
        repeats.end(repeat)
