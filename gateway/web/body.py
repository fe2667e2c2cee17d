"""Reads a request's body once, into the type that is its validation; names every fault of one that does not fit."""

import asyncio
import json as stdlib_json
from collections.abc import AsyncIterator
from functools import lru_cache
from io import BytesIO
from typing import Any

import msgspec
from aiohttp import web

from gateway.errors import BadJson, TooLarge, Unavailable, WrongEncoding, WrongMediaType
from gateway.web import faults

LARGEST = 1 << 20
DEEPEST = 32
SECONDS = 30.0
SPACE = b" \t\n\r"
NO_DOCUMENT = "The body is not one well-formed UTF-8 JSON document."


async def read(request: web.BaseRequest, largest: int = LARGEST) -> bytes:
    """The raw body. Raises WrongEncoding, TooLarge, BadJson when it breaks off, Unavailable when it takes over 30 s."""
    if not request.content.is_eof() or request.content.exception() is not None:
        whole = BytesIO()
        async for part in parts(request, largest):
            whole.write(part)
        return whole.getvalue()
    _check_size(request, largest)
    raw = request.content.read_nowait()
    if len(raw) > largest:
        raise TooLarge()
    return raw


async def parts(request: web.BaseRequest, largest: int) -> AsyncIterator[bytes]:
    """The body as it arrives, and an empty part at its end. Raises as `read` does."""
    _check_size(request, largest)
    size, until = 0, asyncio.get_running_loop().time() + SECONDS
    part = None
    while part != b"":
        try:
            async with asyncio.timeout_at(until):
                part = await request.content.readany()
        except TimeoutError as error:
            request.protocol.keep_alive(False)
            raise Unavailable("The body did not arrive in time.", retry_after=1) from error
        except (ConnectionError, web.RequestPayloadError) as error:
            raise BadJson("The body breaks off.") from error
        size += len(part)
        if size > largest:
            raise TooLarge()
        yield part


def _check_size(request: web.BaseRequest, largest: int) -> None:
    if "Content-Encoding" in request.headers:
        raise WrongEncoding()
    if (request.content_length or 0) > largest:
        raise TooLarge()


def check_type(request: web.BaseRequest) -> None:
    """Raise WrongMediaType unless the body calls itself JSON."""
    if request.content_type != "application/json":
        raise WrongMediaType("The body must be application/json.")
    if (request.charset or "utf-8").lower() not in ("utf-8", "utf8"):
        raise WrongEncoding()


def decode(raw: bytes, type_: Any) -> Any:
    """The body as `type_`. Raises BadJson, UnknownField or Invalid, the latter two with every fault in it."""
    try:
        decoded = _decoder(type_).decode(raw)
    except msgspec.ValidationError:
        raise faults.refusal(faults.find(parse(raw), type_)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadJson(NO_DOCUMENT) from None
    if not _plainly_once(raw):
        parse(raw)
    return decoded


@lru_cache
def _decoder(type_: Any) -> msgspec.json.Decoder:
    return msgspec.json.Decoder(type_)


def parse(raw: bytes) -> Any:
    """The body as plain JSON, refusing what two readers could read differently: a member given twice, NaN, depth."""
    try:
        document = stdlib_json.loads(raw, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise BadJson(NO_DOCUMENT) from None
    if raw.count(b"[") + raw.count(b"{") > DEEPEST and _depth(document) > DEEPEST:
        raise BadJson(f"The body is nested more than {DEEPEST} levels deep.")
    return document


def _plainly_once(raw: bytes) -> bool:
    """A quick proof that no member of a well-formed document is given twice, in any of its objects, and that it is not
    deep. False where it proves nothing: a quote inside a string, the same name in two objects."""
    if (b"\\" in raw and b'\\"' in raw) or raw.count(b"[") + raw.count(b"{") > DEEPEST:
        return False
    names = [part.rpartition(b'"')[2] for part in raw.translate(None, SPACE).split(b'":')]
    return len(set(names)) == len(names) and b"\\" not in b"".join(names[:-1])


def _depth(document: Any) -> int:
    """Levels of objects and lists within each other."""
    level, depth = [document], 0
    while level := [one for one in level if isinstance(one, dict | list)]:
        depth += 1
        level = [inner for outer in level for inner in (outer.values() if isinstance(outer, dict) else outer)]
    return depth


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise BadJson("A member is given twice.")
    return members


def _no_constant(_: str) -> None:
    raise ValueError
