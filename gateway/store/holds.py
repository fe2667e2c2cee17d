"""Legal holds: while one is in force, nothing of its guest is erased and nothing ages."""

import sqlite3
from typing import NamedTuple

from gateway.store.db import Tx

HELD = "EXISTS (SELECT 1 FROM holds h WHERE h.guest_id = g.id AND h.ended_at IS NULL)"
"""Of a guest `g`: whether a hold is in force."""


class NewHold(NamedTuple):
    """A hold to be written; its reason is sealed under the guest's key."""

    uuid: bytes
    guest_id: int
    reason_sealed: bytes
    actor: str


class Hold(NamedTuple):
    """A hold as it stands."""

    id: int
    uuid: bytes
    guest_uuid: bytes
    key_id: int
    reason_sealed: bytes
    actor: str
    placed_at: int
    ended_at: int | None


_SELECT = """
    SELECT h.id, h.uuid, g.uuid, g.key_id, h.reason_sealed, h.actor, h.placed_at, h.ended_at
    FROM holds h JOIN guests g ON g.id = h.guest_id
"""


def in_force(reader: sqlite3.Connection, guest: bytes) -> Hold | None:
    """The hold on the guest of this uuid, None where there is none or it has ended."""
    row = reader.execute(f"{_SELECT} WHERE g.uuid = ? AND h.ended_at IS NULL", (guest,)).fetchone()
    return Hold._make(row) if row else None


def count(reader: sqlite3.Connection) -> int:
    """How many are in force."""
    return reader.execute("SELECT count(*) FROM holds WHERE ended_at IS NULL").fetchone()[0]


def place(tx: Tx, new: NewHold) -> None:
    """Write a hold, in force from this transaction on."""
    tx.execute("INSERT INTO holds (uuid, guest_id, reason_sealed, actor, placed_at) VALUES (?, ?, ?, ?, ?)",
               (*new, tx.now))  # fmt: skip


def end(tx: Tx, hold_id: int) -> None:
    """End a hold."""
    tx.execute("UPDATE holds SET ended_at = ? WHERE id = ?", (tx.now, hold_id))
