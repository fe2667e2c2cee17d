"""How many messages became what, and how fast: asked by time and kind, answered from the counters alone.

Counters know whole hours UTC, and days in the venue's zone. A day is the hours that begin in it: where midnight is at
half past an hour UTC, it begins half an hour late.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime, time
from functools import lru_cache
from typing import Annotated, Any, NamedTuple
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct, field, json, structs, to_builtins

from gateway.addresses import zones
from gateway.answers import Answer
from gateway.clock import Clock, parse_rfc3339, rfc3339
from gateway.errors import Fault, Invalid
from gateway.model import COUNTED, ChannelName, MessageClass
from gateway.orders import Moment, Zone
from gateway.store import counters, tally
from gateway.store.counters import DIMENSIONS, Difference, Stretch, Tallies, day_of
from gateway.store.db import Database

HOUR_MS = 3_600_000
LATEST_MS = 253_370_764_800_000
"""The year 9999: later there are no dates to be had."""
USUAL_DAYS, LONGEST_DAYS = 30, 400
MOST_GROUPS = 10_000
TIMES = ("hour", "day")
GROUPS = (*TIMES, *DIMENSIONS)
NOTHING = (0,) * len(COUNTED)
SHOWN = 100
"""How many differences a verification shows."""


class Percentiles(Struct, frozen=True):
    """Milliseconds that half, nine tenths, and all but one in a hundred did not exceed; at most 5 % more than true."""

    p50: int
    p90: int
    p99: int


class Rates(Struct, frozen=True):
    """Shares between 0 and 1; None where there was nothing to have a share in."""

    blocked: float | None
    failed: float | None
    delivered: float | None
    bounced: float | None
    complained: float | None


class Figures(Struct, frozen=True):
    """What is known of a group of messages."""

    counts: dict[str, int]
    rates: Rates
    time_to_delivery: Percentiles | None
    time_to_receipt: Percentiles | None


class AnalyticsReport(Struct, frozen=True, kw_only=True):
    """An answer. An item has the values of its group and the members of Figures."""

    from_: str = field(name="from")
    to: str
    timezone: str
    group_by: list[str]
    items: list[dict[str, Any]]
    totals: Figures


class AnalyticsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """What is counted by, of which messages, and when; the thirty days that end with today, if left out."""

    group_by: Annotated[str, Meta(description="One or two of hour, day and the members below, with a comma")] = "day"
    from_: Moment | None = field(name="from", default=None)
    to: Moment | None = None
    timezone: Zone | None = None
    channel: ChannelName | None = None
    class_: MessageClass | None = field(name="class", default=None)
    category: str | None = None
    provider: str | None = None
    language: str | None = None
    jurisdiction: str | None = None


class Question(NamedTuple):
    """Hours (since 1970 UTC) from `first` to before `last`; whose days; what to tell apart; what to narrow it to."""

    first: int
    last: int
    zone: str
    group_by: tuple[str, ...]
    only: dict[str, str]


class Analytics:
    """Answers from the counters, and holds them against the events."""

    def __init__(self, db: Database, clock: Clock, zone: str):
        self._db, self._clock, self._zone = db, clock, zone

    async def report(self, query: AnalyticsQuery) -> Answer:
        """The answer to a query. Raises Invalid, with each member that cannot be used."""
        return Answer(await self._db.read(_report, question(query, self._clock.now(), self._zone)), 200)

    async def verify(self) -> dict[str, Any]:
        """Count every event again: whether the counters agree, how many rows they are, and which say otherwise."""
        rows, wrong = await self._db.read(counters.differences)
        return {
            "ok": not wrong,
            "rows": rows,
            "wrong": len(wrong),
            "differences": [_told(one) for one in wrong[:SHOWN]],
        }


# -- what is asked ----------------------------------------------------------------------------------------------------


def question(query: AnalyticsQuery, now: int, home: str) -> Question:
    """The query in the counters' terms; `home` is the venue's zone. Raises Invalid, with every fault in it."""
    faults = []
    group_by = tuple(query.group_by.split(","))
    if not _can_group(group_by):
        faults.append(Fault("?group_by", "invalid", f"one or two of {', '.join(GROUPS)}, of hour and day only one"))
    zone = query.timezone or home
    if zone not in zones():
        faults.append(Fault("?timezone", "unknown-zone", "an IANA name such as Europe/Lisbon"))
        zone = home
    first, last = _hours(query, now, zone, faults)
    if faults:
        raise Invalid(faults=faults)
    said = to_builtins(query)
    return Question(first, last, zone, group_by, {name: said[name] for name in DIMENSIONS if said[name] is not None})


def _can_group(names: tuple[str, ...]) -> bool:
    twice = len({*names}) < len(names) or {*names} == {*TIMES}
    return len(names) <= 2 and not twice and {*names} <= {*GROUPS}


def _hours(query: AnalyticsQuery, now: int, zone: str, faults: list[Fault]) -> tuple[int, int]:
    """The whole hours that `from` and `to` cut into; left out, the thirty days that end with today."""
    said = {"from": query.from_, "to": query.to}
    moments = {name: _moment(text) for name, text in said.items() if text is not None}
    if unusable := [name for name, moment in moments.items() if moment is None]:
        faults += [Fault(f"?{name}", "bad-time", "RFC 3339 with a zone, 2026-11-24T08:00:00Z") for name in unusable]
        return 0, 0
    since, until = moments.get("from"), moments.get("to")
    last = midnight(day_of(now // HOUR_MS, zone) + 1, zone) if until is None else -(-until // HOUR_MS)
    first = midnight(day_of(last - 1, zone) + 1 - USUAL_DAYS, zone) if since is None else since // HOUR_MS
    if first >= last:
        faults.append(Fault("?from", "invalid", "before `to`"))
    elif last - first > LONGEST_DAYS * 24:
        faults.append(Fault("?from", "too-long", f"at most {LONGEST_DAYS} days before `to`"))
    return first, last


def _moment(text: str) -> int | None:
    at = parse_rfc3339(text)
    return at if at is not None and 0 < at < LATEST_MS else None


def midnight(day: int, zone: str) -> int:
    """The first hour that begins on this day (its ordinal)."""
    return int(-(-datetime.combine(date.fromordinal(day), time.min, ZoneInfo(zone)).timestamp() // 3600))


# -- what is answered -------------------------------------------------------------------------------------------------


def _report(reader: sqlite3.Connection, asked: Question) -> bytes:
    """The answer as JSON: put together in the thread that reads."""
    groups = gather(reader, asked)
    if len(groups) > MOST_GROUPS:
        detail = f"at most {MOST_GROUPS:,} groups come of it: shorten the time, or group by less"
        raise Invalid(faults=[Fault("?group_by", "too-many", detail)])
    items = [
        {name: value or None for name, value in zip(asked.group_by, key, strict=True)}
        | structs.asdict(_figures(groups[key]))
        for key in sorted(groups)
    ]
    total = [0, 0, 0]
    for tallies in groups.values():
        counters.add(total, tallies)
    return json.encode(
        AnalyticsReport(
            from_=rfc3339(asked.first * HOUR_MS),
            to=rfc3339(asked.last * HOUR_MS),
            timezone=asked.zone,
            group_by=list(asked.group_by),
            items=items,
            totals=_figures(total),
        )
    )


def gather(reader: sqlite3.Connection, asked: Question) -> dict[tuple[str, ...], Tallies]:
    """The tallies of each group, by its values in the order of `group_by`."""
    by = [name for name in asked.group_by if name not in TIMES]
    turned = len(asked.group_by) == 2 and asked.group_by[1] in TIMES
    groups: dict[tuple[str, ...], Tallies] = defaultdict(lambda: [0, 0, 0])
    with counters.moment(reader):
        for stretch in stretches(asked, counters.zone_of_days(reader)):
            for (period, *values), tallies in counters.sums(reader, stretch, by, asked.only).items():
                counters.add(groups[(*_label(asked, stretch.grain, period), *values)], tallies)
    return {key[::-1]: tallies for key, tallies in groups.items()} if turned else groups


def stretches(asked: Question, zone_of_days: str | None) -> list[Stretch]:
    """What to read: whole days where they are those of the zone that is asked for, hours for the rest."""
    if "hour" in asked.group_by or asked.zone != zone_of_days:
        return [Stretch("hour", asked.first, asked.last)]
    start, end = day_of(asked.first - 1, asked.zone) + 1, day_of(asked.last, asked.zone)
    if start >= end:
        return [Stretch("hour", asked.first, asked.last)]
    return [
        Stretch("hour", asked.first, midnight(start, asked.zone)),
        Stretch("day", start, end),
        Stretch("hour", midnight(end, asked.zone), asked.last),
    ]


def _label(asked: Question, grain: str, period: int) -> tuple[str, ...]:
    """What an hour or a day is called in the answer; nothing, where time is not told apart."""
    if "hour" in asked.group_by:
        return (rfc3339(period * HOUR_MS),)
    if "day" not in asked.group_by:
        return ()
    return (_date(period if grain == "day" else day_of(period, asked.zone)),)


@lru_cache(1000)
def _date(day: int) -> str:
    return date.fromordinal(day).isoformat()


def _figures(tallies: Tallies) -> Figures:
    happened, until_sent, until_delivered = tallies
    counts = dict(zip(COUNTED, (*tally.counts(happened), *NOTHING), strict=False))
    return Figures(counts, _rates(counts), _percentiles(until_sent), _percentiles(until_delivered))


def _rates(counts: Mapping[str, int]) -> Rates:
    """Each is a share of what it could have happened to: blocked of what was asked for, failed of what was tried to the
    end, the rest of what was sent."""
    sent = counts["sent"]
    return Rates(
        blocked=_share(counts["blocked"], counts["accepted"] + counts["refused"]),
        failed=_share(counts["failed"], counts["failed"] + sent),
        delivered=_share(counts["delivered"], sent),
        bounced=_share(counts["bounced"], sent),
        complained=_share(counts["complained"], sent),
    )


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _percentiles(durations: int) -> Percentiles | None:
    found = tally.percentiles(durations, 50, 90, 99)
    return None if found is None else Percentiles(*found)


def _counts(happened: int) -> dict[str, int]:
    return dict(zip(COUNTED, tally.counts(happened), strict=False))


def _told(one: Difference) -> dict[str, Any]:
    """A difference in words."""
    return {
        one.grain: rfc3339(one.period * HOUR_MS) if one.grain == "hour" else _date(one.period),
        "series": one.series._asdict(),
        "provider": one.provider or None,
        "counted": _counts(one.counted[0]),
        "recounted": _counts(one.recounted[0]),
        "durations": "the same" if one.counted[1:] == one.recounted[1:] else "different",
    }
