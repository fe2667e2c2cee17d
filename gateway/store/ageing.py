"""What has lived through its time, and how it goes: slice by slice, so that nobody waits for it long.

A slice looks at so many rows and says where the next one goes on; what is held, or still on its way, is passed over and
looked at again another day.
"""

import sqlite3
from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from msgspec import json

from gateway.store.db import Tx
from gateway.store.guests import ARRIVED

SLICE = 200
"""How many rows one slice looks at."""
_HELD = "IN (SELECT guest_id FROM held)"
"""Of a guest's number: nothing of his may go. He is under a legal hold, or asked that it be kept (GDPR Art. 18)."""
_ON_ITS_WAY = "m.state IN ('queued', 'deferred', 'held', 'uncertain')"
_AGE = "COALESCE(m.event_date, m.created_at)"
Place = tuple[int, int]
"""Where a slice goes on: behind this age (ms) and this row."""
BEGINNING: Place = (-(1 << 62), 0)


class Slice(NamedTuple):
    """What a slice has done: how many went, a digest of their uuids, and where the next one goes on (None: it is the
    last)."""

    gone: int
    digest: bytes
    behind: Place | None


class Due(NamedTuple):
    """How many have lived through their time, and how many of them are held."""

    due: int
    held: int


# -- the text of messages ---------------------------------------------------------------------------------------------


def categories(reader: sqlite3.Connection) -> list[str]:
    """The categories of all messages that still have a text. Goes from one to the next, not over all messages."""
    found, last = [], ""
    sql = "SELECT min(category) FROM messages WHERE content_sealed IS NOT NULL AND category > ?"
    while (last := reader.execute(sql, (last,)).fetchone()[0]) is not None:
        found.append(last)
    return found


def texts_due(reader: sqlite3.Connection, category: str, before: int) -> Due:
    """How many texts of a category are about an event, or else were accepted, before a time (ms)."""
    row = reader.execute(
        f"""
        SELECT count(*), COALESCE(sum(m.guest_id {_HELD}), 0) FROM messages m
        WHERE m.content_sealed IS NOT NULL AND m.category = ? AND {_AGE} < ? AND NOT {_ON_ITS_WAY}
        """,  # noqa: S608 our own conditions
        (category, before),
    ).fetchone()
    return Due._make(row)


def age_texts(tx: Tx, category: str, before: int, why: str, behind: Place) -> Slice:
    """Delete the texts of the next slice, the oldest first, with the words that providers said of them. `why` is kept
    with each."""
    rows = tx.execute(
        f"""
        SELECT m.id, m.uuid, {_AGE}, {_ON_ITS_WAY} OR m.guest_id {_HELD} FROM messages m
        WHERE m.content_sealed IS NOT NULL AND m.category = ? AND {_AGE} < ? AND ({_AGE}, m.id) > (?, ?)
        ORDER BY {_AGE}, m.id LIMIT ?
        """,  # noqa: S608 our own conditions
        (category, before, *behind, SLICE),
    ).fetchall()
    going = [row for row in rows if not row[3]]
    ids = [row[0] for row in going]
    tx.execute_for(
        """
        UPDATE messages SET content_sealed = NULL, envelope = '{}', text_gone_at = ?, text_gone_why = ? WHERE id IN
        """,
        (tx.now, why),
        ids,
    )
    tx.execute_for("UPDATE events SET words_sealed = NULL WHERE words_sealed IS NOT NULL AND message_id IN", (), ids)
    return Slice(len(going), _digest(going), (rows[-1][2], rows[-1][0]) if len(rows) == SLICE else None)


def age_shared_texts(tx: Tx) -> int:
    """Delete what the messages of a batch shared, of batches none of whose messages has a part of its own any more."""
    return tx.execute(
        """
        UPDATE batches SET content_sealed = x'' WHERE content_sealed <> x'' AND done = 1 AND NOT EXISTS (
            SELECT 1 FROM messages m WHERE m.batch_id = batches.id AND m.content_sealed IS NOT NULL
        )
        """
    ).rowcount


# -- the words of answers ---------------------------------------------------------------------------------------------

_READ = f"text_sealed IS NOT NULL AND status <> 'review' AND COALESCE(guest_id, 0) NOT {_HELD}"


