"""Imports of guests. Whoever came with one counts from the transaction that finishes it, all at once, or never."""

import sqlite3
from collections.abc import Sequence

from gateway.ids import Ids
from gateway.store import suppressions
from gateway.store.db import Tx


def begin(tx: Tx, uuid: bytes, actor: str) -> int:
    """Note that an import begins; the id by which its guests know it."""
    return tx.insert("INSERT INTO imports (uuid, actor, started_at) VALUES (?, ?, ?)", (uuid, actor, tx.now))


def finish(tx: Tx, import_id: int, ids: Ids) -> None:
    """Let the guests of an import count. Who said stop for everything with one of his addresses has said it for all."""
    tx.execute("UPDATE imports SET finished_at = ? WHERE id = ?", (tx.now, import_id))
    stopped = tx.execute(
        """
        SELECT DISTINCT g.id FROM suppressions s JOIN contacts c ON c.blind = s.blind JOIN guests g ON g.id = c.guest_id
        WHERE s.scope = 'global' AND s.lifted_at IS NULL AND g.import_id = ?
        """,
        (import_id,),
    ).fetchall()
    for (guest_id,) in stopped:
        blinds = tx.execute("SELECT blind FROM contacts WHERE guest_id = ?", (guest_id,)).fetchall()
        suppressions.inherit(tx, [blind for (blind,) in blinds], ids)
    reached = "SELECT c.blind FROM guests g JOIN contacts c ON c.guest_id = g.id WHERE g.import_id = ?"
    for (blind,) in tx.execute(reached, (import_id,)):
        tx.changed(blind)


def unfinished(reader: sqlite3.Connection) -> list[int]:
    """Imports that have not been finished."""
    return [number for (number,) in reader.execute("SELECT id FROM imports WHERE finished_at IS NULL ORDER BY id")]


def discard(tx: Tx, import_id: int, most: int) -> bool:
    """Remove some of the guests who came with an import that never finished; True once it is gone without a trace."""
    chosen = tx.execute("SELECT id FROM guests WHERE import_id = ? LIMIT ?", (import_id, most)).fetchall()
    guests: Sequence[int] = [number for (number,) in chosen]
    for statement in (
        "DELETE FROM guest_tags WHERE guest_id IN", "DELETE FROM contacts WHERE guest_id IN",
        "DELETE FROM guests WHERE id IN",
    ):  # fmt: skip
        tx.execute_for(statement, (), guests)
    if len(guests) == most:
        return False
    tx.execute("DELETE FROM imports WHERE id = ?", (import_id,))
    return True
