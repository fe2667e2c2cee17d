"""Time, passed in. Wall time for the law and for people, monotonic time for durations."""

import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol


class Clock(Protocol):
    """What every part that needs time is given; tests pass one whose hands they move."""

    def now(self) -> int:
        """Milliseconds since 1970-01-01 UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back; only differences mean anything."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()


def rfc3339(ms: int) -> str:
    """`1791540000000` as `2026-10-09T10:00:00Z`; a fraction only where there is one."""
    seconds, rest = divmod(ms, 1000)
    return f"{_second(seconds)}.{rest:03d}Z" if rest else f"{_second(seconds)}Z"


def rfc3339_or_none(ms: int | None) -> str | None:
    """The same of a moment there may not be."""
    return None if ms is None else rfc3339(ms)


@lru_cache(1024)
def _second(seconds: int) -> str:
    """Kept, because most times that are written down are of this very second."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().removesuffix("+00:00")  # strftime writes year 203 as 203


def milliseconds(at: datetime) -> int:
    """A moment with a zone as milliseconds since 1970 UTC, truncated."""
    return int(at.timestamp() * 1000)


@lru_cache(1024)
def parse_rfc3339(text: str) -> int | None:
    """A moment with a zone, such as `2026-10-09T12:00:00+02:00`, in milliseconds; None if it is not one."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return milliseconds(at) if at.tzinfo is not None and "T" in text.upper() else None


def parse_local(text: str) -> datetime | None:
    """A moment on somebody's clock, such as `2026-10-09T12:00`; None if it is not one, or names a zone."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is None and "T" in text.upper() else None
