"""What guests answered: one row each, with what was made of it. The words are sealed, and go before the row does."""

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec import json

from gateway.store.db import Tx


class NewReply(NamedTuple):
    """An answer to be written. `status`: done, or review while a person has something to decide."""

    uuid: bytes
    guest_id: int | None
    blind: bytes
    channel: str
    action: str
    reasons: Sequence[str]
    status: str
    received_at: int
    actor: str
    text_sealed: bytes | None
    suppression: bytes | None
    consent: bytes | None


class Reply(NamedTuple):
    """An answer as it stands. `guest_uuid`, `key_id`: None and 0 where nobody had the address, or he is erased.
    `message`: what answered it, `not_sent`: why nothing did. `due_at`: until when the law wanted its stop to hold."""

    id: int
    uuid: bytes
    guest_uuid: bytes | None
    key_id: int
    blind: bytes
    channel: str
    action: str
    reasons: list[str]
    status: str
    received_at: int
    recorded_at: int
    actor: str
    text_sealed: bytes | None
    suppression: bytes | None
    consent: bytes | None
    message: bytes | None
    not_sent: str | None
    decision: str | None
    decided_at: int | None
    due_at: int | None

    @property
    def late(self) -> bool:
        """Whether its stop was entered after the law's deadline."""
        return self.due_at is not None and self.recorded_at > self.due_at


_SELECT = """
    SELECT
        r.id, r.uuid, g.uuid, COALESCE(g.key_id, 0), r.blind, r.channel, r.action, r.reasons, r.status, r.received_at,
        r.recorded_at, r.actor, r.text_sealed, r.suppression, r.consent, r.message, r.not_sent, r.decision,
        r.decided_at, s.due_at
    FROM replies r LEFT JOIN guests g ON g.id = r.guest_id AND g.status <> 'erased'
    LEFT JOIN suppressions s ON s.uuid = r.suppression
"""
FILTERS = {
    "action": "r.action = ?",
    "status": "r.status = ?",
    "channel": "r.channel = ?",
    "guest": "r.guest_id = (SELECT id FROM guests WHERE uuid = ?)",
    "from": "r.received_at >= ?",
    "to": "r.received_at < ?",
    "before": "r.id < ?",
}
"""What a list can be narrowed by."""


def add(tx: Tx, new: NewReply) -> None:
    """Write an answer."""
    tx.execute(
        """
        INSERT INTO replies (
            uuid, guest_id, blind, channel, action, reasons, status, received_at, actor, text_sealed, suppression,
            consent, recorded_at
        ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (*new[:5], json.encode(new.reasons).decode(), *new[6:], tx.now),
    )


def find(reader: sqlite3.Connection, uuid: bytes) -> Reply | None:
    """One answer by its public id."""
    row = reader.execute(f"{_SELECT} WHERE r.uuid = ?", (uuid,)).fetchone()
    return _reply(row) if row else None


def search(reader: sqlite3.Connection, wanted: dict[str, Any], limit: int) -> list[Reply]:
    """The newest answers that meet every filter in `wanted` (keys of FILTERS), newest first."""
    where = " AND ".join(FILTERS[name] for name in wanted)
    rows = reader.execute(f"{_SELECT} WHERE {where} ORDER BY r.id DESC LIMIT ?", (*wanted.values(), limit))
    return [_reply(row) for row in rows]


def of(reader: sqlite3.Connection, guest_id: int) -> list[Reply]:
    """What a guest answered, oldest first."""
    return [_reply(row) for row in reader.execute(f"{_SELECT} WHERE r.guest_id = ? ORDER BY r.id", (guest_id,))]


def decide(tx: Tx, uuid: bytes, decision: str, suppression: bytes | None) -> None:
    """Note what a person made of it, and the stop that it is now."""
    tx.execute(
        "UPDATE replies SET status = 'done', decision = ?, decided_at = ?, suppression = ? WHERE uuid = ?",
        (decision, tx.now, suppression, uuid),
    )


def answered(tx: Tx, uuid: bytes, message: bytes | None, not_sent: str | None) -> bool:
    """Note the message that answers it, or why none does; False where one does already."""
    sql = "UPDATE replies SET message = ?, not_sent = ? WHERE uuid = ? AND message IS NULL"
    return tx.execute(sql, (message, not_sent, uuid)).rowcount == 1


def confirmed(reader: sqlite3.Connection, suppression: bytes) -> bool:
    """Whether a message has been written already that confirms this stop."""
    row = reader.execute("SELECT 1 FROM replies WHERE suppression = ? AND message IS NOT NULL", (suppression,))
    return row.fetchone() is not None


def _reply(row: tuple) -> Reply:
    return Reply._make([*row[:7], json.decode(row[7]), *row[8:]])
