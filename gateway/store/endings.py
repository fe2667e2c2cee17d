"""Consents that come to an end by themselves: which are watched, when each ends, and whether that was told."""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from msgspec import json

from gateway.rules import ConsentEvent
from gateway.store.db import Tx


class Watched(NamedTuple):
    """A consent that is watched, with what is known of its guest. `ends_at` is None before the first look."""

    id: int
    uuid: bytes
    guest_id: int
    guest_uuid: bytes
    event: ConsentEvent
    status: str
    country: str | None
    region: str | None
    timezone: str | None
    ends_at: int | None
    rule: str | None
    told: bool


_decoder = json.Decoder(ConsentEvent)
_WATCHED = """
    SELECT
        e.consent_id, c.uuid, c.guest_id, g.uuid, c.facts, g.status, g.country, g.region, g.timezone, e.ends_at, e.rule,
        e.told
    FROM endings e JOIN consents c ON c.id = e.consent_id JOIN guests g ON g.id = c.guest_id
"""


def watched(reader: sqlite3.Connection, after: int, fresh: bool, most: int) -> list[Watched]:
    """Some of what is watched, in order, after this row; with `fresh` only what has not been looked at yet."""
    rows = reader.execute(
        f"""
        {_WATCHED} WHERE e.consent_id > ? {"AND e.ends_at IS NULL AND e.rule IS NULL" if fresh else ""}
        ORDER BY e.consent_id LIMIT ?
        """,
        (after, most),
    )
    return [_watched(row) for row in rows]


def page(reader: sqlite3.Connection, now: int, until: int, before: int, limit: int) -> list[Watched]:
    """The newest consents that end in this time, newest first."""
    rows = reader.execute(
        f"{_WATCHED} WHERE e.ends_at > ? AND e.ends_at <= ? AND e.consent_id < ? ORDER BY e.consent_id DESC LIMIT ?",
        (now, until, before, limit),
    )
    return [_watched(row) for row in rows]


def note(tx: Tx, rows: Sequence[tuple[int | None, str, int]]) -> None:
    """Note when consents end, by which rule, and of which row; a rule alone says that it was looked at."""
    tx.executemany("UPDATE endings SET ends_at = ?, rule = ? WHERE consent_id = ?", rows)


def tell(tx: Tx, row: int) -> bool:
    """Note that it was told that a consent ends soon; False where it had been."""
    done = tx.execute("UPDATE endings SET told = 1 WHERE consent_id = ? AND told = 0", (row,))
    return done.rowcount == 1


def let_go(tx: Tx, row: int) -> bool:
    """Watch a consent no longer; False where nobody did."""
    return tx.execute("DELETE FROM endings WHERE consent_id = ?", (row,)).rowcount == 1


def _watched(row: tuple) -> Watched:
    return Watched._make([*row[:4], _decoder.decode(row[4]), *row[5:11], bool(row[11])])
