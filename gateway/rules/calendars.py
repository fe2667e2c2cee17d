"""Days: public holidays, and the same day some months later.

Windows that close on holidays honour those of a single region in the whole country: when in doubt, no message.
Deadlines ignore them: when in doubt, too early (CORE-BIZ-3).
"""

from calendar import monthrange
from datetime import date
from functools import lru_cache

EPOCH = date(1970, 1, 1).toordinal()


def is_holiday(calendar: str, day: int) -> bool:
    """Whether this day (counted from 1970-01-01) is one in a calendar such as "FR" or "GB-ENG", be it in one of its
    regions. In a calendar nobody knows every day is."""
    days = _holidays(calendar, date.fromordinal(EPOCH + day).year, True)
    return days is None or day in days


def is_national_holiday(calendar: str, day: date) -> bool:
    """Whether the whole country keeps it. In a calendar nobody knows, and in "none", no day is."""
    days = _holidays(calendar, day.year, False)
    return days is not None and day.toordinal() - EPOCH in days


@lru_cache(512)
def _holidays(calendar: str, year: int, with_regions: bool) -> frozenset[int] | None:
    from holidays import country_holidays, list_supported_countries  # noqa: PLC0415 slow, and rarely needed

    country, _, part = calendar.partition("-")
    if country not in (known := list_supported_countries(include_aliases=False)):
        return None
    parts = [part] if part else [None, *(known[country] if with_regions else ())]
    days = {day for part in parts for day in country_holidays(country, subdiv=part, years=year)}
    return frozenset(day.toordinal() - EPOCH for day in days)


def later_month(day: date, months: int) -> date:
    """The same number of the month, or the month's last day where there is none."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
