"""A token bucket: short bursts pass at once, the long run keeps to the quota."""

from typing import Any

from gateway import Limiter, hookimpl

MICROSECONDS = 1_000_000


class TokenBucket(Limiter):
    """A bucket of `burst` tokens that fills by `quota` a `window`; a take costs some of them.

    In any stretch of time at most `burst` tokens are taken, and `quota` more for each `window` it lasts: in any window
    no more than quota + burst. With a burst of 1 the takes come evenly spaced.

    State: (fill, when it was so full in microseconds). The fill counts tokens times the window in microseconds, so that
    everything is whole numbers: no rounding ever gives a token away or keeps one back, and whoever waits as long as he
    was told succeeds.
    """

    name = "token_bucket"

    def __init__(self, settings: Any):
        super().__init__(settings)
        self._token = round(settings.window * MICROSECONDS)
        self._full = settings.burst * self._token

    def take(self, state: tuple | None, now: float, cost: int = 1) -> tuple[tuple, float]:
        fill, at = self._filled(state, now)
        price = cost * self._token
        if price <= fill:
            return (fill - price, at), 0.0
        return (fill, at), self._until(price, fill, at, now) if price <= self._full else float("inf")

    def remaining(self, state: tuple | None, now: float) -> tuple[int, float]:
        fill, at = self._filled(state, now)
        return fill // self._token, self._until(self._full, fill, at, now) if fill < self._full else 0.0

    def _filled(self, state: tuple | None, now: float) -> tuple[int, int]:
        """The state as it is at `now`. While a clock that was set back catches up nothing is filled, but no longer
        than one window: older takes do not count any more."""
        moment = int(now * MICROSECONDS)
        if state is None:
            return self._full, moment
        fill, at = state
        if moment <= at:
            return min(fill, self._full), min(at, moment + self._token)
        return min(fill + (moment - at) * self.settings.quota, self._full), moment

    def _until(self, price: int, fill: int, at: int, now: float) -> float:
        """Seconds until it holds `price`, and a microsecond more for what a clock in floats cannot tell apart."""
        filling = -((fill - price) // self.settings.quota)
        return (at - int(now * MICROSECONDS) + filling + 1) / MICROSECONDS


@hookimpl
def register_limiters() -> list[type[Limiter]]:
    """The built-in algorithm, `algorithm = "token_bucket"`."""
    return [TokenBucket]
