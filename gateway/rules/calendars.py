"""Public holidays, for windows that are closed on them. A holiday of a single region closes the whole country: when in
doubt, no message."""

from datetime import date
from functools import lru_cache

EPOCH = date(1970, 1, 1).toordinal()


def is_holiday(calendar: str, day: int) -> bool:
    """Whether this day (counted from 1970-01-01) is one in a calendar such as "FR" or "GB-ENG". In a calendar nobody
    knows every day is."""
    days = _holidays(calendar, date.fromordinal(EPOCH + day).year)
    return days is None or day in days


@lru_cache(512)
def _holidays(calendar: str, year: int) -> frozenset[int] | None:
    from holidays import country_holidays, list_supported_countries  # noqa: PLC0415 slow, and rarely needed

    country, _, part = calendar.partition("-")
    if country not in (known := list_supported_countries(include_aliases=False)):
        return None
    parts = [part] if part else [None, *known[country]]
    days = {day for part in parts for day in country_holidays(country, subdiv=part, years=year)}
    return frozenset(day.toordinal() - EPOCH for day in days)
