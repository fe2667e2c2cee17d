"""A token bucket: short bursts pass at once, the long run keeps to the quota."""

from typing import Any

from gateway import Limiter, LimiterState, hookimpl


class TokenBucket(Limiter):
    """A bucket of `burst` tokens that fills by `quota` a `window`; a take costs some of them.

    In any stretch of time at most `burst` tokens are taken, and `quota` more for each `window` it lasts: in any window
    no more than quota + burst. With a burst of 1 the takes come evenly spaced.

    State: (fill, when it was so full). The fill counts tokens times the window, so that everything is whole numbers: no
    rounding ever gives a token away or keeps one back, and whoever waits as long as he was told succeeds.
    """

    name = "token_bucket"

    def __init__(self, settings: Any):
        super().__init__(settings)
        self._token = settings.window
        self._full = settings.burst * self._token

    def take(self, state: LimiterState | None, now: int, cost: int = 1) -> tuple[LimiterState, int | None]:
        fill, at = self._filled(state, now)
        price = cost * self._token
        if price <= fill:
            return (fill - price, at), 0
        return (fill, at), self._until(price, fill, at, now) if price <= self._full else None

    def give(self, state: LimiterState | None, now: int, cost: int, taken: int) -> LimiterState:
        fill, at = self._filled(state, now)
        return min(fill + cost * self._token, self._full), at

    def covers(self, one: LimiterState, other: LimiterState, now: int) -> bool:
        return self._filled(one, now)[0] <= self._filled(other, now)[0]

    def remaining(self, state: LimiterState | None, now: int) -> tuple[int, int]:
        fill, at = self._filled(state, now)
        return fill // self._token, self._until(self._full, fill, at, now) if fill < self._full else 0

    def _filled(self, state: LimiterState | None, now: int) -> tuple[int, int]:
        """The state as it is at `now`."""
        if state is None:
            return self._full, now
        fill, at = state
        if now <= at:
            return min(fill, self._full), at
        return min(fill + (now - at) * self.settings.quota, self._full), now

    def _until(self, price: int, fill: int, at: int, now: int) -> int:
        return at - now - (fill - price) // self.settings.quota


@hookimpl
def register_limiters() -> list[type[Limiter]]:
    """`algorithm = "token_bucket"`, which a limit has that says nothing else."""
    return [TokenBucket]
