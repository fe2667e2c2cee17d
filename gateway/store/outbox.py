"""What is still to go out: one small row a message, gone once the message has left or will never leave.

`lease`: 0 waiting for its time, 1 being worked on, 2 held until a person acts. Attempts are counted when the lease is
taken, before any work, so that a message which kills the process is known by its count.
"""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from gateway.model import ChannelName, GuestStatus, MessageClass
from gateway.store.db import Tx

WAITING, LEASED, HELD = 0, 1, 2


class Due(NamedTuple):
    """A leased message with all that judging and sending it needs."""

    id: int
    attempt: int
    uncertain: int
    uuid: bytes
    channel: ChannelName
    class_: MessageClass
    category: str
    sender: str | None
    created_at: int
    expires_at: int | None
    envelope: str
    content_sealed: bytes
    guest_id: int
    guest_uuid: bytes
    key_id: int
    status: GuestStatus
    country: str | None
    region: str | None
    timezone: str | None
    language: str | None
    contact_uuid: bytes
    address_sealed: bytes
    blind: bytes
    batch_id: int | None
    template_version_id: int | None
    past_ceiling: int


class Waiting(NamedTuple):
    """A message that waits, with its sealed part."""

    id: int
    uuid: bytes
    content_sealed: bytes


class Window(NamedTuple):
    """Which rows to lease: a channel's due ones; `only_after` and `never_after` name the provider that failed last."""

    channel: str
    limit: int
    only_after: str | None = None
    never_after: str | None = None


def add(tx: Tx, rows: Sequence[tuple[int, str, int, int, str | None]]) -> None:
    """Queue messages: rows of (message id, channel, lease, due_at, reason)."""
    tx.insert_many("outbox (message_id, channel, lease, due_at, reason)", rows)


def lease(tx: Tx, windows: Sequence[Window]) -> list[list[Due]]:
    """Take the due rows of each window and count an attempt for each."""
    return [_lease(tx, window) for window in windows]


def _lease(tx: Tx, window: Window) -> list[Due]:
    rows = tx.execute(
        """
        SELECT
            o.message_id, o.attempts + 1, o.uncertain, m.uuid, m.channel, m.class, m.category, m.sender, m.created_at,
            m.expires_at, m.envelope, m.content_sealed, g.id, g.uuid, g.key_id, g.status, g.country, g.region,
            g.timezone, g.language, c.uuid, c.address_sealed, c.blind, m.batch_id,
            m.template_version_id, o.past_ceiling
        FROM outbox o
        JOIN messages m ON m.id = o.message_id
        JOIN guests g ON g.id = m.guest_id
        JOIN contacts c ON c.id = m.contact_id
        WHERE o.channel = ?1 AND o.lease = 0 AND o.due_at <= ?2
            AND (?3 IS NULL OR o.avoid = ?3) AND (?4 IS NULL OR o.avoid IS NULL OR o.avoid <> ?4)
        ORDER BY o.due_at LIMIT ?5
        """,
        (window.channel, tx.now, window.only_after, window.never_after, window.limit),
    ).fetchall()
    counted = "UPDATE outbox SET lease = 1, attempts = attempts + 1 WHERE message_id IN"
    tx.execute_for(counted, (), [row[0] for row in rows])
    return [Due._make(row) for row in rows]


def next_due(reader: sqlite3.Connection, channel: str) -> int | None:
    """When the next waiting message of this channel is due, or None."""
    (due,) = reader.execute("SELECT min(due_at) FROM outbox WHERE channel = ? AND lease = 0", (channel,)).fetchone()
    return due


def remove(tx: Tx, ids: Sequence[int]) -> None:
    """Take messages out: they have left, or never will."""
    tx.execute_for("DELETE FROM outbox WHERE message_id IN", (), ids)


def put_back(tx: Tx, rows: Sequence[tuple[int, int, int, str | None, str | None, bool, int]]) -> None:
    """Return leased messages: rows of (lease, due_at, attempts to give back, avoid, reason, uncertain, message id)."""
    tx.executemany(
        """
        UPDATE outbox
        SET lease = ?, due_at = ?, attempts = attempts - ?, avoid = ?, reason = ?, uncertain = ?, crashes = 0
        WHERE message_id = ?
        """,
        rows,
    )


def state_of(tx: Tx, message_id: int) -> tuple[int, int] | None:
    """Lease and attempts of a message's row, None when it has none."""
    return tx.first("SELECT lease, attempts FROM outbox WHERE message_id = ?", (message_id,))


