"""What messages have in common that are counted together: channel, class, category, language, jurisdiction."""

import sqlite3
from functools import lru_cache
from typing import NamedTuple

from gateway.store.db import Tx

MOST = 5_000
"""How many series there may be; what comes after them is counted under `other`."""
OTHER = "other"


class Series(NamedTuple):
    """One of them. It is a message's own from the start, whatever becomes of the guest."""

    channel: str
    class_: str
    category: str
    language: str
    jurisdiction: str


@lru_cache(1000)
def series(channel: str, class_: str, category: str, language: str, jurisdictions: tuple[str, ...]) -> Series:
    """The series of such messages: `pt-BR` is counted as `pt`, several jurisdictions as one under all their names."""
    return Series(channel, class_, category, language.partition("-")[0].lower(), "/".join(jurisdictions))


def number(tx: Tx, wanted: Series) -> int:
    """The id of a series, which is made if it is new and there is room for it."""
    found = tx.first(
        "SELECT id FROM series WHERE channel = ? AND class = ? AND category = ? AND language = ? AND jurisdiction = ?",
        wanted,
    )
    if found is not None:
        return found[0]
    rest = Series(wanted.channel, wanted.class_, OTHER, OTHER, OTHER)
    if wanted != rest and tx.next_id("series") > MOST:
        return number(tx, rest)
    return tx.insert(
        "INSERT INTO series (channel, class, category, language, jurisdiction) VALUES (?, ?, ?, ?, ?)", wanted
    )


def categories(reader: sqlite3.Connection, limit: int) -> list[tuple[str, str]]:
    """The categories that messages were in so far, each with its classes in a row, the newest category first."""
    return reader.execute(
        """
        SELECT category, group_concat(DISTINCT class) FROM series WHERE category <> ?
        GROUP BY category ORDER BY max(id) DESC LIMIT ?
        """,
        (OTHER, limit),
    ).fetchall()
