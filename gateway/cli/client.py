"""How a command asks the gateway: over the socket of the one that runs, or, when none runs, of one opened for it alone.

Either way it is the same application, the same checks and the same audit log.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar
from urllib.parse import urlencode

import aiohttp
from msgspec import json

from gateway import errors
from gateway.cli.place import configuration, data_folder
from gateway.data_folder import DataFolder
from gateway.errors import Fault, GatewayError, Unavailable
from gateway.life import Gateway
from gateway.logs import Log
from gateway.web import app

T = TypeVar("T")
NO_HEADERS: Mapping[str, str] = MappingProxyType({})
NO_HASTE = aiohttp.ClientTimeout(total=None)
"""A long list takes as long as it takes; whether the other end is still there, its socket tells."""
BY_CODE = {
    kind.code: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, GatewayError) and "code" in vars(kind)
}
"""The kind that a code was made for: one that only narrows it has none of its own."""


def ask(method: str, path: str, body: Any = None, *, config_path: Path | None, data_path: str | None) -> Any:
    """Call one door and return what it gave. Raises the GatewayError that a refusal stands for."""
    return at_gateway(lambda socket: call(socket, method, path, body), config_path, data_path)


def ask_all(path: str, *, config_path: Path | None, data_path: str | None, **wanted: str | None) -> list[Any]:
    """Every item of a list that comes in pages, of those that meet the filters which are not None."""
    query = urlencode({"limit": 200} | {name: value for name, value in wanted.items() if value is not None})
    items, cursor = [], ""
    while cursor is not None:
        found = ask("GET", f"{path}?{query}{cursor}", config_path=config_path, data_path=data_path)
        items += found["items"]
        cursor = found["next_cursor"] and f"&cursor={found['next_cursor']}"
    return items


def at_gateway(act: Callable[[Path], Awaitable[T]], config_path: Path | None, data_path: str | None) -> T:
    """Do something at the socket of the gateway that works on this folder."""
    return asyncio.run(_at_gateway(act, config_path, data_path))


async def _at_gateway(act: Callable[[Path], Awaitable[T]], config_path: Path | None, data_path: str | None) -> T:
    data = data_folder(data_path)
    async with contextlib.AsyncExitStack() as stack:
        if not await _runs(data):
            await stack.enter_async_context(_opened(config_path, data))
        return await act(data.socket)


async def _runs(data: DataFolder) -> bool:
    """Whether a gateway answers at the socket."""
    try:
        _, writer = await asyncio.open_unix_connection(data.socket)
    except OSError:
        return False
    writer.close()
    return True


@contextlib.asynccontextmanager
async def _opened(config_path: Path | None, data: DataFolder) -> AsyncIterator[None]:
    """The parts, open for one command, behind their socket. Nothing is delivered meanwhile."""
    with Path(os.devnull).open("w") as nowhere:  # noqa: ASYNC230 the command's own words are enough
        gateway = await Gateway(configuration(config_path, data), data, log=Log(nowhere)).open()
        try:
            async with at_socket(gateway):
                yield
        finally:
            await gateway.close()


@contextlib.asynccontextmanager
async def at_socket(gateway: Gateway) -> AsyncIterator[None]:
    """The local application at DATA/gateway.sock (0600)."""
    runner = app.runner(app.Application(gateway, app.LOCAL, gateway.callers.local(os.getuid())))
    await runner.setup()
    gateway.data.socket.unlink(missing_ok=True)
    mask = os.umask(0o177)
    try:
        await aiohttp.web.UnixSite(runner, gateway.data.socket).start()
    finally:
        os.umask(mask)
    try:
        yield
    finally:
        await runner.cleanup()
        gateway.data.socket.unlink(missing_ok=True)


async def call(socket: Path, method: str, path: str, body: Any) -> Any:
    """Call one door at a gateway's socket. Raises the GatewayError that a refusal stands for."""
    headers = {"Content-Type": "application/json"} if body is not None else {}
    content = json.encode(body) if body is not None else None
    async with answered(socket, method, path, content, headers) as answer:
        raw = await answer.read()
        return json.decode(raw) if raw else None


@contextlib.asynccontextmanager
async def answered(
    socket: Path, method: str, path: str, content: Any = None, headers: Mapping[str, str] = NO_HEADERS
) -> AsyncIterator[aiohttp.ClientResponse]:
    """The good answer of one door, to be read. Raises the GatewayError that a refusal stands for, and Unavailable when
    the gateway breaks off."""
    session = aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(socket)), timeout=NO_HASTE)
    try:
        async with (
            session,
            session.request(method, f"http://gateway{path}", data=content, headers=headers) as answer,
        ):
            if answer.status >= 400:
                raise refusal(json.decode(await answer.read()))
            yield answer
    except aiohttp.ClientError:
        raise Unavailable("The gateway broke off.") from None


def refusal(problem: dict[str, Any]) -> GatewayError:
    """The error that a problem document tells of."""
    kind = BY_CODE.get(problem["type"].rpartition(":")[2], GatewayError)
    faults = [Fault(fault["pointer"], fault["code"], fault["detail"]) for fault in problem.get("errors", [])]
    words = problem["detail"]
    if faults:
        words = f"{words.removesuffix('.')} — {'; '.join(f'{fault.pointer}: {fault.detail}' for fault in faults)}"
    extra = {name: problem[name] for name in ("compliance", "message_id", "hint", "report") if name in problem}
    return kind(words, faults=faults, **extra)
