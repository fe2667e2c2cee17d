"""A leaky bucket, as a meter: what comes in runs out at an even pace, and what would make it overflow is refused."""

from typing import Any

from gateway import Limiter, LimiterState, hookimpl


class LeakyBucket(Limiter):
    """A bucket that holds `burst` and loses `quota` a `window`; a take pours some in.

    Decides as a token bucket of the same size does, and is told here the other way round: in any window no more than
    quota + burst.

    State: (level, when it stood so). The level counts takes times the window, so that everything is whole numbers.
    """

    name = "leaky_bucket"

    def __init__(self, settings: Any):
        super().__init__(settings)
        self._take, self._leak = settings.window, settings.quota  # one take fills so much; so much leaks a microsecond
        self._brim = settings.burst * self._take

    def take(self, state: LimiterState | None, now: int, cost: int = 1) -> tuple[LimiterState, int | None]:
        level, at = self._level(state, now)
        poured = cost * self._take
        if level + poured <= self._brim:
            return (level + poured, at), 0
        return (level, at), self._until(self._brim - poured, level, at, now) if poured <= self._brim else None

    def give(self, state: LimiterState | None, now: int, cost: int, taken: int) -> LimiterState:
        level, at = self._level(state, now)
        return max(0, level - cost * self._take), at

    def covers(self, one: LimiterState, other: LimiterState, now: int) -> bool:
        return self._level(one, now)[0] >= self._level(other, now)[0]

    def remaining(self, state: LimiterState | None, now: int) -> tuple[int, int]:
        level, at = self._level(state, now)
        return (self._brim - level) // self._take, self._until(0, level, at, now) if level else 0

    def _level(self, state: LimiterState | None, now: int) -> tuple[int, int]:
        """The state as it is at `now`; after a reload that made the bucket smaller it is full at most."""
        if state is None:
            return 0, now
        level, at = state
        if now > at:
            level, at = level - (now - at) * self._leak, now
        if level < 0:
            return 0, at
        return (level if level < self._brim else self._brim), at

    def _until(self, wanted: int, level: int, at: int, now: int) -> int:
        return at - now - (wanted - level) // self._leak


@hookimpl
def register_limiters() -> list[type[Limiter]]:
    """`algorithm = "leaky_bucket"`."""
    return [LeakyBucket]
