"""Whose turn it is: of the messages that are leased, the first whose lanes are free. No other stands in its way.

Who waits no longer than a moment steps aside, in memory; who would wait longer goes back to the outbox.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from gateway.clock import Clock
from gateway.delivery.lanes import Lane, Lanes
from gateway.pacing import AHEAD
from gateway.store.outbox import Due

ASIDE_AT_MOST = 128
"""So many step aside at once, at most."""


class Turns:
    """The leased messages of one courier, in order."""

    def __init__(self, lanes: Lanes, address: Callable[[Due], str], clock: Clock):
        self._lanes, self._address, self._clock = lanes, address, clock
        self._ready: deque[Due] = deque()
        self._placed: set[int] = set()
        """Whoever has kept a place in his lanes."""
        self._aside: dict[int, tuple[Due, asyncio.TimerHandle]] = {}
        self.again: Callable[[], None] = lambda: None
        """Called when somebody who stepped aside is back."""

    def __len__(self) -> int:
        """How many are ready, besides those who stepped aside."""
        return len(self._ready)

    def add(self, due: list[Due]) -> None:
        """These were leased."""
        self._ready.extend(due)

    def next(self) -> tuple[Due | None, list[tuple[Due, float]]]:
        """Who leaves now, if anybody may; and who has to go back to the outbox, for so many seconds."""
        back = []
        while self._ready:
            due = self._ready.popleft()
            now, lanes = self._clock.monotonic(), []
            if due.class_ != "emergency":
                lanes = self._lanes.of(due, lambda due=due: self._address(due))  # type: ignore[misc]
            seconds = self._wait(due, lanes, now) if lanes else 0.0
            if seconds > AHEAD or (seconds and len(self._aside) >= ASIDE_AT_MOST):
                back.append((due, seconds))
            elif seconds:
                self._step_aside(due, seconds)
            else:
                self._placed.discard(due.id)
                for lane in lanes:
                    lane.leaves(now)
                return due, back
        return None, back

    def withdraw(self) -> list[Due]:
        """Everybody, to be given back."""
        everybody = [*self._ready, *(due for due, _ in self._aside.values())]
        for _, timer in self._aside.values():
            timer.cancel()
        self._ready.clear()
        self._aside.clear()
        self._placed.clear()
        return everybody

    def _wait(self, due: Due, lanes: list[Lane], now: float) -> float:
        """Seconds until a message may leave. Where they are few a place is kept for it."""
        if due.id in self._placed:
            return max(lane.free(now) for lane in lanes)
        place = max(lane.place(now) for lane in lanes)
        if place - now > AHEAD:
            return max(lane.far(now) for lane in lanes if lane.place(now) - now > AHEAD) - now
        for lane in lanes:
            lane.take(place)
        self._placed.add(due.id)
        return place - now

    def _step_aside(self, due: Due, seconds: float) -> None:
        timer = asyncio.get_running_loop().call_later(seconds, self._step_back, due)
        self._aside[due.id] = due, timer

    def _step_back(self, due: Due) -> None:
        del self._aside[due.id]
        self._ready.appendleft(due)
        self.again()
