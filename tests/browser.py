"""A real browser for tests, where there is one: Chromium without a window, told what to do over DevTools."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
LISTENING = b"DevTools listening on ws://"
COMPLAINTS = ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Network.loadingFailed")


class Tab:
    """An open page, and all that the browser complained of."""

    def __init__(self, line: aiohttp.ClientWebSocketResponse):
        self._line, self._number = line, 0
        self.complaints: list[dict[str, Any]] = []

    async def tell(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Give an order; its result."""
        self._number += 1
        await self._line.send_json({"id": self._number, "method": method, "params": parameters})
        return (await self._hear("id", self._number))["result"]

    async def _hear(self, member: str, value: Any) -> dict[str, Any]:
        """What comes until this does."""
        while (heard := await self._line.receive_json()).get(member) != value:
            if heard.get("method") in COMPLAINTS:
                self.complaints.append(heard)
        return heard

    async def show(self, url: str, width: int, scheme: str) -> None:
        """Open an address in a window of this width, `light` or `dark`."""
        await self.dress(width, scheme)
        await self.tell("Page.navigate", url=url)
        await self._hear("method", "Page.loadEventFired")

    async def dress(self, width: int, scheme: str) -> None:
        """Give the open page a window of this width, in the light or in the dark. Nothing moves."""
        await self.tell("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1,
                        mobile=width < 500)  # fmt: skip
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        await self.tell(
            "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}, still]
        )

    async def leave(self, expression: str) -> None:
        """Do something that leads to another page, and wait for that."""
        await self.tell("Runtime.evaluate", expression=expression)
        await self._hear("method", "Page.loadEventFired")

    async def find(self, expression: str) -> Any:
        """What an expression is worth on the page."""
        found = await self.tell("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        return found["result"].get("value")


@contextlib.asynccontextmanager
async def browsing(folder: Path) -> AsyncIterator[Tab]:
    """A browser that keeps what it has in a folder, and its only tab."""
    process = await asyncio.create_subprocess_exec(
        str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0",
        f"--user-data-dir={folder}", "about:blank",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async for said in process.stderr:
            if said.startswith(LISTENING):
                break
        base = f"http://{said.removeprefix(LISTENING).decode().partition('/')[0]}"
        async with aiohttp.ClientSession() as http, http.get(f"{base}/json") as answer:
            tab = next(one for one in await answer.json() if one["type"] == "page")
            async with http.ws_connect(tab["webSocketDebuggerUrl"]) as line:
                page = Tab(line)
                for domain in ("Log", "Runtime", "Page", "Network"):
                    await page.tell(f"{domain}.enable")
                yield page
    finally:
        process.terminate()
        await process.wait()
