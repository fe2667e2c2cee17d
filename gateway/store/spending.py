"""What the messages of each channel cost on a day, in millionths."""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gateway.store.db import Tx


class Purchase(NamedTuple):
    """What handing over one message costs. Without a `ceiling` it is paid whatever was spent that day."""

    channel: str
    day: int
    price: int
    ceiling: int | None


def buy(tx: Tx, wanted: Sequence[Purchase]) -> list[int | None]:
    """Pay for each: what the day has cost with it, or None, and nothing paid, where that were above the ceiling."""
    return [_buy(tx, one) for one in wanted]


def _buy(tx: Tx, one: Purchase) -> int | None:
    (spent,) = tx.first("SELECT spent FROM spending WHERE channel = ? AND day = ?", (one.channel, one.day)) or (0,)
    spent += one.price
    if one.ceiling is not None and spent > one.ceiling:
        return None
    tx.execute(
        "INSERT INTO spending VALUES (?, ?, ?) ON CONFLICT (channel, day) DO UPDATE SET spent = excluded.spent",
        (one.channel, one.day, spent),
    )
    return spent


def give_back(tx: Tx, paid: Iterable[Purchase]) -> None:
    """Take back what was paid for messages that nobody took."""
    tx.executemany(
        "UPDATE spending SET spent = spent - ? WHERE channel = ? AND day = ?",
        [(one.price, one.channel, one.day) for one in paid],
    )


def on(reader: sqlite3.Connection, day: int) -> dict[str, int]:
    """What each channel has cost on a day."""
    return dict(reader.execute("SELECT channel, spent FROM spending WHERE day = ?", (day,)).fetchall())
