"""Complaints about what the house does with data: one row each, which outlives its guest and then names nobody."""

import sqlite3
from typing import Any, NamedTuple

from gateway.store.db import Tx


class NewComplaint(NamedTuple):
    """A complaint to be written. `rule`, `due_at` (ms), `due_date`: None where no law sets a time for its receipt to be
    confirmed."""

    uuid: bytes
    guest_id: int | None
    received_via: str
    received_at: int
    actor: str
    jurisdiction: str
    rule: str | None
    due_at: int | None
    due_date: str | None
    words_sealed: bytes


class Complaint(NamedTuple):
    """A complaint as it stands. `guest_uuid` and `key_id`: None and 0 where there is no guest, or none any more."""

    id: int
    uuid: bytes
    guest_uuid: bytes | None
    key_id: int
    received_via: str
    received_at: int
    recorded_at: int
    jurisdiction: str
    rule: str | None
    due_at: int | None
    due_date: str | None
    acknowledged_at: int | None
    closed_at: int | None
    words_sealed: bytes | None
    answer_sealed: bytes | None


STATUS = """
    CASE WHEN c.closed_at IS NOT NULL THEN 'closed' WHEN c.acknowledged_at IS NULL THEN 'open' ELSE 'acknowledged' END
"""
_SELECT = """
    SELECT
        c.id, c.uuid, g.uuid, COALESCE(g.key_id, 0), c.received_via, c.received_at, c.recorded_at, c.jurisdiction,
        c.rule, c.due_at, c.due_date, c.acknowledged_at, c.closed_at, c.words_sealed, c.answer_sealed
    FROM complaints c LEFT JOIN guests g ON g.id = c.guest_id AND g.status <> 'erased'
"""
FILTERS = {
    "status": f"{STATUS} = ?",
    "due_before": "c.acknowledged_at IS NULL AND c.closed_at IS NULL AND c.due_at < ?",
    "guest": "g.uuid = ?",
    "before": "c.id < ?",
}
"""What a list can be narrowed by."""


def add(tx: Tx, new: NewComplaint) -> None:
    """Write a complaint."""
    tx.execute(
        """
        INSERT INTO complaints (
            uuid, guest_id, received_via, received_at, actor, jurisdiction, rule, due_at, due_date, words_sealed,
            recorded_at
        ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (*new, tx.now),
    )


def find(reader: sqlite3.Connection, uuid: bytes) -> Complaint | None:
    """One complaint by its public id."""
    row = reader.execute(f"{_SELECT} WHERE c.uuid = ?", (uuid,)).fetchone()
    return Complaint._make(row) if row else None


def search(reader: sqlite3.Connection, wanted: dict[str, Any], limit: int) -> list[Complaint]:
    """The newest complaints that meet every filter in `wanted` (keys of FILTERS), newest first."""
    where = " AND ".join(FILTERS[name] for name in wanted)
    rows = reader.execute(f"{_SELECT} WHERE {where} ORDER BY c.id DESC LIMIT ?", (*wanted.values(), limit))
    return [Complaint._make(row) for row in rows]


def of(reader: sqlite3.Connection, guest_id: int) -> list[Complaint]:
    """What a guest complained of, oldest first."""
    rows = reader.execute(f"{_SELECT} WHERE c.guest_id = ? ORDER BY c.id", (guest_id,))
    return [Complaint._make(row) for row in rows]


def counts(reader: sqlite3.Connection, now: int) -> list[tuple[str, int]]:
    """How many are still to be confirmed: (clock, count), the clock being running, overdue, or none where no law sets a
    time."""
    return reader.execute(
        """
        SELECT CASE WHEN due_at IS NULL THEN 'none' WHEN due_at < ? THEN 'overdue' ELSE 'running' END, count(*)
        FROM complaints WHERE closed_at IS NULL AND acknowledged_at IS NULL GROUP BY 1
        """,
        (now,),
    ).fetchall()


def acknowledge(tx: Tx, uuid: bytes, at: int) -> None:
    """Note that its receipt was confirmed."""
    tx.execute("UPDATE complaints SET acknowledged_at = ? WHERE uuid = ?", (at, uuid))


def close(tx: Tx, uuid: bytes, answer_sealed: bytes) -> None:
    """Note what was answered; whoever is answered was heard."""
    tx.execute(
        """
        UPDATE complaints SET closed_at = ?1, acknowledged_at = COALESCE(acknowledged_at, ?1), answer_sealed = ?2
        WHERE uuid = ?3
        """,
        (tx.now, answer_sealed, uuid),
    )


def forget(tx: Tx, closed_before: int) -> list[bytes]:
    """Take away what ended before that time (ms); their uuids."""
    rows = tx.execute("DELETE FROM complaints WHERE closed_at < ? RETURNING uuid", (closed_before,))
    return [uuid for (uuid,) in rows.fetchall()]
