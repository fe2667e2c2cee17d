"""Sliding windows: so many in the window that ends now, wherever the clock stands. One is cheap, one is exact."""

from typing import Any

from gateway import Limiter, LimiterState, NotUsable, hookimpl

LONGEST_LOG = 10_000


class SlidingWindow(Limiter):
    """A weighted counter: what was taken in the last full window counts for as much of it as still lies within reach.

    It takes the takes of that window as evenly spread. Where they were not, a stretch of a window's length may see more
    than the quota, never more than twice.

    State: (start of the window, used in it, used in the one before).
    """

    name = "sliding_window"
    bursts = False

    def __init__(self, settings: Any):
        super().__init__(settings)
        self._quota, self._window = settings.quota, settings.window
        self._most = settings.quota * settings.window

    def take(self, state: LimiterState | None, now: int, cost: int = 1) -> tuple[LimiterState, int | None]:
        start, used, before = self._windows(state, now)
        if self._weight(used + cost, before, start, now) <= self._most:
            return (start, used + cost, before), 0
        return (start, used, before), self._until(cost, start, used, before, now)

    def give(self, state: LimiterState | None, now: int, cost: int, taken: int) -> LimiterState:
        start, used, before = self._windows(state, now)
        if taken >= start:
            return start, max(0, used - cost), before
        return start, used, max(0, before - cost) if taken >= start - self._window else before

    def covers(self, one: LimiterState, other: LimiterState, now: int) -> bool:
        mine, yours = self._windows(one, now), self._windows(other, now)
        return all(count >= beside for count, beside in zip(mine, yours, strict=True))

    def remaining(self, state: LimiterState | None, now: int) -> tuple[int, int]:
        start, used, before = self._windows(state, now)
        window = self._window
        left = self._quota - -(-self._weight(used, before, start, now) // window)
        gone = start + (2 * window if used else window) - now
        return max(0, left), gone if used or before else 0

    def _weight(self, used: int, before: int, start: int, now: int) -> int:
        """Takes within reach, times the window."""
        if not before:
            return used * self._window
        return used * self._window + before * (self._window - (now - start if now > start else 0))

    def _until(self, cost: int, start: int, used: int, before: int, now: int) -> int | None:
        """How long until `cost` fits: in this window, as the one before leaves it, or else in the next."""
        quota, window = self._quota, self._window
        if cost > quota:
            return None
        if used + cost <= quota:
            return start + _leaving(before, quota - used - cost, window) - now
        return start + window + _leaving(used, quota - cost, window) - now

    def _windows(self, state: LimiterState | None, now: int) -> LimiterState:
        start = now - now % self._window
        if state is None or start - state[0] > self._window:
            return start, 0, 0
        return (start, 0, state[1]) if start > state[0] else state


class SlidingLog(Limiter):
    """A log of every take. In any stretch of a window's length no more than the quota: exact, at the price of a state
    that grows with the quota, so for quotas up to 10,000. Raises NotUsable for more.

    State: the latest moment seen; then moments and how many were taken at each, in turn, the oldest first.
    """

    name = "sliding_log"
    bursts = False

    def __init__(self, settings: Any):
        super().__init__(settings)
        if settings.quota > LONGEST_LOG:
            raise NotUsable(
                f"sliding_log remembers every take, so its quota is {LONGEST_LOG} at most", "use sliding_window"
            )

    def take(self, state: LimiterState | None, now: int, cost: int = 1) -> tuple[LimiterState, int | None]:
        moment, log = self._within(state, now)
        free = self.settings.quota - sum(log[1::2])
        if cost <= free:
            return (moment, *_noted(log, moment, cost)), 0
        if cost > self.settings.quota:
            return (moment, *log), None
        for at, taken in zip(log[::2], log[1::2], strict=True):
            free += taken
            if free >= cost:
                return (moment, *log), at + self.settings.window - now
        raise AssertionError("what is taken and what is free make the quota")

    def give(self, state: LimiterState | None, now: int, cost: int, taken: int) -> LimiterState:
        moment, log = self._within(state, now)
        for number in range(0, len(log), 2):
            if log[number] == taken:
                left = (taken, log[number + 1] - cost) if log[number + 1] > cost else ()
                return (moment, *log[:number], *left, *log[number + 2 :])
        return (moment, *log)

    def remaining(self, state: LimiterState | None, now: int) -> tuple[int, int]:
        _, log = self._within(state, now)
        return max(0, self.settings.quota - sum(log[1::2])), log[-2] + self.settings.window - now if log else 0

    def _within(self, state: LimiterState | None, now: int) -> tuple[int, LimiterState]:
        """The latest moment seen, and the takes that still count."""
        seen, *log = state or (now,)
        moment, gone = max(now, seen), 0
        while gone < len(log) and log[gone] + self.settings.window <= moment:
            gone += 2
        return moment, tuple(log[gone:])


def _leaving(taken: int, room: int, window: int) -> int:
    """How far into a window its predecessor's takes, leaving evenly, are down to `room`."""
    return window if not taken else max(0, -((room - taken) * window // taken))


def _noted(log: LimiterState, moment: int, cost: int) -> LimiterState:
    if log and log[-2] == moment:
        return (*log[:-1], log[-1] + cost)
    return (*log, moment, cost)


@hookimpl
def register_limiters() -> list[type[Limiter]]:
    """`algorithm = "sliding_window"` and `algorithm = "sliding_log"`."""
    return [SlidingWindow, SlidingLog]
