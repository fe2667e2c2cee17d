"""How much of each limit is used up, as far as the disk has to know. A caller is a keyed digest, never an address."""

import sqlite3
from collections.abc import Sequence

from msgspec import json

from gateway.store.db import Tx


def keep(tx: Tx, rows: Sequence[tuple[str, bytes, tuple | None]]) -> list[None]:
    """Remember states: rows of (rule, caller, state), of which a caller's last one counts; None forgets him."""
    last = {row[:2]: row[2] for row in rows}
    gone = [key for key, state in last.items() if state is None]
    tx.executemany("DELETE FROM limits WHERE rule = ? AND caller = ?", gone)
    tx.executemany(
        """
        INSERT INTO limits (rule, caller, state) VALUES (?, ?, ?)
        ON CONFLICT (rule, caller) DO UPDATE SET state = excluded.state
        """,
        [(*key, json.encode(state).decode()) for key, state in last.items() if state is not None],
    )
    return [None] * len(rows)


def load(reader: sqlite3.Connection) -> dict[tuple[str, bytes], tuple]:
    """All states there are."""
    rows = reader.execute("SELECT rule, caller, state FROM limits")
    return {(rule, caller): tuple(json.decode(state)) for rule, caller, state in rows}
