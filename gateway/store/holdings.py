"""Everything that is held about one guest, wherever it lies, for a copy of it."""

import sqlite3
from collections.abc import Collection
from typing import Any, NamedTuple

from msgspec import json

from gateway.store.events import Event


class Point(NamedTuple):
    """A contact point, also one that was taken away."""

    uuid: bytes
    kind: str
    blind: bytes
    address_sealed: bytes
    created_at: int
    removed_at: int | None


class Sent(NamedTuple):
    """A message, with what opens it. The last members are None of one that was refused or whose words are gone."""

    id: int
    uuid: bytes
    state: str
    channel: str
    class_: str
    category: str
    reference: str | None
    provider: str | None
    created_at: int
    settled_at: int | None
    decision: str
    batch_id: int | None
    template_version_id: int | None
    content_sealed: bytes | None
    contact_uuid: bytes | None


def points(reader: sqlite3.Connection, guest_id: int) -> list[Point]:
    """All contact points a guest has or had."""
    rows = reader.execute(
        """
        SELECT uuid, kind, blind, address_sealed, created_at, removed_at FROM contacts WHERE guest_id = ? ORDER BY id
        """,
        (guest_id,),
    )
    return [Point._make(row) for row in rows]


def counts(reader: sqlite3.Connection, guest_id: int) -> tuple[int, int]:
    """How many messages there are to a guest, and how many times he agreed to something or took it back."""
    return reader.execute(
        """
        SELECT (SELECT count(*) FROM messages WHERE guest_id = ?1), (SELECT count(*) FROM consents WHERE guest_id = ?1)
        """,
        (guest_id,),
    ).fetchone()


def arrival(reader: sqlite3.Connection, guest_id: int) -> tuple[bytes | None, bytes | None]:
    """The import and the batch by which a guest came, if it was one."""
    return reader.execute(
        """
        SELECT i.uuid, b.uuid FROM guests g
        LEFT JOIN imports i ON i.id = g.import_id LEFT JOIN batches b ON b.id = g.made_by WHERE g.id = ?
        """,
        (guest_id,),
    ).fetchone()


def messages(reader: sqlite3.Connection, guest_id: int, after: int, limit: int) -> list[Sent]:
    """The next messages to a guest, by row, oldest first; of a batch that counts."""
    rows = reader.execute(
        """
        SELECT
            m.id, m.uuid, m.state, m.channel, m.class, m.category, m.reference, m.provider, m.created_at, m.settled_at,
            m.decision, m.batch_id, m.template_version_id, m.content_sealed, c.uuid
        FROM messages m LEFT JOIN contacts c ON c.id = m.contact_id LEFT JOIN batches b ON b.id = m.batch_id
        WHERE m.guest_id = ? AND m.id > ? AND (m.batch_id IS NULL OR b.counts = 1)
        ORDER BY m.id LIMIT ?
        """,
        (guest_id, after, limit),
    )
    return [Sent._make(row) for row in rows]


def happenings(reader: sqlite3.Connection, message_ids: Collection[int]) -> dict[int, list[Event]]:
    """The stories of messages."""
    marks = ", ".join("?" * len(message_ids))
    rows = reader.execute(
        f"SELECT message_id, type, at, detail, NULL FROM events WHERE message_id IN ({marks}) ORDER BY id",  # noqa: S608
        list(message_ids),
    )
    told: dict[int, list[Event]] = {}
    for row in rows:
        told.setdefault(row[0], []).append(Event._make(row))
    return told


def providers(reader: sqlite3.Connection, guest_id: int) -> list[tuple[str, str, int, int, int]]:
    """Who was handed messages to a guest: provider, channel, how many, when the first and the last."""
    return reader.execute(
        """
        SELECT provider, channel, count(*), min(created_at), max(created_at) FROM messages
        WHERE guest_id = ? AND provider IS NOT NULL GROUP BY provider, channel ORDER BY provider, channel
        """,
        (guest_id,),
    ).fetchall()


def ids(reader: sqlite3.Connection, guest_id: int) -> list[tuple[str, bytes]]:
    """Kind and uuid of everything about a guest that the audit log may speak of."""
    return reader.execute(
        """
        SELECT 'gst', uuid FROM guests WHERE id = ?1
        UNION ALL SELECT 'msg', uuid FROM messages WHERE guest_id = ?1
        UNION ALL SELECT 'con', uuid FROM consents WHERE guest_id = ?1
        UNION ALL SELECT 'req', uuid FROM data_requests WHERE guest_id = ?1
        UNION ALL SELECT 'rep', uuid FROM replies WHERE guest_id = ?1
        UNION ALL SELECT 'cmp', uuid FROM complaints WHERE guest_id = ?1
        UNION ALL SELECT 'sup', uuid FROM suppressions WHERE blind IN (SELECT blind FROM contacts WHERE guest_id = ?1)
        """,
        (guest_id,),
    ).fetchall()


def audit(reader: sqlite3.Connection, about: Collection[str], after: int, limit: int) -> tuple[list[Any], int | None]:
    """Those of the next `limit` entries of the audit log that are about one of these objects, decoded, and the number
    of the last one that was looked at; None at the end."""
    rows = reader.execute("SELECT seq, entry FROM audit WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit)).fetchall()
    entries = [json.decode(entry) for _, entry in rows]
    return [entry for entry in entries if entry["object"] in about], rows[-1][0] if rows else None


def neighbours(reader: sqlite3.Connection, guest_id: int) -> list[bytes]:
    """Uuids of the other guests who have or had an address of this one."""
    rows = reader.execute(
        """
        SELECT DISTINCT g.uuid FROM contacts mine
        JOIN contacts theirs ON theirs.blind = mine.blind AND theirs.guest_id <> mine.guest_id
        JOIN guests g ON g.id = theirs.guest_id
        WHERE mine.guest_id = ? AND g.status <> 'erased'
        """,
        (guest_id,),
    )
    return [uuid for (uuid,) in rows]
