"""Versions of things that are edited: `ETag` says which one was shown, `If-Match` which one an edit is meant for."""

import re
from typing import Any

from aiohttp import web
from msgspec import json

from gateway.answers import Answer
from gateway.errors import Precondition

TAG = re.compile(r'"([0-9]{1,15})"')


def shown(view: Any, status: int = 200, location: str | None = None) -> Answer:
    """A thing with its `version`, as the answer that carries it; `location` of one that was just made."""
    where = (("Location", location),) if location else ()
    return Answer(json.encode(view), status, (("ETag", f'"{view.version}"'), *where))


def wanted(request: web.BaseRequest) -> int | None:
    """The version an edit is meant for; None where any will do. Raises Precondition for a tag we never gave out."""
    text = request.headers.get("If-Match", "*").strip()
    if text == "*":
        return None
    match = TAG.fullmatch(text)
    if match is None:
        raise Precondition()
    return int(match[1])
