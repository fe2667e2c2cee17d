"""How many messages a new sender has sent on each day since its first."""

from collections.abc import Sequence
from typing import NamedTuple

from gateway.store.db import Tx


class Today(NamedTuple):
    """One more message of a sender on a day, where its first days allow so many."""

    sender: str
    day: int
    allowed: tuple[int, ...]


def take(tx: Tx, wanted: Sequence[Today]) -> list[bool]:
    """Count each as sent, unless the day's number is reached. After the last day of the list nothing is counted."""
    return [_take(tx, one) for one in wanted]


def _take(tx: Tx, one: Today) -> bool:
    (first,) = tx.first("SELECT min(day) FROM warm_ups WHERE sender = ?", (one.sender,)) or (None,)
    age = max(0, one.day - first) if first is not None else 0
    if age >= len(one.allowed):
        return True
    (sent,) = tx.first("SELECT sent FROM warm_ups WHERE sender = ? AND day = ?", (one.sender, one.day)) or (0,)
    if sent >= one.allowed[age]:
        return False
    tx.execute(
        "INSERT INTO warm_ups VALUES (?, ?, 1) ON CONFLICT (sender, day) DO UPDATE SET sent = sent + 1",
        (one.sender, one.day),
    )
    return True