def waiting_for(tx: Tx, guest_id: int, contact_id: int) -> list[tuple[int, bytes, int]]:
    """Id, uuid and lease of every message that is still to go to a contact point of a guest."""
    return tx.execute(
        """
        SELECT m.id, m.uuid, o.lease FROM messages m JOIN outbox o ON o.message_id = m.id
        WHERE m.guest_id = ? AND m.contact_id = ?
        """,
        (guest_id, contact_id),
    ).fetchall()


def in_review(tx: Tx, blind: bytes, channel: str, rule: str) -> list[tuple[int, bytes]]:
    """Id and uuid of every message to an address over a channel that is held by a rule until a person has read what
    its guest has answered."""
    return tx.execute(
        """
        SELECT m.id, m.uuid FROM contacts c
        JOIN messages m ON m.guest_id = c.guest_id AND m.contact_id = c.id
        JOIN outbox o ON o.message_id = m.id
        WHERE c.blind = ? AND m.channel = ? AND o.lease = 2 AND instr(m.decision, '"' || ? || '"') > 0
        """,
        (blind, channel, rule),
    ).fetchall()


def sealed_for(reader: sqlite3.Connection, guest_id: int) -> list[Waiting]:
    """Every message to a guest that waits for its time."""
    rows = reader.execute(
        """
        SELECT m.id, m.uuid, m.content_sealed FROM messages m JOIN outbox o ON o.message_id = m.id
        WHERE m.guest_id = ? AND o.lease = 0 AND m.content_sealed IS NOT NULL
        """,
        (guest_id,),
    )
    return [Waiting._make(row) for row in rows]


def hold(tx: Tx, ids: Sequence[int], reason: str) -> None:
    """Hold messages until a person acts."""
    tx.execute_for("UPDATE outbox SET lease = 2, reason = ? WHERE message_id IN", (reason,), ids)


def lift_ceiling(tx: Tx, message_id: int) -> None:
    """Let a message go though the day's money is spent."""
    tx.execute("UPDATE outbox SET past_ceiling = 1 WHERE message_id = ?", (message_id,))


def held_by(reader: sqlite3.Connection, reason: str) -> dict[str, int]:
    """How many messages of each channel are held for this reason."""
    return dict(
        reader.execute(
            "SELECT channel, count(*) FROM outbox WHERE lease = 2 AND reason = ? GROUP BY channel", (reason,)
        ).fetchall()
    )


def waiting_of(tx: Tx, guest_id: int) -> list[tuple[int, bytes]]:
    """Id and uuid of every message that waits or is held for a guest; not of those that are being handed over."""
    return tx.execute(
        """
        SELECT m.id, m.uuid FROM messages m JOIN outbox o ON o.message_id = m.id
        WHERE m.guest_id = ? AND o.lease <> 1
        """,
        (guest_id,),
    ).fetchall()


def hold_other_channels(tx: Tx, channels: Sequence[str]) -> list[tuple[int, bytes]]:
    """Hold what waits for any channel but these; id and uuid of each message held."""
    marks = ", ".join("?" * len(channels))
    rows = tx.execute(
        f"""
        SELECT o.message_id, m.uuid FROM outbox o JOIN messages m ON m.id = o.message_id
        WHERE o.lease = 0 AND o.channel NOT IN ({marks})
        """,  # noqa: S608 a row of question marks
        list(channels),
    ).fetchall()
    tx.executemany(
        "UPDATE outbox SET lease = 2, reason = 'provider_removed' WHERE message_id = ?", [row[:1] for row in rows]
    )
    return rows


def orphans(tx: Tx) -> list[tuple[int, bytes, str, int]]:
    """Messages that were being worked on when the process ended: (id, uuid, channel, crashes before this one)."""
    return tx.execute(
        """
        SELECT o.message_id, m.uuid, o.channel, o.crashes
        FROM outbox o JOIN messages m ON m.id = o.message_id
        WHERE o.lease = 1
        """
    ).fetchall()


def mark_uncertain(tx: Tx, rows: Sequence[tuple[int, int]]) -> None:
    """End the leases of a process that died: rows of (lease, message id). Somebody may have these messages already."""
    tx.executemany("UPDATE outbox SET lease = ?, uncertain = 1, crashes = crashes + 1 WHERE message_id = ?", rows)


def counts(reader: sqlite3.Connection) -> list[tuple[str, int, int]]:
    """How many rows each channel has in each lease: (channel, lease, count)."""
    return reader.execute("SELECT channel, lease, count(*) FROM outbox GROUP BY channel, lease").fetchall()
