"""Sessions: one row for each sign-in, whatever carries it. `generation` counts the refresh tokens given out for it."""

import sqlite3
from typing import NamedTuple

from gateway.store.db import Tx


class Session(NamedTuple):
    """A session, and whose it is."""

    uuid: bytes
    user_id: int
    user_uuid: bytes
    role: str
    generation: int
    created_at: int
    used_at: int


def add(tx: Tx, uuid: bytes, user_id: int) -> None:
    """Begin one."""
    tx.execute(
        "INSERT INTO sessions (uuid, user_id, created_at, used_at) VALUES (?, ?, ?, ?)",
        (uuid, user_id, tx.now, tx.now),
    )


def find(reader: sqlite3.Connection, uuid: bytes) -> Session | None:
    """The session, while it lasts."""
    row = reader.execute(
        """
        SELECT s.uuid, s.user_id, u.uuid, u.role, s.generation, s.created_at, s.used_at
        FROM sessions s JOIN users u ON u.id = s.user_id
        WHERE s.uuid = ?
        """,
        (uuid,),
    ).fetchone()
    return Session._make(row) if row else None


def advance(tx: Tx, session: Session) -> None:
    """Use its refresh token up: the next one is of a new generation."""
    tx.execute("UPDATE sessions SET generation = generation + 1, used_at = ? WHERE uuid = ?", (tx.now, session.uuid))


def end(tx: Tx, session: Session) -> None:
    """End one."""
    tx.execute("DELETE FROM sessions WHERE uuid = ?", (session.uuid,))
    tx.changed(session.user_uuid)


def end_all(tx: Tx, user_id: int) -> None:
    """End every session of a user; the caller changes the user too, which tells everyone."""
    tx.execute("DELETE FROM sessions WHERE user_id = ?", (user_id,))


def forget(tx: Tx, used_until: int, created_until: int) -> None:
    """Delete what nobody can refresh any more."""
    tx.execute("DELETE FROM sessions WHERE used_at <= ? OR created_at <= ?", (used_until, created_until))
