"""Time, passed in. Wall time for the law and for people, monotonic time for durations."""

import time
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
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


# -- stretches of the calendar, such as "90 days", "12 months", "6 years" or "never" -----------------------------------

DAY_MS = 86_400_000
EPOCH = date(1970, 1, 1).toordinal()


def after(day: date, period: str) -> date | None:
    """The day on which a period that began with this one is over: the same day of the month, or the last one it has.
    None for `never`, and for what ends beyond all calendars."""
    if period == "never":
        return None
    text, unit = period.removesuffix("s").split(" ")
    number = int(text)
    try:
        if unit == "day":
            return day + timedelta(number)
        year, month = divmod(day.year * 12 + day.month - 1 + number * (12 if unit == "year" else 1), 12)
        return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
    except (ValueError, OverflowError):
        return None


def aged_before(period: str, now: int) -> int | None:
    """What is older than this (ms) has lived through a whole period by now, days counted in UTC; None where nothing
    ever has."""
    today = datetime.fromtimestamp(now // 1000, UTC).date()
    low, high = 0, today.toordinal()
    while low < high:  # the first day whose period is not over yet
        middle = (low + high) // 2
        end = after(date.fromordinal(middle), period) if middle else date.min
        low, high = (middle + 1, high) if end is not None and end <= today else (low, middle)
    return (low - EPOCH) * DAY_MS if low > 1 else None


def day(at: date | None) -> int | None:
    """A day as its midnight UTC (ms)."""
    return None if at is None else (at.toordinal() - EPOCH) * DAY_MS


def date_of(midnight: int | None) -> date | None:
    """The day back."""
    return None if midnight is None else date.fromordinal(midnight // DAY_MS + EPOCH)


def is_shorter(period: str, other: str) -> bool:
    """Whether one period is over before another that began on the same day."""
    ends = [after(date(2000, 1, 1), one) or date.max for one in (period, other)]
    return ends[0] < ends[1]
