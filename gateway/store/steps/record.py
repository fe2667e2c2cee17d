"""The hashes of the audit log's full tiles, so that an entry is proven without reading a million others; and how far
each place outside has its checkpoints. Salts were never written: a hash covers sealed bytes or nothing of a guest's."""

import sqlite_utils

from gateway.ledger import TILE, Frontier
from gateway.store.steps.create import create


def take(db: sqlite_utils.Database) -> None:
    """Take the step, and hash the tiles there are."""
    create(
        db,
        "CREATE TABLE audit_tiles (number INTEGER PRIMARY KEY, hash BLOB NOT NULL) STRICT",
        """
        CREATE TABLE audit_outside (
            place TEXT PRIMARY KEY, size INTEGER NOT NULL, at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
        "DROP TABLE audit_salts",
    )
    frontier = Frontier()
    for (entry,) in db.conn.execute("SELECT entry FROM audit ORDER BY seq"):
        tile = frontier.append(entry)
        if tile is not None:
            db.conn.execute("INSERT INTO audit_tiles VALUES (?, ?)", (frontier.size // TILE - 1, tile))
