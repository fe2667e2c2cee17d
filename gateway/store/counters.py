"""How often what happened to messages, and how long it took: by hour (UTC), day (the venue's), series and provider.

What writes an event counts it, in the same transaction. A row holds tallies, so that reading costs as much for a
million messages as for ten thousand; days are there so that a month is some hundred rows.
"""

import contextlib
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import repeat
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from msgspec import json

from gateway.model import COUNTED
from gateway.store import tally
from gateway.store.db import Tx
from gateway.store.series import Series

Grain = Literal["hour", "day"]
DIMENSIONS = {
    "channel": "s.channel", "class": "s.class", "category": "s.category", "provider": "c.provider",
    "language": "s.language", "jurisdiction": "s.jurisdiction",
}  # fmt: skip
"""What counters can be told apart by, besides the time."""
_FACTS = """
    e.at / 3600000, m.series, COALESCE(e.detail ->> 'provider', ''), e.type,
    CASE
        WHEN e.type = 'accepted' AND m.due_at > e.at THEN 'deferred'
        WHEN e.type = 'blocked' AND m.due_at IS NULL THEN 'refused'
    END,
    CASE WHEN e.type IN ('sent', 'delivered') THEN e.at - m.due_at END
"""
"""The one definition of what is counted: hour, series, provider, the event, what it is counted as besides, and how long
it took since the message was first due (ms)."""
_HAPPENED = "FROM events e JOIN messages m ON m.id = e.message_id"
_ZONE = "COALESCE((SELECT value FROM meta WHERE name = 'zone'), 'UTC')"
_INTO = "counters (grain, period, series, provider, counts, until_sent, until_delivered)"
_ADD = """
    ON CONFLICT DO UPDATE SET
        counts = plus(counts, excluded.counts),
        until_sent = CASE
            WHEN excluded.until_sent IS NULL THEN until_sent ELSE plus(until_sent, excluded.until_sent) END,
        until_delivered = CASE
            WHEN excluded.until_delivered IS NULL THEN until_delivered
            ELSE plus(until_delivered, excluded.until_delivered) END
"""
"""`plus` is ours, in Python: it is asked only where there is something to add."""
_ONE = {word: tally.one(place) for place, word in enumerate(COUNTED)} | {None: 0}

Fact = tuple[int, int, str, str, str | None, int | None]
_facts = json.Decoder(list[Fact])
Tallies = list[int]
"""Three tallies: of what happened, in the places of COUNTED; of durations until sent; of durations until delivered."""
Cell = tuple[int, int, str]
"""An hour (since 1970 UTC) or a day (its ordinal), a series, and a provider ("" where none had to do with it)."""
Cells = dict[Cell, Tallies]


class Stretch(NamedTuple):
    """Hours or days, from `first` to before `last`."""

    grain: Grain
    first: int
    last: int


@lru_cache(20_000)
def day_of(hour: int, zone: str) -> int:
    """The day (its ordinal) on which an hour begins in a zone."""
    return datetime.fromtimestamp(hour * 3600, ZoneInfo(zone)).toordinal()


# -- counting ---------------------------------------------------------------------------------------------------------


def roll_up(tx: Tx, after: int) -> None:
    """Count the events after number `after`. They are told in one row, because Python lets go of its lock for each."""
    question = f"SELECT json_group_array(json_array({_FACTS})), {_ZONE} {_HAPPENED} WHERE e.id > ?"
    told, zone = tx.execute(question, (after,)).fetchone()
    hours = _gather(Counter(_facts.decode(told)).items())
    tx.insert_many(_INTO, [*_rows("hour", hours), *_rows("day", _days(hours.items(), zone))], _ADD)


def _gather(facts: Iterable[tuple[Fact, int]]) -> Cells:
    """The hours, from facts and how many there are of each."""
    hours: Cells = defaultdict(lambda: [0, 0, 0])
    for (hour, series, provider, type_, besides, took), times in facts:
        cell = hours[hour, series, provider]
        cell[0] += times * (_ONE[type_] + _ONE[besides])
        if took is not None:
            cell[1 if type_ == "sent" else 2] += times * tally.lasting(took)
    return hours


def _days(hours: Iterable[tuple[Cell, Tallies]], zone: str) -> Cells:
    days: Cells = defaultdict(lambda: [0, 0, 0])
    for (hour, series, provider), tallies in hours:
        add(days[day_of(hour, zone), series, provider], tallies)
    return days


def add(to: Tallies, more: Iterable[int]) -> None:
    """Add tallies to others, in place."""
    for index, one in enumerate(more):
        to[index] += one


def _rows(grain: Grain, cells: Cells) -> list[tuple]:
    return [(grain, *cell, *map(tally.pack, tallies)) for cell, tallies in cells.items()]


