"""Messages: one row each, from acceptance (or refusal) to the end of its story and beyond."""

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

from gateway.model import AnyClass, ChannelName, MessageClass, State
from gateway.store import series
from gateway.store.db import Tx
from gateway.store.series import Series


class NewMessage(NamedTuple):
    """A message to be written. `envelope` and `decision` are JSON without personal data; `content_sealed` has that."""

    uuid: bytes
    state: str
    reason: str | None
    channel: ChannelName
    class_: MessageClass
    category: str
    guest_id: int | None
    contact_id: int | None
    sender: str | None
    reference: str | None
    created_at: int
    due_at: int | None
    expires_at: int | None
    retry_of: bytes | None
    fallback_of: bytes | None
    actor: str
    envelope: str
    decision: str
    content_sealed: bytes | None
    blind: bytes | None
    batch_id: int | None
    template_version_id: int | None
    event_date: int | None
    series: Series


class Stored(NamedTuple):
    """A message as it stands now, without its content."""

    id: int
    uuid: bytes
    state: State
    reason: str | None
    channel: ChannelName
    class_: MessageClass
    category: str
    guest_uuid: bytes | None
    sender: str | None
    provider: str | None
    reference: str | None
    created_at: int
    due_at: int | None
    expires_at: int | None
    settled_at: int | None
    retry_of: bytes | None
    fallback_of: bytes | None
    envelope: str
    decision: str
    attempts: int | None
    batch_uuid: bytes | None
    template_version_id: int | None
    template_uuid: bytes | None
    template_name: str | None
    template_language: str | None
    template_version: int | None
    event_date: int | None
    text_gone_at: int | None
    text_gone_why: str | None


class Content(NamedTuple):
    """What is needed to open a message's content and the address it went to: whose key, and the sealed bytes.
    `batch_id`: where the rest of it is, of one that shares its words with others."""

    uuid: bytes
    key_id: int
    content_sealed: bytes
    contact_uuid: bytes
    address_sealed: bytes
    batch_id: int | None
    template_version_id: int | None


_ROW = """
    messages (
        uuid, state, reason, channel, class, category, guest_id, contact_id, sender, reference, created_at, due_at,
        expires_at, retry_of, fallback_of, actor, envelope, decision, content_sealed, blind, batch_id,
        template_version_id, event_date, series
    )
"""
_STORED = """
    SELECT
        m.id, m.uuid, CASE WHEN o.lease = 1 THEN 'sending' ELSE m.state END, m.reason, m.channel, m.class, m.category,
        g.uuid, m.sender, m.provider, m.reference, m.created_at, COALESCE(o.due_at, m.due_at), m.expires_at,
        m.settled_at, m.retry_of, m.fallback_of, m.envelope, m.decision, o.attempts, b.uuid,
        m.template_version_id, t.uuid, t.name, t.language, v.version, m.event_date, m.text_gone_at, m.text_gone_why
    FROM messages m
    LEFT JOIN outbox o ON o.message_id = m.id
    LEFT JOIN guests g ON g.id = m.guest_id
    LEFT JOIN batches b ON b.id = m.batch_id
    LEFT JOIN template_versions v ON v.id = m.template_version_id
    LEFT JOIN templates t ON t.id = v.template_id
"""
_COUNTS = "(m.batch_id IS NULL OR b.counts = 1)"
"""What is being accepted in slices is nobody's to see yet."""
FILTERS = {
    "channel": "m.channel = ?",
    "class": "m.class = ?",
    "category": "m.category = ?",
    "reference": "m.reference = ?",
    "guest": "m.guest_id = (SELECT id FROM guests WHERE uuid = ?)",
    "batch": "m.batch_id = (SELECT id FROM batches WHERE uuid = ?)",
    "from": "m.created_at >= ?",
    "to": "m.created_at < ?",
    "q": "instr(m.category || char(10) || COALESCE(t.name, ''), ?) > 0",
    "before": "m.id < ?",
}
"""What a list can be narrowed by, besides the state."""


