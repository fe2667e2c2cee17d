"""Steps that were taken against abuse: against whom, by a keyed digest, which, until when, and what led to it."""

import sqlite3
from typing import Any, NamedTuple

from msgspec import json

from gateway.store.db import Tx

FILTERS = {
    "state": "CASE WHEN ended_at IS NULL THEN 'in_force' ELSE 'ended' END = ?",
    "step": "step = ?",
    "kind": "kind = ?",
    "before": "id < ?",
}
"""What a list can be narrowed by."""


class Case(NamedTuple):
    """A step as it is taken, in force until that time (ms)."""

    uuid: bytes
    digest: bytes
    kind: Any
    step: Any
    until: int
    dry_run: bool
    signals: dict[str, int]
    actor: str | None


class Stored(NamedTuple):
    """A step as it stands."""

    id: int
    uuid: bytes
    digest: bytes
    kind: Any
    step: Any
    until: int
    dry_run: bool
    signals: dict[str, int]
    actor: str | None
    since: int
    ended_at: int | None
    address_sealed: bytes | None


_SELECT = """
    SELECT id, uuid, digest, kind, step, until, dry_run, signals, actor, since, ended_at, address_sealed FROM abuse
"""


def keep(tx: Tx, case: Case, address_sealed: bytes | None) -> None:
    """Write a step; of one that is there already, that it became severer."""
    tx.execute(
        """
        INSERT INTO abuse (uuid, digest, kind, step, until, dry_run, signals, actor, since, address_sealed)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (uuid) DO UPDATE SET
            step = excluded.step, until = excluded.until, dry_run = excluded.dry_run, signals = excluded.signals
        """,
        (*case[:6], json.encode(case.signals).decode(), case.actor, tx.now, address_sealed),
    )


def find(reader: sqlite3.Connection, uuid: bytes) -> Stored | None:
    """One step by its public id."""
    row = reader.execute(f"{_SELECT} WHERE uuid = ?", (uuid,)).fetchone()
    return _stored(row) if row else None


def search(reader: sqlite3.Connection, wanted: dict[str, Any], limit: int) -> list[Stored]:
    """The newest steps that meet every filter in `wanted` (keys of FILTERS), newest first."""
    where = f"WHERE {' AND '.join(FILTERS[name] for name in wanted)}" if wanted else ""
    rows = reader.execute(f"{_SELECT} {where} ORDER BY id DESC LIMIT ?", (*wanted.values(), limit))
    return [_stored(row) for row in rows]


def in_force(reader: sqlite3.Connection, now: int) -> list[Case]:
    """The steps that are not over at that time."""
    rows = reader.execute(f"{_SELECT} WHERE ended_at IS NULL AND until > ?", (now,))
    return [Case._make(_stored(row)[1:9]) for row in rows]


def blocks(reader: sqlite3.Connection, digest: bytes) -> int:
    """How many blocks there have been of whoever this is, as far back as it is known."""
    sql = "SELECT count(*) FROM abuse WHERE digest = ? AND step = 'block' AND NOT dry_run"
    return reader.execute(sql, (digest,)).fetchone()[0]


def any_over(reader: sqlite3.Connection, now: int) -> bool:
    """Whether a step's time is over whose end nobody has noted."""
    return reader.execute("SELECT 1 FROM abuse WHERE ended_at IS NULL AND until <= ?", (now,)).fetchone() is not None


def over(reader: sqlite3.Connection, now: int) -> list[Stored]:
    """Those steps."""
    rows = reader.execute(f"{_SELECT} WHERE ended_at IS NULL AND until <= ? ORDER BY id", (now,))
    return [_stored(row) for row in rows]


def end(tx: Tx, row: int, at: int | None = None) -> None:
    """Note the end of a step: now, or at its time."""
    tx.execute("UPDATE abuse SET ended_at = ? WHERE id = ?", (tx.now if at is None else at, row))


def forget(tx: Tx, before: int, most: int) -> None:
    """Take away what began before that time (ms), and all but the `most` newest."""
    tx.execute("DELETE FROM abuse WHERE since < ? OR id <= (SELECT max(id) FROM abuse) - ?", (before, most))


def _stored(row: tuple) -> Stored:
    return Stored._make((*row[:6], bool(row[6]), json.decode(row[7]), *row[8:]))
