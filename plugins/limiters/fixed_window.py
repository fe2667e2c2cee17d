"""A fixed window: so many from one full minute (hour, day) to the next, then all of it again."""

from gateway import Limiter, LimiterState, hookimpl


class FixedWindow(Limiter):
    """`quota` takes in each window of the clock. Easy to tell and to bill by; around the turn of a window two quotas
    may come close together, so in any stretch of a window's length no more than twice the quota.

    State: (start of the window, used in it).
    """

    name = "fixed_window"
    bursts = False

    def take(self, state: LimiterState | None, now: int, cost: int = 1) -> tuple[LimiterState, int | None]:
        start, used = self._window(state, now)
        if used + cost <= self.settings.quota:
            return (start, used + cost), 0
        return (start, used), start + self.settings.window - now if cost <= self.settings.quota else None

    def give(self, state: LimiterState | None, now: int, cost: int, taken: int) -> LimiterState:
        start, used = self._window(state, now)
        return start, max(0, used - cost) if taken >= start else used

    def covers(self, one: LimiterState, other: LimiterState, now: int) -> bool:
        return self._window(one, now) >= self._window(other, now)

    def remaining(self, state: LimiterState | None, now: int) -> tuple[int, int]:
        start, used = self._window(state, now)
        return max(0, self.settings.quota - used), start + self.settings.window - now if used else 0

    def _window(self, state: LimiterState | None, now: int) -> tuple[int, int]:
        """The window that `now` lies in, or the last one seen."""
        start = now - now % self.settings.window
        return state if state is not None and state[0] >= start else (start, 0)  # type: ignore[return-value]


@hookimpl
def register_limiters() -> list[type[Limiter]]:
    """`algorithm = "fixed_window"`."""
    return [FixedWindow]
