"""A period as auditors name one: a year, a quarter, a month, or days from and to."""

import re
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from gateway.clock import milliseconds
from gateway.errors import Fault, Invalid

PERIOD = re.compile(r"(\d{4})(?:-(?:Q([1-4])|(\d{2})))?|(\d{4}-\d{2}-\d{2})\.\.(\d{4}-\d{2}-\d{2})")
WORDS = "2026, 2026-Q4, 2026-11 or 2026-01-01..2026-03-31"


class Period(NamedTuple):
    """Named days of a time zone, as moments in milliseconds; `end` is the first one after."""

    name: str
    begin: int
    end: int


def period(text: str, zone: str) -> Period:
    """The period of that name. Raises Invalid."""
    found = PERIOD.fullmatch(text)
    try:
        first, after = _days(found) if found else (date.max, date.min)
    except (ValueError, OverflowError):  # a 13th month, the 31st of June, the end of year 9999
        first, after = date.max, date.min
    if first >= after:
        raise Invalid(faults=[Fault("?period", "wrong-value", WORDS)])
    begin, end = (milliseconds(datetime.combine(day, time(), ZoneInfo(zone))) for day in (first, after))
    return Period(text, begin, end)


def _days(found: re.Match[str]) -> tuple[date, date]:
    """The first day, and the first one after. Raises ValueError."""
    year, quarter, month, first, last = found.groups()
    if first:
        return date.fromisoformat(first), date.fromisoformat(last) + timedelta(days=1)
    begin, months = (3 * int(quarter) - 2, 3) if quarter else (int(month), 1) if month else (1, 12)
    after = begin + months
    return date(int(year), begin, 1), date(int(year) + (after > 12), after if after <= 12 else after - 12, 1)
