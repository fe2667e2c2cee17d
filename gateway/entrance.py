"""Requests begin a few at a time: however many come at once, the loop gets round quickly, and meanwhile what matters
most is heard, and what matters too little is refused."""

import asyncio
from collections import deque

from gateway.clock import Clock

A_TURN = 10
"""So many begin in each turn of the loop: a few milliseconds of work."""


class Entrance:
    """The line before the doors. Whoever waits is let in in the order of coming."""

    def __init__(self, clock: Clock):
        self._clock = clock
        self._left = self._called = A_TURN
        self._counting = False
        self._line: deque[tuple[asyncio.Future, float]] = deque()

    @property
    def waiting(self) -> int:
        """How many stand in line."""
        return len(self._line)

    def oldest_wait(self) -> float:
        """Seconds the first in line has waited."""
        return self._clock.monotonic() - self._line[0][1] if self._line else 0.0

    def take(self) -> bool:
        """Begin in this turn, if there is room in it and nobody came before."""
        if self._line or not self._left:
            return False
        self._left -= 1
        self._count()
        return True

    def call_in(self) -> bool:
        """Whether one more may come to the doors in this turn, where only some are called in from outside."""
        if not self._called:
            return False
        self._called -= 1
        self._count()
        return True

    async def wait(self) -> None:
        """Stand in line until it is one's turn. Whoever gives up leaves no gap."""
        place = asyncio.get_running_loop().create_future()
        self._line.append((place, self._clock.monotonic()))
        self._count()
        await place

    def _next(self) -> None:
        """The next turn of the loop begins."""
        self._left = self._called = A_TURN
        self._counting = False
        while self._left and self._line:
            place, _ = self._line.popleft()
            if not place.done():
                place.set_result(None)
                self._left -= 1
        if self._left < A_TURN:
            self._count()

    def _count(self) -> None:
        """See that a next turn begins."""
        if not self._counting:
            self._counting = True
            asyncio.get_running_loop().call_soon(self._next)
