"""Who must not be written to: entries on an address's blind index, which outlive the guest and stop all behind it."""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from msgspec import json

from gateway.ids import Ids
from gateway.rules import Suppression
from gateway.store.db import Tx


class NewSuppression(NamedTuple):
    """An entry to be written. `origin` is the address it was said for; a global one is written for others too."""

    uuid: bytes
    blind: bytes
    scope: str
    channels: tuple[str, ...]
    categories: tuple[str, ...]
    classes: tuple[str, ...]
    source: str
    permanent: bool
    created_at: int
    origin: bytes
    actor: str


def add(tx: Tx, rows: Sequence[NewSuppression]) -> None:
    """Write entries, and say which addresses they stop."""
    tx.executemany(
        """
        INSERT INTO suppressions (
            uuid, blind, scope, channels, categories, classes, source, permanent, created_at, origin, actor, recorded_at
        ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        [
            (
                row.uuid, row.blind, row.scope, *(json.encode(names).decode() for names in row[3:6]), *row[6:], tx.now,
            )
            for row in rows
        ],
    )  # fmt: skip
    for row in rows:
        tx.changed(row.blind)


def of(reader: sqlite3.Connection, blind: bytes) -> list[Suppression]:
    """Every entry on this address, lifted ones too, oldest first."""
    rows = reader.execute(
        """
        SELECT id, scope, channels, categories, classes, created_at, source, permanent, lifted_at
        FROM suppressions WHERE blind = ? ORDER BY id
        """,
        (blind,),
    )
    return [
        Suppression(
            id=f"sup_{id_}", scope=scope, channels=json.decode(channels), categories=json.decode(categories),
            classes=json.decode(classes), created_at=created_at, source=source, permanent=bool(permanent),
            lifted_at=lifted_at,
        )
        for id_, scope, channels, categories, classes, created_at, source, permanent, lifted_at in rows
    ]  # fmt: skip


def inherit(tx: Tx, blinds: Sequence[bytes], ids: Ids) -> None:
    """Write every global entry in force on one of these addresses of one guest for his others too."""
    marks = ", ".join("?" * len(blinds))
    rows = tx.execute(
        f"""
        SELECT blind, channels, categories, classes, source, permanent, created_at, origin, actor
        FROM suppressions WHERE scope = 'global' AND lifted_at IS NULL AND blind IN ({marks})
        """,  # noqa: S608 a row of question marks
        list(blinds),
    ).fetchall()
    has: dict[tuple, set[bytes]] = {}
    for blind, *said in rows:
        has.setdefault(tuple(said), set()).add(blind)
    add(
        tx,
        [
            NewSuppression._make([ids.new(), blind, "global", *(tuple(json.decode(names)) for names in said[:3]),
                                  *said[3:]])
            for said, covered in has.items()
            for blind in blinds
            if blind not in covered
        ],
    )  # fmt: skip
