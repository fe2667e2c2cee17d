"""What there is to tell the world outside, read from the rows that are its only source, in the order they came to be.

Six sources: what happened to messages, what guests agreed to or took back, their stops, batches that are finished, what
happened to guests' requests, and what guests answered. How far somebody has been told is six numbers.
"""

import sqlite3
from typing import Any, NamedTuple

from msgspec import json

Row = dict[str, Any]


class Marks(NamedTuple):
    """How far somebody has been told, in each source."""

    events: int
    consents: int
    suppressions: int
    batches: int
    requests: int
    replies: int


class Fact(NamedTuple):
    """One thing to be told. `source` and `source_id` are where it is read from, `type` what it is called outside;
    facts of one `subject` within a source are told one after the other. `at` is when it happened (ms)."""

    source: str
    source_id: int
    subject: int
    type: str
    at: int


_LAST = """
    SELECT
        (SELECT coalesce(max(id), 0) FROM events), (SELECT coalesce(max(id), 0) FROM consents),
        (SELECT coalesce(max(id), 0) FROM suppressions), (SELECT coalesce(max(ended), 0) FROM batches),
        (SELECT coalesce(max(id), 0) FROM data_request_events), (SELECT coalesce(max(id), 0) FROM replies)
"""
_AFTER = {
    "events": """
        SELECT e.id, e.message_id, 'message.' || CASE
            WHEN e.type = 'accepted' AND m.due_at > m.created_at THEN 'deferred'
            WHEN e.type IN ('accepted', 'released') THEN 'queued' ELSE e.type END, e.at
        FROM events e JOIN messages m ON m.id = e.message_id
        WHERE e.id > ? AND e.id <= ? ORDER BY e.id LIMIT ?
    """,
    "consents": """
        SELECT id, guest_id, 'consent.changed', at FROM consents WHERE id > ? AND id <= ? ORDER BY id LIMIT ?
    """,
    "suppressions": """
        SELECT id, id, 'guest.opted_out', recorded_at FROM suppressions
        WHERE id > ? AND id <= ? AND blind = origin
            AND source NOT IN ('hard_bounce', 'invalid_address', 'reply_review')
        ORDER BY id LIMIT ?
    """,
    "batches": """
        SELECT ended, ended, 'batch.finished', ended_at FROM batches
        WHERE ended > ? AND ended <= ? ORDER BY ended LIMIT ?
    """,
    "requests": """
        SELECT id, request_id, 'data_request.due', at FROM data_request_events
        WHERE id > ? AND id <= ? AND type IN ('due', 'overdue') ORDER BY id LIMIT ?
    """,
    "replies": """
        SELECT id, id, 'guest.replied', recorded_at FROM replies WHERE id > ? AND id <= ? ORDER BY id LIMIT ?
    """,
}
"""A stop is told once, for the address it was said for; an address that is no good is nobody's stop, and
what a person has yet to read is none either."""


def last(reader: sqlite3.Connection) -> Marks:
    """Where each source ends now."""
    return Marks._make(reader.execute(_LAST).fetchone())


def ahead(reader: sqlite3.Connection, seen: Marks) -> bool:
    """Whether anything came after these marks."""
    return any(end > begin for end, begin in zip(last(reader), seen, strict=True))


def after(reader: sqlite3.Connection, seen: Marks, limit: int) -> tuple[list[Fact], Marks]:
    """What came after these marks, at most `limit` of each source, and the marks behind it."""
    ends = last(reader)
    facts, marks = [], {}
    for source, sql in _AFTER.items():
        begin, end = getattr(seen, source), getattr(ends, source)
        rows = reader.execute(sql, (begin, end, limit)).fetchall() if end > begin else []
        facts += [Fact(source, *row) for row in rows]
        marks[source] = rows[-1][0] if len(rows) == limit else max(begin, end)
    return facts, Marks(**marks)


# -- what a row says --------------------------------------------------------------------------------------------------


