"""Concurrency: so many at the same time."""

from gateway import Limiter, LimiterState, hookimpl


class Concurrency(Limiter):
    """`quota` requests under way at once. A take is given back when its request has been answered, and after a `window`
    in any case, so that nothing that hangs holds its place for ever.

    State: when each of those under way would be given up, the soonest first.
    """

    name = "concurrency"
    bursts = False
    holds = True

    def take(self, state: LimiterState | None, now: int, cost: int = 1) -> tuple[LimiterState, int | None]:
        under_way, moment = self._under_way(state, now)
        if len(under_way) + cost <= self.settings.quota:
            return under_way + (moment + self.settings.window,) * cost, 0
        if cost > self.settings.quota:
            return under_way, None
        return under_way, under_way[len(under_way) + cost - self.settings.quota - 1] - now

    def give(self, state: LimiterState | None, now: int, cost: int, taken: int) -> LimiterState:
        under_way, _ = self._under_way(state, now)
        own = under_way.index(taken + self.settings.window) if taken + self.settings.window in under_way else None
        return under_way if own is None else under_way[:own] + under_way[own + cost :]

    def remaining(self, state: LimiterState | None, now: int) -> tuple[int, int]:
        under_way, _ = self._under_way(state, now)
        return max(0, self.settings.quota - len(under_way)), under_way[-1] - now if under_way else 0

    def _under_way(self, state: LimiterState | None, now: int) -> tuple[LimiterState, int]:
        """Those that nobody has given up, and the latest moment seen."""
        ends = state or ()
        moment = max(now, ends[-1] - self.settings.window) if ends else now
        return tuple(end for end in ends if end > moment), moment


@hookimpl
def register_limiters() -> list[type[Limiter]]:
    """`algorithm = "concurrency"`."""
    return [Concurrency]
