"""One row that is written to see whether anything can be."""

from collections.abc import Sequence

from gateway.store.db import Tx


def scribble(tx: Tx, items: Sequence[None]) -> list[None]:
    """The work that proves the store can be written."""
    tx.execute("INSERT INTO scratch (id, at) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET at = excluded.at", (tx.now,))
    return [None] * len(items)
