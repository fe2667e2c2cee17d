"""What every test may ask for."""

import pytest


class MovedClock:
    """A clock whose hands a test moves: `clock.forward(90)` and a minute and a half have passed."""

    def __init__(self, now: int):
        self._now, self._monotonic = now, 0.0

    def now(self) -> int:
        """Milliseconds since 1970-01-01 UTC."""
        return self._now

    def monotonic(self) -> float:
        """Seconds since the test began."""
        return self._monotonic

    def forward(self, seconds: float) -> None:
        """Let both hands go on."""
        self._now += round(seconds * 1000)
        self._monotonic += seconds

    def set(self, now: int) -> None:
        """Put the wall clock to another time, as an administrator or NTP would; durations do not notice."""
        self._now = now


@pytest.fixture
def clock() -> MovedClock:
    """A clock that stands at 2026-11-24T10:00:00Z until the test moves it."""
    return MovedClock(1_795_514_400_000)
