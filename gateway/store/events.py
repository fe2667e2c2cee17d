"""Everything that happened to a message, in the order it happened. Nothing else is a source of a message's story."""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from gateway.store import counters
from gateway.store.db import Tx


class Event(NamedTuple):
    """One fact about a message. `detail` is JSON without personal data; `words_sealed` what a provider said."""

    message_id: int
    type: str
    at: int
    detail: str | None = None
    words_sealed: bytes | None = None


def append(tx: Tx, events: Sequence[Event]) -> None:
    """Write events, in the transaction that makes them true, and count them."""
    if events:
        last = tx.insert_many("events (message_id, type, at, detail, words_sealed)", events)
        counters.roll_up(tx, last - len(events))


def of(reader: sqlite3.Connection, message_id: int) -> list[Event]:
    """A message's story, oldest first."""
    rows = reader.execute(
        "SELECT message_id, type, at, detail, words_sealed FROM events WHERE message_id = ? ORDER BY id", (message_id,)
    )
    return [Event._make(row) for row in rows]
