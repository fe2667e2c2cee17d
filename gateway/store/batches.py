"""Batches: what one bulk request made.

Its messages are written in slices and count together, once the last transaction says so: until then nobody sees them,
none has a row in the outbox, and a start takes them away. Afterwards they are released, slice by slice, into outbox and
story.
"""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from gateway.model import ChannelName, MessageClass
from gateway.store import events, messages, outbox
from gateway.store.db import Tx

SLICE = 500


class NewBatch(NamedTuple):
    """A batch to be written; `content_sealed` is what its messages share, under the venue's key."""

    uuid: bytes
    channel: ChannelName
    class_: MessageClass
    category: str
    sender: str | None
    actor: str
    created_at: int
    content_sealed: bytes
    resend_of: bytes | None


class Stored(NamedTuple):
    """A batch as it stands. `tally` is the answer of its acceptance, as JSON."""

    id: int
    uuid: bytes
    channel: ChannelName
    class_: MessageClass
    category: str
    sender: str | None
    actor: str
    created_at: int
    content_sealed: bytes
    resend_of: bytes | None
    tally: str
    done: int
    cancelled_at: int | None


class Failed(NamedTuple):
    """A message of a batch that may be sent again, with what opens its own part."""

    id: int
    uuid: bytes
    envelope: str
    content_sealed: bytes
    guest_uuid: bytes
    key_id: int
    template_version_id: int | None
    event_date: int | None


_COLUMNS = """
    id, uuid, channel, class, category, sender, actor, created_at, content_sealed, resend_of, tally, done, cancelled_at
"""


