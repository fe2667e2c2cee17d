"""How often what happened to messages, and how long it took: by hour and by day (UTC), series and provider.

What writes an event counts it, in the same transaction. A row holds tallies, so that reading costs as much for a
million messages as for ten thousand; days are there so that a month is some hundred rows.
"""

import contextlib
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Literal, NamedTuple

from msgspec import json

from gateway.model import COUNTED
from gateway.store import tally
from gateway.store.db import Tx
from gateway.store.series import Series

Grain = Literal["hour", "day"]
DAY = 24
"""Hours of a day."""
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
_HAPPENED = "FROM events e JOIN messages m ON m.id = e.message_id"
"""The one definition of what is counted: hour, series, provider, the event, what it is counted as besides, and how long
it took since the message was first due (ms)."""
_ADD = """
    ON CONFLICT DO UPDATE SET
        counts = plus(counts, excluded.counts),
        until_sent = plus(until_sent, excluded.until_sent),
        until_delivered = plus(until_delivered, excluded.until_delivered)
"""
_ONE = {word: tally.one(place) for place, word in enumerate(COUNTED)} | {None: 0}

Fact = tuple[int, int, str, str, str | None, int | None]
_facts = json.Decoder(list[Fact])
Tallies = list[int]
"""Three tallies: of what happened, in the places of COUNTED; of durations until sent; of durations until delivered."""
Cell = tuple[int, int, str]
"""An hour or a day (since 1970 UTC), a series, and a provider ("" where none had to do with it)."""
Cells = dict[Cell, Tallies]


class Stretch(NamedTuple):
    """Hours or days, from `first` to before `last`."""

    grain: Grain
    first: int
    last: int


def roll_up(tx: Tx, after: int) -> None:
    """Count the events after number `after`. They are told in one row, because Python lets go of its lock for each."""
    question = f"SELECT json_group_array(json_array({_FACTS})) {_HAPPENED} WHERE e.id > ?"
    (told,) = tx.execute(question, (after,)).fetchone()
    _write(tx, _gather(Counter(_facts.decode(told)).items()))


def _gather(facts: Iterable[tuple[Fact, int]]) -> Cells:
    """Facts, each with how many there are of it."""
    hours: Cells = defaultdict(lambda: [0, 0, 0])
    for (hour, series, provider, type_, besides, took), times in facts:
        cell = hours[hour, series, provider]
        cell[0] += times * (_ONE[type_] + _ONE[besides])
        if took is not None:
            cell[1 if type_ == "sent" else 2] += times * tally.lasting(took)
    return hours


def _recount(connection: sqlite3.Connection) -> Cells:
    """The hours, from all events there are."""
    return _gather(zip(connection.execute(f"SELECT {_FACTS} {_HAPPENED}"), repeat(1), strict=False))


def _days(hours: Cells) -> Cells:
    days: Cells = defaultdict(lambda: [0, 0, 0])
    for (hour, series, provider), tallies in hours.items():
        add(days[hour // DAY, series, provider], tallies)
    return days


def add(to: Tallies, more: Sequence[int], sign: int = 1) -> None:
    """Add tallies to others, in place; with a sign of -1, take them away."""
    for index, one in enumerate(more):
        to[index] += sign * one


def _write(tx: Tx, hours: Cells) -> None:
    rows = [
        (grain, *key, *map(tally.pack, tallies))
        for grain, cells in (("hour", hours), ("day", _days(hours)))
        for key, tallies in cells.items()
    ]
    tx.insert_many("counters (grain, period, series, provider, counts, until_sent, until_delivered)", rows, _ADD)


def fill(connection: sqlite3.Connection) -> None:
    """Count everything there is, in a store whose events are older than its counters."""
    if connection.execute("SELECT EXISTS (SELECT 1 FROM counters)").fetchone() == (0,):
        connection.execute("BEGIN IMMEDIATE")
        _write(Tx(connection, 0), _recount(connection))
        connection.execute("COMMIT")


# -- reading ----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def moment(reader: sqlite3.Connection) -> Iterator[None]:
    """What is read meanwhile is all of one moment."""
    reader.execute("BEGIN")
    try:
        yield
    finally:
        reader.execute("COMMIT")


def cells(
    reader: sqlite3.Connection, stretch: Stretch, by: Sequence[str], only: Mapping[str, str]
) -> Iterator[tuple[tuple[str, ...], Tallies]]:
    """What was counted in a stretch: for each row its values of `by`, and its tallies. `only` narrows it; both take
    names of DIMENSIONS."""
    columns = "".join(f"{DIMENSIONS[name]}, " for name in by)
    conditions = "".join(f" AND {DIMENSIONS[name]} = ?" for name in only)
    rows = reader.execute(
        f"""
        SELECT {columns} c.counts, c.until_sent, c.until_delivered
        FROM counters c CROSS JOIN series s ON s.id = c.series
        WHERE c.grain = ? AND c.period >= ? AND c.period < ? {conditions}
        """,  # noqa: S608 our own columns
        (*stretch, *only.values()),
    )
    return ((row[:-3], [tally.unpack(kept) for kept in row[-3:]]) for row in rows)


class Difference(NamedTuple):
    """A row that is not what its events say; `grain` is hour or day."""

    grain: str
    period: int
    series: Series
    provider: str
    counted: Tallies
    recounted: Tallies


def differences(reader: sqlite3.Connection) -> tuple[int, list[Difference]]:
    """Count all events again; how many rows of counters there are, and those that say otherwise."""
    with moment(reader):
        hours = _recount(reader)
        kept_hours, kept_days = _kept(reader, "hour"), _kept(reader, "day")
        rows = reader.execute("SELECT id, channel, class, category, language, jurisdiction FROM series")
        names = {row[0]: Series._make(row[1:]) for row in rows}
    wrong = [
        Difference(grain, period, names[series], provider, counted, recounted)
        for grain, kept, again in (("hour", kept_hours, hours), ("day", kept_days, _days(hours)))
        for (period, series, provider), counted, recounted in _unlike(kept, again)
    ]
    return len(kept_hours) + len(kept_days), wrong


def _kept(reader: sqlite3.Connection, grain: Grain) -> Cells:
    rows = reader.execute(
        "SELECT period, series, provider, counts, until_sent, until_delivered FROM counters WHERE grain = ?", (grain,)
    )
    return {row[:3]: [tally.unpack(kept) for kept in row[3:]] for row in rows}


def _unlike(kept: Cells, again: Cells) -> Iterator[tuple[Cell, Tallies, Tallies]]:
    for cell in sorted(kept.keys() | again.keys()):
        counted, recounted = kept.get(cell, [0, 0, 0]), again.get(cell, [0, 0, 0])
        if counted != recounted:
            yield cell, counted, recounted
