"""Concurrency: so many at the same time."""

from bisect import bisect_left, bisect_right

from gateway import Limiter, LimiterState, hookimpl


class Concurrency(Limiter):
    """`quota` requests under way at once. A take is given back when its request has been answered, and after a `window`
    in any case, so that nothing that hangs holds its place for ever.

    State: the latest moment seen; then when each of those under way would be given up, the soonest first.
    """

    name = "concurrency"
    bursts = False
    holds = True

    def take(self, state: LimiterState | None, now: int, cost: int = 1) -> tuple[LimiterState, int | None]:
        moment, under_way = self._under_way(state, now)
        excess = len(under_way) + cost - self.settings.quota
        if excess <= 0:
            return (moment, *under_way, *[moment + self.settings.window] * cost), 0
        wait = None if cost > self.settings.quota else under_way[excess - 1] - now
        return (moment, *under_way), wait

    def give(self, state: LimiterState | None, now: int, cost: int, taken: int) -> LimiterState:
        moment, under_way = self._under_way(state, now)
        own = bisect_left(under_way, taken + self.settings.window)
        last = min(own + cost, bisect_right(under_way, taken + self.settings.window))
        return (moment, *under_way[:own], *under_way[last:])

    def remaining(self, state: LimiterState | None, now: int) -> tuple[int, int]:
        _, under_way = self._under_way(state, now)
        return max(0, self.settings.quota - len(under_way)), under_way[-1] - now if under_way else 0

    def _under_way(self, state: LimiterState | None, now: int) -> tuple[int, LimiterState]:
        """The latest moment seen, and those that nobody has given up."""
        seen, *ends = state or (now,)
        moment = max(now, seen)
        return moment, tuple(ends[bisect_right(ends, moment) :])


@hookimpl
def register_limiters() -> list[type[Limiter]]:
    """`algorithm = "concurrency"`."""
    return [Concurrency]
