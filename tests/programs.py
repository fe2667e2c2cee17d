"""Programs that use the Python client: one that waits, in a thread of its own, and one that does not."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from guest_gateway import AsyncGateway, Gateway, Patience

KINDS = ["waits", "awaits"]
QUICK = Patience(first=0.01)


class Program:
    """Asks through either client; a test says once what."""

    def __init__(self, kind: str, gateway: Any):
        self._waits, self._gateway = kind == "waits", gateway

    async def ask(self, what: Callable[[Any], Any]) -> Any:
        """What a method gives."""
        return await (asyncio.to_thread(what, self._gateway) if self._waits else what(self._gateway))

    async def all(self, what: Callable[[Any], Any]) -> list[Any]:
        """Every item of what a method goes through."""
        if self._waits:
            return await asyncio.to_thread(lambda: list(what(self._gateway)))
        return [item async for item in what(self._gateway)]


@contextlib.asynccontextmanager
async def program(kind: str, key: str | None, url: str, patience: Patience = QUICK) -> AsyncIterator[Program]:
    """A program of this kind, with a key, at this address."""
    if kind == "waits":
        with Gateway(key, url, patience=patience) as gateway:
            yield Program(kind, gateway)
    else:
        async with AsyncGateway(key, url, patience=patience) as gateway:
            yield Program(kind, gateway)
