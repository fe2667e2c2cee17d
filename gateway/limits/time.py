"""The limits' own time."""

from typing import Protocol

from gateway.clock import Clock


class Time(Protocol):
    """What limits go by."""

    def now(self) -> int:
        """Whole microseconds since 1970 that never go back."""
        ...


class LimiterTime:
    """Whole microseconds since 1970 that never go back: not when the machine's clock is set, and not over a restart,
    since they begin at the latest that was ever written down. While the gateway runs they pass as fast as any."""

    def __init__(self, clock: Clock, latest: int):
        self._clock = clock
        self._ahead = max(clock.now() * 1000, latest) - self._passed()

    def now(self) -> int:
        """What time it is."""
        return self._ahead + self._passed()

    def _passed(self) -> int:
        return int(self._clock.monotonic() * 1_000_000)