def begin(tx: Tx, batch: NewBatch) -> int:
    """Write a batch that does not count yet; its row's id."""
    return tx.insert(
        """
        INSERT INTO batches (uuid, channel, class, category, sender, actor, created_at, content_sealed, resend_of)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        batch,
    )


def count(tx: Tx, batch_id: int, tally: str) -> None:
    """From this transaction on it counts, with all its messages."""
    tx.execute("UPDATE batches SET counts = 1, tally = ? WHERE id = ?", (tally, batch_id))


def find(reader: sqlite3.Connection, uuid: bytes) -> Stored | None:
    """A batch that counts, by its public id."""
    row = reader.execute(f"SELECT {_COLUMNS} FROM batches WHERE uuid = ? AND counts = 1", (uuid,)).fetchone()  # noqa: S608 our own columns
    return Stored._make(row) if row else None


def get(reader: sqlite3.Connection, batch_id: int) -> Stored | None:
    """The batch of this row."""
    row = reader.execute(f"SELECT {_COLUMNS} FROM batches WHERE id = ?", (batch_id,)).fetchone()  # noqa: S608
    return Stored._make(row) if row else None


def states(reader: sqlite3.Connection, batch_id: int) -> dict[str, int]:
    """How many of its messages are in which state. Looks at all of them: not for the loop's own thread."""
    return dict(
        reader.execute(
            """
            SELECT CASE WHEN o.lease = 1 THEN 'sending' ELSE m.state END, count(*)
            FROM messages m LEFT JOIN outbox o ON o.message_id = m.id
            WHERE m.batch_id = ? GROUP BY 1
            """,
            (batch_id,),
        ).fetchall()
    )


def failed(reader: sqlite3.Connection, batch_id: int, after: int) -> list[Failed]:
    """The next slice of its messages that may be sent again, by id."""
    rows = reader.execute(
        """
        SELECT m.id, m.uuid, m.envelope, m.content_sealed, g.uuid, g.key_id, m.template_version_id,
            m.event_date
        FROM messages m JOIN guests g ON g.id = m.guest_id
        WHERE m.batch_id = ? AND m.id > ? AND m.state IN ('failed', 'bounced', 'expired')
            AND m.content_sealed IS NOT NULL AND g.status <> 'erased'
        ORDER BY m.id LIMIT ?
        """,
        (batch_id, after, SLICE),
    )
    return [Failed._make(row) for row in rows]


# -- on their way -----------------------------------------------------------------------------------------------------


def at_work(reader: sqlite3.Connection) -> list[tuple[int, ChannelName]]:
    """Batches that count and whose messages are not all on their way: (row id, channel), oldest first."""
    return reader.execute("SELECT id, channel FROM batches WHERE counts = 1 AND done = 0 ORDER BY id").fetchall()


def release(tx: Tx, batch_id: int, most: int = SLICE) -> None:
    """Put the next slice of a batch, of at most so many messages, into outbox and story; after the last one it is done.
    What was cancelled meanwhile ends here."""
    most = min(most, SLICE)
    (after, cancelled) = tx.first("SELECT released_to, cancelled_at FROM batches WHERE id = ?", (batch_id,)) or (
        0,
        None,
    )
    found = tx.execute(
        """
        SELECT id, channel, due_at, reason, state, created_at FROM messages
        WHERE batch_id = ? AND id > ? ORDER BY id LIMIT ?
        """,
        (batch_id, after, most + 1),
    ).fetchall()
    rows = found[:most]
    waiting = [row for row in rows if row[4] in ("queued", "deferred")]
    outbox.add(tx, [(row[0], row[1], outbox.WAITING, row[2], row[3]) for row in waiting])
    events.append(tx, [events.Event(row[0], "blocked" if row[4] == "blocked" else "accepted", row[5]) for row in rows])
    if cancelled is not None:
        _cancel(tx, [row[0] for row in waiting])
    tx.execute(
        "UPDATE batches SET released_to = ?, done = ? WHERE id = ?",
        (rows[-1][0] if rows else after, len(found) <= most, batch_id),
    )


def due_waiting(reader: sqlite3.Connection, channel: str, now: int, most: int) -> int:
    """How many of a channel's messages wait for their turn, counted up to `most`."""
    (count,) = reader.execute(
        "SELECT count(*) FROM (SELECT 1 FROM outbox WHERE channel = ? AND lease = 0 AND due_at <= ? LIMIT ?)",
        (channel, now, most),
    ).fetchone()
    return count


# -- the end ----------------------------------------------------------------------------------------------------------


def finished(reader: sqlite3.Connection) -> list[int]:
    """Batches that are finished and not yet noted as such: all released, and nothing of them left in the outbox. Looks
    at the outbox between a batch's first and last message, not at its messages."""
    rows = reader.execute(
        """
        SELECT b.id FROM batches b WHERE b.ended IS NULL AND b.counts = 1 AND b.done = 1 AND NOT EXISTS (
            SELECT 1 FROM outbox o
            WHERE o.message_id BETWEEN (SELECT min(id) FROM messages WHERE batch_id = b.id) AND b.released_to
                AND (SELECT batch_id FROM messages WHERE id = o.message_id) = b.id
        ) ORDER BY b.id
        """
    )
    return [row_id for (row_id,) in rows]


def end(tx: Tx) -> None:
    """Number the batches that have finished, in the order they are found to have."""
    for row_id in finished(tx.connection):
        tx.execute(
            "UPDATE batches SET ended = (SELECT coalesce(max(ended), 0) + 1 FROM batches), ended_at = ? WHERE id = ?",
            (tx.now, row_id),
        )


# -- back -------------------------------------------------------------------------------------------------------------


def call_off(tx: Tx, batch_id: int) -> None:
    """From this transaction on none of its messages is put on its way any more."""
    tx.execute("UPDATE batches SET cancelled_at = COALESCE(cancelled_at, ?) WHERE id = ?", (tx.now, batch_id))


def cancel(tx: Tx, batch_id: int) -> int:
    """Cancel the next slice of what waits or is held; how many messages that were."""
    rows = tx.execute(
        """
        SELECT m.id FROM messages m JOIN outbox o ON o.message_id = m.id
        WHERE m.batch_id = ? AND o.lease <> 1 LIMIT ?
        """,
        (batch_id, SLICE),
    ).fetchall()
    _cancel(tx, [row_id for (row_id,) in rows])
    return len(rows)


def _cancel(tx: Tx, ids: Sequence[int]) -> None:
    outbox.remove(tx, ids)
    messages.settle(tx, [("cancelled", None, None, tx.now, row_id) for row_id in ids])
    events.append(tx, [events.Event(row_id, "cancelled", tx.now) for row_id in ids])


# -- never counted ----------------------------------------------------------------------------------------------------


def unfinished(reader: sqlite3.Connection) -> list[int]:
    """Batches whose acceptance was cut short."""
    return [row_id for (row_id,) in reader.execute("SELECT id FROM batches WHERE counts = 0")]


def forget(tx: Tx, batch_id: int) -> int:
    """Take away the next slice of what an acceptance that was cut short has written; how many rows that were. 0: all of
    it is gone. A guest it made stays if somebody else wrote to him since, edited him, or recorded what he said."""
    gone = tx.execute(
        "DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE batch_id = ? LIMIT ?)", (batch_id, SLICE)
    ).rowcount
    if gone:
        return gone
    made = tx.execute("SELECT id FROM guests WHERE made_by = ? LIMIT ?", (batch_id, SLICE)).fetchall()
    tx.executemany("UPDATE guests SET made_by = NULL WHERE id = ?", made)
    alone = [row_id for (row_id,) in made if not _known_otherwise(tx, row_id)]
    tx.execute_for("DELETE FROM contacts WHERE guest_id IN", (), alone)
    tx.execute_for("DELETE FROM guests WHERE id IN", (), alone)
    if not made:
        tx.execute("DELETE FROM batches WHERE id = ?", (batch_id,))
    return len(made)


def _known_otherwise(tx: Tx, guest_id: int) -> bool:
    (known,) = tx.first(
        """
        SELECT EXISTS (SELECT 1 FROM messages WHERE guest_id = ?1)
            OR EXISTS (SELECT 1 FROM consents WHERE guest_id = ?1)
            OR EXISTS (SELECT 1 FROM guests WHERE id = ?1 AND version > 1)
        """,
        (guest_id,),
    ) or (1,)
    return bool(known)
