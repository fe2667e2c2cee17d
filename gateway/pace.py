"""Long work on the event loop, in turns."""

import asyncio
import time

TURN = 0.004
"""Seconds of work after which the loop gets its turn."""


class Pace:
    """Awaited after every little step of long work: whenever enough was done at once, everybody else comes first."""

    def __init__(self) -> None:
        self._until = time.perf_counter() + TURN

    async def __call__(self) -> None:
        if time.perf_counter() >= self._until:
            await asyncio.sleep(0)
            self._until = time.perf_counter() + TURN