def replies_due(reader: sqlite3.Connection, before: int) -> Due:
    """How many answers with words came before a time (ms); one that nobody has decided yet is held."""
    row = reader.execute(
        f"""
        SELECT count(*), COALESCE(sum(NOT ({_READ})), 0) FROM replies WHERE text_sealed IS NOT NULL AND received_at < ?
        """,  # noqa: S608 our own conditions
        (before,),
    ).fetchone()
    return Due._make(row)


def age_replies(tx: Tx, before: int, behind: Place) -> Slice:
    """Delete the words of the next slice of answers, the oldest first."""
    rows = tx.execute(
        f"""
        SELECT id, uuid, received_at, {_READ} FROM replies
        WHERE text_sealed IS NOT NULL AND received_at < ? AND (received_at, id) > (?, ?)
        ORDER BY received_at, id LIMIT ?
        """,  # noqa: S608 our own conditions
        (before, *behind, SLICE),
    ).fetchall()
    going = [row for row in rows if row[3]]
    tx.execute_for("UPDATE replies SET text_sealed = NULL WHERE id IN", (), [row[0] for row in going])
    return Slice(len(going), _digest(going), (rows[-1][2], rows[-1][0]) if len(rows) == SLICE else None)


# -- what happened to messages ----------------------------------------------------------------------------------------

_TOLD = f"""
    SELECT DISTINCT e.message_id, m.uuid, m.guest_id {_HELD} AS held FROM events e
    JOIN messages m ON m.id = e.message_id
    WHERE e.id > ? AND e.id <= ? AND NOT {_ON_ITS_WAY}
        AND NOT EXISTS (SELECT 1 FROM events l WHERE l.message_id = m.id AND l.at >= ?)
"""  # noqa: S608 our own conditions


def events_due(reader: sqlite3.Connection, before: int) -> Due:
    """Of how many messages all that is told happened before a time (ms)."""
    last = _last_before(reader, before)
    row = reader.execute(
        f"SELECT count(*), COALESCE(sum(held), 0) FROM ({_TOLD})",  # noqa: S608 ours
        (0, last, before),
    ).fetchone()
    return Due._make(row)


def age_events(tx: Tx, before: int, behind: Place) -> Slice:
    """Delete what is told of the messages of the next slice. What was counted of them stays counted."""
    first = behind[1]
    ids = tx.execute("SELECT id, at FROM events WHERE id > ? ORDER BY id LIMIT ?", (first, SLICE)).fetchall()
    old = [row_id for row_id, at in ids if at < before]
    if not old:
        return Slice(0, _digest(()), None)
    rows = tx.execute(_TOLD, (first, old[-1], before)).fetchall()
    going = [row for row in rows if not row[2]]
    if going:
        _note_gone(tx, [row[0] for row in going])
        tx.execute_for("DELETE FROM events WHERE message_id IN", (), [row[0] for row in going])
    return Slice(len(going), _digest(going), (0, old[-1]) if len(old) == SLICE else None)


def _last_before(reader: sqlite3.Connection, before: int) -> int:
    """The last event before the first that is not older than a time: they are written in the order they happen."""
    (first,) = reader.execute("SELECT min(id) FROM events WHERE at >= ?", (before,)).fetchone()
    return first - 1 if first is not None else 1 << 62


def _note_gone(tx: Tx, messages: Sequence[int]) -> None:
    """Remember until when events are missing: whoever counts them again must not miss them."""
    until = max(
        tx.execute("SELECT max(at) FROM events WHERE message_id = ?", (message,)).fetchone()[0] for message in messages
    )
    tx.execute(
        """
        INSERT INTO meta (name, value) VALUES ('events_gone', ?)
        ON CONFLICT DO UPDATE SET value = max(CAST(value AS INTEGER), CAST(excluded.value AS INTEGER))
        """,
        (str(until),),
    )


# -- guests, and what they agreed to ----------------------------------------------------------------------------------

