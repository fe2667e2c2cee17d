"""Which schema the store has, and how it comes to today's; and whether its pages are whole."""

import sqlite3
from pathlib import Path

from gateway.errors import Damaged, NotUsable
from gateway.store import counters
from gateway.store.db import connect

VERSION = 19
"""How many steps there are in `steps.py`; the file keeps it in `user_version`."""
QUEUE_TABLES = ("outbox", "suppressions")
"""What must be whole before anything is sent: checked at every start."""


def create_or_migrate(path: Path) -> int:
    """Bring the file to today's schema and return how many steps it took. Raises NotUsable for a newer schema.

    The caller holds the data folder's lock: the record of steps knows none of its own. A kill in the middle leaves
    the steps that were done, each whole; the next start goes on from there.
    """
    connection = connect(path)
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise NotUsable("the store was written by a newer version", "start that version, or restore a backup")
        if version < VERSION:
            _take_steps(connection)
        return VERSION - version
    finally:
        connection.close()


def _take_steps(connection: sqlite3.Connection) -> None:
    import sqlite_utils  # noqa: PLC0415 150 ms that only a changed schema has to pay

    from gateway.store.steps import steps  # noqa: PLC0415 it imports the same

    steps.apply(sqlite_utils.Database(connection, execute_plugins=False))
    counters.fill(connection)
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def check_tables(path: Path, tables: tuple[str, ...] = QUEUE_TABLES) -> None:
    """Look through the named tables, or the whole file for (). Raises Damaged at the first thing that is wrong."""
    connection = connect(path, reading=True)
    try:
        connection.execute(f"PRAGMA mmap_size={1 << 30}")
        for pragma in [f"quick_check('{table}')" for table in tables] or ["quick_check(1)"]:
            for (answer,) in connection.execute(f"PRAGMA {pragma}"):
                if answer != "ok":
                    raise sqlite3.DatabaseError(answer)
    except sqlite3.DatabaseError as error:
        raise Damaged("the store is damaged", "keep the folder as it is and restore the last backup") from error
    finally:
        connection.close()
