"""The audit log's rows, and the signed checkpoints over them."""

import sqlite3
from collections.abc import Sequence

from gateway.store.db import Tx


def append(tx: Tx, rows: Sequence[tuple[int, bytes]], salts: Sequence[tuple[int, bytes]]) -> None:
    """Write entries (seq, canonical bytes), and the sealed salts of those that have one."""
    tx.insert_many("audit (seq, entry)", rows)
    tx.insert_many("audit_salts (seq, salt_sealed)", salts)


def add_checkpoint(tx: Tx, size: int, note: bytes, frontier: bytes) -> None:
    """Keep a checkpoint, and the tree's edge at its size, from which the next start goes on."""
    tx.execute("INSERT OR REPLACE INTO checkpoints (size, note, frontier) VALUES (?, ?, ?)", (size, note, frontier))


def newest_checkpoint(reader: sqlite3.Connection) -> tuple[int, bytes, bytes] | None:
    """Size, note and frontier of the last checkpoint."""
    return reader.execute("SELECT size, note, frontier FROM checkpoints ORDER BY size DESC LIMIT 1").fetchone()


def since(reader: sqlite3.Connection, seq: int) -> list[bytes]:
    """The entries after number `seq`, in order."""
    return [entry for (entry,) in reader.execute("SELECT entry FROM audit WHERE seq > ? ORDER BY seq", (seq,))]


def last(reader: sqlite3.Connection) -> tuple[int, bytes] | None:
    """The newest entry."""
    return reader.execute("SELECT seq, entry FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