def insert(tx: Tx, rows: Sequence[NewMessage]) -> range:
    """Write messages, each with the number of its series; the ids of their rows."""
    numbers = {one: series.number(tx, one) for one in {row.series for row in rows}}
    last = tx.insert_many(_ROW, [(*row[:-1], numbers[row.series]) for row in rows])
    return range(last + 1 - len(rows), last + 1)


def find(reader: sqlite3.Connection, uuid: bytes) -> Stored | None:
    """One message by its public id."""
    row = reader.execute(f"{_STORED} WHERE m.uuid = ? AND {_COUNTS}", (uuid,)).fetchone()
    return Stored._make(row) if row else None


def search(reader: sqlite3.Connection, wanted: dict[str, Any], limit: int) -> list[Stored]:
    """The newest messages that meet every filter in `wanted` (keys of FILTERS, and `status`), newest first."""
    conditions = [FILTERS[name] for name in wanted if name != "status"]
    values = [value for name, value in wanted.items() if name != "status"]
    if status := wanted.get("status"):
        conditions.append("CASE WHEN o.lease = 1 THEN 'sending' ELSE m.state END = ?")
        values.append(status)
    where = " AND ".join([_COUNTS, *conditions])
    rows = reader.execute(f"{_STORED} WHERE {where} ORDER BY m.id DESC LIMIT ?", (*values, limit))
    return [Stored._make(row) for row in rows]


def had(reader: sqlite3.Connection, guest_id: int, category: str) -> bool:
    """Whether a guest has ever been written to in a category."""
    row = reader.execute("SELECT 1 FROM messages WHERE guest_id = ? AND category = ? LIMIT 1", (guest_id, category))
    return row.fetchone() is not None


def content(reader: sqlite3.Connection, message_id: int) -> Content | None:
    """What opens the content of a message; None for a refused one, and once the content was deleted."""
    row = reader.execute(
        """
        SELECT m.uuid, g.key_id, m.content_sealed, c.uuid, c.address_sealed, m.batch_id, m.template_version_id
        FROM messages m JOIN guests g ON g.id = m.guest_id JOIN contacts c ON c.id = m.contact_id
        WHERE m.id = ? AND m.content_sealed IS NOT NULL
        """,
        (message_id,),
    ).fetchone()
    return Content._make(row) if row else None


def settle(tx: Tx, rows: Sequence[tuple[str, str | None, str | None, int | None, int]]) -> None:
    """Put messages into a new state: rows of (state, reason, provider, settled_at, id); a None provider keeps it."""
    alike: dict[tuple, list[int]] = {}
    for row in rows:
        alike.setdefault(row[:-1], []).append(row[-1])
    for how, ids in alike.items():
        tx.execute_for(
            """
            UPDATE messages SET state = ?, reason = ?, provider = COALESCE(?, provider), settled_at = ? WHERE id IN
            """,
            how,
            ids,
        )


def readdress(tx: Tx, ids: Sequence[int], contact_id: int) -> None:
    """Let messages go to another contact point of their guest."""
    tx.execute_for("UPDATE messages SET contact_id = ? WHERE id IN", (contact_id,), ids)


def judged_again(tx: Tx, rows: Sequence[tuple[str, int]]) -> None:
    """Replace decisions by the one of the moment of sending: rows of (decision, id)."""
    tx.executemany("UPDATE messages SET decision = ? WHERE id = ?", rows)


def history(
    reader: sqlite3.Connection, guest_id: int, since: int
) -> list[tuple[ChannelName, AnyClass, str, int, str | None]]:
    """Channel, class, category and time of what was handed over to a guest since then, for the rules that count; and
    which stop it confirmed."""
    return reader.execute(
        """
        SELECT channel, class, category, settled_at, envelope ->> '$.in_reply_to_suppression' FROM messages
        WHERE guest_id = ? AND settled_at >= ? AND state IN ('sent', 'delivered', 'complained')
        """,
        (guest_id, since),
    ).fetchall()
