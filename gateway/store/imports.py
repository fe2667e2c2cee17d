"""Imports of guests. Whoever came with one counts from the transaction that finishes it, all at once, or never."""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from gateway.ids import Ids
from gateway.store import suppressions
from gateway.store.db import Tx


class Fill(NamedTuple):
    """What a list adds to a guest who is known, sealed under his key."""

    uuid: bytes
    guest: bytes
    said_sealed: bytes


def begin(tx: Tx, uuid: bytes, actor: str) -> int:
    """Note that an import begins; the id by which its guests know it."""
    return tx.insert("INSERT INTO imports (uuid, actor, started_at) VALUES (?, ?, ?)", (uuid, actor, tx.now))


def actor(tx: Tx, import_id: int) -> str:
    """Whose import it is."""
    (name,) = tx.execute("SELECT actor FROM imports WHERE id = ?", (import_id,)).fetchone()
    return name


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


def add_fills(tx: Tx, import_id: int, fills: Sequence[Fill]) -> None:
    """Write down what an import adds to guests who are known."""
    tx.insert_many("import_fills (import_id, uuid, guest_uuid, said_sealed)", [(import_id, *fill) for fill in fills])


def fills(tx: Tx, import_id: int, most: int) -> list[Fill]:
    """Some of what an import still has to add, in the order of its lines."""
    rows = tx.execute(
        "SELECT uuid, guest_uuid, said_sealed FROM import_fills WHERE import_id = ? ORDER BY id LIMIT ?",
        (import_id, most),
    )
    return [Fill._make(row) for row in rows]


def filled(tx: Tx, uuids: Sequence[bytes]) -> None:
    """Forget what has been added."""
    tx.executemany("DELETE FROM import_fills WHERE uuid = ?", [(uuid,) for uuid in uuids])


def unapplied(reader: sqlite3.Connection) -> list[int]:
    """Imports that count and still have something to add."""
    rows = reader.execute(
        """
        SELECT DISTINCT f.import_id FROM import_fills f JOIN imports i ON i.id = f.import_id
        WHERE i.finished_at IS NOT NULL ORDER BY f.import_id
        """
    )
    return [number for (number,) in rows]


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
    tx.execute("DELETE FROM import_fills WHERE import_id = ?", (import_id,))
    tx.execute("DELETE FROM imports WHERE id = ?", (import_id,))
    return True
