"""How fast messages go somewhere: evenly, and slower for a while after somebody said that it was too much."""

from collections import deque
from math import inf

from aiolimiter import AsyncLimiter

from gateway import metrics
from gateway.clock import Clock

AHEAD = 2.0
"""Seconds of a pace that are worth leasing, or releasing of a batch: what comes meanwhile waits no longer than that."""
GROW_EVERY = 2.0
LATELY = 32
SLOWEST = 0.1
"""Messages a second below which no complaints bring us."""


class Speed:
    """At most `rate` messages a second, None for any.

    A complaint halves it, or half of the speed we had becomes the pace where there was none. Every two seconds in which
    messages are taken it grows by a tenth of what was too much, up to the rate that is configured; where none
    is, up to twice what was too much, and then it is lifted.
    """

    def __init__(self, clock: Clock, rate: float | None):
        self._configured = rate
        self._clock = clock
        self._grown_at = -inf
        self._too_much = 0.0
        self._lately: deque[float] = deque(maxlen=LATELY)
        self._set(rate)

    def leaves(self, at: float) -> None:
        """A message leaves now, `at` of the monotonic clock."""
        self._lately.append(at)

    def complained(self) -> None:
        """Somebody said that it was too much."""
        self._too_much = self.rate or self._speed()
        self._grown_at = self._clock.monotonic()
        self._set(max(SLOWEST, self._too_much / 2))

    def took(self) -> None:
        """A message was taken: what was slowed down may grow again."""
        if self.rate is self._configured or self.rate is None:
            return
        now = self._clock.monotonic()
        if now - self._grown_at >= GROW_EVERY:
            self._grown_at = now
            faster = self.rate + self._too_much / 10
            enough = faster >= (self._configured or 2 * self._too_much)
            self._set(self._configured if enough else faster)

    def _set(self, rate: float | None) -> None:
        self.rate = rate

    def _speed(self) -> float:
        """Messages a second of the last ones that left; 1 where that cannot be told."""
        took = self._lately[-1] - self._lately[0] if self._lately else 0.0
        return (len(self._lately) - 1) / took if took > 0 else 1.0


class Pacing(Speed):
    """The steady pace of a provider, for those who wait for their turn: in t seconds leave at most rate x t + 1."""

    def __init__(self, provider: str, clock: Clock, rate: float | None = None):
        self._gauge = metrics.PROVIDER_PACE.labels(provider)
        super().__init__(clock, rate)

    async def turn(self) -> None:
        """Wait until one more may leave. Whoever waits while the pace changes goes by the new one."""
        beat = None
        while beat is not self._beat:
            beat = self._beat
            if beat is not None:
                await beat.acquire()

    def wait(self) -> float:
        """Seconds until one more may leave, at most."""
        return 0.0 if self.rate is None or self._beat is None or self._beat.has_capacity() else 1 / self.rate

    def ahead(self, most: int) -> int:
        """How many of `most` messages could leave in the next seconds; one at least."""
        return most if self.rate is None else max(1, min(most, int(self.rate * AHEAD)))

    def _set(self, rate: float | None) -> None:
        super()._set(rate)
        self._beat = None if rate is None else AsyncLimiter(1, 1 / rate)  # of one at a time: a beat, not a burst
        self._gauge.set(rate or inf)