def fill(connection: sqlite3.Connection) -> None:
    """Count by the hour all there is in a store that is older than its counters."""
    if connection.execute("SELECT EXISTS (SELECT 1 FROM counters)").fetchone() == (0,):
        connection.execute("BEGIN IMMEDIATE")
        Tx(connection, 0).insert_many(_INTO, _rows("hour", _recount(connection)))
        connection.execute("DELETE FROM meta WHERE name = 'zone'")
        connection.execute("COMMIT")


def zone_of_days(reader: sqlite3.Connection) -> str | None:
    """Whose days they are; None before anybody said so."""
    found = reader.execute("SELECT value FROM meta WHERE name = 'zone'").fetchone()
    return found and found[0]


def days_in(tx: Tx, zones: Sequence[str]) -> list[None]:
    """The work that makes the days those of another zone: the last one of `zones`."""
    zone = zones[-1]
    tx.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('zone', ?)", (zone,))
    tx.execute("DELETE FROM counters WHERE grain = 'day'")
    tx.insert_many(_INTO, _rows("day", _days(_kept(tx.connection, "hour"), zone)))
    return [None] * len(zones)


def _recount(connection: sqlite3.Connection) -> Cells:
    """The hours, from all events there are."""
    return _gather(zip(connection.execute(f"SELECT {_FACTS} {_HAPPENED}"), repeat(1), strict=False))


# -- reading ----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def moment(reader: sqlite3.Connection) -> Iterator[None]:
    """What is read meanwhile is all of one moment."""
    reader.execute("BEGIN")
    try:
        yield
    finally:
        reader.execute("COMMIT")


def sums(
    reader: sqlite3.Connection, stretch: Stretch, by: Sequence[str], only: Mapping[str, str]
) -> dict[tuple, Tallies]:
    """What was counted in a stretch, added up by the period and the values of `by`; `only` narrows it. Both take names
    of DIMENSIONS."""
    columns = "".join(f"{DIMENSIONS[name]}, " for name in by)
    conditions = "".join(f" AND {DIMENSIONS[name]} = ?" for name in only)
    rows = reader.execute(
        f"""
        SELECT c.period, {columns} c.counts, c.until_sent, c.until_delivered
        FROM counters c CROSS JOIN series s ON s.id = c.series
        WHERE c.grain = ? AND c.period >= ? AND c.period < ? {conditions}
        """,  # noqa: S608 our own columns
        (*stretch, *only.values()),
    )
    found: dict[tuple, Tallies] = defaultdict(lambda: [0, 0, 0])
    for row in rows:
        mine = found[row[:-3]]
        mine[0] += tally.unpack(row[-3])
        mine[1] += tally.unpack(row[-2])
        mine[2] += tally.unpack(row[-1])
    return found


class Difference(NamedTuple):
    """A row that is not what its events say; `grain` is hour or day."""

    grain: str
    period: int
    series: Series
    provider: str
    counted: Tallies
    recounted: Tallies


def differences(reader: sqlite3.Connection) -> tuple[int, list[Difference]]:
    """Count all events again; how many rows of counters there are, and those that say otherwise. Nothing is said of
    times of which events were deleted, because their own time was over."""
    with moment(reader):
        whole, zone = _whole_since(reader), zone_of_days(reader) or "UTC"
        hours = _recount(reader)
        kept = {"hour": dict(_kept(reader, "hour")), "day": dict(_kept(reader, "day"))}
        named = reader.execute("SELECT id, channel, class, category, language, jurisdiction FROM series")
        names = {row[0]: Series._make(row[1:]) for row in named}
        again = {"hour": hours, "day": _days(hours.items(), zone)}
    since = {"hour": whole, "day": day_of(whole - 1, zone) + 1 if whole else 0}
    wrong = [
        Difference(grain, period, names[series], provider, counted, recounted)
        for grain, cells in kept.items()
        for (period, series, provider), counted, recounted in _unlike(cells, again[grain])
        if period >= since[grain]
    ]
    return sum(map(len, kept.values())), wrong


def _whole_since(reader: sqlite3.Connection) -> int:
    """The first hour of which no event was deleted."""
    found = reader.execute("SELECT value FROM meta WHERE name = 'events_gone'").fetchone()
    return int(found[0]) // 3_600_000 + 1 if found else 0


def _kept(reader: sqlite3.Connection, grain: Grain) -> Iterator[tuple[Cell, Tallies]]:
    found = reader.execute(
        "SELECT period, series, provider, counts, until_sent, until_delivered FROM counters WHERE grain = ?", (grain,)
    )
    return ((row[:3], [tally.unpack(kept) for kept in row[3:]]) for row in found)


def _unlike(kept: Cells, again: Cells) -> Iterator[tuple[Cell, Tallies, Tallies]]:
    for cell in sorted(kept.keys() | again.keys()):
        counted, recounted = kept.get(cell, [0, 0, 0]), again.get(cell, [0, 0, 0])
        if counted != recounted:
            yield cell, counted, recounted
