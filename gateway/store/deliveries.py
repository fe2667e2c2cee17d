"""Deliveries to webhooks: what waits to be told, and the log of what was. A row names the fact; what is sent is made of
it at every attempt, and never stored.
"""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from gateway.store.db import Tx
from gateway.store.feed import Fact

SLICE = 1000


class Delivery(NamedTuple):
    """One fact for one webhook. `state`: waiting, delivered or failed. `code`: how the last attempt ended."""

    id: int
    uuid: bytes
    webhook_id: int
    fact: Fact
    state: str
    attempts: int
    code: str | None
    tried_at: int | None
    next_try: int | None


class Tried(NamedTuple):
    """How an attempt ended."""

    state: str
    code: str
    next_try: int | None
    id: int


_COLUMNS = """
    id, uuid, webhook_id, source, source_id, subject, type, at, state, attempts, code, tried_at, next_try
"""
_DUE = f"""
    SELECT {_COLUMNS} FROM webhook_deliveries d WHERE webhook_id = ? AND next_try <= ? AND NOT EXISTS (
        SELECT 1 FROM webhook_deliveries e
        WHERE e.webhook_id = d.webhook_id AND e.source = d.source AND e.subject = d.subject AND e.id < d.id
            AND e.next_try IS NOT NULL
    ) ORDER BY next_try, id LIMIT ?
"""  # noqa: S608 our own columns


def add(tx: Tx, webhook_id: int, named: Sequence[tuple[bytes, Fact]], next_try: int | None) -> None:
    """Write facts to be told, each under the id it keeps through every attempt."""
    tx.insert_many(
        "webhook_deliveries (uuid, webhook_id, source, source_id, subject, type, at, next_try)",
        [(uuid, webhook_id, *fact, next_try) for uuid, fact in named],
    )


def waiting(reader: sqlite3.Connection, webhook_id: int, most: int) -> int:
    """How many of a webhook's wait, counted up to `most`."""
    sql = (
        "SELECT count(*) FROM (SELECT 1 FROM webhook_deliveries WHERE webhook_id = ? AND next_try IS NOT NULL LIMIT ?)"
    )
    return reader.execute(sql, (webhook_id, most)).fetchone()[0]


def all_waiting(reader: sqlite3.Connection) -> int:
    """How many wait, of all webhooks."""
    return reader.execute("SELECT count(*) FROM webhook_deliveries WHERE next_try IS NOT NULL").fetchone()[0]


def due(reader: sqlite3.Connection, webhook_id: int, now: int, limit: int) -> list[Delivery]:
    """What may be tried now, longest due first: of each subject only the oldest that waits."""
    return [_delivery(row) for row in reader.execute(_DUE, (webhook_id, now, limit))]


def find(reader: sqlite3.Connection, webhook_id: int, uuid: bytes) -> Delivery | None:
    """One delivery of a webhook."""
    sql = f"SELECT {_COLUMNS} FROM webhook_deliveries WHERE uuid = ? AND webhook_id = ?"  # noqa: S608 our own columns
    row = reader.execute(sql, (uuid, webhook_id)).fetchone()
    return _delivery(row) if row else None


def page(reader: sqlite3.Connection, webhook_id: int, before: int, limit: int) -> list[Delivery]:
    """A webhook's deliveries below a row, newest first."""
    sql = f"SELECT {_COLUMNS} FROM webhook_deliveries WHERE webhook_id = ? AND id < ? ORDER BY id DESC LIMIT ?"  # noqa: S608
    return [_delivery(row) for row in reader.execute(sql, (webhook_id, before, limit))]


def tried(tx: Tx, outcomes: Sequence[Tried]) -> list[None]:
    """The work of noting how attempts ended."""
    tx.executemany(
        """
        UPDATE webhook_deliveries SET state = ?, code = ?, next_try = ?, attempts = attempts + 1, tried_at = ?
        WHERE id = ?
        """,
        [(*one[:3], tx.now, one.id) for one in outcomes],
    )
    return [None] * len(outcomes)


def again(tx: Tx, delivery_id: int) -> None:
    """Tell it once more, from the beginning of the schedule."""
    tx.execute(
        "UPDATE webhook_deliveries SET state = 'waiting', attempts = 0, next_try = ? WHERE id = ?",
        (tx.now, delivery_id),
    )


def end(tx: Tx, webhook_id: int) -> None:
    """Nothing of a webhook waits any more."""
    tx.execute(
        """
        UPDATE webhook_deliveries SET state = 'failed', next_try = NULL WHERE webhook_id = ? AND next_try IS NOT NULL
        """,
        (webhook_id,),
    )


def forget(tx: Tx, webhook_ids: Sequence[int]) -> list[int]:
    """The work of taking away the next slice of webhooks' deliveries; how many rows that were."""
    sql = "DELETE FROM webhook_deliveries WHERE id IN (SELECT id FROM webhook_deliveries WHERE webhook_id = ? LIMIT ?)"
    return [tx.execute(sql, (webhook_id, SLICE)).rowcount for webhook_id in webhook_ids]


def forget_old(tx: Tx, befores: Sequence[int]) -> list[int]:
    """The work of taking away the next slice of what was written before a time (ms) and does not wait; how many rows.
    The ids begin with the time they were made at."""
    sql = """
        DELETE FROM webhook_deliveries WHERE id IN (
            SELECT id FROM webhook_deliveries WHERE uuid < ? AND next_try IS NULL LIMIT ?
        )
    """
    return [tx.execute(sql, (before.to_bytes(6), SLICE)).rowcount for before in befores]


def _delivery(row: tuple) -> Delivery:
    return Delivery._make([*row[:3], Fact._make(row[3:8]), *row[8:]])
