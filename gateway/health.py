"""Whether the gateway is alive and ready, told from what really works: a row written now, a loop that turns."""

import asyncio
import os
import time
from collections.abc import Callable
from typing import Any

from gateway import metrics
from gateway.clock import Clock
from gateway.errors import GatewayError
from gateway.routing import Routes
from gateway.store import scratch
from gateway.store.db import Database

STUCK_SECONDS = 10.0
WRITE_SECONDS = 5.0
LEAST_ROOM = 1 << 20
GOOD_FOR_SECONDS = 1.0
TICK = 0.5


class Health:
    """Asked by probes; keeps its last answer for a second, so that probes cannot become a load."""

    def __init__(self, db: Database, clock: Clock, started_behind: Callable[[], int]):
        self._db, self._clock, self._behind = db, clock, started_behind
        self._turned = time.monotonic()
        self._written: tuple[float, bool] = (-10.0, False)
        self.draining = False
        self.started = False
        self._pulse: asyncio.Task | None = None

    def start(self) -> None:
        self._pulse = asyncio.create_task(self._beat(), name="pulse")

    async def _beat(self) -> None:
        """Notice how late the loop is, and that the store's files are still there."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(TICK)
            self._turned = time.monotonic()
            metrics.LOOP_LAG.set(max(0.0, self._turned - before - TICK))
            metrics.WAL_BYTES.set(self._db.wal_size())
            self._db.check_files()

    def stop(self) -> None:
        if self._pulse:
            self._pulse.cancel()

    def alive(self) -> bool:
        """Whether the loop has turned within the last ten seconds."""
        return time.monotonic() - self._turned < STUCK_SECONDS

    async def ready(self, routes: Routes) -> dict[str, Any]:
        """`status` ready or not, and each part's own word."""
        checks = {
            "store": "full" if self._full() else "ok" if await self._writable() else "failed",
            "key": "ok",
            "migrations": "ok",
            "queue": "ok" if self.started else "starting",
            "config": "ok",
            "clock": "ok" if self._clock.now() + 300_000 >= self._behind() else "behind",
            "draining": "yes" if self.draining else "no",
        }
        good = all(word in ("ok", "no") for word in checks.values())
        providers = {name: provider.standing for name, provider in routes.providers.items()}
        return {"status": "ready" if good else "not ready", "checks": checks, "providers": providers}

    def _full(self) -> bool:
        """Whether there is hardly any room left: what fits into the log's old pages could still be written."""
        disk = os.statvfs(self._db.path.parent)
        return disk.f_bavail * disk.f_frsize < LEAST_ROOM

    async def _writable(self) -> bool:
        """Write a row, unless it was done a moment ago."""
        at, good = self._written
        if time.monotonic() - at < GOOD_FOR_SECONDS:
            return good
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await self._db.write(scratch.scribble)
            good = True
        except (GatewayError, TimeoutError):
            good = False
        self._written = (time.monotonic(), good)
        return good