_QUIET = f"""
    g.status <> 'erased' AND g.created_at < :before AND {ARRIVED}
    AND NOT EXISTS (SELECT 1 FROM consents c WHERE c.guest_id = g.id AND c.at >= :before AND c.about IS NULL)
    AND NOT EXISTS (SELECT 1 FROM replies r WHERE r.guest_id = g.id AND r.received_at >= :before)
    AND NOT EXISTS (SELECT 1 FROM data_requests d WHERE d.guest_id = g.id AND d.received_at >= :before)
    AND NOT EXISTS (
        SELECT 1 FROM contacts c JOIN suppressions s ON s.blind = c.blind
        WHERE c.guest_id = g.id AND s.created_at >= :before
    )
    AND NOT EXISTS (
        SELECT 1 FROM messages m WHERE m.guest_id = g.id AND (
            m.event_date >= :before OR m.class <> 'marketing' AND m.created_at >= :before OR {_ON_ITS_WAY}
        )
    )
"""  # noqa: S608 our own conditions
"""Nobody has heard of a guest since a time: he agreed to nothing and stopped nothing, no event of his was later, and
nothing was written to him but offers, which say nothing of whether he is still there."""


def guests_due(reader: sqlite3.Connection, before: int, behind: int) -> tuple[list[bytes], int, int | None]:
    """Of the next guests: uuids of those nobody has heard of since a time (ms), how many others of them are held, and
    where the next ones begin (None: these were the last)."""
    until = behind + SLICE
    rows = reader.execute(
        f"SELECT g.uuid, g.id {_HELD} FROM guests g WHERE g.id > :behind AND g.id <= :until AND {_QUIET}",  # noqa: S608 ours
        {"before": before, "behind": behind, "until": until},
    ).fetchall()
    (more,) = reader.execute("SELECT EXISTS (SELECT 1 FROM guests WHERE id > ?)", (until,)).fetchone()
    return [uuid for uuid, held in rows if not held], sum(held for _, held in rows), until if more else None


def is_quiet(reader: sqlite3.Connection, guest_id: int, before: int) -> bool:
    """Whether nobody has heard of this guest since then, as it is now."""
    sql = f"SELECT EXISTS (SELECT 1 FROM guests g WHERE g.id = :guest AND g.id NOT {_HELD} AND {_QUIET})"  # noqa: S608 ours
    return bool(reader.execute(sql, {"before": before, "guest": guest_id}).fetchone()[0])


_OVER = """
    FROM consents c JOIN guests g ON g.id = c.guest_id WHERE g.status = 'erased' AND g.updated_at < ?
"""


def consents_due(reader: sqlite3.Connection, before: int) -> int:
    """How many consents are of guests who were erased before a time (ms)."""
    return reader.execute(f"SELECT count(*) {_OVER}", (before,)).fetchone()[0]


def consents_over(reader: sqlite3.Connection, before: int) -> list[tuple[int, bytes]]:
    """Id and uuid of the next of them."""
    return reader.execute(f"SELECT c.id, c.uuid {_OVER} LIMIT ?", (before, SLICE)).fetchall()


def age_consents(tx: Tx, rows: Sequence[tuple[int, bytes]]) -> bytes:
    """Delete these; a digest of their uuids."""
    for table, column in (("endings", "consent_id"), ("consents", "id")):
        tx.execute_for(f"DELETE FROM {table} WHERE {column} IN", (), [row_id for row_id, _ in rows])  # noqa: S608 ours
    return _digest(rows)


def _digest(rows: Sequence[tuple]) -> bytes:
    """What the record vouches for: which rows they were, by the uuids behind their ids."""
    return sha256(b"".join(row[1] for row in rows)).digest()


# -- runs -------------------------------------------------------------------------------------------------------------


class Run(NamedTuple):
    """When everything was gone through, by whom, and how many of what went."""

    at: int
    actor: str
    went: dict[str, int]


def note_run(tx: Tx, actor: str, went: dict[str, int]) -> None:
    """Keep what a run has done, and let nothing of it lie in the log."""
    tx.leaves_no_trace = True
    tx.execute(
        "INSERT INTO retention_runs (at, actor, went) VALUES (?, ?, ?)", (tx.now, actor, json.encode(went).decode())
    )


def runs(reader: sqlite3.Connection, limit: int) -> list[Run]:
    """The last runs, the newest first."""
    rows = reader.execute("SELECT at, actor, went FROM retention_runs ORDER BY id DESC LIMIT ?", (limit,))
    return [Run(at, actor, json.decode(went)) for at, actor, went in rows]