def message(reader: sqlite3.Connection, event_id: int) -> Row | None:
    """The message an event is about: `id`, `uuid`, `channel`, `category`, `reference`, `reasons`."""
    row = reader.execute(
        """
        SELECT m.id, m.uuid, m.channel, m.category, m.reference, m.decision
        FROM events e JOIN messages m ON m.id = e.message_id WHERE e.id = ?
        """,
        (event_id,),
    ).fetchone()
    if row is None:
        return None
    named = dict(zip(("id", "uuid", "channel", "category", "reference"), row, strict=False))
    return named | {"reasons": json.decode(row[5]).get("reasons", [])}


def consent(reader: sqlite3.Connection, consent_id: int) -> Row | None:
    """An entry of the consent ledger: `uuid`, of a reminder that of what it is about; `guest_uuid`, `action`, and the
    facts that name nobody."""
    row = reader.execute(
        """
        SELECT COALESCE(a.uuid, c.uuid), g.uuid, c.action, c.facts
        FROM consents c JOIN guests g ON g.id = c.guest_id LEFT JOIN consents a ON a.id = c.about WHERE c.id = ?
        """,
        (consent_id,),
    ).fetchone()
    if row is None:
        return None
    return {"uuid": row[0], "guest_uuid": row[1], "action": row[2], "facts": json.decode(row[3])}


def suppression(reader: sqlite3.Connection, suppression_id: int) -> Row | None:
    """A stop: `uuid`, `scope`, `channels`, `categories`, `classes`, `source`, and `guests`, the uuids of all who have
    the address."""
    row = reader.execute(
        "SELECT uuid, scope, channels, categories, classes, source, blind FROM suppressions WHERE id = ?",
        (suppression_id,),
    ).fetchone()
    if row is None:
        return None
    guests = reader.execute(
        "SELECT DISTINCT g.uuid FROM contacts c JOIN guests g ON g.id = c.guest_id WHERE c.blind = ? ORDER BY g.id",
        (row[6],),
    ).fetchall()
    lists = {
        name: json.decode(text) for name, text in zip(("channels", "categories", "classes"), row[2:5], strict=True)
    }
    return {"uuid": row[0], "scope": row[1], "source": row[5], "guests": [uuid for (uuid,) in guests]} | lists


def batch(reader: sqlite3.Connection, ended: int) -> Row | None:
    """The batch that finished as this number: `id`, `uuid`, `channel`, `category`, `cancelled`."""
    row = reader.execute(
        "SELECT id, uuid, channel, category, cancelled_at IS NOT NULL FROM batches WHERE ended = ?", (ended,)
    ).fetchone()
    return dict(zip(("id", "uuid", "channel", "category", "cancelled"), row, strict=True)) if row else None


def request(reader: sqlite3.Connection, event_id: int) -> Row | None:
    """The request an alarm is about: `uuid`, `guest_uuid` (None where there is no guest any more), `kind`, `status`,
    `due_date`, and `overdue`, as it was when the alarm was given."""
    row = reader.execute(
        """
        SELECT r.uuid, CASE WHEN g.status <> 'erased' THEN g.uuid END, r.kind, r.status, r.due_date, e.type = 'overdue'
        FROM data_request_events e JOIN data_requests r ON r.id = e.request_id LEFT JOIN guests g ON g.id = r.guest_id
        WHERE e.id = ?
        """,
        (event_id,),
    ).fetchone()
    return dict(zip(("uuid", "guest_uuid", "kind", "status", "due_date", "overdue"), row, strict=True)) if row else None


def reply(reader: sqlite3.Connection, reply_id: int) -> Row | None:
    """An answer of a guest: `uuid`, `guest_uuid` (None where there is no guest), `channel`, `action`, `reasons`,
    `status`, and `suppression`, the uuid of its stop."""
    row = reader.execute(
        """
        SELECT r.uuid, g.uuid, r.channel, r.action, r.reasons, r.status, r.suppression
        FROM replies r LEFT JOIN guests g ON g.id = r.guest_id AND g.status <> 'erased' WHERE r.id = ?
        """,
        (reply_id,),
    ).fetchone()
    if row is None:
        return None
    names = ("uuid", "guest_uuid", "channel", "action", "reasons", "status", "suppression")
    return dict(zip(names, row, strict=True)) | {"reasons": json.decode(row[4])}
